"""The words in which the table says what a fault leads to: what the caller gets, and whom it takes to get there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from segue.core.failure import Kind

WORDS = 12
"""Words, and content events, of the healthy answer to the question that is asked everywhere."""

EXCEPTIONS = {
    400: "BadRequestError",
    404: "NotFoundError",
    413: "APIStatusError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    502: "InternalServerError",
    503: "InternalServerError",
    504: "InternalServerError",
}
"""The exception class of OpenAI's SDK for each status that Segue gives."""


@dataclass(frozen=True)
class Answer:
    """A whole answer.

    Attributes:
        who: `primary` or `backup`.
        words: how many of the healthy answer's words it has.
        twice: the number of the word that comes twice, counted from 1; 0 for none.
        finish: the finish reason.
        usage: whether the usage that was asked for is told.
        foreign: whether events come with it that are no chunks; in the SDK their `choices` are `None`.
    """

    who: str = "primary"
    words: int = WORDS
    twice: int = 0
    finish: str = "stop"
    usage: bool = True
    foreign: bool = False


@dataclass(frozen=True)
class Error:
    """An exception of the SDK instead of an answer; nothing had been given out before.

    Attributes:
        exception: its class.
        status: the HTTP status.
        code: the error's `code`.
        retry_after: the header, in whole seconds; `some` where the vendor's clock decides by a second.
    """

    exception: str
    status: int
    code: str
    retry_after: str | None = None


@dataclass(frozen=True)
class Broken:
    """A stream whose beginning was given out: the SDK raises `openai.APIError` after it.

    Attributes:
        words: how many words came first; `None` when that depends on the clock.
        code: the error's `code`.
    """

    words: int | None
    code: str = "stream_cut"


@dataclass(frozen=True)
class Continued:
    """A stream that broke and was gone on with: for the caller one whole answer.

    Attributes:
        who: who ended it: `primary`, asked once more, or `backup`.
        words: how many the attempt that broke had given; `None` when that depends on the clock.
        usage: whether the usage that was asked for is told.
    """

    who: str
    words: int | None
    usage: bool = True


Outcome = Answer | Error | Broken | Continued


@dataclass(frozen=True)
class Expected:
    """What one call leads to.

    Attributes:
        outcome: what the caller gets.
        primary, backup: attempts at each of the two.
        kind: what each failed attempt at the primary is recorded as.
        seen: requests that reached the primary; as many as attempts, unless said otherwise.
        takes: seconds that it costs at least; it may cost `SLACK` more.
    """

    outcome: Outcome
    primary: int = 1
    backup: int = 0
    kind: Kind | None = None
    seen: int | None = None
    takes: float = 0.0


def agrees(expected: Outcome, got: object) -> bool:
    """Whether this is what was expected, given that the number of some words and seconds is the clock's to decide."""
    clocked = isinstance(expected, Broken | Continued) and expected.words is None
    if clocked and isinstance(got, Broken | Continued) and got.words:
        got = replace(got, words=None)
    if isinstance(expected, Error) and expected.retry_after == "some" and isinstance(got, Error):
        got = replace(got, retry_after="some" if (got.retry_after or "").isdigit() else None)
    return got == expected


SLACK = 3.0
"""Seconds that a call may take beyond what its fault costs: what shows that nothing hangs."""

BACKUP = Answer("backup")


@dataclass(frozen=True)
class Pair:
    """The same call without and with a healthy provider to fall back on."""

    alone: Expected
    backed: Expected


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes:
        name: how the page calls it.
        kind, options: for the simulator.
        plain, stream: what it leads to.
        also: further faults beside it, each with its options: delays and forms.
        own_port: whether the provider needs a port of its own.
        heavy: whether it is measured while nothing else runs, since it moves or makes many bytes.
        used_up: requests that are sent to the provider before, by somebody else.
    """

    name: str
    kind: str
    plain: Pair
    stream: Pair
    options: Mapping[str, Any] = field(default_factory=dict)
    also: Sequence[tuple[str, Mapping[str, Any]]] = ()
    own_port: bool = False
    heavy: bool = False
    used_up: int = 0


def good(**answer: Any) -> Pair:
    """The primary's answer is good enough."""
    expected = Expected(Answer(**answer))
    return Pair(expected, expected)


def over(
    kind: Kind,
    status: int,
    *,
    tries: int = 1,
    seen: int | None = None,
    takes: float = 0.0,
    code: str | None = None,
    told: str | None = None,
) -> Pair:
    """The primary fails `tries` times; then the backup answers, or the caller gets the error."""
    return Pair(
        Expected(failed(kind, status, code, told), tries, kind=kind, seen=seen, takes=takes),
        Expected(BACKUP, tries, 1, kind, seen, takes),
    )


def stops(kind: Kind, status: int, code: str) -> Pair:
    """Nobody else would answer otherwise: one attempt, and the caller is told."""
    expected = Expected(failed(kind, status, code), kind=kind)
    return Pair(expected, expected)


def waited(alone: Answer | Error, kind: Kind, seconds: float) -> Pair:
    """The primary asks for a moment: alone it is granted and then asked once more; a backup answers at once."""
    return Pair(
        Expected(alone, 2, kind=kind, takes=seconds),
        Expected(BACKUP, 1, 1, kind),
    )


def breaks(words: int | None, kind: Kind = Kind.STREAM_CUT, takes: float = 0.0) -> Pair:
    """The stream breaks after content: no provider can mend that, and nobody pretends that it was whole."""
    expected = Expected(Broken(words, kind.value), kind=kind, takes=takes)
    return Pair(expected, expected)


def goes_on(words: int | None, kind: Kind = Kind.STREAM_CUT, *, again: int | None = 0, takes: float = 0.0) -> Pair:
    """The stream breaks after content, and another attempt goes on with it.

    Args:
        words: how many came before it broke.
        kind: what broke it.
        again: how many came when the second attempt at the primary broke, too, which has nobody else beside it; 0 where
            it is not asked again.
        takes: seconds until it broke first.
    """
    alone = Expected(Broken(words if again == 0 else again, kind.value), 1 if again == 0 else 2, kind=kind, takes=takes)
    return Pair(alone, Expected(Continued("backup", words), 1, 1, kind, takes=takes))


def failed(kind: Kind, status: int, code: str | None = None, retry_after: str | None = None) -> Error:
    """The SDK's exception for a status; the code is the kind of the failure, or the vendor's own."""
    return Error(EXCEPTIONS[status], status, code or kind.value, retry_after)
