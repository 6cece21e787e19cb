"""What a call cost is told with its answer, kept with its record, and counted."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from support.service import HELLO, Serving, eventually, serving

PRICES = {
    "overrides": {
        "primary/gpt-*": {"input": 2.5, "cached_input": 1.25, "output": 10, "date": "2026-11-20"},
        "backup/*": {"input": 100, "output": 200, "currency": "RUB"},
    },
    "exchange": {"RUB": {"rate": 0.0125, "date": "2026-11-19", "source": "cbr.ru"}},
}


@pytest.fixture
async def priced() -> AsyncIterator[Serving]:
    async with serving(prices=PRICES) as made:
        yield made


async def recorded(served: Serving, call_id: str) -> dict:
    return (await served.ask("GET", f"/v1/calls/{call_id}")).json


def dollars(usage: dict) -> float:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return ((usage["prompt_tokens"] - cached) * 2.5 + cached * 1.25 + usage["completion_tokens"] * 10) / 1e6


async def test_a_whole_answer_says_in_a_header_what_it_cost(priced: Serving) -> None:
    answer = await priced.chat()
    amount, currency = answer.headers["x-segue-cost"].split()
    assert currency == "USD"
    assert float(amount) == pytest.approx(dollars(answer.json["usage"]), abs=1e-12)


async def test_the_record_has_the_items_and_where_the_price_is_from(priced: Serving) -> None:
    answer = await priced.chat()
    record = await recorded(priced, answer.headers["x-segue-call-id"])
    charge = record["attempts"][0]["charge"]
    assert record["cost"] == answer.headers["x-segue-cost"]
    assert sum(item["billionths"] for item in charge["items"]) == record["cost_billionths"]
    assert {item["name"]: item["price"] for item in charge["items"]} == {
        "input": 2_500_000_000,
        "output": 10_000_000_000,
    }
    assert (charge["source"], charge["date"]) == ("configuration", "2026-11-20")
    assert not charge["estimated"]


async def test_a_record_reads_the_same_before_and_after_it_was_written(priced: Serving) -> None:
    answer = await priced.chat()
    waiting = await recorded(priced, answer.headers["x-segue-call-id"])
    log = priced.service.running.call_log
    assert log is not None
    assert await log.flush()
    assert await recorded(priced, answer.headers["x-segue-call-id"]) == waiting


async def test_a_stream_is_charged_at_its_end_and_exactly(priced: Serving) -> None:
    async with priced.sdk() as sdk:
        stream = await sdk.chat.completions.create(
            model="alone", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        assert "x-segue-cost" not in stream.response.headers
        usage = [piece.usage async for piece in stream if piece.usage][-1].model_dump()
    record = await recorded(priced, stream.response.headers["x-segue-call-id"])
    assert record["cost_billionths"] / 1e9 == pytest.approx(dollars(usage), abs=1e-12)
    assert not record["attempts"][0]["charge"]["estimated"]


async def test_a_stream_that_its_reader_leaves_is_charged_by_an_estimate_that_says_so(priced: Serving) -> None:
    priced.sim.fault("primary", "pace", token_delay=0.01)
    async with priced.sdk() as sdk:
        stream = await sdk.chat.completions.create(model="alone", messages=HELLO, stream=True)
        pieces = 0
        async for piece in stream:
            pieces += bool(piece.choices and piece.choices[0].delta.content)
            if pieces == 4:
                break
        await stream.close()
    await eventually(lambda: priced.calls)
    record = await recorded(priced, priced.calls[0].call.id)
    (attempt,) = record["attempts"]
    assert attempt["charge"]["estimated"] is True
    assert 0 < record["cost_billionths"] < 1_000_000
    assert attempt["output_tokens"] is None, "what the provider told stays apart from what we estimate"


async def test_a_stream_that_is_cut_is_charged_by_an_estimate(priced: Serving) -> None:
    priced.sim.fault("primary", "cut", after=4)
    async with priced.sdk() as sdk:
        stream = await sdk.chat.completions.create(model="alone", messages=HELLO, stream=True)
        with pytest.raises(Exception):  # noqa: B017, PT011 - which one is told elsewhere
            async for _ in stream:
                pass
    await eventually(lambda: priced.calls)
    (attempt,) = (await recorded(priced, priced.calls[0].call.id))["attempts"]
    assert attempt["kind"] is not None
    assert attempt["charge"]["estimated"] is True


async def test_another_currency_stays_and_has_its_value_in_dollars_beside_it(priced: Serving) -> None:
    answer = await priced.chat("backup/gpt-4o-mini")
    assert answer.headers["x-segue-cost"].endswith(" RUB")
    charge = (await recorded(priced, answer.headers["x-segue-call-id"]))["attempts"][0]["charge"]
    assert charge["exchange"] == "2026-11-19 cbr.ru"
    assert charge["dollars"]["billionths"] == pytest.approx(charge["cost"]["billionths"] * 0.0125, abs=1)


async def test_an_attempt_that_failed_without_taking_anything_costs_nothing(priced: Serving) -> None:
    priced.sim.fault("primary", "status", code=503)
    answer = await priced.chat("smart")
    record = await recorded(priced, answer.headers["x-segue-call-id"])
    assert [bool(attempt["charge"]) for attempt in record["attempts"]] == [False, True]
    assert record["currency"] == "RUB"


async def test_the_metric_is_the_sum_of_the_headers(priced: Serving) -> None:
    answers = await asyncio.gather(*(priced.chat() for _ in range(20)))
    total = sum(float(answer.headers["x-segue-cost"].split()[0]) for answer in answers)
    page = (await priced.ask("GET", "/metrics")).body.decode()
    line = next(line for line in page.splitlines() if line.startswith("segue_cost_total{"))
    assert 'provider="primary"' in line
    assert 'model="gpt-4o"' in line
    assert float(line.rpartition(" ")[2]) == pytest.approx(total, abs=1e-12)


async def test_without_a_price_nothing_is_said_of_a_cost() -> None:
    async with serving() as served:
        answer = await served.chat()
        record = await recorded(served, answer.headers["x-segue-call-id"])
        assert "x-segue-cost" not in answer.headers
        assert (record["cost"], record["cost_billionths"], record["attempts"][0]["charge"]) == (None, None, None)
        assert "segue_cost_total{" not in (await served.ask("GET", "/metrics")).body.decode()


async def test_a_reload_changes_the_price_of_the_next_call() -> None:
    async with serving(prices=PRICES) as served:
        before = float((await served.chat()).headers["x-segue-cost"].split()[0])
        path = served.directory / "segue.yaml"
        path.write_text(path.read_text().replace('"input": 2.5', '"input": 5').replace('"output": 10', '"output": 20'))
        version = served.service.running.engine.snapshot.version
        await eventually(lambda: served.service.running.engine.snapshot.version > version, 10)
        after = float((await served.chat()).headers["x-segue-cost"].split()[0])
        assert after == pytest.approx(2 * before, abs=1e-12)
