"""Tokens that live for an hour are fetched once, not once for each call, and renewed before anybody notices.

Whoever needs a token while none is there waits for the one fetch that is under way; a caller that gives up leaves the
fetch to the others. Shortly before a token ends it is renewed beside the calls, which go on with the old one; should
that fail, they go on with the old one for as long as it lives.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from segue.core.clock import Clock
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.ports import Transport, TransportError

Token = TypeVar("Token")

EARLY: Final = 300.0
"""Seconds before its end at which a token is renewed: AWS's SDKs and Google's take 5 minutes or a little less."""
PAUSE: Final = 10.0
"""Seconds between two tries to renew a token that still lives."""
LONGEST_FETCH: Final = 30.0
"""Seconds that a fetch may take: several requests where a role is assumed by way of another."""


@dataclass(frozen=True, slots=True)
class Lease(Generic[Token]):
    """A token and its end, in seconds since 1970; `None` for one that has no end."""

    token: Token
    until: float | None = None

    def __repr__(self) -> str:
        return f"Lease(until={self.until!r})"


Fetch = Callable[[Transport, Clock], Awaitable[Lease[Token]]]
"""Fetches a new token. Raises `TransportError`, whose failure holds no secret."""


class TokenCache(Generic[Token]):
    """Keeps one token fresh.

    Args:
        fetch: gets a new one.
        early: seconds before the end of a token at which it is renewed; at most half of its life.
    """

    def __init__(self, fetch: Fetch[Token], *, early: float = EARLY) -> None:
        self._fetch = fetch
        self._early = early
        self._lease: Lease[Token] | None = None
        self._renew_from = float("inf")
        self._running: asyncio.Task[Lease[Token]] | None = None

    def __repr__(self) -> str:
        return "TokenCache()"

    async def get(self, transport: Transport, clock: Clock) -> Token:
        """A token that is valid now.

        Raises:
            TransportError: there is none, and none could be had.
        """
        lease, now = self._lease, clock.wall()
        if lease is not None:
            if lease.until is None:
                return lease.token
            if now < lease.until:
                if now >= self._renew_from:
                    self._start(transport, clock)
                return lease.token
        # Shielded: the fetch is for everybody who waits, and not this caller's to cancel.
        return (await asyncio.shield(self._start(transport, clock))).token

    def _start(self, transport: Transport, clock: Clock) -> "asyncio.Task[Lease[Token]]":
        running = self._running
        if running is None or running.done() or running.get_loop() is not asyncio.get_running_loop():
            running = asyncio.create_task(self._renew(transport, clock))
            running.add_done_callback(_looked_at)
            self._running = running
        return running

    async def _renew(self, transport: Transport, clock: Clock) -> Lease[Token]:
        started = clock.wall()
        try:
            async with asyncio.timeout(LONGEST_FETCH):
                lease = await self._fetch(transport, clock)
        except BaseException as error:
            self._renew_from = clock.wall() + PAUSE
            if isinstance(error, TimeoutError):
                raise TransportError(_failure(Kind.TIMEOUT, "no credentials in time")) from None
            raise
        self._lease = lease
        if lease.until is not None:
            self._renew_from = lease.until - min(self._early, (lease.until - started) / 2)
        return lease


def _looked_at(task: "asyncio.Task[Lease[Token]]") -> None:
    """A renewal beside the calls may fail with nobody waiting: that is no forgotten error."""
    if not task.cancelled():
        task.exception()


def _failure(kind: Kind, message: str) -> Failure:
    return Failure(kind, message, Executed.NO, Scope.KEY)


def refused(kind: Kind, message: str, *, status: int | None = None, code: str | None = None) -> TransportError:
    """The error of credentials that cannot be had: it speaks of the key, and nothing was carried out."""
    return TransportError(_failure(kind, message).with_(status=status, vendor_code=code))
