"""A usual call is told of by one record, and written and counted as if it had been told of by two."""

import random
from typing import Any

import pytest
from sqlalchemy import text

from backends.made import CHAT, candidate
from segue.backends.store.call_log import CallLog
from segue.backends.store.store import Store
from segue.backends.telemetry.metrics import Metrics
from segue.core.call import Attempt, Call, Caller
from segue.core.features import Features
from segue.core.money import Charge, Cost
from segue.core.outcome import Usage
from segue.core.provider import Candidate
from segue.core.signals import Answered, AttemptEnded, CallEnded, Signals, unheard
from segue.testing.clock import FakeClock

GPT, LLAMA = candidate("openai", "gpt-4o", "key-2"), candidate("groq", "llama")
DOLLARS = Charge(Cost(1_234_567, "USD"), (), "catalogue", "2026-11-20")


class Told(Answered):
    """One that was not answered by a provider."""

    __slots__ = ()

    def call(self) -> Call:
        made = Call(
            id=self.id,
            operation=CHAT,
            request={},
            started=self.started,
            started_wall=self.started_wall,
            caller=self.caller,
            surface=self.surface,
        )
        made.features = Features(model=self.model)
        only = Attempt(self.candidate)
        only.started, only.elapsed, only.first_byte = self.sent, self.ended - self.sent, self.first_byte
        only.usage, only.charge, only.ended = self.usage, self.charge, True
        made.attempts.append(only)
        made.answered_by = self.candidate
        return made


def told(
    number: int = 1, by: Candidate = GPT, *, usage: Usage | None = None, charge: Charge | None = None, **changes: Any
):
    made = Told()
    values = {
        "id": f"call_{number:08d}", "operation": "chat", "surface": "openai", "caller": Caller("key_1", "team-a"),
        "model": "smart", "started": 1000.0, "started_wall": 1_700_000_000.25 + number, "sent": 1000.0001,
        "first_byte": 0.2, "ended": 1000.25,
    }  # fmt: skip
    for name, value in (values | changes).items():
        setattr(made, name, value)
    made.candidate, made.usage, made.charge = by, usage or Usage(10, 20), charge
    return made


async def rows(signals: list[Told], tmp_path: Any, *, spelt_out: bool, together: bool = True) -> list[Any]:
    """What the tables hold after these calls were recorded."""
    store = await Store.open(f"sqlite:///{tmp_path}/{spelt_out}{together}.db")
    log = CallLog(store, FakeClock())
    try:
        for one in signals:
            if spelt_out:
                log.record(one.ended_call())
            else:
                log.record_answered(one)
            if not together:
                assert await log.flush()
        assert await log.flush()
        async with store.read() as connection:
            calls = (await connection.execute(text("SELECT * FROM calls ORDER BY id"))).all()
            attempts = (await connection.execute(text("SELECT * FROM attempts ORDER BY call_id, number"))).all()
        assert (log.dropped, log.errors) == (0, 0)
        return [*map(tuple, calls), *map(tuple, attempts)]
    finally:
        await log.close()
        await store.close()


STRANGE = [
    told(1),
    told(2, charge=DOLLARS),
    told(3, LLAMA),
    told(4, usage=Usage(None, 20)),
    told(5, usage=Usage(10, None)),
    told(6, usage=Usage(0, 0)),
    told(7, usage=Usage(-5, 20)),
    told(8, usage=Usage(2**70, 2**63)),
    told(9, usage=Usage(2**63 - 1, 1), charge=DOLLARS),
    told(10, charge=Charge(Cost(2**70, "USD"), (), "catalogue", "2026-11-20")),
    told(11, caller=Caller("key_2", "team-b")),
    told(12, caller=Caller("key_1", "renamed")),
    told(13, model="größe"),
    told(14, model="a" * 5000),
    told(15, surface="library"),
    told(16, sent=999.0),
    told(17, ended=999.0),
    told(18, ended=1000.0 + 10**9),
    told(19, first_byte=0.0, sent=1000.0, ended=1000.0),
    told(20, charge=Charge(Cost(0, "EUR"), (), "own", "2026-11-20")),
    told(21, caller=Caller("", "anyone", admin=True)),
    told(22, model="with 'quotes' and \x00"),
]


async def test_each_row_is_the_one_that_the_usual_way_writes(tmp_path: Any) -> None:
    assert await rows(STRANGE, tmp_path, spelt_out=False) == await rows(STRANGE, tmp_path, spelt_out=True)


def many(number: int, seed: int) -> list[Told]:
    chance = random.Random(seed)
    return [
        told(
            each,
            chance.choice([GPT, GPT, GPT, LLAMA]),
            caller=Caller(f"key_{chance.randrange(3)}", "team"),
            model=chance.choice(["smart", "smart", "quick"]),
            charge=chance.choice([None, DOLLARS, Charge(Cost(each, "USD"), (), "catalogue", "2026-11-20")]),
            usage=Usage(chance.choice([None, 0, 7, 10**6]), chance.randrange(1000)),
            sent=(sent := 1000 + chance.random() / 1000),
            first_byte=(first := chance.random()),
            ended=sent + first + chance.random() / 100,
            started_wall=1_700_000_000 + chance.random() * 1000,
        )
        for each in range(number)
    ]


@pytest.mark.parametrize("number", [1, 2, 9, 10, 11, 30, 61, 251, 1001, 2500])
async def test_few_and_many_of_several_callers_in_one_batch_are_written_alike(number: int, tmp_path: Any) -> None:
    signals = many(number, number)
    quick = await rows(signals, tmp_path, spelt_out=False)
    assert len(quick) == number
    assert quick == await rows(signals, tmp_path, spelt_out=True)


async def test_halves_of_milliseconds_are_rounded_alike_but_for_a_last_millisecond(tmp_path: Any) -> None:
    """Python rounds halves to the even number, SQLite away from zero: no more than that may differ."""
    signals = [
        told(each, started=0.0, sent=each / 2000, first_byte=each / 2000, ended=each / 1000 + 0.0005)
        for each in range(1, 200)
    ]
    quick, usual = await rows(signals, tmp_path, spelt_out=False), await rows(signals, tmp_path, spelt_out=True)
    for one, other in zip(quick, usual, strict=True):
        for value, expected in zip(one, other, strict=True):
            assert value == expected or abs(value - expected) == 1


async def test_one_that_waits_is_found_and_looks_as_it_will_when_it_is_written(tmp_path: Any) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    log = CallLog(store, FakeClock())
    try:
        for one in (signals := many(40, 1)):
            log.record_answered(one)
        before = [await log.get(one.id) for one in signals]
        assert await log.flush()
        assert before == [await log.get(one.id) for one in signals]
    finally:
        await log.close()
        await store.close()


async def test_a_batch_that_is_written_twice_is_there_once(tmp_path: Any) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    log = CallLog(store, FakeClock())
    try:
        for _ in range(2):
            for one in many(40, 1):
                log.record_answered(one)
            assert await log.flush()
        assert len(await log.list(limit=500)) == 40
    finally:
        await log.close()
        await store.close()


async def test_more_than_may_wait_are_counted_as_lost_and_told(tmp_path: Any) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    log = CallLog(store, FakeClock(), capacity=15)
    try:
        for one in many(20, 1):
            log.record_answered(one)
        assert (log.waiting, log.dropped) == (15, 5)
    finally:
        await log.close()
        await store.close()


def counted(signals: list[Told], *, spelt_out: bool) -> str:
    metrics, told_by = Metrics(), Signals()
    metrics.subscribe(told_by)
    for one in signals:
        if spelt_out:
            ended = one.ended_call()
            told_by.emit(AttemptEnded(ended.call, ended.call.attempts[0]))
            told_by.emit(ended)
        else:
            told_by.answered(one)
    assert told_by.errors == 0
    return metrics.render().decode()


def lines_of(text: str) -> list[str]:
    return sorted(line for line in text.splitlines() if "_sum" not in line)


@pytest.mark.parametrize("signals", [STRANGE, many(500, 3), []], ids=["strange", "many", "none"])
def test_whatever_is_counted_is_counted_as_of_other_calls(signals: list[Told]) -> None:
    quick, usual = counted(signals, spelt_out=False), counted(signals, spelt_out=True)
    # Series stand in the order in which they were first counted; sums differ in their last digits.
    assert lines_of(quick) == lines_of(usual)


def test_looking_twice_counts_nothing_twice() -> None:
    metrics, signals = Metrics(), Signals()
    metrics.subscribe(signals)
    signals.answered(told())
    assert metrics.render() == metrics.render()
    assert metrics.summary() == metrics.summary()
    signals.answered(told(2))
    assert metrics.summary()["requests"] == 2


def test_whoever_only_knows_the_two_records_gets_both_and_others_one() -> None:
    signals = Signals()
    heard: list[tuple[str, Any]] = []
    signals.subscribe(CallEnded, lambda one: heard.append(("call", one)))
    signals.subscribe(AttemptEnded, lambda one: heard.append(("attempt", one)))
    signals.subscribe(
        CallEnded, lambda _one: heard.append(("never", None)), answered=lambda one: heard.append(("one", one))
    )
    signals.subscribe(AttemptEnded, lambda _one: heard.append(("never", None)), answered=unheard)
    signals.answered(one := told(usage=Usage(1, 2)))
    assert [name for name, _ in heard] == ["one", "attempt", "call"]
    assert heard[0][1] is one
    assert heard[1][1].attempt is heard[2][1].call.attempts[0]
    assert (heard[2][1].code, heard[2][1].status) == ("ok", 200)


def test_a_listener_that_fails_harms_nobody() -> None:
    signals = Signals()
    heard: list[Any] = []

    def fails(_one: Any) -> None:
        raise RuntimeError

    signals.subscribe(CallEnded, fails, answered=fails)
    signals.subscribe(CallEnded, fails)
    signals.subscribe(CallEnded, heard.append)
    signals.answered(told())
    assert (len(heard), signals.errors) == (1, 2)
