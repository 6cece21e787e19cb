"""`segue test`: one real call through one provider."""

from collections.abc import Callable

import pytest

from cli.support import Run, configuration
from segue.app.catalogue import operations
from segue.cli.test import REMEDIES, SAMPLES
from segue.core.failure import Kind
from segue.simulator import Simulator


async def test_a_call_that_works_is_timed_by_stage(sim: Simulator, write: Callable, run_async: Callable):
    write(configuration(sim.url))
    trial = (await run_async("test", "primary", "--json")).json
    assert trial["ok"] is True
    assert trial["model"] == "gpt-4o"
    assert trial["prepared_ms"] >= 0
    assert 0 < trial["first_byte_ms"] <= trial["total_ms"]
    assert trial["output_tokens"] > 0
    assert len(sim.seen("primary")) == 1


async def test_only_this_provider_is_asked_even_when_it_fails(sim: Simulator, write: Callable, run_async: Callable):
    write(configuration(sim.url))
    sim.fault("primary", "status", code=503)
    shown = await run_async("test", "primary")
    assert shown.code == 1
    assert shown.err.startswith("overloaded: ")
    assert "what may help" in shown.err
    assert len(sim.seen("primary")) == 1
    assert not sim.seen("backup")


@pytest.mark.parametrize(
    ("fault", "options", "kind"),
    [
        ("status", {"code": 401, "error": "invalid_api_key"}, "provider_auth"),
        ("status", {"code": 429, "error": "rate_limit_exceeded"}, "rate_limited"),
        ("refuse", {}, "connection_lost"),
        ("html", {}, "bad_response"),
    ],
)
async def test_a_failure_is_classified_and_comes_with_a_remedy(
    sim: Simulator, write: Callable, run_async: Callable, fault: str, options: dict, kind: str
):
    write(configuration(sim.url))
    sim.fault("primary", fault, **options)
    shown = await run_async("test", "primary", "--json")
    assert shown.code == 1
    assert shown.json["kind"] == kind
    assert shown.json["remedy"]
    assert "sk-primary-1" not in shown.out + shown.err


async def test_weather_is_tested_without_a_model(sim: Simulator, write: Callable, run_async: Callable):
    write(configuration(sim.url))
    shown = await run_async("test", "sky")
    assert shown.code == 0
    assert shown.out.startswith("weather.current through sky (key-1): ok")


async def test_another_model_can_be_named(sim: Simulator, write: Callable, run_async: Callable):
    write(configuration(sim.url).replace("models: [gpt-4o]", 'models: ["*"]').replace("primary/gpt-4o, ", ""))
    assert "--model" in (await run_async("test", "primary")).err
    trial = (await run_async("test", "primary", "--model", "sim-overloaded", "--json")).json
    assert (trial["model"], trial["kind"]) == ("sim-overloaded", "overloaded")


def test_nobody_listening_is_a_failure_of_the_connection(run: Run, write: Callable):
    write(configuration("http://127.0.0.1:9"))
    shown = run("test", "primary")
    assert shown.code == 1
    assert shown.err.startswith("connect_failed: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "there are primary, backup, sky"),
        (("sky", "--operation", "chat"), "it serves weather.current"),
        (("sky", "--operation", "weather.tomorrow"), "unknown operation"),
        (("primary", "--model", "gpt-99"), "gpt-99"),
    ],
)
def test_what_is_not_there_is_said(run: Run, write: Callable, arguments: tuple[str, ...], said: str):
    write(configuration("http://127.0.0.1:9"))
    shown = run("test", *arguments)
    assert (shown.code, shown.out) == (1, "")
    assert said in shown.err


NEED_A_FILE = {"images.edit", "audio.transcribe", "audio.translate"}


def test_every_operation_has_a_sample_and_every_kind_of_failure_a_remedy():
    assert set(SAMPLES) == set(operations()) - NEED_A_FILE
    for name, fields in SAMPLES.items():
        operation = operations()[name]
        operation.from_fields({**fields, "model": "m"} if operation.by_model else dict(fields), False)
    assert set(REMEDIES) == set(Kind)
