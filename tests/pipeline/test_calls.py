"""The layers around a call: who is let in, and what everyone hears of its end."""

import asyncio

import pytest

from pipeline.house import House, operation, provider
from segue.core.errors import Overloaded, RequestInvalid, UnknownModel
from segue.core.failure import Failure, Kind
from segue.core.signals import AttemptEnded, CallEnded
from segue.pipeline.call_layers import make_plan
from segue.pipeline.order import compose
from segue.pipeline.parts import Parts, Policy
from segue.testing import ScriptedProvider, answers, fails, run_virtual, streams


def test_too_many_calls_at_once_are_refused_at_once_and_may_be_sent_again():
    async def main():
        house = House([provider("a", ScriptedProvider(then=answers(after=1.0)))], gate=10)
        results = await asyncio.gather(*(house.ask() for _ in range(15)))
        refusals = [outcome.refusal for _, outcome in results if not outcome.ok]
        assert len(refusals) == 5
        for refusal in refusals:
            assert isinstance(refusal, Overloaded)
            assert (refusal.status, refusal.code, refusal.should_retry) == (503, "segue_overloaded", True)
            assert refusal.retry_after == 1.0
            assert refusal.call_id
        assert (await house.ask())[1].ok
        house.assert_nothing_is_left()

    run_virtual(main())


def test_an_open_stream_is_a_call_under_way():
    async def main():
        house = House([provider("a", ScriptedProvider(then=streams(b"x")))], gate=1)
        _, first = await house.ask()
        assert isinstance((await house.ask())[1].refusal, Overloaded)
        first.stream.cancel()
        assert (await house.ask())[1].ok

    run_virtual(main())


def test_a_gate_that_is_closed_lets_nobody_in_and_everybody_out():
    async def main():
        house = House([provider("a", ScriptedProvider(then=answers(after=1.0)))])
        under_way = asyncio.create_task(house.ask())
        await house.clock.sleep(0.5)
        house.gate.closed = True
        _, outcome = await house.ask()
        assert isinstance(outcome.refusal, Overloaded)
        assert "stopping" in outcome.refusal.message
        assert (await under_way)[1].ok
        house.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize(
    ("script", "code", "status"),
    [
        (answers(), "ok", 200),
        (fails(Kind.NOT_FOUND), "not_found", 404),
        (fails(Kind.AUTH), "provider_auth", 502),
        (streams(b"x"), "ok", 200),
        (streams(b"x", cut=Failure(Kind.STREAM_CUT, "cut")), "stream_cut", 200),
        (streams(b"x", cut=Failure(Kind.OVERLOADED, "told")), "overloaded", 200),
    ],
)
def test_the_end_of_a_call_is_told_once_with_its_code(script, code, status):
    async def main():
        house = House([provider("a", ScriptedProvider(then=script))], policy=Policy(retries=0))
        call, outcome = await house.ask()
        while outcome.stream is not None and await outcome.stream.read():
            pass
        house.assert_nothing_is_left()
        (ended,) = house.said.of(CallEnded)
        assert ended.call is call
        return ended.code, ended.status

    assert run_virtual(main()) == (code, status)


def test_each_attempt_is_told_once_before_its_call():
    async def main():
        house = House([provider("a", ScriptedProvider([fails(Kind.SERVER_ERROR, after=2.0)], then=answers(after=3.0)))])
        await house.ask()
        return house.said

    said = run_virtual(main())
    assert [type(record) for record in said.records] == [AttemptEnded, AttemptEnded, CallEnded]
    assert [ended.attempt.elapsed for ended in said.of(AttemptEnded)] == [2.0, pytest.approx(3.0)]
    assert said.of(CallEnded)[0].elapsed >= 5.0


def test_a_defect_in_segue_itself_is_told_as_one_and_leaves_nothing():
    async def main():
        house = House([provider("a")])

        def broken(_name):
            raise ZeroDivisionError

        parts = house.parts
        run = compose(
            Parts(parts.operation, parts.policy, broken, parts.clock, parts.chance, parts.signals, parts.gate)
        )
        with pytest.raises(ZeroDivisionError):
            await run(house.call())
        (ended,) = house.said.of(CallEnded)
        assert (ended.code, ended.status) == ("internal_error", 500)
        house.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize(("wanted", "takes"), [(2.0, 2.0), (1000.0, 30.0), (float("nan"), 30.0), (float("inf"), 30.0)])
def test_the_deadline_is_the_policys_or_less_and_never_more(wanted, takes):
    async def main():
        house = House([provider("a", ScriptedProvider(then=answers(after=500.0)))])
        _, outcome = await house.ask(deadline=wanted)
        assert outcome.refusal.code == "deadline_exceeded"
        return house.clock.now()

    assert run_virtual(main()) == takes


def test_an_unknown_fallback_is_refused_and_named_as_one():
    def resolve(name):
        if name != "m":
            raise UnknownModel(f"the model {name!r} does not exist", param="model")
        return ()

    async def main():
        house = House()
        parts = Parts(operation(), Policy(), resolve, house.clock, house.chance, house.signals, house.gate)
        call = house.call(fallbacks=("nope",))
        call.features = operation().analyse("?")
        with pytest.raises(UnknownModel) as caught:
            make_plan(parts, call)
        assert caught.value.param == "fallbacks"
        assert caught.value.message == "fallback: the model 'nope' does not exist"
        outcome = await compose(parts)(house.call(fallbacks=("nope",)))
        assert isinstance(outcome.refusal, UnknownModel)
        assert not isinstance(outcome.refusal, RequestInvalid)

    run_virtual(main())


def test_a_listener_that_fails_harms_no_call():
    async def main():
        house = House([provider("a")])

        def broken(_record):
            raise RuntimeError("a listener's defect")

        house.signals.subscribe(CallEnded, broken)
        assert (await house.ask())[1].ok
        assert house.signals.errors == 1
        house.assert_nothing_is_left()

    run_virtual(main())
