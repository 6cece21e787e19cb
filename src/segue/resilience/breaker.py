"""A provider that is down must not cost every caller a timeout, and must be found again when it is back.

A breaker counts what happens to calls. Enough failures *open* it: nobody is let through. When its time is over it is
*half open*: one call at a time, the probe, is let through to find out. Successful probes *close* it, a failed one opens
it again.

What is hard is everything that comes late: an answer to a call that began before the breaker opened, a probe whose
caller went away, a probe that never comes back. So whoever is admitted gets a token, a number that is used for one
generation only: every change of state and the end of every probe begins a new one. A result with an old token changes
nothing, whatever it says. A probe has a lease; when that is over the slot is free again.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum

from segue.core.errors import ConfigError
from segue.core.failure import Kind
from segue.resilience.window import Window

# When a probe is under way nobody knows when it will end. Its lease would be the longest wait, not a likely one, so
# those who ask meanwhile are told to come back in a second.
PROBE_PATIENCE = 1.0

# At least what a configuration may say (`segue.config.models.Breaker`). A least of 0 is itself out of range.
_RANGES = {
    "failures": (1, 10_000),
    "rate": (0.0, 1.0),
    "window": (0.001, 86_400.0),
    "min_calls": (1, 1_000_000),
    "open_for": (0.001, 30 * 86_400.0),
    "successes": (1, 1000),
    "lease": (0.001, 2 * 86_400.0),
}


class State(StrEnum):
    """What a breaker does with a call."""

    CLOSED = "closed"  # lets it through
    OPEN = "open"  # refuses it
    HALF_OPEN = "half_open"  # lets one through at a time, to find out


@dataclass(frozen=True, slots=True)
class BreakerOptions:
    """The numbers of a breaker. docs/resilience.md gives the reason of each default.

    Attributes:
        failures: so many failures in a row open it; 1 to 10,000.
        rate: the share of failed calls in the window that opens it; above 0, at most 1.
        window: the time over which the share is taken, in seconds; 1 ms to a day.
        min_calls: so many calls must be in the window before the share means anything; 1 to 1,000,000.
        open_for: seconds for which it stays open; 1 ms to 30 days.
        successes: so many successful probes in a row close it; 1 to 1,000.
        lease: seconds after which a probe that has not come back counts as failed; 1 ms to 2 days. It must be longer
            than an attempt can take.

    Raises:
        ConfigError: a number out of its range; it names every one.
    """

    failures: int = 5
    rate: float = 0.5
    window: float = 30.0
    min_calls: int = 20
    open_for: float = 60.0
    successes: int = 1
    lease: float = 300.0

    def __post_init__(self) -> None:
        problems = []
        for field in fields(self):
            value, (least, most) = getattr(self, field.name), _RANGES[field.name]
            whole = isinstance(least, int)
            fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
            if not fits or not least <= value <= most or value == 0:
                noun = "a whole number" if whole else "a number"
                bounds = f"from {least:,} to {most:,}" if least else f"above 0 and at most {most:,}"
                problems.append(f"breaker.{field.name}: must be {noun} {bounds}, not {value!r}")
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True, slots=True)
class BreakerSnapshot:
    """What a breaker looks like at one moment.

    Attributes:
        since: when it came into this state, in seconds on the monotonic clock; when it was made if it never changed.
        calls, failed: those in the window; they are kept while it is open, to show why it opened.
        consecutive: failures in a row up to now.
        opens: how often it has opened so far.
        reason: why it is in this state; empty if it never changed.
    """

    name: str
    state: State
    since: float | None
    calls: int
    failed: int
    consecutive: int
    opens: int
    reason: str


class Breaker:
    """One breaker. It is told the time with every call and reads no clock.

    Args:
        name: what it guards, for records.
        options: its numbers; `configure` changes them later.
        on_change: called after every change of state with the state before, the state after, and why.

    Attributes:
        closed: whether it lets everyone through; time alone never changes that.
        generation: the token that the next call would be given.
    """

    __slots__ = (
        "_consecutive",
        "_on_change",
        "_opened",
        "_opens",
        "_options",
        "_probe_since",
        "_probing",
        "_proven",
        "_reason",
        "_since",
        "_state",
        "_window",
        "closed",
        "generation",
        "name",
    )

    def __init__(
        self,
        name: str,
        options: BreakerOptions,
        on_change: Callable[[State, State, str], None] | None = None,
    ) -> None:
        self.name = name
        self.closed = True
        self.generation = 1
        self._options = options
        self._on_change = on_change
        self._window = Window(options.window)
        self._state = State.CLOSED
        self._since: float | None = None
        self._reason = ""
        self._consecutive = 0
        self._opened = 0.0
        self._opens = 0
        self._proven = 0
        self._probing = False
        self._probe_since = 0.0

    def acquire(self, now: float) -> int | None:
        """A token for one call, to be given back with its result; `None` when it must not be made now."""
        if self.closed:
            return self.generation
        self._notice(now)
        if self._state is State.OPEN or self._probing:
            return None
        self._probing = True
        self._probe_since = now
        return self.generation

    def succeeded(self, token: int, now: float) -> None:
        """The call of this token came back as it should."""
        if token != self.generation:
            return
        if self.closed:
            self._consecutive = 0
            self._window.record(now)
        elif self._end_probe(token, now):
            self._proven += 1
            if self._proven >= self._options.successes:
                self._consecutive = 0
                self._window.clear()
                self._change(State.CLOSED, now, _count(self._proven, "successful probe"))

    def failed(self, token: int, now: float, kind: str) -> None:
        """The call of this token failed. A rate limit counts in the share, not in the row: the provider is alive."""
        if token != self.generation:
            return
        if not self.closed:
            if self._end_probe(token, now):
                self._reopen(now, f"the probe failed: {kind}")
            return
        options, window = self._options, self._window
        window.mark(now)
        if kind != Kind.RATE_LIMITED:
            self._consecutive += 1
            if self._consecutive >= options.failures:
                self._open(now, f"{_count(self._consecutive, 'failure')} in a row, the last: {kind}")
                return
        calls = window.recorded + window.marked
        if calls >= options.min_calls and window.marked / calls >= options.rate:
            self._open(now, f"{window.marked} of {calls} calls in {options.window:g} s failed, the last: {kind}")

    def abandoned(self, token: int, now: float) -> None:
        """Nothing was learnt from the call of this token. A probe gives its slot back; the state stays."""
        if token == self.generation and not self.closed:
            self._end_probe(token, now)

    def state(self, now: float) -> State:
        """The state at this moment: half open as soon as the open time is over."""
        self._notice(now)
        return self._state

    def blocked_until(self, now: float) -> float | None:
        """When asking again makes sense, in seconds on the monotonic clock; `None` when a call may be made now.

        While a probe is under way that is a guess (`PROBE_PATIENCE`): its end decides.
        """
        self._notice(now)
        if self._state is State.OPEN:
            return self._opened + self._options.open_for
        if self._probing:
            return min(now + PROBE_PATIENCE, self._probe_since + self._options.lease)
        return None

    def snapshot(self, now: float) -> BreakerSnapshot:
        """What it looks like at this moment."""
        self._notice(now)
        if self.closed:
            self._window.advance(now)
        return BreakerSnapshot(
            name=self.name,
            state=self._state,
            since=self._since,
            calls=self._window.recorded + self._window.marked,
            failed=self._window.marked,
            consecutive=self._consecutive,
            opens=self._opens,
            reason=self._reason,
        )

    def configure(self, options: BreakerOptions) -> None:
        """Go on with other numbers, in the same state. Counts of a window of another length cannot be kept."""
        if options.window != self._options.window:
            self._window = Window(options.window)
        self._options = options

    def _notice(self, now: float) -> None:
        """Catch up with what time alone has done, as of when it did it: nobody has to look in between."""
        if self._probing and now >= self._probe_since + self._options.lease:
            self._reopen(self._probe_since + self._options.lease, f"no word of the probe in {self._options.lease:g} s")
        if self._state is State.OPEN and now >= self._opened + self._options.open_for:
            self._proven = 0
            self._change(State.HALF_OPEN, self._opened + self._options.open_for, "its time is over")

    def _end_probe(self, token: int, now: float) -> bool:
        """Free the slot; False when this was no live probe any more: its lease ran out before `now`."""
        self._notice(now)
        if token != self.generation:
            return False
        self._probing = False
        self.generation += 1
        return True

    def _reopen(self, at: float, reason: str) -> None:
        self._consecutive += 1
        self._open(at, reason)

    def _open(self, at: float, reason: str) -> None:
        self._opened = at
        self._opens += 1
        self._change(State.OPEN, at, reason)

    def _change(self, after: State, at: float, reason: str) -> None:
        before = self._state
        self._state = after
        self.closed = after is State.CLOSED
        self._since = at
        self._reason = reason
        self._probing = False
        self.generation += 1
        self._changed(before, after, reason)

    def _changed(self, before: State, after: State, reason: str) -> None:
        if self._on_change is not None:
            self._on_change(before, after, reason)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
