"""A stream for clients: server-sent events, or one JSON array.

Google's SDK expects whole calls of functions, raises on comment lines, and reads usage and the finish reason from
the last chunk, so calls are gathered until they are whole and the last chunk waits for the end.
"""

from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.families.llm.formats.gemini.answer_out import call_of, closing, part_of
from segue.families.llm.formats.gemini.citations import MAX_CITATIONS
from segue.families.llm.formats.gemini.errors import error_event
from segue.families.llm.formats.gemini.usage import write_usage
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Cited,
    Continued,
    Counted,
    Ended,
    Event,
    Signed,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import GOOGLE, Citation, Refusal, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.format import Shown
from segue.families.llm.ir.seals import shown as sealed
from segue.families.llm.sse import one_line

_encode: Final = msgspec.json.encode
_TEXT: Final = b'{"text":'
_THOUGHT: Final = b',"thought":true}'


class GeminiEventWriter:
    """Writes one stream.

    Args:
        shown: what the answer is for.
        array: whether the client asked without `alt=sse`.
    """

    __slots__ = (
        "_after",
        "_array",
        "_before",
        "_calls",
        "_cited",
        "_kinds",
        "_segue",
        "_shown",
        "_stopped",
        "_usage",
        "_written",
    )

    def __init__(self, shown: Shown, *, array: bool = False) -> None:
        self._shown = shown
        self._array = array
        self._written = False
        self._calls: dict[int, tuple[ToolUse, list[str]]] = {}
        self._kinds: dict[int, bool] = {}  # of open blocks: whether it is a thought
        self._cited: list[Citation] = []
        self._usage: Any = None
        self._stopped: Stopped | None = None
        self._segue = b""
        self._before = b'{"candidates":[{"content":{"parts":['
        self._after = b""
        self._name(shown.call_id, shown.model)

    def write(self, event: Event) -> bytes:
        """What the client is to see of this event; `b""` for nothing."""
        if isinstance(event, TextMore):
            return self._part(_TEXT + _encode(event.text) + b"}") if event.text else b""
        if isinstance(event, ThinkingMore):
            return self._part(_TEXT + _encode(event.text) + _THOUGHT) if event.text else b""
        if isinstance(event, ArgumentsMore):
            gathered = self._calls.get(event.index)
            if gathered is not None:
                gathered[1].append(event.text)
            return b""
        if isinstance(event, BlockBegan):
            return self._begin(event)
        if isinstance(event, BlockEnded):
            return self._end(event.index)
        if isinstance(event, Signed):
            return self._sign(event.index, event.signature)
        return self._note(event)

    def _note(self, event: Event) -> bytes:
        """What is kept for the last chunk, and the last chunk itself."""
        if isinstance(event, Counted):
            self._usage = event.usage
        elif isinstance(event, Began):
            self._name(event.id or self._shown.call_id, event.model or self._shown.model)
            self._usage = event.usage or self._usage
        elif isinstance(event, Cited):
            if len(self._cited) < MAX_CITATIONS:
                self._cited.append(event.citation)
        elif isinstance(event, Stopped):
            self._stopped = event
        elif isinstance(event, Continued):
            self._segue = b',"segue":' + _encode(event.told)
        elif isinstance(event, Ended):
            return self._finish()
        elif isinstance(event, Broke):
            return self.broken(event.failure)
        return b""

    def broken(self, failure: Failure) -> bytes:
        """What ends the stream after a failure: the SDK raises for an object with `code`, `message` and `status`."""
        out = self._frame(error_event(failure))
        return out + b"]" if self._array else out

    def _name(self, identifier: str, model: str) -> None:
        self._after = (
            b'],"role":"model"},"index":0}],"modelVersion":'
            + _encode(model)
            + b',"responseId":'
            + _encode(identifier)
            + b"}"
        )

    def _part(self, part: bytes) -> bytes:
        return self._frame(self._before + part + self._after)

    def _frame(self, document: bytes) -> bytes:
        if not self._array:
            return b"data: " + one_line(document) + b"\r\n\r\n"
        first, self._written = not self._written, True
        return (b"[" if first else b",\r\n") + document

    def _begin(self, event: BlockBegan) -> bytes:
        block = event.block
        if isinstance(block, ToolUse):
            self._calls[event.index] = (block, [block.arguments] if block.arguments else [])
            return b""
        if isinstance(block, (Text, Refusal, Thinking)):
            self._kinds[event.index] = isinstance(block, Thinking)
            if isinstance(block, Text):
                self._cited += block.citations[: MAX_CITATIONS - len(self._cited)]
        part = part_of(block)
        return b"" if part is None else self._part(_encode(part))

    def _end(self, index: int) -> bytes:
        self._kinds.pop(index, None)
        gathered = self._calls.pop(index, None)
        if gathered is None:
            return b""
        block, pieces = gathered
        part: dict[str, Any] = {"functionCall": call_of(block, "".join(pieces))}
        if block.signature is not None:
            part["thoughtSignature"] = sealed(block.signature, GOOGLE)
        return self._part(_encode(part))

    def _sign(self, index: int, signature: Signature) -> bytes:
        gathered = self._calls.get(index)
        if gathered is not None:
            self._calls[index] = (msgspec.structs.replace(gathered[0], signature=signature), gathered[1])
            return b""
        if index not in self._kinds:
            return b""
        part: dict[str, Any] = {"text": ""}
        if self._kinds[index]:
            part["thought"] = True
        part["thoughtSignature"] = sealed(signature, GOOGLE)
        return self._part(_encode(part))

    def _finish(self) -> bytes:
        out = b"".join([self._end(index) for index in list(self._calls)])  # calls that were never ended
        stopped = self._stopped
        if stopped is None:
            return out
        candidate: dict[str, Any] = {"content": {"parts": [{"text": ""}], "role": "model"}}
        candidate.update(closing(stopped.stop, stopped.vendor_stop, stopped.raw, stopped.vendor, self._cited))
        candidate["index"] = 0
        document = _encode({"candidates": [candidate]})[:-1]
        if self._usage is not None:
            document += b',"usageMetadata":' + _encode(write_usage(self._usage))
        document += self._segue + self._after[self._after.index(b',"modelVersion"') :]
        out += self._frame(document)
        return out + b"]" if self._array else out
