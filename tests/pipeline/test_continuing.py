"""A stream that breaks after its commit point is one stream for its caller, and for the rest as many as it takes."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from pipeline.house import QUICK, House, who
from pipeline.wires import Lines, LinesAdapter, LinesReader, read_all
from segue.core.call import Call, CallOptions, OnCut
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Ending
from segue.core.ports import CannotServe, Limits, WireRequest
from segue.core.provider import Candidate, Provider
from segue.core.signals import AttemptEnded, CallEnded
from segue.pipeline.call_layers import on_cut_of
from segue.pipeline.continuing import MOST_SEAMS
from segue.pipeline.parts import Policy
from segue.pipeline.stream import OpenedStream
from segue.pipeline.wire import WireExecutor
from segue.resilience import BreakerOptions
from segue.testing import Close, Reply, ScriptedTransport, VirtualClock, at_every_await, replies, run_virtual

CUT = replies(b"+", b"+", close=Close.CUT)
WELL = replies(b"+", b"+", b".")


@dataclass
class Signs:
    characters: int

    @property
    def tokens(self) -> int:
        return self.characters


class Continuable(LinesReader):
    """Counts its signs together with those before it."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self._before = before
        self._came = 0

    def feed(self, chunk: bytes) -> bytes:
        self._came += chunk.count(b"+")
        return super().feed(chunk)

    def so_far(self) -> Signs:
        return Signs(self._before + self._came)


class Continuing(Lines):
    """Is asked with how many signs there are; `stubborn`: does not go on with any."""

    def __init__(self, stubborn: bool = False) -> None:
        super().__init__(stream=True)
        self._stubborn = stubborn

    def encode(self, call: Call, candidate: Candidate) -> WireRequest:
        assert call.request == "?"
        before = self._before(call)
        if before and self._stubborn:
            raise CannotServe(Failure(Kind.UNSUPPORTED, "begins anew", Executed.NO, Scope.REQUEST))
        return WireRequest("POST", f"http://{candidate.provider.id}/", {}, b"%d" % before)

    def reader(self, call: Call, candidate: Candidate, headers: Any) -> LinesReader | Failure:
        return Continuable(self._before(call)) if call.continuation is not None else LinesReader()

    def _before(self, call: Call) -> int:
        so_far = call.continuation.so_far if call.continuation is not None else None
        return so_far.characters if so_far is not None else 0


def house(
    scripts: dict[str, tuple[Reply, ...]],
    stubborn: str = "",
    retries: int = 0,
    limits: Limits = QUICK,
    breaker: BreakerOptions | None = None,
    **policy: Any,
) -> tuple[ScriptedTransport, House]:
    """Providers that follow scripts, each behind the one before it; those in `stubborn` go on with nothing."""
    network = ScriptedTransport(scripts)
    providers = [
        Provider(name, "lines", frozenset({"ask"}), WireExecutor(adapter(name in stubborn), network, VirtualClock()))
        for name in scripts
    ]
    numbers = Policy(**{"limits": limits, "deadline": 50.0, "retries": retries, "on_cut": OnCut.CONTINUE, **policy})
    return network, House(*([one] for one in providers), policy=numbers, stream=True, breaker=breaker)


def adapter(stubborn: bool) -> LinesAdapter:
    return LinesAdapter(Continuing(stubborn))


async def settled(made: House, network: ScriptedTransport) -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not network.open
    made.assert_nothing_is_left()


BREAKS = {
    "cut": (CUT, Kind.STREAM_CUT, "the stream was cut: scripted"),
    "no terminator": (replies(b"+", b"+"), Kind.STREAM_CUT, "no terminator"),
    "error event": (replies(b"+", 1.0, b"+!"), Kind.OVERLOADED, "told in the stream"),
    "stall": (replies(b"+", 1.0, b"+", close=Close.HANG), Kind.STREAM_CUT, "stalled for more than 5 s"),
}


@pytest.mark.parametrize("breaks", BREAKS)
def test_the_next_candidate_goes_on_and_everybody_hears_of_both_attempts(breaks):
    async def main():
        reply, kind, message = BREAKS[breaks]
        network, made = house({"a": (reply,), "b": (WELL,)})
        call, outcome = await made.ask()
        told = await read_all(outcome.stream)
        assert told.count(b"+") == 4
        assert told.endswith(b".")
        assert outcome.stream.end.ending is Ending.COMPLETE
        assert who(call) == ["a", "b"]
        assert [request.body for request in network.requests] == [b"0", b"2"]
        first, second = call.attempts
        assert (first.failure.kind, second.failure) == (kind, None)
        assert message in first.failure.message
        assert first.failure.message.endswith("; after 2 characters b went on with it")
        assert [ended.attempt for ended in made.said.of(AttemptEnded)] == [first, second]
        assert [made.guard(name).provider.snapshot(made.clock.now()).failed for name in "ab"] == [1, 0]
        (ended,) = made.said.of(CallEnded)
        assert (ended.code, ended.status) == ("ok", 200)
        assert call.features.tokens == 2  # of the second attempt: what was written is input now
        await settled(made, network)

    run_virtual(main())


def test_what_its_carrier_lets_go_is_there_again_while_another_is_asked():
    async def main():
        network, made = house({"a": (CUT,), "b": (WELL,)})
        call, outcome = await made.ask()
        call.request = call.plan = None
        assert (await read_all(outcome.stream)).endswith(b".")
        assert (call.request, call.plan, call.continuation.so_far) == (None, None, None)
        await settled(made, network)

    run_virtual(main())


def test_when_nobody_goes_on_the_stream_ends_with_what_broke_it():
    async def main():
        network, made = house({"a": (CUT,), "b": (WELL,)}, stubborn="ab")
        call, outcome = await made.ask()
        assert await read_all(outcome.stream) == b"++"
        end = outcome.stream.end
        assert (end.ending, end.failure.kind) == (Ending.FAILED, Kind.STREAM_CUT)
        assert "went on" not in end.failure.message
        assert call.attempts[0].failure is end.failure
        (ended,) = made.said.of(CallEnded)
        assert ended.code == "stream_cut"
        assert len(network.requests) == 1
        await settled(made, network)

    run_virtual(main())


def test_the_same_candidate_goes_on_last_within_its_retries_and_its_budget():
    async def main():
        network, made = house({"a": (CUT, CUT, CUT, WELL), "b": (WELL,)}, stubborn="b", retries=2)
        call, outcome = await made.ask()
        assert await read_all(outcome.stream) == b"++" * 3
        assert [name for name in who(call) if name == "a"] == ["a"] * 3
        assert outcome.stream.end.ending is Ending.FAILED
        await settled(made, network)

        network, made = house({"a": (CUT, WELL)}, retries=2)
        guard = made.guard("a")
        while guard.spend_retry(made.clock.now()):
            pass
        call, outcome = await made.ask()
        assert await read_all(outcome.stream) == b"++"
        assert who(call) == ["a"]
        await settled(made, network)

    run_virtual(main())


def test_a_candidate_whose_breaker_is_open_is_not_asked_to_go_on():
    async def main():
        network, made = house({"a": (CUT,), "b": (WELL,), "c": (WELL,)})
        made.open_breaker("b")
        call, outcome = await made.ask()
        assert (await read_all(outcome.stream)).endswith(b".")
        assert who(call) == ["a", "c"]
        assert [skipped.candidate for skipped in call.skipped] == ["b"]
        await settled(made, network)

    run_virtual(main())


def test_its_own_breaker_keeps_a_candidate_from_going_on():
    async def main():
        network, made = house({"a": (CUT, WELL)}, retries=3, breaker=BreakerOptions(failures=1))
        _, outcome = await made.ask()
        assert await read_all(outcome.stream) == b"++"
        await settled(made, network)

    run_virtual(main())


@pytest.mark.parametrize("most", [1, 2, 3])
def test_attempts_are_limited_as_those_before_the_first_content_are(most):
    async def main():
        network, made = house({"a": (CUT,), "b": (CUT,), "c": (WELL,)}, max_attempts=most)
        call, outcome = await made.ask()
        await read_all(outcome.stream)
        assert len(call.attempts) == most
        assert outcome.stream.end.ending is (Ending.COMPLETE if most == 3 else Ending.FAILED)
        await settled(made, network)

    run_virtual(main())


def test_a_stream_is_not_gone_on_with_for_ever():
    async def main():
        scripts = {f"p{number}": (CUT,) for number in range(MOST_SEAMS + 5)}
        network, made = house(scripts, max_attempts=100)
        call, outcome = await made.ask()
        await read_all(outcome.stream)
        assert len(call.attempts) == MOST_SEAMS + 1
        await settled(made, network)

    run_virtual(main())


def test_a_failure_that_would_be_the_same_anywhere_ends_it():
    async def main():
        class Filtered(Continuable):
            def feed(self, chunk: bytes) -> bytes:
                out = super().feed(chunk)
                if self.failure is not None:
                    self.failure = self.failure.with_(kind=Kind.CONTENT_FILTER)
                return out

        network, made = house({"a": (replies(b"+", 1.0, b"+!"),), "b": (WELL,)})
        executor = made.providers["a"].executor
        executor._codecs["ask"].reader = lambda *_: Filtered(0)
        call, outcome = await made.ask()
        await read_all(outcome.stream)
        assert outcome.stream.end.failure.kind is Kind.CONTENT_FILTER
        assert who(call) == ["a"]
        await settled(made, network)

    run_virtual(main())


def test_a_reader_that_cannot_tell_what_was_said_ends_it():
    async def main():
        network, made = house({"a": (CUT,), "b": (WELL,)})
        made.providers["a"].executor._codecs["ask"].reader = lambda *_: LinesReader()
        call, outcome = await made.ask()
        assert await read_all(outcome.stream) == b"++"
        assert who(call) == ["a"]
        await settled(made, network)

    run_virtual(main())


def test_the_deadline_was_met_and_the_next_words_are_given_as_long_again():
    async def main():
        slowly = replies(b"+", *[4.0, b"+"] * 20, close=Close.CUT)  # 80 s of a deadline of 50
        network, made = house({"a": (slowly,), "b": (replies(b"+", b".", after=4.0),)})
        call, outcome = await made.ask()
        before = call.deadline
        assert (await read_all(outcome.stream)).endswith(b".")
        assert call.deadline == before
        await settled(made, network)

        patient = Limits(total=90.0, first_byte=90.0, first_content=90.0, idle=5.0, stream=100.0)
        network, made = house({"a": (CUT,), "b": (replies(b"+", after=60.0),)}, limits=patient)
        call, outcome = await made.ask()
        await read_all(outcome.stream)
        assert outcome.stream.end.failure.kind is Kind.STREAM_CUT  # what broke it, not what followed
        assert call.attempts[-1].failure.kind is Kind.DEADLINE
        assert made.clock.now() - call.started == pytest.approx(50.0, abs=1.0)
        await settled(made, network)

    run_virtual(main())


def test_the_stream_as_a_whole_may_not_last_longer_than_one():
    async def main():
        first = replies(b"+", *[4.0, b"+"] * 15, close=Close.CUT)
        endless = replies(b"+", *[4.0, b"+"] * 100)
        network, made = house({"a": (first,), "b": (endless,), "c": (WELL,)})
        call, outcome = await made.ask()
        await read_all(outcome.stream)
        assert who(call) == ["a", "b"]
        assert "longer than the limit" in outcome.stream.end.failure.message
        assert made.clock.now() - call.started == pytest.approx(100.0, abs=1.0)
        await settled(made, network)

    run_virtual(main())


def test_cancelled_at_any_await_of_its_repair_nothing_is_left_behind():
    async def main():
        made: list[tuple[ScriptedTransport, House]] = []

        async def work() -> None:
            network, one = house({"a": (CUT, WELL), "b": (replies(after=1.0, close=Close.CUT),)}, retries=1)
            made.append((network, one))
            _, outcome = await one.ask()
            try:
                await read_all(outcome.stream)
            finally:
                outcome.stream.cancel()

        runs = 0
        async for trial in at_every_await(work):
            network, one = made[-1]
            await settled(one, network)
            (ended,) = one.said.of(CallEnded)
            assert (ended.code == "cancelled") <= (not trial.finished)
            runs += 1
        assert runs >= 6

    run_virtual(main())


def test_given_up_by_somebody_else_while_another_is_asked_that_one_is_stopped():
    async def main():
        network, made = house({"a": (CUT,), "b": (replies(b"+", b"+", after=2.0, close=Close.HANG),)})
        call, outcome = await made.ask()
        reading = asyncio.ensure_future(read_all(outcome.stream))
        await made.clock.sleep(1.0)
        outcome.stream.cancel()
        assert await reading == b"++"
        assert outcome.stream.end.ending is Ending.CANCELLED
        assert [attempt.cancelled for attempt in call.attempts] == [False, True]
        await settled(made, network)

    run_virtual(main())


def test_who_is_told_of_the_end_after_it_is_told_at_once():
    async def main():
        network, made = house({"a": (CUT,), "b": (WELL,)})
        _, outcome = await made.ask()
        await read_all(outcome.stream)
        told: list[Any] = []
        outcome.stream.on_end(told.append)
        outcome.stream.cancel()
        assert told == [outcome.stream.end]
        assert await outcome.stream.read() == b""
        await settled(made, network)

    run_virtual(main())


def test_without_the_policy_the_stream_is_the_providers_own_which_can_be_poured():
    async def main():
        network, made = house({"a": (CUT,), "b": (WELL,)}, on_cut=OnCut.ERROR)
        call, outcome = await made.ask()
        assert isinstance(outcome.stream, OpenedStream)
        assert call.continuation is None
        await read_all(outcome.stream)
        call, outcome = await made.ask(on_cut=OnCut.CONTINUE)
        assert not isinstance(outcome.stream, OpenedStream)
        await read_all(outcome.stream)
        await settled(made, network)

    run_virtual(main())


def test_the_request_goes_before_the_alias_and_the_alias_before_the_policy():
    _, made = house({"a": (WELL,)})
    made.parts.on_cuts["careful"] = OnCut.ERROR
    assert on_cut_of(made.parts, "any", None) is OnCut.CONTINUE
    assert on_cut_of(made.parts, "careful", CallOptions()) is OnCut.ERROR
    assert on_cut_of(made.parts, "careful", CallOptions(on_cut=OnCut.CONTINUE)) is OnCut.CONTINUE
