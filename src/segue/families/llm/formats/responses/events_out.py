"""A stream for a client of Responses.

Every event has its number, and names its item by the same id from the first event to the last. OpenAI's closing events
repeat what was streamed: the texts of an item in its `done` events, the whole output in `response.completed`. So the
writer keeps the answer until it ends, as the format demands; it is bounded by what the model says.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.formats.responses.errors import response_error
from segue.families.llm.formats.responses.item_stream import ItemStream, framed
from segue.families.llm.formats.responses.namespaces import with_group
from segue.families.llm.formats.responses.shape import Frame, ending_of
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Cited,
    Continued,
    Counted,
    Ended,
    Event,
    Signed,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import ToolUse
from segue.families.llm.ir.format import Shown
from segue.families.llm.sse import one_line


class ResponsesWriter(ItemStream):
    """See `EventWriter`.

    Args:
        shown: what is known beside the answer.
        whole: hears of the data of the last event, which has the whole response, before it is sent.
    """

    __slots__ = ("_ending", "_segue", "_shown", "_stopped", "_tell_whole", "_tier", "_usage")

    def __init__(self, shown: Shown, whole: Callable[[bytes], None] | None = None) -> None:
        super().__init__()
        self._shown = shown
        self._tell_whole = whole
        self._usage: Usage | None = None
        self._stopped = False
        self._ending: tuple[str, dict[str, str | None] | None] = ("completed", None)
        self._tier = ""
        self._segue: dict[str, Any] | None = None

    def write(self, event: Event) -> bytes:
        """See `EventWriter.write`."""
        if isinstance(event, (TextMore, ArgumentsMore, ThinkingMore)):
            return self._more(event.index, event.text)
        if self._over:
            return b""
        match event:
            case BlockBegan(index=index, block=ToolUse() as use):
                grouped = with_group(use, self._shown.conversation.namespaces)
                return self._start() + self._block_began(BlockBegan(index, grouped))
            case BlockBegan():
                return self._start() + self._block_began(event)
            case BlockEnded():
                block = self._blocks.pop(event.index, None)
                return self._block_ended(block) if block is not None else b""
            case Signed():
                return self._signed(event)
            case Cited():
                return self._cited(event)
            case Began():
                self._count(event.usage)
                return self._start(event)
            case Counted():
                self._count(event.usage)
            case Stopped():
                return self._start() + self._stop(event)
            case Continued():
                self._segue = event.told
            case Ended():
                return self._start() + self._end()
        return b""

    def broken(self, failure: Failure) -> bytes:
        """See `EventWriter.broken`.

        OpenAI's SDK raises for an event whose data has an `error`, and for nothing else: a bare `error` event in the
        documented shape, or `response.failed`, it hands out like any other. So `response.failed` is told for clients
        that wait for it, and then an `error` event that has its words in both places.
        """
        if self._over:
            return b""
        self._over = True
        error = response_error(failure)
        out = b""
        if self._frame is not None:
            out = self._whole("response.failed", "failed", error=error)
        words = {"code": failure.kind.value, "message": error["message"], "param": None}
        return out + self._event("error", {**words, "error": {"type": "server_error", **words}})

    def _start(self, event: Began | None = None) -> bytes:
        if self._frame is not None:
            return b""
        began = event or Began()
        self._frame = Frame(self._shown, began.id, began.model, began.created)
        started = {"response": msgspec.Raw(self._frame.write("in_progress", []))}
        return self._event("response.created", started) + self._event("response.in_progress", started)

    def _count(self, usage: Usage | None) -> None:
        if usage is not None:
            self._usage = usage

    def _stop(self, event: Stopped) -> bytes:
        if self._stopped:
            return b""
        self._stopped = True
        self._tier = event.service_tier
        self._ending = ending_of(event.stop, refused=self._refused)
        out = [self._block_ended(self._blocks.pop(index)) for index in list(self._blocks)]
        out.append(self._seal(self._ending[0]))
        return b"".join(out)

    def _end(self) -> bytes:
        out = b"" if self._stopped else self._stop(Stopped(stop=Stop.END))
        self._over = True
        status, details = self._ending
        return out + self._whole(f"response.{status}", status, details=details)

    def _whole(self, kind: str, status: str, **more: Any) -> bytes:
        if self._frame is None:
            return b""
        items = [self._output[place] for place in sorted(self._output)]
        response = self._frame.write(status, items, usage=self._usage, tier=self._tier, segue=self._segue, **more)
        data = self._data(kind, {"response": msgspec.Raw(response)})
        if self._tell_whole is not None:
            self._tell_whole(data)
        return framed(kind, one_line(data))
