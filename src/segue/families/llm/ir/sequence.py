"""Events of a stream, one block after the other.

Pieces of parallel calls of tools may come mixed; formats of the Anthropic kind know one open block at a time. The
pieces of the block that began first go through; those of later ones wait until it has ended.
"""

from segue.families.llm.ir.answer import BlockBegan, BlockEnded, Ended, Event, Stopped


class InSequence:
    """Puts events in order; blocks keep their numbers."""

    __slots__ = ("_open", "_waiting")

    def __init__(self) -> None:
        self._open: int | None = None
        self._waiting: list[Event] = []

    def feed(self, event: Event) -> list[Event]:
        """The events that may go on now."""
        index: int | None = getattr(event, "index", None)
        if index is None:
            return [*self._close(), event] if isinstance(event, (Stopped, Ended)) else [event]
        if self._open is None and isinstance(event, BlockBegan):
            self._open = index
            return [event]
        if index != self._open:
            self._waiting.append(event)
            return []
        if not isinstance(event, BlockEnded):
            return [event]
        self._open = None
        return [event, *self._replay()] if self._waiting else [event]

    def _replay(self) -> list[Event]:
        """Feed what has waited again: the block in its way has ended."""
        waiting, self._waiting = self._waiting, []
        return [ready for event in waiting for ready in self.feed(event)]

    def _close(self) -> list[Event]:
        """End every block that is still open: the answer is over."""
        out: list[Event] = []
        while self._open is not None:
            out.append(BlockEnded(self._open))
            self._open = None
            out += self._replay()
        self._waiting = []  # pieces of blocks that never began
        return out
