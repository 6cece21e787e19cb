"""`segue explain`: why a call goes where it goes, before it is made and after it was."""

from collections.abc import Callable

import openai

from cli.support import Run, Serve, configuration, until
from segue.simulator import Simulator

CLOSED = "http://127.0.0.1:9"


def test_candidates_stand_in_the_order_in_which_they_would_be_asked(run: Run, write: Callable):
    write(configuration(CLOSED))
    shown = run("explain", "--operation", "chat", "--model", "smart", "--json").json
    assert shown["winner"] == "primary/gpt-4o"
    assert [(one["rank"], one["candidate"]) for one in shown["candidates"]] == [
        (1, "primary/gpt-4o"),
        (2, "backup/gpt-4o-mini"),
    ]


def test_people_see_the_same_as_a_table(run: Run, write: Callable):
    write(configuration(CLOSED))
    shown = run("explain", "--model", "smart").out
    assert shown.startswith("chat 'smart': primary/gpt-4o would be asked first")
    rows = [line.split()[:3] for line in shown.splitlines()[3:]]
    assert rows == [["1", "primary/gpt-4o", "key-1"], ["2", "backup/gpt-4o-mini", "key-1"]]


def test_what_would_be_kept_back_of_a_stream_is_shown(run: Run, write: Callable):
    write(configuration(CLOSED) + "\npolicies: {chat: {hold: 64 tokens}}\n")
    assert "of a stream is kept back: 64 tokens" in run("explain", "--model", "smart").out
    assert run("explain", "--model", "smart", "--json").json["hold"] == "64 tokens"


def test_an_operation_without_models_needs_none(run: Run, write: Callable):
    write(configuration(CLOSED))
    assert run("explain", "--operation", "weather.current", "--json").json["winner"] == "sky"


def test_an_unknown_model_is_a_line_with_a_suggestion(run: Run, write: Callable):
    write(configuration(CLOSED))
    shown = run("explain", "--model", "smrt")
    assert (shown.code, shown.out) == (1, "")
    assert "did you mean 'smart'?" in shown.err


def test_a_provider_that_is_disabled_is_no_answer(run: Run, write: Callable):
    write(configuration(CLOSED).replace("key: sky-key-1", "key: sky-key-1, enabled: false"))
    shown = run("explain", "--operation", "weather.current")
    assert shown.code == 1
    assert "nobody would be asked" in shown.err


def test_chat_needs_a_model(run: Run, write: Callable):
    write(configuration(CLOSED))
    assert run("explain").code == 2


async def test_a_past_call_is_told_attempt_by_attempt(
    sim: Simulator, write: Callable, serve: Serve, run_async: Callable
):
    write(configuration(sim.url))
    sim.fault("primary", "status", code=503)
    async with serve() as up:
        async with openai.AsyncOpenAI(base_url=f"{up.url}/v1", api_key="any", max_retries=0) as sdk:
            raw = await sdk.chat.completions.with_raw_response.create(
                model="smart", messages=[{"role": "user", "content": "hello"}]
            )
        call_id = raw.headers["x-segue-call-id"]

        async def is_written() -> bool:
            return (await run_async("explain", call_id)).code == 0

        await until(is_written)
        told = (await run_async("explain", call_id, "--json")).json
        assert told["provider"] == "backup"
        assert told["attempts"][0]["provider"] == "primary"
        assert told["attempts"][0]["kind"] == "overloaded"
        assert told["attempts"][-1]["kind"] is None
        assert len(told["attempts"]) == int(raw.headers["x-segue-attempts"])
        shown = (await run_async("explain", call_id)).out
        assert "answered by backup/gpt-4o-mini: ok (200)" in shown
        assert "overloaded" in shown


def test_a_call_that_is_not_in_the_store_is_said(run: Run):
    run("keys", "create", "makes-the-store")
    shown = run("explain", "call_nowhere")
    assert (shown.code, shown.out) == (1, "")
    assert "call_nowhere" in shown.err
