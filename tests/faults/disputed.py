"""Faults with which Segue does something else than the table says: what it does, and why that is a defect.

The table says what is right, and the tests hold Segue to what stands here as long as it does. Whoever mends one takes
its entry out; a test fails when an entry is kept although the behaviour has changed.
"""

from dataclasses import dataclass
from typing import Final

from faults.expected import Pair, good, over
from faults.outcomes import BAD, CONNECT
from segue.core.failure import Kind


@dataclass(frozen=True)
class Dispute:
    """What happens instead; `None` where the table is right."""

    reason: str
    plain: Pair | None = None
    stream: Pair | None = None


_TWICE: Final = over(Kind.CONNECT, 502, tries=2, seen=0, takes=2 * CONNECT)

DISPUTED: Final[dict[str, Dispute]] = {
    "connecting hangs": Dispute(
        "a connection that is not made in time is silence, too: its time-out is paid again for every retry",
        _TWICE,
        _TWICE,
    ),
    "byte order mark": Dispute(
        "a whole answer behind a byte order mark is refused, though parsers may pass over the mark (RFC 8259, section "
        "8.1), OpenAI's SDK does, and so does Segue in a stream",
        plain=BAD,
    ),
    "events of an unknown type": Dispute(
        "they are passed on without their names, and so become chunks whose `choices` are missing, over which a loop "
        "that reads `chunk.choices[0]` stumbles",
        stream=good(foreign=True),
    ),
}
"""By the row's name."""
