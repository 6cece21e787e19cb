"""How bytes get from a provider to a client without a task that carries them: shapes for both ends.

A transport's answer that can tell of its bytes has a method `listen` of this shape; one that cannot is read.
"""

from collections.abc import Callable
from typing import Protocol

Push = Callable[[bytes], bool]
"""Takes a piece for the caller at once; false when it should be given no more for now."""


class Listener(Protocol):
    """Who hears of an answer's bytes in the moment in which they come."""

    def arrived(self, chunk: bytes) -> None:
        """These bytes have come; never empty."""
        ...

    def ended(self) -> None:
        """No more will be told; what came last, and how it ended, is there to be read."""
        ...


Listen = Callable[[Listener | None], bool]
"""Of a transport's answer that can tell: whom to tell from now on, `None` for nobody. False when bytes wait to be read,
or nothing more will come: then nobody is told."""
