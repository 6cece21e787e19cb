"""A codec that lacks something is asked again once it was fetched; the provider never pays for what went wrong."""

import asyncio
from typing import Any

import pytest

from pipeline.house import QUICK, House, who
from pipeline.wires import Lines, LinesAdapter
from segue.core.call import Call
from segue.core.errors import DeadlineExceeded, RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.fetching import Fetched, MustFetch, Unfetched, Wanted
from segue.core.ports import CannotServe, WireRequest
from segue.core.provider import Candidate, Provider
from segue.pipeline.fetching import FetchRules, HttpFetcher
from segue.pipeline.parts import Policy
from segue.pipeline.wire import WireExecutor
from segue.testing import ScriptedTransport, VirtualClock, replies, run_virtual, stalls

URL = "http://files/a.png"
POLICY = Policy(limits=QUICK, deadline=300.0, retries=0)


class Linked(Lines):
    """Sends what lies at an address; never content where `greedy`."""

    def __init__(self, *, greedy: bool = False) -> None:
        super().__init__()
        self.greedy = greedy
        self.asked = 0

    def encode(self, call: Call, candidate: Candidate) -> WireRequest:
        self.asked += 1
        found = (call.fetched or {}).get(URL)
        if found is None or self.greedy:
            raise MustFetch([Wanted(URL, 1000)])
        if isinstance(found, Unfetched):
            failure = Failure(Kind.UNSUPPORTED, f"x: {found.why}", Executed.NO, Scope.REQUEST, param="x", code="gone")
            raise CannotServe(failure)
        return WireRequest("POST", f"http://{candidate.provider.id}/", {}, found.data)


def linked(name: str, network: ScriptedTransport, *, fetches: bool = True, greedy: bool = False) -> Provider:
    fetcher = HttpFetcher(network, FetchRules(allow_private=True, timeout=60.0)) if fetches else None
    executor = WireExecutor(LinesAdapter(Linked(greedy=greedy)), network, VirtualClock(), fetcher)
    return Provider(name, "lines", frozenset({"ask"}), executor)


def house(
    files: Any, *, a: Any = None, policy: Policy = POLICY, alone: bool = False, **more: bool
) -> tuple[Any, House]:
    network = ScriptedTransport(
        {"files": [files], "a": [a or replies(b"from a")], "b": [replies(b"from b")]},
    )
    plain = Provider("b", "lines", frozenset({"ask"}), WireExecutor(LinesAdapter(Lines()), network, VirtualClock()))
    tiers = [[linked("a", network, **more)]] if alone else [[linked("a", network, **more)], [plain]]
    return network, House(*tiers, policy=policy)  # type: ignore[arg-type]  # lists are invariant


def test_the_request_goes_out_with_what_was_fetched():
    async def main():
        network, made = house(replies(b"picture"))
        call, outcome = await made.ask()
        assert outcome.answer == b"from a"
        assert [(request.url, request.body) for request in network.requests] == [(URL, b""), ("http://a/", b"picture")]
        assert call.fetched == {URL: Fetched(b"picture")}
        made.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize("more", [{"fetches": False}, {"greedy": True}], ids=["nobody fetches", "it is never content"])
def test_a_codec_that_cannot_be_satisfied_is_no_attempt(more):
    async def main():
        _, made = house(replies(b"picture"), **more)
        call, outcome = await made.ask(max_attempts=1)
        assert outcome.answer == b"from b"
        assert (call.attempts[0].failure.kind, call.attempts[0].failure.executed) == (Kind.UNSUPPORTED, Executed.NO)
        made.assert_nothing_is_left()

    run_virtual(main())


def test_fetching_takes_half_of_the_attempts_time_at_most_and_harms_no_breaker():
    async def main():
        network, made = house(stalls())
        began = made.clock.now()
        call, outcome = await made.ask(max_attempts=1)
        assert made.clock.now() - began == pytest.approx(QUICK.total / 2)
        assert outcome.answer == b"from b"
        assert call.fetched == {URL: Unfetched("it did not come within 5 s")}
        assert made.state("a") == ("closed", "closed")
        assert "http://a/" not in [request.url for request in network.requests]
        made.assert_nothing_is_left()

    run_virtual(main())


def test_what_fetching_took_counts_in_the_attempts_time():
    async def main():
        _, made = house(replies(b"picture", after=4.0), a=stalls(), alone=True)
        began = made.clock.now()
        call, _ = await made.ask()
        assert made.clock.now() - began == pytest.approx(QUICK.total)
        assert call.attempts[0].failure.kind is Kind.TIMEOUT

    run_virtual(main())


def test_the_deadline_ends_fetching_and_nobody_is_blamed():
    async def main():
        _, made = house(stalls())
        _, outcome = await made.ask(deadline=2.0)
        assert isinstance(outcome.refusal, DeadlineExceeded)
        assert made.state("a") == ("closed", "closed")
        made.assert_nothing_is_left()

    run_virtual(main())


def test_a_caller_that_goes_away_ends_fetching():
    async def main():
        network, made = house(stalls())
        task = asyncio.create_task(made.ask())
        await made.clock.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not network.open
        made.assert_nothing_is_left()

    run_virtual(main())


def test_a_probe_that_was_never_sent_tells_nothing_of_the_provider():
    async def main():
        _, made = house(replies(b"", status=404))
        made.open_breaker("a")
        await made.clock.sleep(made.breaker.open_for + 1)
        assert made.state("a")[0] == "half_open"
        call, outcome = await made.ask()
        assert who(call)[0] == "a"
        assert outcome.answer == b"from b"
        assert made.state("a")[0] == "half_open"
        made.assert_nothing_is_left()

    run_virtual(main())


def test_when_nobody_else_can_serve_it_the_caller_is_told_its_own_mistake():
    async def main():
        _, made = house(replies(b"", status=404), alone=True)
        _, outcome = await made.ask()
        refusal = outcome.refusal
        assert isinstance(refusal, RequestInvalid)
        assert (refusal.status, refusal.code, refusal.param) == (400, "gone", "x")
        assert refusal.message == "x: its server answered with status 404"

    run_virtual(main())
