"""Responses of a provider, whole or in chunks, as events.

Every chunk is a small GenerateContentResponse. Texts of one kind that follow each other are one block, whatever
chunks they came in; a call of a function comes whole, or its arguments in pieces. There is no formal end: a finish
reason is the end of the answer, and a stream without one was cut.
"""

import hashlib
from typing import Final

import msgspec

from segue.core.failure import Failure
from segue.core.parsing import mistake
from segue.families.llm.formats.gemini.citations import read_citations
from segue.families.llm.formats.gemini.errors import blocked, classify, malformed
from segue.families.llm.formats.gemini.media import kind_of
from segue.families.llm.formats.gemini.pieces import Misplaced, Pieces
from segue.families.llm.formats.gemini.stops import STOPS, reason_of
from segue.families.llm.formats.gemini.usage import read_usage, searches_of, told_usage
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
    Event,
    Signed,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import GOOGLE, Content, Media, ServerItem, Signature, Text, Thinking, ToolUse

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
_NO_BLOCK: Final = frozenset({None, "", 0, "BLOCKED_REASON_UNSPECIFIED"})
_OPEN_TEXT: Final = 1
_OPEN_THOUGHT: Final = 2


class Malformed(Exception):
    """A response that cannot be read; the message says where, without its content."""


class Assembler:
    """Turns responses, whole or in chunks, into events."""

    __slots__ = (
        "_ascii",
        "_facts",
        "_index",
        "_open",
        "_pieces",
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
        self._pieces: Pieces | None = None
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
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(f"a response that {mistake(error, data)}") from None
        events: list[Event] = []
        if given(response.error):
            self._fail(response.error, events)
            return events
        candidate = self._chosen(response)
        if not self.began:
            if candidate is None and self._refused(response, events):
                return events
            self._begin(response, data, events)
        wire = told_usage(response.usage_metadata)
        if wire is not None and wire != self._usage:
            self._usage = wire
            usage = read_usage(wire)
            if usage is not None:
                if candidate is not None and given(candidate.grounding_metadata):
                    usage.tool_calls = searches_of(candidate.grounding_metadata)
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
        if feedback is None or feedback.block_reason in _NO_BLOCK or self.stopped:
            return False
        self.failure = blocked(str(feedback.block_reason or ""), feedback.block_reason_message or "")
        events.append(Broke(self.failure))
        return True

    def _fail(self, error: Raw, events: list[Event]) -> None:
        if self.stopped:
            return  # the answer was whole before
        try:
            decoded = msgspec.json.decode(error)
        except msgspec.DecodeError:  # a number that is out of range
            decoded = None
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
        reason = reason_of(candidate.finish_reason)
        if reason:
            self._stop(reason, events)

    def _part(self, part: AnswerPart, events: list[Event]) -> None:
        call = part.function_call
        if call is not None:
            self._call(call, part.thought_signature, events)
        elif part.inline_data is not None or part.file_data is not None:
            self._whole(_media(part), events)
        elif part.text is not None:
            self._text(part, events)
        else:
            for field, name in _SERVER_ITEMS:
                raw = getattr(part, field)
                if given(raw):
                    whole = {name: raw}
                    if part.thought_signature:
                        whole["thoughtSignature"] = Raw(msgspec.json.encode(part.thought_signature))
                    self._whole(ServerItem(GOOGLE, name, msgspec.json.encode(whole)), events)
                    return
            self._text(part, events)

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
            self._go_on(call, events)
            return
        arguments = bytes(call.args).decode() if given(call.args) else ""
        if arguments and not arguments.startswith("{"):
            raise Malformed("a call of a function whose 'args' are no object")
        self._close(events)
        index = self._index
        signed = Signature(GOOGLE, signature) if signature else None
        use = ToolUse(call.id or f"call_{self._seed}_{index}", call.name, "", signed)
        if call.will_continue:
            self._pieces = Pieces(index, use)
            self._go_on(call, events)
            return
        events.append(BlockBegan(index, use))
        if arguments not in {"", "{}"}:
            events.append(ArgumentsMore(index, arguments))
        events.append(BlockEnded(index))
        self._index += 1
        self.called = True

    def _go_on(self, call: AnswerCall, events: list[Event]) -> None:
        """More of a call whose arguments come in pieces."""
        if self._pieces is None:
            if given(call.args) or call.id or call.partial_args:
                raise Malformed("a call of a function without 'name'")
            return  # the end of one, in a chunk that is read by itself
        try:
            self._pieces.add(call.partial_args or ())
        except Misplaced:
            raise Malformed("an argument of a function at a place that does not exist") from None
        if not call.will_continue:
            self._close(events)

    def _whole(self, block: Content, events: list[Event]) -> None:
        self._close(events)
        events.append(BlockBegan(self._index, block))
        events.append(BlockEnded(self._index))
        self._index += 1

    def _close(self, events: list[Event]) -> None:
        pieces, self._pieces = self._pieces, None
        if pieces is not None:
            events += pieces.events
            self._index += 1
            self.called = True
        if self._open:
            events.append(BlockEnded(self._index))
            self._index += 1
            self._open = 0
            self._signed = False

    def _stop(self, reason: str, events: list[Event]) -> None:
        facts = self._facts
        if facts and self._open == _OPEN_TEXT:
            events += [Cited(self._index, citation) for citation in read_citations(facts, self._ascii)]
        silent = not (self._index or self._open or self.called)
        self._close(events)
        stop = STOPS.get(reason, Stop.OTHER)
        if stop is Stop.MALFORMED and silent:
            self.failure = malformed(reason)
            events.append(Broke(self.failure))
            self.stopped = True
            return
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
