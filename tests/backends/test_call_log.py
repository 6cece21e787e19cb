"""The record of calls: complete, bounded, and never in a call's way."""

import asyncio
import sqlite3
import time
import tracemalloc
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from backends.made import BUSY, attempt, call, candidate, ended
from segue.backends.store import schema
from segue.backends.store.call_log import CallLog
from segue.backends.store.store import Store
from segue.core.call import CallOptions
from segue.core.clock import SystemClock
from segue.core.failure import Executed, Failure, Kind
from segue.core.outcome import Usage
from segue.core.signals import CallEnded, Signals
from segue.testing.clock import FakeClock


@pytest.fixture
async def store(tmp_path):
    opened = await Store.open(f"sqlite:///{tmp_path}/a.db")
    yield opened
    await opened.close()


@pytest.fixture
async def log(store):
    made = CallLog(store, FakeClock())
    yield made
    await made.close()


async def test_a_call_is_found_by_its_id_with_everything_that_was_tried(log):
    first = attempt(candidate("openai", "gpt-4o", "key-2"), started=1000.01, failure=BUSY)
    second = attempt(candidate("groq", "llama"), started=1000.2, elapsed=0.7, usage=Usage(10, 20))
    log.record(ended(7, attempts=(first, second), elapsed=0.9))
    assert await log.flush()
    record = await log.get("call_00000007")
    assert (record.operation, record.surface, record.status, record.code) == ("chat", "openai", 200, "ok")
    assert (record.caller_id, record.caller_name, record.user) == ("key_1", "team-a", "u-1")
    assert (record.requested_model, record.provider, record.model) == ("smart", "groq", "llama")
    assert (record.started_at, record.elapsed_ms, record.streamed) == (1_700_000_007_000, 900, True)
    assert (record.input_tokens, record.output_tokens) == (10, 20)
    assert record.tags == {"team": "blue"}
    one, two = record.attempts
    assert (one.number, one.provider, one.key_label, one.started_ms) == (1, "openai", "key-2", 10)
    assert (one.kind, one.status, one.message, one.executed) == ("overloaded", 503, "too much to do", "unknown")
    assert (two.number, two.provider, two.model, two.kind) == (2, "groq", "llama", None)
    assert (two.started_ms, two.elapsed_ms, two.first_byte_ms) == (200, 700, 350)


async def test_the_usual_call_is_one_row_and_looks_like_any_other(log):
    only = attempt(candidate("groq", "llama", "key-2"), started=1000.2, elapsed=0.7, usage=Usage(10, 20))
    log.record(ended(7, attempts=(only,), elapsed=0.9))
    assert await log.flush()
    async with log._store.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM attempts"))).scalar_one() == 0
    (record,) = (await log.get("call_00000007")).attempts
    assert (record.number, record.provider, record.model, record.key_label) == (1, "groq", "llama", "key-2")
    assert (record.started_ms, record.elapsed_ms, record.first_byte_ms) == (200, 700, 350)
    assert (record.kind, record.cancelled, record.input_tokens, record.output_tokens) == (None, False, 10, 20)


async def test_records_of_the_first_version_are_read_and_the_second_can_be_undone(tmp_path):
    """Before version 0002 every attempt had a row of its own."""
    path = tmp_path / "old.db"
    store = await Store.open(f"sqlite:///{path}")
    log = CallLog(store, FakeClock())
    log.record(ended(1))
    await log.flush()
    new = await log.get("call_00000001")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        assert connection.exec_driver_sql("SELECT count(*) FROM attempts").scalar_one() == 1
    engine.dispose()
    await log.close()
    await store.close()
    store = await Store.open(f"sqlite:///{path}")
    log = CallLog(store, FakeClock())
    assert await log.get("call_00000001") == new
    await log.close()
    await store.close()


async def test_a_call_that_waits_to_be_written_is_found_and_looks_the_same(log):
    log.record(ended(1))
    assert log.waiting == 1
    waiting = await log.get("call_00000001")
    await log.flush()
    assert log.waiting == 0
    written = await log.get("call_00000001")
    assert waiting.attempts[0] == written.attempts[0]
    assert (waiting.id, waiting.tags, waiting.started_at) == (written.id, written.tags, written.started_at)


async def test_an_unknown_call_is_none(log):
    assert await log.get("call_x") is None


async def test_a_call_without_an_answer_or_attempts_is_recorded_too(log):
    log.record(ended(1, code="unavailable", status=503, attempts=()))
    await log.flush()
    record = await log.get("call_00000001")
    assert (record.provider, record.model, record.input_tokens, record.attempts) == (None, None, None, ())
    assert (record.code, record.status) == ("unavailable", 503)


async def test_neither_what_a_caller_said_nor_a_key_is_kept(log, store, tmp_path):
    log.record(ended(1))
    assert "nobody may see" not in repr(log._waiting)
    await log.flush()
    await log.close()
    await store.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"call_00000001" in content
    assert b"nobody may see" not in content
    assert b"sk-very-secret" not in content


async def test_long_and_strange_texts_and_numbers_are_cut_not_dropped(log):
    failure = Failure(Kind.BAD_RESPONSE, "x\ud800" * 1000, executed=Executed.NO)
    options = CallOptions(
        tags={"t" * 500: "v" * 5000, "\ud800": "ü"} | {str(n): "" for n in range(100)}, user="u" * 9999
    )
    strange = attempt(failure=failure, usage=Usage(2**80, -5), elapsed=1e12)
    log.record(ended(1, attempts=(strange,), options=options, model="m\ud800" * 500, elapsed=float(10**9)))
    await log.flush()
    assert (log.written, log.dropped, log.errors) == (1, 0, 0)
    record = await log.get("call_00000001")
    assert len(record.attempts[0].message) == 500
    assert len(record.requested_model) == 200
    assert len(record.user) == 200
    assert len(record.tags) == 50
    assert record.attempts[0].input_tokens == 2**63 - 1
    assert record.attempts[0].output_tokens == 0


async def test_far_more_rows_than_a_statement_has_variables_are_written(log):
    tries = tuple(attempt(failure=BUSY) for _ in range(5))
    for number in range(5000):
        log.record(ended(number, attempts=tries))
    assert await log.flush(30)
    assert (log.written, log.dropped, log.errors) == (5000, 0, 0)
    async with log._store.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM calls"))).scalar_one() == 5000
        assert (await connection.execute(text("SELECT count(*) FROM attempts"))).scalar_one() == 25_000


async def test_beyond_its_capacity_calls_are_dropped_and_counted(store):
    log = CallLog(store, FakeClock(), capacity=10)
    for number in range(25):
        log.record(ended(number))
    assert (log.waiting, log.dropped) == (10, 15)
    await log.close()
    assert (log.written, log.dropped) == (10, 15)


async def test_the_writer_writes_by_itself(store):
    log = CallLog(store, SystemClock(), interval=0.01)
    log.start()
    for number in range(1000):
        log.record(ended(number))
    async with asyncio.timeout(10):
        while log.written < 1000:
            await asyncio.sleep(0.005)
    log.record(ended(2000))
    async with asyncio.timeout(10):
        while log.written < 1001:
            await asyncio.sleep(0.005)
    await log.close()


async def test_a_full_batch_is_written_before_the_interval_is_over(store):
    log = CallLog(store, SystemClock(), interval=3600)
    log.start()
    log.record(ended(0))
    for _ in range(5):
        await asyncio.sleep(0)
    for number in range(1, 1001):
        log.record(ended(number))
    async with asyncio.timeout(10):
        while log.written < 1000:
            await asyncio.sleep(0.005)
    await log.close()


async def test_a_store_that_fails_for_a_while_loses_nothing(store, monkeypatch):
    clock = FakeClock()
    log = CallLog(store, clock)
    real, failing = log._insert, 5

    async def insert(records):
        nonlocal failing
        if failing:
            failing -= 1
            raise OperationalError("INSERT", {}, sqlite3.OperationalError("database is locked"))
        await real(records)

    monkeypatch.setattr(log, "_insert", insert)
    for number in range(3):
        log.record(ended(number))
    assert await log.flush()
    assert (log.written, log.dropped, log.errors) == (3, 0, 5)
    assert clock.sleeps == [0.1, 0.2, 0.4, 0.8, 1.6]
    await log.close()


async def test_a_real_lock_by_another_process_is_waited_out(store, tmp_path):
    log = CallLog(store, SystemClock())
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    log.record(ended(1))
    flushing = asyncio.create_task(log.flush())
    assert await store.ping()
    assert (await log.get("call_00000001")).id == "call_00000001"
    other.execute("COMMIT")
    other.close()
    assert await flushing
    assert log.written == 1
    await log.close()


async def test_a_record_that_cannot_be_written_takes_no_other_with_it(store, monkeypatch):
    log = CallLog(store, FakeClock())
    real = log._insert

    async def insert(records):
        if any(record.id == "call_00000002" for record in records):
            raise ValueError
        await real(records)

    monkeypatch.setattr(log, "_insert", insert)
    for number in range(5):
        log.record(ended(number))
    assert await log.flush()
    assert (log.written, log.dropped) == (4, 1)
    assert [record.id[-1] for record in await log.list()] == ["4", "3", "1", "0"]
    await log.close()


async def test_closing_gives_up_on_a_dead_store_in_time_and_counts_what_was_lost(store, monkeypatch):
    log = CallLog(store, SystemClock())
    log.start()

    async def insert(_records):
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(log, "_insert", insert)
    for number in range(300):
        log.record(ended(number))
    began = time.monotonic()
    await log.close(0.3)
    assert time.monotonic() - began < 2
    assert (log.written, log.dropped) == (0, 300)
    assert log.errors > 0
    log.record(ended(301))
    assert log.dropped == 301


async def test_closing_writes_what_waits_and_can_be_done_twice(store):
    log = CallLog(store, SystemClock())
    log.start()
    for number in range(700):
        log.record(ended(number))
    await log.close()
    await log.close()
    assert (log.written, log.dropped) == (700, 0)


async def test_a_call_written_twice_is_there_once(log):
    log.record(ended(1))
    log.record(ended(1))
    await log.flush()
    assert len(await log.list()) == 1
    assert len((await log.get("call_00000001")).attempts) == 1


async def test_lists_begin_with_the_newest_and_go_on_where_a_page_ended(log):
    for number in range(10):
        log.record(ended(number, wall=1_700_000_000.0 + number // 4))
    seen, before = [], None
    while page := await log.list(3, before=before):
        assert len(page) <= 3
        seen += [record.id for record in page]
        before = page[-1].id
    assert seen == [f"call_{number:08d}" for number in reversed(range(10))]


async def test_lists_can_be_narrowed_and_are_bounded(log):
    for number in range(600):
        log.record(ended(number, code="ok" if number % 2 else "timeout"))
    assert {record.code for record in await log.list(code="timeout")} == {"timeout"}
    assert await log.list(operation="embeddings") == []
    assert len(await log.list(caller_id="key_1")) == 50
    assert len(await log.list(10**9)) == 500
    assert len(await log.list(-1)) == 1


async def test_listing_sorts_nothing(store):
    async with store.read() as connection:
        plan = (await connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM calls ORDER BY id DESC LIMIT 50"
        )).all()  # fmt: skip
    assert "TEMP B-TREE" not in str(plan)


async def test_it_listens_to_signals(log):
    signals = Signals()
    signals.subscribe(CallEnded, log.record)
    signals.emit(ended(1))
    assert log.waiting == 1
    assert signals.errors == 0


async def test_recording_is_cheap(log):
    """The hot path may spend a few microseconds; ten is the alarm, far above what is measured."""
    signal = ended(1)
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(200):
            log.record(signal)
        best = min(best, (time.perf_counter() - began) / 200)
        log._waiting.clear()
    assert best < 10e-6


async def test_what_waits_does_not_hold_requests_in_memory(store):
    log = CallLog(store, FakeClock())
    tracemalloc.start()
    for number in range(1000):
        made = call(number)
        made.request = bytes(100_000)
        log.record(CallEnded(made, "ok", 200, 0.1))
        del made
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 5_000_000
    await log.close()
