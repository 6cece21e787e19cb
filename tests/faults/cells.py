"""The cells of the table, and what is observed of one when it is carried out."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from faults.continued import CONTINUED
from faults.expected import Expected, Outcome, Row
from faults.table import ROWS, STREAMS


@dataclass(frozen=True)
class Cell:
    """One call: a row of the table, plain or streaming, with or without a provider to fall back on.

    Attributes:
        raw: whether the bytes are looked at, instead of what the SDK makes of them.
        continued: whether a stream that breaks may be gone on with.
    """

    number: int
    stream: bool
    backed: bool
    raw: bool = False
    continued: bool = False

    @property
    def row(self) -> Row:
        return ROWS[self.number]

    @property
    def expected(self) -> Expected:
        pair = self.row.stream if self.stream else self.row.plain
        if self.continued:
            pair = CONTINUED.get(self.row.name, pair)
        return pair.backed if self.backed else pair.alone

    @property
    def name(self) -> str:
        """The provider's id, and its account at the simulator, which takes `groq-…` for Groq's."""
        mode = "raw" if self.raw else "stream" if self.stream else "plain"
        return f"{'groq' if self.continued else 'fault'}-{self.number}-{mode}-{'backed' if self.backed else 'alone'}"

    @property
    def model(self) -> str:
        """What the caller asks for."""
        return f"model-of-{self.name}"

    @property
    def backup(self) -> str:
        return f"{self.name}-backup"

    def __str__(self) -> str:
        mode = "continued" if self.continued else "streaming" if self.stream else "plain"
        return f"{self.row.name}, {mode}, {'with a fallback' if self.backed else 'alone'}"


@dataclass
class Observed:
    """What happened.

    Attributes:
        outcome: what the caller got; anything that the table has no word for as text.
        primary, backup: attempts at each, by the service's own record.
        seen, seen_backup: requests that reached each, by the simulator's record.
        kinds: what the failed attempts at the primary were recorded as.
        calls: requests that the service got.
        should_retry: the header of an error.
        body: the bytes of the answer, when they were looked at.
        elapsed: seconds until the caller had everything.
        afterwards: the status of an ordinary call after it.
        in_flight: attempts that were still counted as under way then.
        growth: bytes by which the process grew meanwhile, when it was alone.
    """

    outcome: Outcome | str = "nothing"
    primary: int = 0
    backup: int = 0
    seen: int = 0
    seen_backup: int = 0
    kinds: list[str] = field(default_factory=list)
    calls: int = 0
    should_retry: str | None = None
    body: bytes = b""
    elapsed: float = 0.0
    afterwards: int = 0
    in_flight: int = 0
    growth: int = 0


def all_cells() -> Iterator[Cell]:
    """Every cell of the table, the ones about bytes included."""
    for number in range(len(ROWS)):
        for stream in (False, True):
            for backed in (False, True):
                yield Cell(number, stream, backed)
        yield Cell(number, stream=True, backed=False, raw=True)
        if ROWS[number] in STREAMS or ROWS[number].name in CONTINUED:
            yield Cell(number, stream=True, backed=False, continued=True)
            yield Cell(number, stream=True, backed=True, continued=True)
            yield Cell(number, stream=True, backed=True, raw=True, continued=True)
