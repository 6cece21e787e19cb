"""A provider's stream, and its whole answers, as events.

Every chunk is a small GenerateContentResponse. Texts of one kind that follow each other are one block, whatever
chunks they came in; a call of a function comes whole. There is no formal end: a finish reason is the end of the
answer, and a stream without one was cut.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.gemini.chunks import ArraySplitter
from segue.families.llm.formats.gemini.citations import read_citations
from segue.families.llm.formats.gemini.errors import blocked, classify
from segue.families.llm.formats.gemini.media import kind_of
from segue.families.llm.formats.gemini.stops import STOPS
from segue.families.llm.formats.gemini.usage import read_usage
from segue.families.llm.formats.gemini.wire import (
    AnswerCall,
    AnswerPart,
    Candidate,
    Raw,
    Response,
    UsageMetadata,
    given,
    response_decoder,
)
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Cited,
    Counted,
    Ended,
    Event,
    Signed,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import GOOGLE, Content, Media, ServerItem, Signature, Text, Thinking, ToolUse
from segue.families.llm.sse import EventSplitter, EventTooLong, data_of

_SERVER_ITEMS: Final = (
    ("executable_code", "executableCode"),
    ("code_execution_result", "codeExecutionResult"),
    ("tool_call", "toolCall"),
    ("tool_response", "toolResponse"),
)
_FACTS: Final = (
    ("grounding_metadata", "groundingMetadata"),
    ("citation_metadata", "citationMetadata"),
    ("url_context_metadata", "urlContextMetadata"),
    ("safety_ratings", "safetyRatings"),
    ("finish_message", "finishMessage"),
)
_NO_REASON: Final = frozenset({None, "", "FINISH_REASON_UNSPECIFIED"})
_OPEN_TEXT: Final = 1
_OPEN_THOUGHT: Final = 2
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Malformed(Exception):
    """A response that cannot be read; the message says where, without its content."""


class Assembler:
    """Turns responses, whole or in chunks, into events."""

    __slots__ = (
        "_ascii",
        "_facts",
        "_index",
        "_open",
        "_seed",
        "_signed",
        "_usage",
        "began",
        "called",
        "failure",
        "stopped",
    )

    def __init__(self) -> None:
        self.began = False
        self.called = False
        self.stopped = False
        self.failure: Failure | None = None
        self._index = 0
        self._open = 0
        self._signed = False
        self._ascii = True
        self._seed = ""
        self._usage: UsageMetadata | None = None
        self._facts: dict[str, Raw] = {}

    def take(self, data: bytes) -> list[Event]:
        """The events of one response.

        Raises:
            Malformed: it is none.
        """
        try:
            if not data.isascii():
                data.decode()  # values that stay raw are not looked into
            response = response_decoder.decode(data)
        except msgspec.ValidationError as error:
            raise Malformed(f"a response of a wrong shape: {str(error)[:200]}") from None
        except msgspec.DecodeError:
            raise Malformed("a response that is not valid JSON") from None
        except (UnicodeDecodeError, RecursionError):
            raise Malformed("a response that cannot be decoded") from None
        events: list[Event] = []
        if given(response.error):
            self._fail(response.error, events)
            return events
        candidate = self._chosen(response)
        if not self.began:
            if candidate is None and self._refused(response, events):
                return events
            self._begin(response, data, events)
        wire = response.usage_metadata
        if wire is not None and wire != self._usage:
            self._usage = wire
            usage = read_usage(wire)
            if usage is not None:
                events.append(Counted(usage))
        if candidate is None:
            self._refused(response, events)
        elif not self.stopped:
            self._candidate(candidate, events)
        return events

    def _chosen(self, response: Response) -> Candidate | None:
        for candidate in response.candidates or ():
            if not candidate.index:
                return candidate
        return None

    def _refused(self, response: Response, events: list[Event]) -> bool:
        feedback = response.prompt_feedback
        if feedback is None or feedback.block_reason in {None, "", "BLOCKED_REASON_UNSPECIFIED"} or self.stopped:
            return False
        self.failure = blocked(feedback.block_reason or "", feedback.block_reason_message or "")
        events.append(Broke(self.failure))
        return True

    def _fail(self, error: Raw, events: list[Event]) -> None:
        if self.stopped:
            return  # the answer was whole before
        decoded = msgspec.json.decode(error)
        self.failure = classify(200, decoded if isinstance(decoded, dict) else {"message": decoded}, "")
        events.append(Broke(self.failure))

    def _begin(self, response: Response, data: bytes, events: list[Event]) -> None:
        self.began = True
        identifier = response.response_id or ""
        # Ids of calls are made of the answer's own: other answers of the conversation must not share them.
        self._seed = hashlib.sha256(identifier.encode("utf-8", "surrogatepass") or data).hexdigest()[:16]
        events.append(Began(identifier, response.model_version or ""))

    def _candidate(self, candidate: Candidate, events: list[Event]) -> None:
        if candidate.content is not None:
            for part in candidate.content.parts or ():
                self._part(part, events)
        for field, name in _FACTS:
            raw = getattr(candidate, field)
            if given(raw):
                self._facts[name] = raw
        if candidate.finish_reason not in _NO_REASON:
            self._stop(candidate.finish_reason or "", events)

    def _part(self, part: AnswerPart, events: list[Event]) -> None:
        call = part.function_call
        if call is not None:
            self._call(call, part.thought_signature, events)
        elif part.inline_data is not None or part.file_data is not None:
            self._whole(_media(part), events)
        elif part.text is not None or part.thought_signature:
            self._text(part, events)
        else:
            for field, name in _SERVER_ITEMS:
                raw = getattr(part, field)
                if given(raw):
                    self._whole(ServerItem(GOOGLE, name, msgspec.json.encode({name: raw})), events)

    def _text(self, part: AnswerPart, events: list[Event]) -> None:
        text, signature = part.text or "", part.thought_signature
        if not text and not signature:
            return
        kind = _OPEN_THOUGHT if part.thought else _OPEN_TEXT
        # A lone signature belongs to the text before it, thought or said.
        follows = self._open and not self._signed and (self._open == kind or not text)
        if not follows:
            self._close(events)
            events.append(BlockBegan(self._index, Thinking(summary=True) if part.thought else Text()))
            self._open, self._ascii = kind, True
        if text:
            if self._open == _OPEN_TEXT:
                events.append(TextMore(self._index, text))
                self._ascii = self._ascii and text.isascii()
            else:
                events.append(ThinkingMore(self._index, text))
        if signature:
            events.append(Signed(self._index, Signature(GOOGLE, signature)))
            self._signed = True

    def _call(self, call: AnswerCall, signature: str | None, events: list[Event]) -> None:
        if not call.name:
            raise Malformed("a call of a function without a name")
        arguments = bytes(call.args).decode() if given(call.args) else ""
        if arguments and not arguments.startswith("{"):
            raise Malformed("arguments of a function that are no object")
        self._close(events)
        index = self._index
        signed = Signature(GOOGLE, signature) if signature else None
        events.append(BlockBegan(index, ToolUse(call.id or f"call_{self._seed}_{index}", call.name, "", signed)))
        if arguments not in {"", "{}"}:
            events.append(ArgumentsMore(index, arguments))
        events.append(BlockEnded(index))
        self._index += 1
        self.called = True

    def _whole(self, block: Content, events: list[Event]) -> None:
        self._close(events)
        events.append(BlockBegan(self._index, block))
        events.append(BlockEnded(self._index))
        self._index += 1

    def _close(self, events: list[Event]) -> None:
        if self._open:
            events.append(BlockEnded(self._index))
            self._index += 1
            self._open = 0
            self._signed = False

    def _stop(self, reason: str, events: list[Event]) -> None:
        facts = self._facts
        if facts and self._open == _OPEN_TEXT:
            events += [Cited(self._index, citation) for citation in read_citations(facts, self._ascii)]
        self._close(events)
        stop = STOPS.get(reason, Stop.OTHER)
        if stop is Stop.END and self.called:
            stop = Stop.TOOLS
        raw = msgspec.json.encode(facts) if facts else b""
        events.append(Stopped(stop, None, reason, "", raw, GOOGLE if raw else ""))
        self.stopped = True
        self._facts = {}


def _media(part: AnswerPart) -> Media:
    signature = Signature(GOOGLE, part.thought_signature) if part.thought_signature else None
    blob, file = part.inline_data, part.file_data
    if blob is not None:
        kind = blob.mime_type or ""
        return Media(kind_of(kind), kind, (blob.data or "").replace("-", "+").replace("_", "/"), signature=signature)
    kind = (file.mime_type if file is not None else None) or ""
    uri = (file.file_uri if file is not None else None) or ""
    return Media(kind_of(kind), kind, file=uri, vendor=GOOGLE, signature=signature)


class GeminiEventReader:
    """Reads one stream: server-sent events, or one JSON array."""

    __slots__ = ("_assembler", "_ended", "_head", "_splitter")

    def __init__(self) -> None:
        self._assembler = Assembler()
        self._splitter: EventSplitter | ArraySplitter | None = None
        self._head = b""
        self._ended = False

    def feed(self, chunk: bytes) -> Sequence[Event]:
        """The events that these bytes complete; what cannot be read is a `Broke`."""
        if self._ended:
            return ()
        splitter = self._splitter
        if splitter is None:
            self._head += chunk
            splitter = self._chosen()
            if splitter is None:
                return ()
            self._splitter = splitter
            chunk, self._head = self._head, b""
        elif not splitter.tail and chunk.endswith(b"\r\n\r\n") and chunk.find(b"\r") == len(chunk) - 4:
            # One whole event as Google writes it: the usual case, twice as fast without the splitter.
            if (
                chunk.startswith(b"data: ")
                and chunk.find(b"\n") == len(chunk) - 3
                and isinstance(splitter, EventSplitter)
            ):
                return self._read([chunk[:-4] + b"\n\n"])
        try:
            pieces = splitter.feed(chunk)
        except EventTooLong as error:
            return self._broken([], str(error))
        return self._read(pieces) if pieces else ()

    def end(self) -> Sequence[Event]:
        """What is left, and `Broke` unless the answer was whole."""
        if self._ended:
            return ()
        events: list[Event] = []
        splitter = self._splitter
        if isinstance(splitter, EventSplitter) and splitter.tail.strip():
            events += self._read(splitter.feed(b"\n\n"))  # some servers leave the last empty line out
        if self._ended:
            return events
        if not self._assembler.stopped:
            return self._broken(events, "the connection was closed before the answer had ended")
        self._ended = True
        events.append(Ended())
        return events

    def _chosen(self) -> EventSplitter | ArraySplitter | None:
        start = self._head.removeprefix(_BYTE_ORDER_MARK).lstrip()
        if not start or _BYTE_ORDER_MARK.startswith(start):
            if len(self._head) < 1024:  # noqa: PLR2004 - nobody begins with that many spaces
                return None
            return EventSplitter()
        return ArraySplitter() if start[:1] in {b"[", b"{"} else EventSplitter()

    def _read(self, pieces: list[bytes]) -> list[Event]:
        events: list[Event] = []
        assembler = self._assembler
        array = isinstance(self._splitter, ArraySplitter)
        for piece in pieces:
            data = piece if array else data_of(piece)
            if not data or data == b"[DONE]":
                bare = piece.strip()
                if array or not bare.startswith((b"{", b"[{")):
                    continue
                data = bare.removeprefix(b"[").removesuffix(b"]")  # an error that is no event, as Google writes some
            try:
                events += assembler.take(data)
            except Malformed as problem:
                if assembler.stopped:
                    continue  # noise after the whole answer
                return self._broken(events, f"the stream holds {problem}")
            if assembler.failure is not None:
                self._ended = True
                break
        return events

    def _broken(self, events: list[Event], message: str) -> list[Event]:
        self._ended = True
        if self._assembler.stopped:
            events.append(Ended())
        else:
            events.append(Broke(Failure(Kind.STREAM_CUT, message, Executed.UNKNOWN, Scope.PROVIDER)))
        return events
