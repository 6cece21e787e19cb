"""Faults with which Segue does something else than the table says: what it does, and why that is a defect.

The table says what is right, and the tests hold Segue to what stands here as long as it does. Whoever mends one takes
its entry out; a test fails when an entry is kept although the behaviour has changed.
"""

from dataclasses import dataclass
from typing import Final

from faults.expected import Pair


@dataclass(frozen=True)
class Dispute:
    """What happens instead; `None` where the table is right."""

    reason: str
    plain: Pair | None = None
    stream: Pair | None = None


DISPUTED: Final[dict[str, Dispute]] = {}
"""By the row's name."""
