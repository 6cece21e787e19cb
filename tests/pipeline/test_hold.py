"""What is kept back of a stream can still be repaired unseen; what is not, cannot; and nothing waits for longer."""

import asyncio
import gc
import random
from typing import Any

import pytest

from pipeline.house import QUICK, House, who
from pipeline.wires import LinesReader, read_all, wired
from segue.core.call import NO_HOLD, CallOptions, Hold
from segue.core.errors import DeadlineExceeded
from segue.core.failure import Kind
from segue.core.outcome import Ending
from segue.core.ports import Limits, WireRequest
from segue.core.signals import AttemptEnded, CallEnded
from segue.pipeline import hold as holding
from segue.pipeline.call_layers import hold_of
from segue.pipeline.parts import Policy
from segue.pipeline.stream import OpenedStream
from segue.testing import Close, Reply, ScriptedTransport, at_every_await, replies, run_virtual
from segue.testing.transport import ScriptedResponse

ALL = Hold(whole=True)


def kept(
    hold: Hold, *script: Reply, limits: Limits = QUICK, deadline: float = 300.0, **more: Any
) -> tuple[ScriptedTransport, House]:
    """A provider that follows the script, before one that answers well."""
    network = ScriptedTransport({"a": script, "b": [replies(b" +b", b"+b", b".")]})
    providers = [[wired(name, network, stream=True)] for name in ("a", "b")]
    policy = Policy(limits=limits, deadline=deadline, retries=0, hold=hold)
    return network, House(*providers, policy=policy, stream=True, **more)


async def settled(house: House, network: ScriptedTransport) -> None:
    """A read that was given up ends when the loop comes round to it."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not network.open
    house.assert_nothing_is_left()


HOLDS = {"all": ALL, "tokens": Hold(tokens=10), "seconds": Hold(seconds=200.0)}
FAULTS = {
    "cut": (replies(b"+", b"+", close=Close.CUT), Kind.STREAM_CUT, "the stream was cut: scripted"),
    "cut later": (replies(b"+", 1.0, b"+", 1.0, close=Close.CUT), Kind.STREAM_CUT, "the stream was cut: scripted"),
    "no terminator": (replies(b"+", b"+"), Kind.STREAM_CUT, "no terminator"),
    "error event": (replies(b"+", 1.0, b"+!"), Kind.OVERLOADED, "told in the stream"),
    "stall": (replies(b"+", 1.0, b"+", close=Close.HANG), Kind.STREAM_CUT, "stalled for more than 5 s"),
    "endless": (replies(b"+", *[b" ", 4.0] * 100), Kind.STREAM_CUT, "longer than the limit of 100 s"),
    "defect": (replies(b"+", b"?"), Kind.BAD_RESPONSE, "ZeroDivisionError"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("hold", HOLDS)
def test_a_stream_that_breaks_while_it_is_kept_back_is_failed_over_and_nothing_of_it_is_seen(hold, fault):
    async def main():
        reply, kind, message = FAULTS[fault]
        network, house = kept(HOLDS[hold], reply)
        call, outcome = await house.ask()
        assert await read_all(outcome.stream) == b" +b+b."
        assert outcome.stream.end.ending is Ending.COMPLETE
        assert who(call) == ["a", "b"]
        first, second = call.attempts
        assert (first.failure.kind, second.failure) == (kind, None)
        assert message in first.failure.message
        # Both are told of, and the breaker of the first has heard, as of any failure.
        assert [ended.attempt for ended in house.said.of(AttemptEnded)] == [first, second]
        assert [house.guard(name).provider.snapshot(house.clock.now()).failed for name in "ab"] == [1, 0]
        await settled(house, network)

    run_virtual(main())


@pytest.mark.parametrize("fault", ["cut", "no terminator", "error event", "stall"])
def test_without_a_hold_the_caller_sees_the_same_break(fault):
    async def main():
        reply, kind, _ = FAULTS[fault]
        network, house = kept(NO_HOLD, reply)
        call, outcome = await house.ask()
        assert (await read_all(outcome.stream)).startswith(b"+")
        assert outcome.stream.end.failure.kind is kind
        assert who(call) == ["a"]
        await settled(house, network)

    run_virtual(main())


def test_a_reader_that_does_not_say_how_it_ended_is_failed_over():
    async def main():
        network = ScriptedTransport({"a": [replies(b"+")], "b": [replies(b"+b.")]})
        lax, strict = wired("a", network, stream=True, lazy=True), wired("b", network, stream=True)
        house = House([lax], [strict], policy=Policy(hold=ALL), stream=True)
        call, outcome = await house.ask()
        assert await read_all(outcome.stream) == b"+b."
        assert "does not say how" in call.attempts[0].failure.message
        await settled(house, network)

    run_virtual(main())


def test_so_many_tokens_are_kept_back_and_then_given_at_once_and_the_rest_as_it_comes():
    async def main():
        network, house = kept(Hold(tokens=3), replies(b"+", 1.0, b" ", 1.0, b"+", 1.0, b"+", 1.0, b"+", 1.0, b"."))
        _, outcome = await house.ask()
        seen = []
        while piece := await outcome.stream.read():
            seen.append((house.clock.now(), piece))
        assert seen == [(3.0, b"+ ++"), (4.0, b"+"), (5.0, b".")]
        await settled(house, network)

    run_virtual(main())


def test_for_so_long_is_kept_back_also_when_nothing_comes_in_that_moment_and_no_byte_is_lost_or_doubled():
    async def main():
        network, house = kept(Hold(seconds=2.0), replies(b" ", 1.0, b"+1", 0.5, b"+2", 4.0, b"+3", 1.0, b"."))
        _, outcome = await house.ask()
        seen = []
        while piece := await outcome.stream.read():
            seen.append((house.clock.now(), piece))
        assert seen == [(3.0, b" +1+2"), (5.5, b"+3"), (6.5, b".")]
        assert outcome.stream.end.ending is Ending.COMPLETE
        await settled(house, network)

    run_virtual(main())


def test_where_tokens_and_seconds_are_asked_for_both_have_passed():
    async def main():
        for hold, script, at in [
            (Hold(tokens=2, seconds=3.0), [b"++", 1.0, b"+", 4.0, b"."], 3.0),
            (Hold(tokens=3, seconds=1.0), [b"+", 2.0, b"+", 2.0, b"+", 2.0, b"."], 4.0),
        ]:
            network, house = kept(hold, replies(*script))
            begun = house.clock.now()
            _, outcome = await house.ask()
            assert house.clock.now() - begun == at
            assert (await read_all(outcome.stream)).count(b"+") == 3
            await settled(house, network)

    run_virtual(main())


def test_all_of_an_answer_is_kept_back_until_it_is_whole():
    async def main():
        network, house = kept(ALL, replies(b" +", 3.0, b"+", 3.0, b"$", 3.0, b"."))
        call, outcome = await house.ask()
        assert house.clock.now() == 9.0
        assert await outcome.stream.read() == b" ++$."
        assert await outcome.stream.read() == b""
        assert outcome.stream.end.ending is Ending.COMPLETE
        assert (call.attempts[0].failure, call.attempts[0].usage.output_tokens) == (None, 6)
        await settled(house, network)

    run_virtual(main())


def test_a_short_answer_does_not_wait_for_the_hold_to_be_over():
    async def main():
        for hold in HOLDS.values():
            network, house = kept(hold, replies(b"+", 1.0, b"+."))
            begun = house.clock.now()
            _, outcome = await house.ask()
            assert house.clock.now() - begun == 1.0
            assert await read_all(outcome.stream) == b"++."
            await settled(house, network)

    run_virtual(main())


@pytest.mark.parametrize("hold", HOLDS)
def test_no_more_is_kept_back_than_memory_allows_and_then_the_stream_is_the_callers(hold, monkeypatch):
    monkeypatch.setattr(holding, "MOST_HELD", 100)

    async def main():
        network, house = kept(HOLDS[hold], replies(b"+", 1.0, b" " * 99, 1.0, b" ", 1.0, b"+", close=Close.CUT))
        call, outcome = await house.ask()
        assert house.clock.now() == 2.0
        assert len(await outcome.stream.read()) == 101
        assert await read_all(outcome.stream) == b"+"
        assert outcome.stream.end.ending is Ending.FAILED
        assert who(call) == ["a"]
        await settled(house, network)

    assert holding.MOST_HELD == 100
    run_virtual(main())


def test_the_most_that_is_kept_back_is_a_mebibyte():
    assert holding.MOST_HELD == 1024 * 1024


@pytest.mark.parametrize("hold", [NO_HOLD, Hold(), ALL, Hold(tokens=2), Hold(seconds=1.0)], ids=repr)
def test_content_is_counted_only_where_its_count_decides_and_a_task_is_made_only_to_wait_for_a_moment(hold):
    async def main():
        loop = asyncio.get_running_loop()
        tasks: list[object] = []
        loop.set_task_factory(lambda loop, work, **more: tasks.append(work) or asyncio.Task(work, loop=loop, **more))
        readers: list[LinesReader] = []
        network, house = kept(hold, replies(b"+", 0.5, b"+", 0.5, b"+", 0.5, b"."))
        codec = house.providers["a"].executor._codecs["ask"]
        codec.reader = lambda *_: readers.append(LinesReader()) or readers[-1]
        call, outcome = await house.ask()
        assert await read_all(outcome.stream) == b"+++."
        loop.set_task_factory(None)
        assert call.attempts[0].timer.phase == ("stream" if hold else "first_content")
        assert readers[0].tokens == hold.tokens
        assert not readers[0].counting  # nobody asks any more
        assert bool(tasks) == (hold.seconds > 0)
        await settled(house, network)

    run_virtual(main())


def test_what_the_provider_had_reported_is_recorded_with_the_attempt_that_failed():
    async def main():
        for reply in (replies(b"+$", 1.0, close=Close.CUT), replies(b"+$", close=Close.HANG), replies(b"+$", b"!")):
            network, house = kept(ALL, reply)
            call, outcome = await house.ask()
            await read_all(outcome.stream)
            assert [attempt.usage.output_tokens for attempt in call.attempts] == [6, 2]
            await settled(house, network)

    run_virtual(main())


def test_a_caller_that_leaves_while_a_stream_is_kept_back_is_recorded_with_the_usage_so_far():
    async def main():
        network, house = kept(ALL, replies(b"+$", close=Close.HANG))
        call = house.call()
        task = asyncio.create_task(house.run(call))
        await house.clock.sleep(1.0)
        task.cancel()
        await asyncio.wait({task})
        (attempt,) = call.attempts
        assert (attempt.cancelled, attempt.usage.output_tokens) == (True, 6)
        assert house.said.of(CallEnded)[0].code == "cancelled"
        await settled(house, network)

    run_virtual(main())


def test_the_deadline_counts_to_the_first_content_only():
    async def main():
        network, house = kept(ALL, replies(b" ", 0.5, b"+", 4.0, b"+", 4.0, b"."), deadline=1.0)
        _, outcome = await house.ask()
        assert await read_all(outcome.stream) == b" ++."
        await settled(house, network)

    run_virtual(main())


def test_an_answer_that_breaks_after_the_deadline_is_asked_for_nowhere_else():
    async def main():
        network, house = kept(ALL, replies(b"+", 4.0, close=Close.CUT), deadline=1.0)
        call, outcome = await house.ask()
        assert isinstance(outcome.refusal, DeadlineExceeded)
        assert who(call) == ["a"]
        await settled(house, network)

    run_virtual(main())


def test_the_limits_of_a_stream_count_once_from_its_first_content_whatever_is_kept_back():
    """A stall is measured from the last byte, and the whole from the first content: a hold prolongs neither."""

    async def main():
        limits = Limits(first_byte=5.0, first_content=5.0, idle=5.0, stream=12.0)
        for script, at, message in [
            ((b" ", 1.0, b"+", 4.0, b"+", 4.0, b"+", 4.0, b"+", 4.0, b"+"), 13.0, "longer than the limit of 12 s"),
            ((b" ", 1.0, b"+", 1.0, b"+", 60.0), 7.0, "stalled for more than 5 s"),
        ]:
            network, house = kept(Hold(seconds=3.0), replies(*script), limits=limits)
            begun = house.clock.now()
            _, outcome = await house.ask()
            assert house.clock.now() - begun == 4.0
            await read_all(outcome.stream)
            assert message in outcome.stream.end.failure.message
            assert house.clock.now() - begun == at
            await settled(house, network)

    run_virtual(main())


def test_a_probe_has_found_out_with_the_first_content_and_others_need_not_wait_for_what_is_kept_back():
    """Nor may its lease run out: a long answer that is kept back is no probe that was lost."""

    async def main():
        network, house = kept(ALL, replies(b"+", *[b"+", 4.0] * 20, b"."))
        house.open_breaker("a")
        await house.clock.sleep(house.breaker.open_for)
        task = asyncio.create_task(house.ask())
        await house.clock.sleep(1.0)
        assert house.state("a") == ("closed", "closed")
        other, outcome = await house.ask()
        assert who(other) == ["a"]
        await read_all(outcome.stream)
        _, outcome = await task
        await read_all(outcome.stream)
        await settled(house, network)

    run_virtual(main())


def test_the_request_goes_before_the_alias_and_the_alias_before_the_policy():
    _, house = kept(Hold(tokens=1), holds={"never": NO_HOLD, "always": ALL})
    wishes = CallOptions(hold=Hold(tokens=9)), CallOptions(hold=NO_HOLD), CallOptions(), None
    assert [[hold_of(house.parts, model, options) for options in wishes] for model in ("always", "never", "other")] == [
        [Hold(tokens=9), NO_HOLD, ALL, ALL],
        [Hold(tokens=9), NO_HOLD, NO_HOLD, NO_HOLD],
        [Hold(tokens=9), NO_HOLD, Hold(tokens=1), Hold(tokens=1)],
    ]


def test_what_is_asked_for_is_what_a_stream_gets():
    async def main():
        for options, holds, at in [
            ({}, {}, 0.0),
            ({}, {"m": Hold(tokens=2)}, 1.0),
            ({"hold": ALL}, {"m": Hold(tokens=2)}, 2.0),
            ({"hold": NO_HOLD}, {"m": ALL}, 0.0),
        ]:
            network, house = kept(NO_HOLD, replies(b"+", 1.0, b"+", 1.0, b"."), holds=holds)
            begun = house.clock.now()
            _, outcome = await house.ask(**options)
            assert house.clock.now() - begun == at
            assert await read_all(outcome.stream) == b"++."
            await settled(house, network)

    run_virtual(main())


def test_an_answer_that_is_no_stream_has_nothing_to_keep_back():
    async def main():
        house = House([wired("a", ScriptedTransport({"a": [replies(b"whole")]}))], policy=Policy(hold=ALL))
        call, outcome = await house.ask(hold=ALL)
        assert outcome.answer == b"whole"
        assert call.hold is NO_HOLD

    run_virtual(main())


# --- the read that goes on when the time of a hold is over -----------------------------------------------------------


def test_however_the_moments_fall_there_is_one_reader_and_the_time_is_kept(monkeypatch):
    """A timer may ring a hair early, and 0.1 + 0.2 is not 0.3: neither may begin a second read or turn in circles."""
    reading: set[int] = set()
    read_chunk = ScriptedResponse.read_chunk

    async def alone(response):
        assert id(response) not in reading
        reading.add(id(response))
        try:
            return await read_chunk(response)
        finally:
            reading.discard(id(response))

    monkeypatch.setattr(ScriptedResponse, "read_chunk", alone)
    dice = random.Random(3)

    async def main():
        for _ in range(300):
            hold = Hold(seconds=dice.choice([0.1, 0.3, 0.7, dice.random() * 3 + 0.001]), tokens=dice.choice([0, 0, 3]))
            pauses = [dice.choice([0.1, 0.2, 0.3, dice.random()]) for _ in range(6)]
            network, house = kept(hold, replies(b"+", *[part for pause in pauses for part in (pause, b"+")], b"."))
            await house.clock.sleep(dice.random() * 1000)
            begun = house.clock.now()
            _, outcome = await house.ask()
            enough = sum(pauses[: hold.tokens - 1]) if hold.tokens else 0.0
            assert house.clock.now() - begun == pytest.approx(min(max(hold.seconds, enough), sum(pauses)), abs=1e-6)
            assert await read_all(outcome.stream) == b"+++++++."
            assert outcome.stream.end.ending is Ending.COMPLETE
            await settled(house, network)

    run_virtual(main())


def test_a_read_that_nobody_could_wait_for_goes_on_until_somebody_can():
    async def main():
        network = ScriptedTransport({"a": [replies(2.0, b"+", 2.0, b"+")]})
        response = await network.send(WireRequest("POST", "http://a/", {}), connect=1.0, allow_private=True)
        stream = OpenedStream(response, LinesReader(), QUICK)
        assert [await stream.next_chunk(0.5) for _ in range(5)] == [None, None, None, b"+", None]
        assert await stream.next_chunk() == b"+"
        assert asyncio.get_running_loop().time() == 4.0
        stream.cancel()

    run_virtual(main())


def test_a_timer_that_rings_early_has_rung():
    """Those of uvloop may do so by a millisecond, which must not be spent in circles."""

    class Early(OpenedStream):
        async def next_chunk(self, patience=None):
            return None

    async def main():
        network = ScriptedTransport({"a": [replies(b"+")]})
        response = await network.send(WireRequest("POST", "http://a/", {}), connect=1.0, allow_private=True)
        stream = Early(response, LinesReader(), QUICK)
        assert await holding.hold_back(Hold(seconds=2.0), stream, LinesReader(), bytearray()) is None
        assert asyncio.get_running_loop().time() == 0.0
        stream.cancel()

    run_virtual(main())


def test_a_stream_that_is_left_while_its_read_goes_on_leaves_no_task_and_no_complaint():
    async def main():
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        for reply in (replies(b"+", close=Close.HANG), replies(b"+", 3.0, close=Close.CUT), replies(b"+", 3.0, b"+")):
            for wait in (0.0, 0.5, 4.0):
                network, house = kept(Hold(seconds=2.0), reply)
                _, outcome = await house.ask()
                await house.clock.sleep(wait)
                outcome.stream.cancel()
                assert outcome.stream.end.ending is Ending.CANCELLED
                await settled(house, network)
                assert await outcome.stream.read() in {b"", b"+"}
        gc.collect()
        await asyncio.sleep(0)
        assert complaints == []

    run_virtual(main())


def test_a_read_that_fails_after_the_hold_ends_the_stream_as_failed():
    async def main():
        for reply, message in [
            (replies(b"+", 3.0, close=Close.CUT), "the stream was cut"),
            (replies(b"+", close=Close.HANG), "stalled for more than 5 s"),
            (replies(b"+", 3.0), "no terminator"),
        ]:
            network, house = kept(Hold(seconds=2.0), reply)
            _, outcome = await house.ask()
            assert await read_all(outcome.stream) == b"+"
            assert message in outcome.stream.end.failure.message
            await settled(house, network)

    run_virtual(main())


# --- answers that have come whole, and do not say so -----------------------------------------------------------------

HANG = Close.HANG
UNTOLD = {
    "silence": (replies(b"+", b"/", close=HANG), b"+/.", 1.0),
    "noise without end": (replies(b"+", b"/", *[0.4, b" "] * 1000), b"+/  .", 1.0),
    "a cut": (replies(b"+", b"/", 0.5, close=Close.CUT), b"+/.", 0.5),
    "a proper end": (replies(b"+", b"/", 0.5), b"+/.", 0.5),
    "usage, then silence": (replies(b"+", b"/", 0.5, b"$", close=HANG), b"+/$.", 1.0),
    "everything, late": (replies(b"+", b"/", 0.5, b"$", 0.4, b".", close=HANG), b"+/$.", 0.95),
}


@pytest.mark.parametrize("case", UNTOLD)
@pytest.mark.parametrize("hold", [NO_HOLD, ALL, Hold(tokens=10), Hold(seconds=20.0), Hold(seconds=0.7)], ids=repr)
def test_an_answer_whose_end_is_not_told_is_whole_within_a_second(hold, case):
    async def main():
        reply, text, seconds = UNTOLD[case]
        network, house = kept(hold, reply)
        call, outcome = await house.ask()
        assert await read_all(outcome.stream) == text
        assert outcome.stream.end.ending is Ending.COMPLETE
        assert house.clock.now() <= seconds + 0.051
        assert who(call) == ["a"]
        await settled(house, network)

    run_virtual(main())


# --- hanging up ------------------------------------------------------------------------------------------------------

CANCELLED = {
    "all": (ALL, [replies(b" ", 1.0, b"+", 1.0, b"+", 1.0, b".", 0.01, after=1.0)]),
    "all, failed over": (ALL, [replies(b"+", 1.0, b"+", close=Close.CUT)]),
    "all, stalled": (ALL, [replies(b"+", 1.0, b"+", close=HANG)]),
    "all, never told": (ALL, [replies(b"+", 1.0, b"/", close=HANG)]),
    "tokens": (Hold(tokens=2), [replies(b"+", 1.0, b"+", 1.0, b"+", 1.0, b".")]),
    "seconds": (Hold(seconds=1.5), [replies(b"+", 1.0, b"+", 1.0, b"+", 1.0, b".")]),
    "seconds, cut later": (Hold(seconds=1.5), [replies(b"+", 1.0, b"+", 1.0, close=Close.CUT)]),
    "seconds, failed over": (Hold(seconds=9.0), [replies(b"+", 1.0, b"+!")]),
    "seconds, stalled": (Hold(seconds=1.5), [replies(b"+", close=HANG)]),
}


@pytest.mark.parametrize("case", CANCELLED)
def test_cancelled_at_any_await_a_stream_that_is_kept_back_leaves_nothing(case):
    async def main():
        hold, script = CANCELLED[case]
        made = []

        async def work():
            network, house = kept(hold, *script)
            made.append((house, network))
            _, outcome = await house.ask()
            try:
                while await outcome.stream.read():
                    await house.clock.sleep(0.01)
            finally:
                outcome.stream.cancel()

        runs = 0
        async for trial in at_every_await(work):
            house, network = made[-1]
            await settled(house, network)
            (ended,) = house.said.of(CallEnded)
            assert (ended.code == "cancelled") <= (not trial.finished)
            runs += 1
        assert runs >= 4

    run_virtual(main())
