"""A client's request in Converse, which wants to be told how long its answer took."""

from segue.core.clock import Clock
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.converse.format import CONVERSE_FOR_CLIENTS
from segue.families.llm.ir.format import Shown


class ConverseRequest(RawRequest):
    """A request for Converse or ConverseStream.

    Args:
        body: as it came.
        model, stream: what the URL says.
        clock: measures from now on.
    """

    __slots__ = ("_came", "_clock")

    def __init__(self, body: bytes, model: str, *, stream: bool, clock: Clock) -> None:
        super().__init__(CONVERSE_FOR_CLIENTS, body, model=model, stream=stream)
        self._clock = clock
        self._came = clock.now()

    def shown(self, model: str, call_id: str) -> Shown:
        """See `Asked.shown`."""
        return Shown(self.conversation(), model, call_id, self.created, elapsed=self._elapsed)

    def _elapsed(self) -> float:
        return self._clock.now() - self._came
