"""A vendor that is well still refuses whoever asks too much at once or too often. These kinds count requests.

A limit lets a request pass or refuses it; only a refused one counts as hit.
"""

import asyncio
from collections import deque
from typing import Annotated, Final, Literal

import msgspec

from segue.simulator.faults.kinds import (
    Count,
    ErrorStatus,
    Kind,
    Options,
    Positive,
    Situation,
    header_pairs,
    with_headers,
)
from segue.simulator.script import Script


class ConcurrencyOptions(Options, frozen=True):
    """A limit on the requests that are being answered at the same time.

    Attributes:
        limit: How many.
        queue: How many more may wait for their turn.
        code: The status of a refusal, 400..599.
        retry_after: Sent with a refusal as Retry-After, exactly as given.
    """

    limit: Count
    queue: Count = 0
    code: ErrorStatus = 429
    retry_after: str | int | float | None = None


class Place:
    """What one request holds in a `Hall`: a seat, or a place in the queue for one."""

    __slots__ = ("_called", "_hall", "_open")

    def __init__(self, hall: "Hall", *, seated: bool) -> None:
        self._hall = hall
        self._called: asyncio.Event | None = None if seated else asyncio.Event()
        self._open = True

    @property
    def waits(self) -> bool:
        """Whether it is still in the queue."""
        return self._called is not None and not self._called.is_set()

    def call(self) -> None:
        """Give it a seat."""
        if self._called is not None:
            self._called.set()

    async def come(self) -> None:
        """Return when there is a seat."""
        if self._called is not None:
            await self._called.wait()

    def close(self) -> None:
        """Leave; the next in the queue is seated. A second call does nothing."""
        if self._open:
            self._open = False
            self._hall.left(self)


class Hall:
    """So many seats, and a queue in order of arrival."""

    def __init__(self, options: ConcurrencyOptions) -> None:
        self._options = options
        self._seated = 0
        self._queue: deque[Place] = deque()

    def enter(self) -> Place | None:
        """A place, or None when the hall and its queue are full."""
        if self._seated < self._options.limit:
            self._seated += 1
            return Place(self, seated=True)
        if len(self._queue) < self._options.queue:
            place = Place(self, seated=False)
            self._queue.append(place)
            return place
        return None

    def left(self, place: Place) -> None:
        """A place is free: pass it on."""
        if place.waits:
            self._queue.remove(place)
        elif self._queue:
            self._queue.popleft().call()
        else:
            self._seated -= 1


def _concurrency(script: Script, options: ConcurrencyOptions, situation: Situation) -> Script:
    hall: Hall = situation.state
    place = hall.enter()
    if place is None:
        refused = situation.vendor.failure(situation.exchange, options.code, None, None)
        return _with_retry_after(refused, options.retry_after)
    situation.leases.append(place)
    situation.spoilt = False
    return script


def _with_retry_after(script: Script, value: str | float | None) -> Script:
    return script if value is None else with_headers(script, header_pairs({"Retry-After": str(value)}))


class RateLimitOptions(Options, frozen=True):
    """A limit on how often requests come, as a bucket that is refilled steadily.

    Attributes:
        requests: How many there may be in `per` seconds; also the size of the bucket, unless `burst` is given.
        per: That time, in seconds.
        burst: How many may come at once.
        code: The status of a refusal, 400..599.
        retry_after: Which headers tell when to come again: Retry-After (whole seconds, rounded up),
            retry-after-ms, both, or none.
        headers: Whether every answer carries the x-ratelimit headers.
    """

    requests: Positive
    per: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 1.0
    burst: Positive | None = None
    code: ErrorStatus = 429
    retry_after: Literal["both", "seconds", "milliseconds", "none"] = "both"
    headers: bool = True


class Bucket:
    """Tokens that come back one by one; each request takes one."""

    def __init__(self, options: RateLimitOptions) -> None:
        self.size = options.burst or options.requests
        self._every = options.per / options.requests
        self._tokens = float(self.size)
        self._moment: float | None = None

    def take(self, moment: float) -> float:
        """Take one token at `moment` (seconds) and return 0, or return how long until there is one."""
        if self._moment is not None:
            self._tokens = min(self.size, self._tokens + max(0.0, moment - self._moment) / self._every)
        self._moment = moment
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) * self._every

    @property
    def left(self) -> int:
        """How many requests may come at once now."""
        return int(self._tokens)

    @property
    def full_in(self) -> float:
        """Seconds until the bucket is full."""
        return (self.size - self._tokens) * self._every


def _rate_limit(script: Script, options: RateLimitOptions, situation: Situation) -> Script:
    bucket: Bucket = situation.state
    wait = bucket.take(situation.moment)
    extra: list[tuple[str, str]] = []
    if options.headers:
        extra += [
            ("x-ratelimit-limit-requests", str(bucket.size)),
            ("x-ratelimit-remaining-requests", str(bucket.left)),
            ("x-ratelimit-reset-requests", _duration(bucket.full_in)),
        ]
    replaced = frozenset(name for name, _ in extra)
    if not wait:
        situation.spoilt = False
        return with_headers(script, tuple(extra), replaced)
    if options.retry_after in {"both", "seconds"}:
        extra.append(("Retry-After", str(int(-(-wait // 1)))))
    if options.retry_after in {"both", "milliseconds"}:
        extra.append(("retry-after-ms", str(int(-(-wait * 1000 // 1)))))
    refused = situation.vendor.failure(situation.exchange, options.code, None, None)
    return with_headers(refused, tuple(extra), replaced)


def _duration(seconds: float) -> str:
    """A time in the form of OpenAI's reset headers, such as `120ms` or `6m0s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"


CONCURRENCY: Final = Kind(
    name="concurrency",
    summary="More requests at the same time than `limit` wait in a queue, or are refused when that is full.",
    options=ConcurrencyOptions,
    rewrite=_concurrency,
    stage="limit",
    example={"limit": 0},
    state=Hall,
)
RATE_LIMIT: Final = Kind(
    name="rate_limit",
    summary="More requests than `requests` in `per` seconds are refused, with x-ratelimit headers on every answer.",
    options=RateLimitOptions,
    rewrite=_rate_limit,
    stage="limit",
    example={"requests": 1, "per": 60},
    state=Bucket,
)
