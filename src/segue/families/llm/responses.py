"""A request in OpenAI's Responses, which may go on from an answer that Segue has kept.

What is kept stands in for the id that named it: the request then holds its whole conversation, so that any provider can
answer it. An answer is kept only where the conversation before it is known here in full; what OpenAI alone remembers
(a `conversation`, a stored `prompt`, an id that we do not know) stays OpenAI's to go on from.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from segue.families.llm.asked import RawRequest, take_fallbacks
from segue.families.llm.formats.responses import memory
from segue.families.llm.formats.responses.events_out import ResponsesWriter
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.format import EventWriter, Shown

_TEXT: Final = msgspec.json.Decoder(str)
_NOTHING: Final = (None, b"null", b"false", b'""')
_LIES_ELSEWHERE: Final = ("conversation", "prompt", "previous_response_id")

Keep = Callable[["ResponsesRequest", bytes], object]
"""Takes a request and the body of its whole answer."""


class ResponsesRequest(RawRequest):
    """A request in the format of OpenAI's Responses.

    Args:
        body: as it came, or as `memory.expand` gave it.
        previous: the id of the answer that the body was expanded from.

    Attributes:
        previous: the id of the answer that it goes on from; "" for none.
        keep: takes the whole answer; `None` while nobody wants to keep it.
    """

    __slots__ = ("keep", "previous")

    def __init__(self, body: bytes, *, previous: str = "") -> None:
        super().__init__(RESPONSES, body)
        self.fallbacks = take_fallbacks(self.fields)
        self.previous = previous or self._named("previous_response_id")
        self.keep: Keep | None = None

    @property
    def background(self) -> bool:
        """Whether the answer is to be worked out while nobody waits for it."""
        return self._given("background") is not None

    @property
    def complete(self) -> bool:
        """Whether the request holds all of its conversation."""
        return all(self._given(name) is None for name in _LIES_ELSEWHERE)

    def shown(self, model: str, call_id: str) -> Shown:
        """See `Asked.shown`."""
        return Shown(self.conversation(), model, call_id, self.created, self.previous)

    def writer(self, model: str, call_id: str) -> EventWriter:
        """See `Asked.writer`."""
        return ResponsesWriter(self.shown(model, call_id), self.whole)

    def whole(self, data: bytes) -> None:
        """See `Asked.whole`."""
        if self.keep is not None:
            answer = memory.answer_of_event(data)
            if answer is not None:
                self.keep(self, answer)

    def record(self, answer: bytes) -> memory.Record | None:
        """What to keep of its answer; `None` where the caller wants nothing kept, or a part of it lies elsewhere."""
        if not self.complete:
            return None
        asked = {name: self.fields[name] for name in ("input", "store") if name in self.fields}
        return memory.record_of(msgspec.json.encode(asked), answer)

    def _given(self, name: str) -> bytes | None:
        raw = self.fields.get(name)
        value = None if raw is None else bytes(raw)
        return None if value in _NOTHING else value

    def _named(self, name: str) -> str:
        value = self._given(name)
        try:
            return "" if value is None else _TEXT.decode(value)
        except msgspec.DecodeError:
            return ""  # the format's own reader names the mistake
