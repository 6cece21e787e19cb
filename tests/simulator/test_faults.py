"""Each kind of fault does on the wire what its name says, and the record tells it."""

import asyncio
import json

import aiohttp
import openai
import pytest

from segue.simulator import KINDS, Simulator
from segue.simulator.faults.catalogue import MODEL_FAULTS, MODEL_PREFIX

QUESTION = [{"role": "user", "content": "say 10 words please"}]
LONG = "say 10 words please"


def contents(text: str) -> list[str]:
    """The content of all complete chunks in what was received of a stream."""
    found = []
    for event in text.split("\n\n")[:-1]:
        if event not in {"", "data: [DONE]"}:
            choices = json.loads(event.removeprefix("data: ")).get("choices") or [{}]
            found.append(choices[0].get("delta", {}).get("content"))
    return [content for content in found if content]


async def received(answer: aiohttp.ClientResponse) -> tuple[str, bool]:
    """All text that came, and whether the answer ended in good order."""
    text = ""
    try:
        async for data in answer.content.iter_any():
            text += data.decode()
    except (aiohttp.ClientError, ConnectionError):
        return text, False
    return text, True


@pytest.mark.parametrize(
    ("options", "error", "code"),
    [
        ({"code": 429}, openai.RateLimitError, "rate_limit_exceeded"),
        ({"error": "insufficient_quota"}, openai.RateLimitError, "insufficient_quota"),
        ({"code": 500}, openai.InternalServerError, None),
        ({"code": 502}, openai.InternalServerError, "502"),
        ({}, openai.InternalServerError, None),
        ({"code": 401}, openai.AuthenticationError, "invalid_api_key"),
        ({"code": 403}, openai.PermissionDeniedError, "unsupported_country_region_territory"),
        ({"error": "context_length_exceeded"}, openai.BadRequestError, "context_length_exceeded"),
        ({"error": "content_filter"}, openai.BadRequestError, "content_filter"),
        ({"code": 418, "error": "teapot", "message": "short and stout"}, openai.APIStatusError, "teapot"),
    ],
)
async def test_status_raises_the_right_error_in_the_sdk(sim, client, options, error, code):
    """The SDK maps each simulated error to the class that it has for the real one."""
    sim.fault("primary", "status", **options)
    with pytest.raises(error) as caught:
        await client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert caught.value.code == code
    assert caught.value.status_code == options.get("code", caught.value.status_code)
    assert sim.seen("primary")[-1].faults == ["status"]


@pytest.mark.parametrize("value", [7, 1.5, "Fri, 31 Dec 2027 23:59:59 GMT", "soon", "-1", ""])
async def test_retry_after_is_rendered_as_given(sim, chat, value):
    """Seconds, dates and nonsense reach the client unchanged."""
    sim.fault("primary", "status", code=429, retry_after=value)
    async with chat() as answer:
        assert answer.headers["retry-after"] == str(value)
        assert answer.headers["x-ratelimit-remaining-requests"] == "0"


async def test_refuse_resets_before_any_header(sim, chat, settled):
    """The connection ends in a reset and nothing was answered."""
    sim.fault("primary", "refuse")
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await chat()
    record = await settled()
    assert (record.status, record.outcome) == (None, "aborted")


async def test_refuse_is_a_tcp_reset(sim):
    """A raw socket gets `connection reset by peer` rather than a polite end."""
    sim.fault("primary", "refuse")
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    writer.write(b"GET /primary/v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_silence_lasts_until_the_client_hangs_up(sim, chat, settled):
    """Nothing comes, and the record says that the client hung up."""
    sim.fault("primary", "silence")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(chat(), 0.1)
    record = await settled()
    assert (record.status, record.outcome) == (None, "client_hung_up")


@pytest.mark.parametrize(
    ("kind", "options"),
    [("slow_headers", {"seconds": 0.15}), ("latency", {"seconds": 0.15, "jitter": 0.05})],
)
async def test_slow_headers_and_latency_delay_the_whole_answer(sim, chat, kind, options):
    """The head of the answer comes no sooner than asked for."""
    sim.fault("primary", kind, **options)
    clock = asyncio.get_running_loop()
    started = clock.time()
    async with chat() as answer:
        assert clock.time() - started >= 0.15
        assert answer.status == 200


@pytest.mark.parametrize(
    ("kind", "options"),
    [("slow_first_token", {"seconds": 0.15}), ("pace", {"first_token_delay": 0.1, "token_delay": 0.01})],
)
async def test_slow_tokens_follow_prompt_headers(sim, chat, kind, options):
    """The head comes at once, the first token late; a whole answer waits for its last token."""
    sim.fault("primary", kind, **options)
    clock = asyncio.get_running_loop()
    for stream in (True, False):
        started = clock.time()
        async with chat(content=LONG, stream=stream) as answer:
            headers_after = clock.time() - started
            await answer.read()
        assert clock.time() - started >= 0.15
        assert (headers_after < 0.1) is stream


async def test_pace_can_be_set_for_the_whole_simulator(web):
    """The constructor's delays hold for every account."""
    async with Simulator(first_token_delay=0.05, token_delay=0.01) as sim:
        clock = asyncio.get_running_loop()
        started = clock.time()
        async with openai.AsyncOpenAI(base_url=f"{sim.url}/any/v1", api_key="k") as client:
            await client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        assert clock.time() - started >= 0.14


@pytest.mark.parametrize("after", [0, 1, 4])
async def test_stall_stops_and_stays_open(sim, chat, settled, after):
    """So many chunks come, then nothing, until the client hangs up."""
    sim.fault("primary", "stall", after=after)
    parts = [""]

    async def read_all(answer: aiohttp.ClientResponse) -> None:
        async for data in answer.content.iter_any():
            parts[0] += data.decode()

    async with chat(content=LONG, stream=True) as answer:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read_all(answer), 0.15)
    assert len(contents(parts[0])) == after
    record = await settled()
    assert (record.outcome, record.chunks) == ("client_hung_up", after)


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("after", [0, 3, 10])
async def test_cut_ends_in_the_middle(sim, chat, settled, after, reset):
    """So many chunks come and then the connection breaks, by a reset or by a close without the last chunk."""
    sim.fault("primary", "cut", after=after, reset=reset)
    async with chat(content=LONG, stream=True) as answer:
        text, in_order = await received(answer)
    assert not in_order
    assert len(contents(text)) == after
    assert "[DONE]" not in text
    record = await settled()
    assert (record.outcome, record.chunks) == ("aborted", after)


@pytest.mark.parametrize("kind", ["cut", "stall"])
async def test_cut_and_stall_halve_a_document(sim, chat, kind):
    """An answer that is no stream is sent by half."""
    sim.fault("primary", kind)
    async with chat() as answer:
        text = ""
        try:
            async with asyncio.timeout(0.1):
                text, in_order = await received(answer)
        except TimeoutError:
            in_order = kind == "cut"
        assert not in_order
        assert len(text) < int(answer.headers["content-length"])


@pytest.mark.parametrize(
    ("options", "finished", "count"),
    [({}, True, 10), ({"variant": "before_finish"}, False, 10), ({"variant": "before_finish", "after": 4}, False, 4)],
)
async def test_end_without_done_is_a_clean_end(sim, chat, options, finished, count):
    """The transfer ends in good order and only the terminator (or the finish, too) is missing."""
    sim.fault("primary", "end_without_done", **options)
    async with chat(content=LONG, stream=True) as answer:
        text, in_order = await received(answer)
    assert in_order
    assert "[DONE]" not in text
    assert ('"finish_reason":"stop"' in text) is finished
    assert len(contents(text)) == count


@pytest.mark.parametrize("event", [1, 2, 999])
async def test_malformed_breaks_one_event(sim, chat, event):
    """Exactly one event cannot be parsed: the one asked for, or the last."""
    sim.fault("primary", "malformed", event=event)
    async with chat(content=LONG, stream=True) as answer:
        events = (await answer.text()).split("\n\n")[:-2]
    broken = []
    for number, text in enumerate(events, start=1):
        try:
            json.loads(text.removeprefix("data: "))
        except ValueError:
            broken.append(number)
    assert broken == [min(event, len(events))]


async def test_malformed_breaks_a_document(sim, chat):
    """A whole answer is transferred completely and is half JSON."""
    sim.fault("primary", "malformed")
    async with chat() as answer:
        with pytest.raises(ValueError, match="line"):
            json.loads(await answer.read())


@pytest.mark.parametrize("after", [0, 3])
async def test_error_event_ends_the_stream(sim, client, after):
    """The SDK raises the error that came inside the stream, after so many chunks."""
    sim.fault("primary", "error_event", after=after, code=429)
    stream = await client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
    counted = []

    async def read() -> None:
        async for chunk in stream:
            counted.extend([1] if chunk.choices[0].delta.content else [])

    with pytest.raises(openai.APIError) as caught:
        await read()
    assert len(counted) == after
    assert caught.value.code == "rate_limit_exceeded"


async def test_wrong_documents_come_with_status_200(sim, chat):
    """Empty, a web page, another content type, other field types, and an error inside a success."""
    expected = {
        "empty_body": (b"", "application/json"),
        "html": (b"<!DOCTYPE html>", "text/html; charset=utf-8"),
        "wrong_type": (b'{"id":"chatcmpl', "text/plain; charset=utf-8"),
        "error_in_200": (b'{\n    "error"', "application/json"),
    }
    for kind, (start, content_type) in expected.items():
        sim.fault("primary", kind, times=1)
        async with chat() as answer:
            assert answer.status == 200
            assert answer.headers["content-type"] == content_type
            body = await answer.read()
            assert body.startswith(start)
            assert bool(body) is (kind != "empty_body")
    sim.fault("primary", "wrong_type", part="body")
    async with chat() as answer:
        assert (await answer.json())["choices"] == "wrong"


@pytest.mark.parametrize("stream", [True, False])
async def test_reset_after_counts_bytes(sim, chat, stream):
    """Exactly so many bytes of the body come before the reset."""
    sim.fault("primary", "reset_after", bytes=57)
    async with chat(stream=stream) as answer:
        text, in_order = await received(answer)
    assert (len(text), in_order) == (57, False)


async def test_down_ends_open_and_idle_connections(sim, chat, web, settled):
    """An outage breaks a running stream, refuses what comes, spares other accounts, and ends when it is lifted."""
    sim.fault("primary", "stall", times=1)
    async with chat(content=LONG, stream=True) as answer:
        await answer.content.readany()
        down = sim.fault("primary", "down")
        assert (await received(answer))[1] is False
    assert (await settled()).outcome == "aborted"
    with pytest.raises(aiohttp.ClientError):
        await chat()
    async with chat("backup") as answer:
        assert answer.status == 200
    sim.faults.remove(down)
    async with chat() as answer:
        assert answer.status == 200


async def test_down_wins_over_other_faults(sim, chat):
    """An account that is down answers nothing, whatever was set before."""
    sim.fault("primary", "status", code=429)
    sim.fault("*", "down")
    with pytest.raises(aiohttp.ClientError):
        await chat()


async def test_times_limits_the_number_of_requests(sim, chat):
    """With times=2 exactly the next two requests are hit."""
    sim.fault("primary", "status", code=500, times=2)
    statuses = []
    for _ in range(4):
        async with chat() as answer:
            statuses.append(answer.status)
    assert statuses == [500, 500, 200, 200]


async def test_a_fault_that_does_not_apply_is_not_used_up(sim, chat):
    """A fault of streams waits for a stream."""
    sim.fault("primary", "end_without_done", times=1)
    async with chat() as answer:
        assert answer.status == 200
    async with chat(stream=True) as answer:
        assert "[DONE]" not in await answer.text()


async def test_match_chooses_requests(sim, chat):
    """Only requests for the model, or only streams, are hit."""
    sim.fault("primary", "status", code=500, match={"model": "gpt-bad"})
    sim.fault("primary", "status", code=502, match={"stream": True})
    for fields, status in (({}, 200), ({"model": "gpt-bad"}, 500), ({"stream": True}, 502)):
        async with chat(**fields) as answer:
            assert answer.status == status


async def test_rate_is_decided_by_the_seed(chat):
    """A rate of one half hits about half, the same requests with the same seed."""

    async def hits(seed: int) -> list[int]:
        async with Simulator(seed=seed) as sim, aiohttp.ClientSession() as session:
            sim.fault("a", "status", code=500, rate=0.5)
            statuses = []
            for _ in range(60):
                async with session.get(f"{sim.url}/a/v1/models", headers={"Authorization": "Bearer k"}) as answer:
                    statuses.append(answer.status)
            return statuses

    first = await hits(1)
    assert 15 < first.count(500) < 45
    assert await hits(1) == first
    assert await hits(2) != first


async def test_delays_add_up_with_one_other_fault(sim, chat):
    """All delays apply, and of the other faults the one that was set first."""
    sim.fault("primary", "latency", seconds=0.05)
    sim.fault("primary", "slow_headers", seconds=0.05)
    sim.fault("primary", "status", code=500)
    sim.fault("primary", "status", code=502)
    clock = asyncio.get_running_loop()
    started = clock.time()
    async with chat() as answer:
        assert answer.status == 500
    assert clock.time() - started >= 0.1
    assert sim.seen("primary")[-1].faults == ["latency", "slow_headers", "status"]


@pytest.mark.parametrize(
    ("model", "status", "fault"),
    [
        ("sim-status-503", 503, "status"),
        ("sim-rate-limit-5", 429, "status"),
        ("sim-quota", 429, "status"),
        ("sim-html", 200, "html"),
        ("sim-status-200", 200, None),
        ("sim-small", 200, None),
    ],
)
async def test_a_model_name_asks_for_a_fault(sim, chat, model, status, fault):
    """`sim-...` names cause their fault; other names, and impossible ones, are healthy models."""
    async with chat(model=model) as answer:
        assert answer.status == status
        assert answer.headers.get("retry-after") == ("5" if model == "sim-rate-limit-5" else None)
    assert sim.seen("primary")[-1].fault == fault


def test_every_model_name_means_an_existing_kind():
    """The table of model names and the catalogue agree."""
    assert {kind for kind, _, _ in MODEL_FAULTS.values()} <= set(KINDS)
    assert all(MODEL_PREFIX + name == (MODEL_PREFIX + name).lower() for name in MODEL_FAULTS)


QUIET = {"silence", "no_accept", "stall"}
BROKEN = {
    *("refuse", "refuse_connect", "down", "cut", "reset_after", "short_body", "malformed_http"),
    *("endless_headers", "large_headers", "endless_body", "wrong_gzip"),
}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - QUIET))
@pytest.mark.parametrize(
    "path", ["/a/v1/models", "/a/data/2.5/weather?q=Oslo&appid=k", "/a/v1/current.json?q=Oslo&key=k"]
)
async def test_every_kind_works_for_every_vendor(sim, web, kind, path):
    """No combination fails inside the simulator, and after it the account serves as ever."""
    sim.fault("a", kind, **KINDS[kind].example)
    headers = {"Authorization": "Bearer k"}
    try:
        async with web.get(path, headers=headers, allow_redirects=False) as answer:
            await answer.read()
            assert answer.headers["server"].startswith("vendor-simulator")
    except aiohttp.ClientError:
        assert kind in BROKEN
    sim.clear()
    async with web.get(path, headers=headers) as answer:
        assert answer.status == 200
        assert await answer.json()
