"""A token is fetched once for all who wait, renewed before it ends, and kept when renewing fails."""

import asyncio

import pytest

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.ports import TransportError
from segue.families.llm.auth.tokens import EARLY, LONGEST_FETCH, PAUSE, Lease, TokenCache
from segue.testing import ScriptedTransport, VirtualClock, run_virtual

NOWHERE = ScriptedTransport()


class Source:
    """Gives tokens `token-1`, `token-2`, … that live for `life` seconds, or fails."""

    def __init__(self, life: float | None = 3600.0, takes: float = 1.0) -> None:
        self.life = life
        self.takes = takes
        self.fetched = 0
        self.broken = False

    async def __call__(self, transport, clock) -> Lease[str]:
        self.fetched += 1
        number = self.fetched
        await asyncio.sleep(self.takes)
        if self.broken:
            raise TransportError(Failure(Kind.AUTH, "refused", Executed.NO, Scope.KEY))
        return Lease(f"token-{number}", None if self.life is None else clock.wall() + self.life)


def test_many_callers_at_once_share_one_fetch():
    async def main():
        source, clock = Source(), VirtualClock()
        cache = TokenCache(source)
        found = await asyncio.gather(*(cache.get(NOWHERE, clock) for _ in range(50)))
        assert set(found) == {"token-1"}
        assert source.fetched == 1

    run_virtual(main())


def test_a_caller_that_gives_up_does_not_take_the_fetch_from_the_others():
    async def main():
        source, clock = Source(), VirtualClock()
        cache = TokenCache(source)
        waiting = [asyncio.create_task(cache.get(NOWHERE, clock)) for _ in range(3)]
        await clock.sleep(0.5)
        waiting[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        assert await asyncio.gather(*waiting[1:]) == ["token-1", "token-1"]
        assert source.fetched == 1

    run_virtual(main())


def test_a_fetch_that_everybody_gave_up_still_serves_the_next_caller():
    async def main():
        source, clock = Source(), VirtualClock()
        cache = TokenCache(source)
        waiting = asyncio.create_task(cache.get(NOWHERE, clock))
        await clock.sleep(0.5)
        waiting.cancel()
        await clock.sleep(1.0)
        assert await cache.get(NOWHERE, clock) == "token-1"
        assert source.fetched == 1

    run_virtual(main())


def test_a_token_is_renewed_five_minutes_early_and_nobody_waits_for_it():
    async def main():
        source, clock = Source(takes=2.0), VirtualClock()
        cache = TokenCache(source)
        assert await cache.get(NOWHERE, clock) == "token-1"
        await clock.sleep(3600.0 - EARLY - 1.0)
        assert await cache.get(NOWHERE, clock) == "token-1"
        assert source.fetched == 1
        await clock.sleep(2.0)
        before = clock.now()
        assert await cache.get(NOWHERE, clock) == "token-1"
        assert clock.now() == before
        await clock.sleep(3.0)
        assert await cache.get(NOWHERE, clock) == "token-2"

    run_virtual(main())


def test_a_token_that_lives_shortly_is_used_for_half_of_its_life():
    async def main():
        source, clock = Source(life=60.0, takes=0.0), VirtualClock()
        cache = TokenCache(source)
        await cache.get(NOWHERE, clock)
        await clock.sleep(29.0)
        await cache.get(NOWHERE, clock)
        assert source.fetched == 1
        await clock.sleep(2.0)
        await cache.get(NOWHERE, clock)
        await clock.sleep(0.1)
        assert await cache.get(NOWHERE, clock) == "token-2"

    run_virtual(main())


def test_while_renewing_fails_the_old_token_is_used_and_the_source_is_left_in_peace():
    async def main():
        source, clock = Source(), VirtualClock()
        cache = TokenCache(source)
        await cache.get(NOWHERE, clock)
        source.broken = True
        await clock.sleep(3600.0 - EARLY + 1.0)
        for _ in range(20):
            assert await cache.get(NOWHERE, clock) == "token-1"
            await clock.sleep(1.0)
        assert source.fetched <= 2 + 20 / PAUSE
        source.broken = False
        await clock.sleep(PAUSE)
        await cache.get(NOWHERE, clock)
        await clock.sleep(2.0)
        assert await cache.get(NOWHERE, clock) != "token-1"

    run_virtual(main())


def test_a_token_that_has_ended_is_not_used_and_the_failure_is_told():
    async def main():
        source, clock = Source(), VirtualClock()
        cache = TokenCache(source)
        await cache.get(NOWHERE, clock)
        source.broken = True
        await clock.sleep(3601.0)
        with pytest.raises(TransportError) as error:
            await cache.get(NOWHERE, clock)
        assert error.value.failure.kind is Kind.AUTH
        source.broken = False
        assert await cache.get(NOWHERE, clock) == "token-3"

    run_virtual(main())


def test_a_token_without_an_end_is_fetched_once():
    async def main():
        source, clock = Source(life=None), VirtualClock()
        cache = TokenCache(source)
        await cache.get(NOWHERE, clock)
        await clock.sleep(86400.0 * 20)
        assert await cache.get(NOWHERE, clock) == "token-1"

    run_virtual(main())


def test_a_source_that_never_answers_is_given_up():
    async def main():
        source, clock = Source(takes=86400.0), VirtualClock()
        with pytest.raises(TransportError) as error:
            await TokenCache(source).get(NOWHERE, clock)
        assert error.value.failure.kind is Kind.TIMEOUT
        assert error.value.failure.scope is Scope.KEY
        assert clock.now() == LONGEST_FETCH

    run_virtual(main())


def test_neither_a_lease_nor_its_keeper_shows_the_token():
    assert "secret" not in repr(Lease("secret", 1.0)) + repr(TokenCache(Source()))
