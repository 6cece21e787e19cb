"""The executor of all wire adapters: what it sends, reads, passes on and gives back."""

import asyncio

import pytest

from pipeline.house import QUICK, House, provider, who
from pipeline.wires import read_all, wired
from segue.core.call import Attempt
from segue.core.failure import Executed, Kind
from segue.core.outcome import Ending
from segue.core.ports import Limits
from segue.pipeline import wire
from segue.pipeline.attempt_layers import attempt_timeout
from segue.pipeline.parts import Policy
from segue.testing import Close, ScriptedTransport, refuses, replies, run_virtual, stalls

PATIENT = Policy(limits=QUICK, deadline=300.0)


def lines(script, *, b=(), policy=PATIENT, **codec):
    network = ScriptedTransport({"a": script, "b": b or [replies(b"from b")]})
    house = House([wired("a", network, **codec)], [wired("b", network)], policy=policy)
    return network, house


def test_an_answer_comes_back_whole_with_its_usage_and_the_connection_is_given_back():
    async def main():
        network, house = lines([replies(b"one ", 0.5, b"two", after=1.0)])
        call, outcome = await house.ask()
        assert outcome.answer == b"one two"
        assert call.attempts[0].usage.input_tokens == 3
        assert call.attempts[0].first_byte == pytest.approx(1.0)
        assert call.attempts[0].elapsed == pytest.approx(1.5)
        assert not network.open
        house.assert_nothing_is_left()

    run_virtual(main())


FAULTS = {
    "refused": (refuses(), Kind.CONNECT),
    "an error status": (replies(b"no", status=500), Kind.SERVER_ERROR),
    "a cut body": (replies(b"ha", close=Close.CUT), Kind.CONNECTION_LOST),
    "silence": (stalls(), Kind.TIMEOUT),
    "a body that stalls": (replies(b"ha", close=Close.HANG), Kind.TIMEOUT),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_the_network_is_failed_over_and_leaves_no_connection(fault):
    async def main():
        reply, kind = FAULTS[fault]
        network, house = lines([reply], policy=Policy(limits=QUICK, deadline=300.0, retries=0))
        call, outcome = await house.ask()
        assert outcome.answer == b"from b"
        assert call.attempts[0].failure.kind is kind
        assert not network.open
        house.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize(
    ("headers", "hint"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:26 GMT"}, 6.0),
        ({"retry-after": "Tue, 14 Nov 2000 22:13:26 GMT"}, 0.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "NaN"}, None),
        ({"retry-after": "9" * 500}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms_and_garbage_is_ignored(headers, hint):
    async def main():
        _, house = lines([replies(status=429, headers=headers)])
        call, outcome = await house.ask()
        assert outcome.ok
        return call.attempts[0].failure.retry_after

    assert run_virtual(main()) == (None if hint is None else pytest.approx(hint))


def test_what_the_format_says_of_a_wait_goes_before_the_headers():
    async def main():
        _, house = lines([replies(b"hint 4", status=429, headers={"retry-after": "9"})])
        call, _ = await house.ask()
        return call.attempts[0].failure.retry_after

    assert run_virtual(main()) == 4.0


@pytest.mark.parametrize(("word", "attempts"), [("false", 1), ("true", 3)])
def test_x_should_retry_false_is_obeyed(word, attempts):
    async def main():
        network = ScriptedTransport({"a": [replies(status=500, headers={"x-should-retry": word})]})
        house = House([wired("a", network)], policy=PATIENT)
        call, _ = await house.ask()
        return len(call.attempts)

    assert run_virtual(main()) == attempts


def test_what_a_provider_cannot_express_was_surely_not_executed_and_goes_elsewhere():
    async def main():
        network, house = lines([replies(b"never")], cannot=True)
        call, outcome = await house.ask()
        assert outcome.answer == b"from b"
        assert len(network.requests) == 1
        return call.attempts[0].failure

    failure = run_virtual(main())
    assert (failure.kind, failure.executed) == (Kind.UNSUPPORTED, Executed.NO)


def test_an_answer_beyond_every_size_is_cut_off(monkeypatch):
    monkeypatch.setattr(wire, "MAX_ANSWER", 10)

    async def main():
        network, house = lines([replies(*[b"12345"] * 3)])
        call, outcome = await house.ask()
        assert outcome.answer == b"from b"
        assert not network.open
        return call.attempts[0].failure.kind

    assert run_virtual(main()) is Kind.BAD_RESPONSE


# --- streams ---------------------------------------------------------------------------------------------------------

UNCOMMITTED = {
    "refused": (refuses(), Kind.CONNECT),
    "an error status": (replies(b"no", status=500), Kind.SERVER_ERROR),
    "HTML": (replies(b"<html>", headers={"content-type": "text/html"}), Kind.BAD_RESPONSE),
    "an error event": (replies(b"  ", b"!"), Kind.OVERLOADED),
    "content and an error in one piece": (replies(b"+!"), Kind.OVERLOADED),
    "an end without content": (replies(b"  "), Kind.STREAM_CUT),
    "a cut": (replies(b"  ", close=Close.CUT), Kind.CONNECTION_LOST),
    "silence": (stalls(), Kind.TIMEOUT),
    "headers and silence": (replies(close=Close.HANG), Kind.TIMEOUT),
    "events without content for ever": (replies(*[b" ", 1.0] * 50), Kind.TIMEOUT),
}


@pytest.mark.parametrize("fault", UNCOMMITTED)
def test_a_stream_that_fails_before_its_content_is_failed_over_unseen(fault):
    async def main():
        reply, kind = UNCOMMITTED[fault]
        network = ScriptedTransport({"a": [reply], "b": [replies(b" +b", b".")]})
        house = House(
            [wired("a", network, stream=True)], [wired("b", network, stream=True)],
            policy=Policy(limits=QUICK, deadline=300.0, retries=0),
        )  # fmt: skip
        call, outcome = await house.ask()
        assert len(network.open) == 1
        assert await read_all(outcome.stream) == b" +b."
        assert call.attempts[0].failure.kind is kind
        assert who(call) == ["a", "b"]
        assert not network.open
        house.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize(
    ("reply", "phase", "seconds"),
    [
        (stalls(), "first_byte", 5.0),
        (replies(close=Close.HANG), "first_content", 8.0),
        (replies(b" ", close=Close.HANG, after=4.9), "first_content", 8.0),
    ],
)
def test_each_phase_before_the_content_has_its_own_limit(reply, phase, seconds):
    async def main():
        limits = Limits(total=99.0, first_byte=5.0, first_content=8.0)
        _, house = lines([reply], stream=True, policy=Policy(limits=limits, deadline=300.0, retries=0))
        call, _ = await house.ask()
        assert f"{seconds:g} s for '{phase}'" in call.attempts[0].failure.message
        return call.attempts[0].elapsed

    assert run_virtual(main()) == seconds


def test_a_stream_is_whole_even_when_its_reader_leaves_during_the_last_moment():
    """Everything was there but the connection's own end."""

    async def main():
        network, house = lines([replies(b"+", b".", close=Close.HANG)], stream=True)
        _, outcome = await house.ask()
        assert await outcome.stream.read() + await outcome.stream.read() == b"+."
        last = asyncio.create_task(outcome.stream.read())
        await house.clock.sleep(0.01)
        last.cancel()
        await asyncio.wait({last})
        assert last.cancelled()
        assert outcome.stream.end.ending is Ending.COMPLETE
        assert not network.open
        house.assert_nothing_is_left()

    run_virtual(main())


def test_an_error_in_the_body_of_a_stream_that_is_none_is_told_rather_than_its_content_type():
    async def main():
        html = replies(b"<html>", headers={"content-type": "text/html"})
        _, house = lines([html], stream=True, unreadable=True, policy=Policy(retries=0))
        call, _ = await house.ask()
        return call.attempts[0].failure.kind

    assert run_virtual(main()) is Kind.SERVER_ERROR


def test_nothing_is_shown_before_the_first_content_and_then_everything():
    async def main():
        _, house = lines([replies(b" ", 2.0, b" ", 2.0, b"+", 1.0, b"+", b".")], stream=True)
        _, outcome = await house.ask()
        assert house.clock.now() == pytest.approx(4.0)
        assert await outcome.stream.read() == b"  +"
        assert await read_all(outcome.stream) == b"+."
        assert outcome.stream.end.ending is Ending.COMPLETE
        assert outcome.stream.end.usage.output_tokens == 2

    run_virtual(main())


def test_a_stream_of_pings_is_given_up_when_too_much_is_held_back(monkeypatch):
    monkeypatch.setattr(wire, "MAX_UNCOMMITTED", 100)

    async def main():
        network, house = lines([replies(*[b" " * 60] * 3)], stream=True)
        call, _ = await house.ask()
        assert not network.open
        return call.attempts[0].failure.kind

    assert run_virtual(main()) is Kind.BAD_RESPONSE


BROKEN = {
    "cut": (replies(b"+", b"+", close=Close.CUT), "the stream was cut"),
    "no terminator": (replies(b"+", b"+"), "no terminator"),
    "an error event": (replies(b"+", b"+", b"!"), "told in the stream"),
    "stalled": (replies(b"+", b"+", close=Close.HANG), "stalled for more than 5 s"),
    "endless": (replies(*[b"+", 4.0] * 100), "longer than the limit of 100 s"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_stream_that_breaks_after_its_content_ends_as_failed_and_asks_nobody_else(fault):
    """A cut answer that looks whole would be stored as the whole."""

    async def main():
        reply, message = BROKEN[fault]
        network, house = lines([reply], stream=True)
        call, outcome = await house.ask()
        assert (await read_all(outcome.stream)).startswith(b"++")
        end = outcome.stream.end
        assert end.ending is Ending.FAILED
        assert message in end.failure.message
        assert await outcome.stream.read() == b""
        assert who(call) == ["a"]
        assert call.attempts[0].failure is end.failure
        assert not network.open
        house.assert_nothing_is_left()

    run_virtual(main())


def test_a_reader_that_does_not_say_how_it_ended_ends_as_failed():
    """A lax format of a plugin must neither loop for ever nor look like a whole answer."""

    async def main():
        _, house = lines([replies(b"+", b"+")], stream=True, lazy=True)
        _, outcome = await house.ask()
        assert await read_all(outcome.stream) == b"++"
        assert outcome.stream.end.ending is Ending.FAILED
        _, house = lines([replies(b" ")], stream=True, lazy=True)
        call, _ = await house.ask()
        assert call.attempts[0].failure.kind is Kind.STREAM_CUT

    run_virtual(main())


def test_a_reader_that_raises_settles_everything():
    async def main():
        network, house = lines([replies(b"+", b"?")], stream=True)
        _, outcome = await house.ask()
        await outcome.stream.read()
        with pytest.raises(ZeroDivisionError):
            await outcome.stream.read()
        assert outcome.stream.end.ending is Ending.CANCELLED
        assert not network.open
        house.assert_nothing_is_left()

    run_virtual(main())


def test_a_timeout_that_is_not_ours_is_a_defect_and_settles_everything(monkeypatch):
    """A transport's own `TimeoutError` must not be taken for a stall of so many seconds."""

    async def main():
        network, house = lines([replies(b"+", b"+")], stream=True)
        _, outcome = await house.ask()
        await outcome.stream.read()

        async def raises():
            raise TimeoutError("the transport's own")

        (response,) = network.open
        monkeypatch.setattr(response, "read_chunk", raises)
        with pytest.raises(TimeoutError, match="own"):
            await outcome.stream.read()
        assert not network.open
        house.assert_nothing_is_left()

    run_virtual(main())


def test_a_layer_that_raises_a_timeout_of_its_own_is_no_timeout_of_the_provider():
    async def main():
        house = House([provider("a")])

        async def raises(call, attempt):
            raise TimeoutError("a layer's own")

        timed = attempt_timeout(house.parts, raises)
        with pytest.raises(TimeoutError, match="own"):
            await timed(house.call(), Attempt(house.targets["a"].candidates[0]))

    run_virtual(main())


def test_after_the_terminator_the_connection_gets_a_moment_and_no_more():
    async def main():
        for reply in (replies(b"+", b".", close=Close.HANG), replies(b"+", b".", close=Close.CUT), replies(b"+.")):
            network, house = lines([reply], stream=True)
            begun = house.clock.now()
            _, outcome = await house.ask()
            await read_all(outcome.stream)
            assert outcome.stream.end.ending is Ending.COMPLETE
            assert house.clock.now() - begun <= 0.0501
            assert not network.open

    run_virtual(main())


def test_the_end_of_a_stream_is_told_once_to_each_from_the_inside_out():
    async def main():
        _, house = lines([replies(b"+", b".")], stream=True)
        _, outcome = await house.ask()
        told = []
        for name in ("inner", "middle", "outer"):
            outcome.stream.on_end(lambda end, name=name: told.append((name, end.ending)))
        await read_all(outcome.stream)
        outcome.stream.cancel()
        await outcome.stream.read()
        assert told == [(name, Ending.COMPLETE) for name in ("inner", "middle", "outer")]
        outcome.stream.on_end(lambda end: told.append("late"))
        assert told[-1] == "late"
        kinds = [type(record).__name__ for record in house.said.records]
        assert kinds == ["AttemptEnded", "CallEnded"]

    run_virtual(main())


def test_the_deadline_of_a_stream_holds_until_its_first_content_only():
    async def main():
        _, house = lines([replies(b"+", 4.0, b"+", 4.0, b".")], stream=True)
        _, outcome = await house.ask(deadline=1.0)
        assert await read_all(outcome.stream) == b"++."
        return house.clock.now()

    assert run_virtual(main()) > 7.9


def test_leaving_a_stream_closes_the_connection_and_settles():
    async def main():
        network, house = lines([replies(b"+", b"+", close=Close.HANG)], stream=True)
        call, outcome = await house.ask()
        assert outcome.stream.end is None
        await outcome.stream.read()
        outcome.stream.cancel()
        assert outcome.stream.end.ending is Ending.CANCELLED
        assert call.attempts[0].cancelled
        assert not network.open
        house.assert_nothing_is_left()

    run_virtual(main())
