"""Segue inside a program: one object, typed errors, no server and no file."""

import asyncio
import gc
import os
from functools import partial

import pytest

import segue as public
from app.places import SAYS_HELLO, completion, delta, library, world
from segue import CallFailed, CallOptions, ConfigError, Hold, OnCut, ProviderFailed, Refused, Segue
from segue.core.errors import DeadlineExceeded, Overloaded, RequestInvalid, UnknownModel, UnknownOperation
from segue.core.failure import Failure, Kind
from segue.core.signals import CallEnded
from segue.testing import (
    CapturedSignals,
    Close,
    ScriptedAdapter,
    ScriptedTransport,
    answers,
    at_every_await,
    fails,
    hangs,
    replies,
    run_virtual,
    sse,
    streams,
)
from support.service import eventually

EVENTS = {"content-type": "text/event-stream"}


def scripted(*steps, then=SAYS_HELLO, models=("m",)):
    adapter = ScriptedAdapter(("chat",), models=models)
    adapter.script("a", *steps, then=then)
    return adapter


def over_the_network(*script):
    network = ScriptedTransport({"api.example.com": script})
    made = Segue(
        {"providers": {"a": {"adapter": "openai", "key": "sk-test", "base_url": "https://api.example.com/v1"}}},
        world=world(transport=network),
    )
    return made, network


def test_a_provider_of_the_programs_own_answers_a_chat():
    async def main():
        async with library(scripted(answers(completion("Oslo"), after=2.0)), a={}) as segue:
            reply = await segue.chat("The capital of Norway?", model="a/m")
            assert (reply.text, reply.provider, reply.model, reply.finish_reason) == ("Oslo", "a", "m", "stop")
            assert reply.elapsed == 2.0
            assert reply.attempts == 1
            assert reply.usage.output_tokens == 5
            assert reply.call_id.startswith("call_")
            assert (await segue.chat([{"role": "user", "content": "?"}], model="m", temperature=0)).text == "hello"

    run_virtual(main())


def test_a_real_format_over_a_scripted_network():
    async def main():
        segue, network = over_the_network(replies(completion("hi"), headers={"content-type": "application/json"}))
        async with segue:
            assert (await segue.chat("?", model="a/gpt-4o")).text == "hi"
        (request,) = network.requests
        assert request.url == "https://api.example.com/v1/chat/completions"
        assert request.headers["authorization"] == "Bearer sk-test"
        assert network.closed
        assert not network.open

    run_virtual(main())


def test_pieces_come_as_they_come():
    async def main():
        body = sse(delta("Hel"), delta("lo"), delta("", "stop"))
        segue, network = over_the_network(replies(body[0], 1.0, body[1], 1.0, *body[2:], headers=EVENTS))
        clock = segue.engine.world.clock
        async with segue:
            pieces = segue.stream_chat("?", model="a/gpt-4o")
            came = [(str(piece), piece.finish_reason, clock.now()) async for piece in pieces]
        assert not network.open
        return came

    assert run_virtual(main()) == [("Hel", None, 0.0), ("lo", None, 1.0), ("", "stop", 2.0)]


def test_a_stream_that_breaks_while_it_is_kept_back_is_carried_on_by_another():
    async def main():
        body = sse(delta("half"), delta(" of it"), done=False)
        whole = sse(delta("all"), delta(" of it", "stop"))
        network = ScriptedTransport({
            "a.example.com": [replies(*body, close=Close.CUT, headers=EVENTS)],
            "b.example.com": [replies(*whole, headers=EVENTS)],
        })  # fmt: skip
        tiers = ["a/gpt-4o", "b/gpt-4o"]
        providers = {
            name: {"adapter": "openai", "key": "sk-test", "base_url": f"https://{name}.example.com/v1"} for name in "ab"
        }
        async with Segue(
            {"providers": providers, "models": {"m": tiers, "safe": {"tiers": tiers, "hold": "all"}}},
            world=world(transport=network),
        ) as segue:
            for model, options in (("safe", None), ("m", CallOptions(hold=Hold(tokens=100)))):
                pieces = [str(piece) async for piece in segue.stream_chat("?", model=model, options=options)]
                assert "".join(pieces) == "all of it"
            with pytest.raises(ProviderFailed, match="broke off"):
                [piece async for piece in segue.stream_chat("?", model="m")]
            assert not network.open

    run_virtual(main())


def test_a_stream_that_breaks_after_its_first_pieces_is_gone_on_with_where_that_is_wanted():
    async def main():
        network = ScriptedTransport({
            "a.example.com": [replies(*sse(delta("half"), delta(" of"), done=False), close=Close.CUT, headers=EVENTS)],
            "b.example.com": [replies(*sse(delta(" it"), delta(".", "stop")), headers=EVENTS)],
        })  # fmt: skip
        providers = {
            name: {"adapter": adapter, "key": "sk-test", "base_url": f"https://{name}.example.com/v1", "models": ["m"]}
            for name, adapter in (("a", "openai"), ("b", "groq"))
        }
        async with Segue(
            {"providers": providers, "models": {"m": ["a/m", "b/m"]}}, world=world(transport=network)
        ) as segue:
            options = CallOptions(on_cut=OnCut.CONTINUE)
            pieces = [str(piece) async for piece in segue.stream_chat("?", model="m", options=options)]
            assert "".join(pieces) == "half of it."
            assert b'"half of"' in network.requests[-1].body
            with pytest.raises(RequestInvalid, match="OnCut"):
                [piece async for piece in segue.stream_chat("?", model="m", options=CallOptions(on_cut="continue"))]
            assert not network.open

    run_virtual(main())


def test_leaving_the_loop_early_stops_the_providers_answer():
    async def main():
        body = sse(*[delta("x")] * 5)
        segue, network = over_the_network(*[replies(body[0], 1.0, *body[1:], headers=EVENTS, close=Close.HANG)] * 2)
        said = CapturedSignals(segue.engine.world.signals)
        async with segue:
            async for _ in segue.stream_chat("?", model="a/gpt-4o"):
                break
            gc.collect()
            await eventually(lambda: not network.open and segue.engine.world.gate.under_way == 0)
            assert [ended.code for ended in said.of(CallEnded)] == ["cancelled"]
            pieces = segue.stream_chat("?", model="a/gpt-4o")
            await anext(pieces)
            assert network.open
            await pieces.aclose()
            assert not network.open

    run_virtual(main())


BROKEN = {
    "cut": (replies(*sse(delta("x"), done=False), headers=EVENTS, close=Close.CUT), "stream_cut"),
    "garbage": (
        replies(sse(delta("x"))[0], b'data: {"choices": [{"delta": {"content": "y\n\n', 1.0, headers=EVENTS),
        "stream_cut",
    ),
    "an error event": (
        replies(*sse(delta("x"), b'{"error": {"message": "no", "code": "overloaded"}}', done=False), headers=EVENTS),
        "overloaded",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_stream_that_breaks_off_raises_after_the_pieces_that_came(fault):
    reply, code = BROKEN[fault]

    async def main():
        segue, network = over_the_network(reply)
        came = []
        async with segue:

            async def listen():
                async for piece in segue.stream_chat("?", model="a/gpt-4o"):
                    came.append(piece.text)  # noqa: PERF401 - those before the break are to be seen

            with pytest.raises(ProviderFailed, match="the answer broke off") as caught:
                await listen()
            assert not network.open
            assert segue.engine.world.gate.under_way == 0
        assert came == ["x"]
        assert caught.value.call_id
        assert len(caught.value.attempts) == 1
        return caught.value.code

    assert run_virtual(main()) == code


def test_events_of_a_native_provider_that_are_none_break_the_answer_off():
    """Nobody below has read them, and the caller is to meet our exceptions only."""

    async def main():
        for chunk in (b"data: {not json}\n\n", b"data: \xff\n\n"):
            bad = streams(*sse(delta("x"), done=False), chunk)
            async with library(scripted(then=bad), a={}) as segue:
                with pytest.raises(ProviderFailed, match="not valid"):
                    [piece async for piece in segue.stream_chat("?", model="m")]
                assert segue.engine.world.gate.under_way == 0

    run_virtual(main())


def nothing_is_left(segue, network) -> bool:
    """No connection, no call, no attempt and no task but the test's own."""
    under_way = segue.engine.world.gate.under_way + segue.status()["a"]["in_flight"]
    return not network.open and not under_way and asyncio.all_tasks() == {asyncio.current_task()}


def test_cancelled_at_any_await_the_library_leaves_nothing_behind():
    async def main():
        made = []
        body = sse(delta("x"), delta("y", "stop"))
        reply = replies(body[0], 1.0, *body[1:], after=1.0, headers=EVENTS)

        async def work():
            segue, network = over_the_network(replies(b"{}", status=500, after=1.0), reply)
            made.append((segue, network))
            async for _ in segue.stream_chat("?", model="a/gpt-4o"):
                await asyncio.sleep(0.1)

        async for _ in at_every_await(work):
            gc.collect()
            segue, network = made[-1]
            await eventually(partial(nothing_is_left, segue, network))
            await segue.close()

    run_virtual(main())


@pytest.mark.parametrize(
    ("script", "error", "code", "status"),
    [
        (fails(Kind.INVALID_REQUEST), ProviderFailed, "invalid_request", 400),
        (fails(Kind.AUTH), ProviderFailed, "provider_auth", 502),
        (fails(Kind.RATE_LIMITED, retry_after=3600.0), ProviderFailed, "rate_limited", 429),
        (hangs(), DeadlineExceeded, "deadline_exceeded", 504),
    ],
)
def test_every_failure_is_a_typed_exception_with_its_attempts(script, error, code, status):
    async def main():
        async with library(scripted(then=script), a={}) as segue:
            with pytest.raises(error) as caught:
                await segue.chat("?", model="m", options=CallOptions(deadline=20.0))
        assert isinstance(caught.value, CallFailed)
        assert (caught.value.code, caught.value.status) == (code, status)
        assert len(caught.value.attempts) == 1
        assert caught.value.attempts[0].candidate.name == "a/m"
        assert caught.value.call_id

    run_virtual(main())


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (CallOptions(deadline=0.0), "deadline"),
        (CallOptions(deadline=-1.0), "deadline"),
        (CallOptions(deadline=float("nan")), "deadline"),
        (CallOptions(max_attempts=0), "max_attempts"),
        (CallOptions(max_attempts=-3), "max_attempts"),
        (CallOptions(hold="all"), "hold"),
        (CallOptions(hold=Hold(tokens=-1)), "hold"),
        (CallOptions(hold=Hold(seconds=float("nan"))), "hold"),
        (CallOptions(hold=Hold(seconds=float("inf"))), "hold"),
    ],
)
def test_wishes_that_cannot_be_meant_are_refused_by_name(options, field):
    async def main():
        adapter = scripted()
        async with library(adapter, a={}) as segue:
            with pytest.raises(RequestInvalid, match=field) as caught:
                await segue.chat("?", model="m", options=options)
        assert caught.value.param == field
        assert adapter.providers["a"].asked == []

    run_virtual(main())


def test_the_same_options_can_be_used_again():
    async def main():
        options = CallOptions(fallbacks=("a/n",))
        async with library(scripted(models=("m", "n", "o")), a={}) as segue:
            for _ in range(3):
                await segue.chat("?", model="m", options=options, fallbacks=["o"])
        return options

    assert run_virtual(main()) == CallOptions(fallbacks=("a/n",))


def test_names_that_do_not_exist_are_errors_with_the_nearest():
    async def main():
        async with library(scripted(), a={}) as segue:
            with pytest.raises(UnknownModel, match="did you mean 'a/m'"):
                await segue.chat("?", model="a/n")
            with pytest.raises(UnknownOperation, match=r"chat, .*weather\.current"):
                await segue.call("chatt")
            with pytest.raises(UnknownOperation):
                segue.explain("chatt")
            with pytest.raises(RequestInvalid, match="stream_chat"):
                await segue.chat("?", model="m", stream=True)
            with pytest.raises(RequestInvalid, match="stream_chat"):
                await segue.call("chat", model="m", messages=[{"role": "user", "content": "?"}], stream=True)
            with pytest.raises(RequestInvalid, match="nonsense"):
                await segue.call("weather.current", nonsense=1)

    run_virtual(main())


def test_any_operation_can_be_called():
    async def main():
        adapter = ScriptedAdapter(("weather.current",), id="mine")
        adapter.script("sky", then=answers("blue"))
        async with Segue(world=world()) as segue:
            segue.register_provider("sky", adapter=adapter)
            assert await segue.call("weather.current", query="Oslo") == "blue"
            assert segue.explain("weather.current").winner == "sky"

    run_virtual(main())


def test_an_adapter_that_does_not_stream_is_told_apart_from_a_failure():
    async def main():
        async with library(scripted(), a={}) as segue:
            with pytest.raises(ConfigError, match="does not stream"):
                async for _ in segue.stream_chat("?", model="m"):
                    pass
            assert segue.engine.world.gate.under_way == 0

    run_virtual(main())


def test_status_metrics_and_explanation_tell_what_happened():
    async def main():
        adapter = scripted(fails(Kind.SERVER_ERROR), answers(completion()))
        async with library(adapter, a={}, b={"priority": 2}) as segue:
            await segue.chat("?", model="m")
            status, metrics = segue.status(), segue.metrics()
            assert status["a"]["state"] == "closed"
            assert (status["a"]["calls"], status["a"]["failures"]) == (2, 1)
            assert status["b"]["priority"] == 2
            assert metrics["providers"]["a"]["failures"] == 1
            assert segue.explain("chat", model="m").winner == "a/m"
            assert segue.providers() == {"a": True, "b": True}
            segue.disable("a")
            assert segue.explain("chat", model="m").winner == "b/m"
            assert segue.providers() == {"a": False, "b": True}
            segue.enable("a")
            segue.remove("b")
            assert segue.providers() == {"a": True}

    run_virtual(main())


def test_after_closing_nothing_more_is_sent():
    async def main():
        segue, network = over_the_network(replies(completion()))
        async with segue:
            pass
        with pytest.raises(Overloaded):
            await segue.chat("?", model="a/m")
        assert network.requests == []
        await segue.close()

    run_virtual(main())


async def test_without_a_store_no_file_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with Segue() as segue:
        segue.register_provider("a", adapter=scripted())
        await segue.chat("?", model="m")
    assert list(tmp_path.iterdir()) == []


async def test_with_a_store_calls_are_kept_and_it_is_opened_once(tmp_path):
    segue = Segue({"store": f"sqlite:///{tmp_path}/kept.db"})
    segue.register_provider("a", adapter=scripted())
    async with segue:
        await asyncio.gather(*(segue.chat("?", model="m") for _ in range(5)))
    assert (tmp_path / "kept.db").stat().st_size > 0


async def test_a_store_that_cannot_be_opened_is_an_error_each_time(tmp_path):
    """Not an error once, and then calls that nobody keeps."""
    segue = Segue({"store": f"sqlite:///{tmp_path}/no/such/folder/kept.db"})
    segue.register_provider("a", adapter=scripted())
    for _ in range(2):
        with pytest.raises(ConfigError):
            await segue.chat("?", model="m")
    await segue.close()


def test_without_a_key_in_the_environment_it_says_what_was_looked_for(monkeypatch):
    for name in list(os.environ):
        if name.endswith("_KEY"):
            monkeypatch.delenv(name)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        Segue.from_env()


def test_keys_of_the_environment_make_providers(monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "gsk-test")
    segue = Segue.from_env(world=world())
    assert segue.providers()["groq"] is True
    assert "gsk-test" not in repr(segue.engine.snapshot.providers["groq"])


def test_a_file_is_read_and_its_problems_have_lines(tmp_path):
    path = tmp_path / "segue.yaml"
    path.write_text('providers:\n  a: {adapter: ollama, models: ["m"]}\n')
    assert Segue.from_config(path, world=world()).providers() == {"a": True}
    path.write_text("providers:\n  a: {adapter: olama}\n")
    with pytest.raises(ConfigError, match=r"segue\.yaml:2: .*ollama"):
        Segue.from_config(path)


def test_the_public_names_are_loaded_when_used():
    for name in public.__all__:
        assert getattr(public, name)
    assert dir(public) == sorted(public.__all__)
    assert issubclass(Refused, CallFailed)
    with pytest.raises(AttributeError, match="nonsense"):
        public.nonsense  # noqa: B018


def test_a_piece_by_piece_answer_of_a_native_provider_is_settled_too():
    async def main():
        cut = streams(*sse(delta("x"), done=False), cut=Failure(Kind.STREAM_CUT, "cut"))
        async with library(scripted(then=cut), a={}) as segue:
            with pytest.raises(ProviderFailed):
                async for _ in segue.stream_chat("?", model="m"):
                    pass
            assert segue.engine.world.gate.under_way == 0

    run_virtual(main())
