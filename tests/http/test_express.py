"""A call of the express ends exactly as one that goes the usual way, whatever its provider and its client do."""

import asyncio
import gc
import gzip
import itertools
import json
from typing import Any

import pytest

from backends.scripted import Peer
from backends.scripted import answer as wire
from segue.pipeline.express_call import ExpressCall
from support.express import COMPLETION, USUAL, WARM, both_ways, house, request
from support.service import eventually

ANSWER = json.dumps(COMPLETION).encode()
FALLBACK = pytest.mark.parametrize("model", ["alone", "smart"])


def error(status: str, *, headers: str = "", **fields: Any) -> bytes:
    told = {"message": "no", "type": "error", "param": None, "code": None, **fields}
    return wire(json.dumps({"error": told}).encode(), status=status, headers=headers)


def chunked(*pieces: bytes) -> bytes:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        + framed
        + b"0\r\n\r\n"
    )


# All is well


async def test_a_usual_call_goes_by_the_express_and_nobody_can_tell() -> None:
    seen = await both_ways()
    assert seen.sent == [True] * (WARM + 1)
    assert seen.reply.status == 200
    assert seen.reply.json == COMPLETION
    assert seen.told["records"][-1]["cost_billionths"] == 9 * 2500 + 12 * 10_000


async def test_without_a_price_nothing_is_charged_either_way() -> None:
    seen = await both_ways(priced=False)
    assert seen.sent == [True] * (WARM + 1)
    assert seen.told["records"][-1]["cost_billionths"] is None


SLOWER = {
    "chunked in one piece": chunked(ANSWER),
    "gzip": wire(gzip.compress(ANSWER), headers="content-encoding: gzip\r\n"),
    "a megabyte": wire(json.dumps({**COMPLETION, "more": "a" * 1_000_000}).encode()),
    "no usage": wire(json.dumps({key: one for key, one in COMPLETION.items() if key != "usage"}).encode()),
    "a usage of null": wire(json.dumps({**COMPLETION, "usage": None}).encode()),
    "an absurd usage": wire(
        json.dumps({**COMPLETION, "usage": {"prompt_tokens": -5, "completion_tokens": 2**70}}).encode()
    ),
    "other letters": wire(json.dumps({**COMPLETION, "id": "größe 漢字"}, ensure_ascii=False).encode()),
    "a byte order mark": wire(b"\xef\xbb\xbf" + ANSWER),
    "the last of its connection": wire(ANSWER, headers="connection: close\r\n"),
    "a first word before": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + USUAL,
    "other headers": wire(ANSWER, headers="x-ratelimit-remaining-requests: 7\r\nx-ratelimit-limit-requests: 9\r\n"),
    "details": wire(
        json.dumps({
            **COMPLETION,
            "service_tier": "flex",
            "usage": {
                "prompt_tokens": 9, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 5},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
        }).encode()
    ),
    "a filtered answer": wire(json.dumps({**COMPLETION, "choices": [{"finish_reason": "content_filter"}]}).encode()),
}  # fmt: skip


@pytest.mark.parametrize("answer", SLOWER.values(), ids=SLOWER)
async def test_a_good_answer_of_an_unusual_kind_is_the_same_for_the_caller(answer: bytes) -> None:
    seen = await both_ways(answer)
    assert (seen.reply.status, seen.after.status, seen.asked) == (200, 200, 1)
    assert all(seen.sent[:WARM])


def in_pieces(
    answer: bytes, *, at: tuple[int, ...] = (), every: int = 0, pause: float = 0.02, close: bool = False
) -> Any:
    places = [0, *at, len(answer)] if at else [*range(0, len(answer), every), len(answer)]

    async def say(peer: Peer) -> None:
        for start, end in itertools.pairwise(places):
            await peer.say(answer[start:end])
            await asyncio.sleep(pause)
        if close:
            peer.writer.close()

    return say


HEAD = USUAL.index(b"\r\n\r\n") + 4
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + ANSWER
SLOW = {
    "head and body apart": in_pieces(USUAL, at=(HEAD,)),
    "half a head": in_pieces(USUAL, at=(20,)),
    "a drip of known length": in_pieces(USUAL, every=40, pause=0.005),
    "a drip of unknown length": in_pieces(UNTIL_CLOSE, every=40, pause=0.005, close=True),
    "chunks one by one": in_pieces(chunked(ANSWER[:50], ANSWER[50:99], ANSWER[99:]), every=60, pause=0.005),
    "packed and slow": in_pieces(
        wire(gzip.compress(ANSWER), headers="content-encoding: gzip\r\n"), every=60, pause=0.005
    ),
    "until close at once": in_pieces(UNTIL_CLOSE, every=10_000, close=True),
}


@pytest.mark.parametrize("say", SLOW.values(), ids=SLOW)
async def test_a_good_answer_that_comes_in_pieces_is_the_same_for_the_caller(say: Any) -> None:
    seen = await both_ways(say)
    assert (seen.reply.status, seen.reply.json, seen.after.status, seen.asked) == (200, COMPLETION, 200, 1)
    assert seen.sent[:WARM] == [True] * WARM


# All is not well


def cut(answer: bytes, *, reset: bool = False) -> Any:
    async def say(peer: Peer) -> None:
        await peer.say(answer)
        if reset:
            peer.reset()
        peer.writer.close()

    return say


FAILING: dict[str, tuple[Any, int, int]] = {
    # what the provider says; the status without a fallback; how often it is asked
    "too many requests": (error("429 Too Many Requests", headers="retry-after: 7\r\n"), 429, 1),
    "an empty purse": (error("429 Too Many Requests", code="insufficient_quota"), 429, 1),
    "a defect": (error("500 Internal Server Error"), 502, 1),
    "too busy": (error("503 Service Unavailable", headers="retry-after: 3\r\n"), 503, 1),
    "a wrong key": (error("401 Unauthorized", code="invalid_api_key"), 502, 1),
    "too long": (error("400 Bad Request", code="context_length_exceeded"), 400, 1),
    "a bad request": (error("400 Bad Request"), 400, 1),
    "an error with status 200": (
        wire(json.dumps({"error": {"message": "no", "type": "server_error"}}).encode()),
        502,
        1,
    ),
    "a page": (wire(b"<html>hello</html>", headers="content-type: text/html\r\n"), 502, 1),
    "half of the JSON": (wire(ANSWER[:90]), 502, 1),
    "nothing": (wire(b""), 502, 1),
    "no choices": (wire(json.dumps({**COMPLETION, "choices": []}).encode()), 502, 1),
    "given up": (
        wire(json.dumps({**COMPLETION, "choices": [{"message": {}, "finish_reason": "error"}]}).encode()),
        502,
        1,
    ),
    "invalid UTF-8": (wire(ANSWER.replace(b"hello", b"\xff\xfe")), 502, 1),
    "a redirect": (wire(b"", status="302 Found", headers="location: /\r\n"), 502, 1),
    "no HTTP": (cut(b"SSH-2.0-OpenSSH_9.6\r\n"), 502, 1),
    "cut in the head": (cut(USUAL[:30]), 502, 1),
    "cut in the body": (cut(USUAL[:-20]), 502, 1),
    "cut in a chunk": (cut(chunked(ANSWER)[:-30]), 502, 1),
    "reset in the body": (cut(USUAL[:-20], reset=True), 502, 1),
}


@FALLBACK
@pytest.mark.parametrize("name", FAILING)
async def test_a_failure_ends_and_is_failed_over_as_ever(name: str, model: str) -> None:
    say, status, asked = FAILING[name]
    seen = await both_ways(say, model=model)
    assert all(seen.sent[:WARM])
    assert seen.asked == asked
    if model == "alone":
        assert seen.reply.status == status
        assert seen.backup_asked == 0
    elif status == 400 and name != "too long":
        assert (seen.reply.status, seen.backup_asked) == (400, 0)
    else:
        assert (seen.reply.status, seen.reply.json, seen.backup_asked) == (200, COMPLETION, 1)
        assert b"x-segue-attempts: 2" in seen.reply.head


async def test_a_connection_that_is_closed_before_a_word_is_no_failure_of_the_provider() -> None:
    seen = await both_ways(cut(b""), model="smart")
    assert (seen.reply.status, seen.asked, seen.backup_asked) == (200, 1, 1)


async def test_a_connection_that_was_closed_while_kept_is_not_used() -> None:
    async def closes(peer: Peer) -> None:
        await peer.say(USUAL)
        peer.writer.close()

    async with house(closes, turn=WARM) as here:
        client = await here.client(request())
        await eventually(lambda: here.primary.open == 0)
        await asyncio.sleep(0.02)
        assert (await client.ask(request())).status == 200
        assert here.sent == [True, False]
        await here.nothing_is_left()


# Time


async def silent(peer: Peer) -> None:
    await peer.until_closed()
    peer.writer.close()


def limited(**policy: Any) -> Any:
    return {"default": {"retries": 0, "breaker": {"failures": 1000, "min_calls": 100_000}, **policy}}


async def drip(peer: Peer) -> None:
    for place in range(len(USUAL)):
        await peer.say(USUAL[place : place + 1])
        await asyncio.sleep(0.05)


async def drip_of_unknown_length(peer: Peer) -> None:
    head = UNTIL_CLOSE.index(b"\r\n\r\n") + 4
    await peer.say(UNTIL_CLOSE[:head])
    for place in range(head, len(UNTIL_CLOSE)):
        await peer.say(UNTIL_CLOSE[place : place + 1])
        await asyncio.sleep(0.05)


@FALLBACK
@pytest.mark.parametrize("say", [silent, drip, drip_of_unknown_length])
async def test_silence_and_slowness_end_at_the_limit_of_the_attempt(say: Any, model: str) -> None:
    seen = await both_ways(say, model=model, policies=limited(timeouts={"total": "1s"}))
    assert seen.sent[:WARM] == [True] * WARM
    if model == "alone":
        assert (seen.reply.status, seen.reply.code) == (504, "timeout")
    else:
        assert (seen.reply.status, seen.backup_asked) == (200, 1)


@FALLBACK
@pytest.mark.parametrize(("deadline", "quick"), [("1100", True), ("300", False)])
async def test_a_callers_deadline_ends_the_call_and_nobody_else_is_asked(
    model: str, deadline: str, quick: bool
) -> None:
    hurried = request(model, f"x-segue-deadline-ms: {deadline}")
    async with house(silent) as here:
        client = await here.client(hurried)
        reply = await client.ask(hurried)
        assert (reply.status, reply.json["segue"]["code"]) == (504, "deadline_exceeded")
        assert here.sent == [quick] * WARM
        assert (len(here.primary.asked), here.backup.asked) == (WARM + 1, [])
        await here.nothing_is_left()
        record = (await here.records())[-1]
        assert (record["code"], record["status"], record["attempts"][0]["kind"]) == (
            "deadline_exceeded",
            504,
            "deadline_exceeded",
        )


# What clients send


BODIES = {
    "a stream": request(stream=True),
    "tools": request(tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}]),
    "content parts": request(messages=[{"role": "user", "content": [{"type": "text", "text": "hello"}]}]),
    "an image": request(
        messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]}]
    ),
    "two choices": request(n=2),
    "other letters": request(messages=[{"role": "user", "content": "größe 漢字"}]),
    "invalid UTF-8": request(body=b'{"model":"alone","messages":[{"role":"user","content":"\xff"}]}'),
    "an escaped key": request(body=b'{"mod\\u0065l":"alone","messages":[{"role":"user","content":"a"}]}'),
    "two models": request(body=b'{"model":"smart","messages":[{"role":"user","content":"a"}],"model":"alone"}'),
    "a long one": request(messages=[{"role": "user", "content": "a" * 9000}]),
    "nearly as long": request(messages=[{"role": "user", "content": "a" * 8000}]),
    "no JSON": request(body=b"hello"),
    "no body": request(body=b""),
    "no messages": request(body=b'{"model":"alone"}'),
    "no such model": request("nobody"),
    "the provider's own name": request("primary/gpt-4o"),
    "fallbacks": request(fallbacks=["smart"]),
    "no fallbacks": request(fallbacks=None),
    "blanks": request(
        body=b' { "model" : "alone" , "messages" : [ {"role":"user" ,"content":"a"} ] , "x" : [ 1 , 2 ] } '
    ),
    "a wish": request("alone", "x-segue-tags: a=b", "x-segue-user: c"),
    "only the backup": request("smart", "x-segue-only: backup"),
    "a wrong wish": request("alone", "x-segue-wishes: 1"),
    "a limit of the SDK": request("alone", "x-stainless-read-timeout: 600"),
    "a query": request().replace(b"completions HTTP", b"completions?a=b HTTP"),
    "another path": request().replace(b"/v1/", b"/openai/v1/"),
    "an encoding": request("alone", "content-encoding: gzip"),
    "a foreign page": request("alone", "Origin: https://evil.example"),
    "the last one": request("alone", "Connection: close"),
    "1.0": request().replace(b"HTTP/1.1", b"HTTP/1.0"),
}


@pytest.mark.parametrize("asked", BODIES.values(), ids=BODIES)
async def test_whatever_a_client_sends_is_served_alike(asked: bytes) -> None:
    await both_ways(asked=asked)


@pytest.mark.parametrize("at", [1, 40, -1, -30])
async def test_a_request_in_two_packets_is_served_alike(at: int) -> None:
    async with house() as here:
        client = await here.client(request())
        assert (await client.ask(request()[:at], request()[at:])).json == COMPLETION
        assert here.sent == [True] * (WARM - 1)
        assert (await client.ask(request())).status == 200
        assert here.sent == [True] * WARM
        await here.nothing_is_left()


async def test_requests_behind_one_that_waits_are_answered_in_their_order() -> None:
    release = asyncio.Event()

    async def held(peer: Peer) -> None:
        await release.wait()
        await peer.say(wire(ANSWER.replace(b"hello", b"first")))

    async with house(held) as here:
        client = await here.client(request())
        client.writer.write(request())
        await eventually(lambda: len(here.primary.asked) == WARM + 1)
        client.writer.write(b"GET /v1/models/alone HTTP/1.1\r\nhost: localhost\r\n\r\n" + request())
        client.writer.write(b"HEAD /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await asyncio.sleep(0.05)
        assert len(here.primary.asked) == WARM + 1
        release.set()
        assert b"first" in (await client.read()).body
        assert (await client.read()).json["id"] == "alone"
        assert (await client.read()).json == COMPLETION
        async with asyncio.timeout(5):
            assert b"200 OK" in await client.reader.readuntil(b"\r\n\r\n")
        assert (await client.ask(request())).json == COMPLETION
        await here.nothing_is_left()


# The caller goes away, or the server


STAGES = {
    "before a word": b"",
    "in the head": USUAL[:30],
    "in the body": USUAL[:-20],
    "in a body of unknown length": UNTIL_CLOSE,
    "in a chunk": chunked(ANSWER)[:-30],
}


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("said", STAGES.values(), ids=STAGES)
async def test_a_caller_that_goes_away_cancels_the_provider_and_leaves_nothing_behind(said: bytes, reset: bool) -> None:
    async def waits(peer: Peer) -> None:
        await peer.say(said)
        await silent(peer)

    async with house(waits) as here:
        client = await here.client(request("smart"))
        before = here.health()
        client.writer.write(request("smart"))
        await eventually(lambda: len(here.primary.asked) == WARM + 1)
        await asyncio.sleep(0.02)
        assert here.sent == [True] * WARM
        assert (here.served.in_flight(), here.primary.open) == (1, 1)
        if reset:
            client.writer.transport.abort()
        else:
            client.writer.close()
        await here.nothing_is_left()
        await eventually(lambda: here.primary.open == 0)
        assert here.backup.asked == []
        (*_, ended) = here.served.calls
        assert (len(here.served.calls), ended.code, ended.status) == (WARM + 1, "cancelled", 499)
        record = (await here.records())[-1]
        assert (record["code"], record["attempts"][0]["cancelled"]) == ("cancelled", True)
        assert here.health() == before
        assert (await (await here.client()).ask(request())).status == 200


async def test_a_caller_that_goes_away_in_the_moment_of_the_answer_is_told_of_once() -> None:
    async with house() as here:
        for turn in range(20):
            client = await here.client(request())
            client.writer.write(request())
            for _ in range(turn):
                await asyncio.sleep(0)
            client.writer.transport.abort()
        await eventually(lambda: here.served.in_flight() == 0)
        await asyncio.sleep(0.05)
        await here.nothing_is_left()
        assert {ended.code for ended in here.served.calls} <= {"ok", "cancelled"}
        assert len({ended.call.id for ended in here.served.calls}) == len(here.served.calls)


async def test_a_call_beyond_the_limit_of_the_stop_is_told_and_recorded() -> None:
    async with house(silent, server={"shutdown_timeout": "200ms"}) as here:
        client = await here.client(request())
        client.writer.write(request())
        await eventually(lambda: len(here.primary.asked) == WARM + 1)
        assert here.sent == [True] * WARM
        stopping = asyncio.create_task(here.served.service.stop())
        reply = await client.read()
        await asyncio.wait_for(stopping, 5)
        assert reply.status == 503
        assert b"Segue stopped before there was an answer" in reply.body
        assert [ended.code for ended in here.served.calls] == ["ok"] * WARM + ["cancelled"]
        assert here.served.in_flight() == 0
        await eventually(lambda: here.primary.open == 0)


async def test_a_call_within_the_limit_of_the_stop_is_answered_and_its_connection_closed() -> None:
    seen = []
    for express in (True, False):
        release = asyncio.Event()

        async def held(peer: Peer, release: asyncio.Event = release) -> None:
            await release.wait()
            await peer.say(USUAL)

        async with house(held, express=express, server={"shutdown_timeout": "5s"}) as here:
            client = await here.client(request())
            client.writer.write(request())
            await eventually(lambda here=here: len(here.primary.asked) == WARM + 1)
            stopping = asyncio.create_task(here.served.service.stop())
            await eventually(lambda here=here: here.served.service.running.engine.world.gate.closed)
            release.set()
            reply = await client.read()
            seen.append((reply.status, reply.json, b"connection: close" in reply.head, await client.reader.read()))
            await asyncio.wait_for(stopping, 5)
    assert seen[0] == seen[1]
    assert seen[0][:2] == (200, COMPLETION)


# What is decided anew for each request


async def test_a_key_that_is_revoked_or_made_is_seen_by_the_next_request_of_a_connection() -> None:
    async with house(auth={"mode": "keys"}) as here:
        running = here.served.service.running
        key, record = await running.key_store.create("one")
        await running.reload_keys()
        asked = request("alone", f"Authorization: Bearer {key}")
        client = await here.client(asked)
        assert (await client.ask(asked)).status == 200
        assert here.sent == [True] * WARM
        await running.key_store.revoke(record.id)
        await running.reload_keys()
        assert (await client.ask(asked)).status == 401
        assert len(here.primary.asked) == WARM + 1
        assert here.sent == [True] * WARM


async def test_an_open_service_that_gets_its_first_key_asks_for_it_on_connections_that_are_open() -> None:
    async with house() as here:
        client = await here.client(request())
        assert (await client.ask(request())).status == 200
        running = here.served.service.running
        await running.key_store.create("first")
        await running.reload_keys()
        assert (await client.ask(request())).status == 401
        assert len(here.primary.asked) == WARM + 1


async def test_a_key_that_will_expire_is_looked_at_each_time() -> None:
    async with house(auth={"mode": "keys"}) as here:
        running = here.served.service.running
        key, _ = await running.key_store.create("one", expires_at=running.engine.world.clock.wall() + 1000)
        await running.reload_keys()
        client = await here.client(asked := request("alone", f"Authorization: Bearer {key}"))
        assert (await client.ask(asked)).status == 200
        assert here.sent == []


async def test_a_provider_that_is_disabled_is_not_asked_again_and_comes_back() -> None:
    async with house() as here:
        client = await here.client(request("smart"))
        engine = here.served.service.running.engine
        engine.enable("primary", enabled=False)
        assert b"x-segue-provider: backup" in (await client.ask(request("smart"))).head
        assert len(here.primary.asked) == WARM
        engine.enable("primary", enabled=True)
        assert b"x-segue-provider: primary" in (await client.ask(request("smart"))).head
        await here.nothing_is_left()


async def test_the_next_request_of_a_connection_sees_a_new_configuration() -> None:
    async with house() as here:
        client = await here.client(request())
        path = here.served.directory / "segue.yaml"
        settings = json.loads(path.read_text())
        settings["models"]["alone"] = ["backup/other"]
        path.write_text(json.dumps(settings))
        assert here.served.service.running.reload()
        for _ in range(3):
            assert b"x-segue-provider: backup" in (await client.ask(request())).head
        assert len(here.primary.asked) == WARM
        assert json.loads(here.backup.asked[-1].partition(b"\r\n\r\n")[2])["model"] == "other"
        assert here.sent == [True] * (WARM - 1) + [False, True, True]


async def test_a_call_under_way_ends_well_in_the_configuration_in_which_it_began() -> None:
    release = asyncio.Event()

    async def held(peer: Peer) -> None:
        await release.wait()
        await peer.say(error("500 Internal Server Error"))

    async with house(held) as here:
        client = await here.client(request("smart"))
        client.writer.write(request("smart"))
        await eventually(lambda: len(here.primary.asked) == WARM + 1)
        here.served.service.running.engine.enable("primary", enabled=False)
        release.set()
        assert (await client.read()).json == COMPLETION
        assert len(here.backup.asked) == 1
        await here.nothing_is_left()


async def test_an_open_breaker_refuses_and_a_closed_one_lets_the_express_go_on() -> None:
    breaker = {"failures": 1, "min_calls": 100_000, "open_for": "300ms"}
    say = error("500 Internal Server Error")
    async with house(say, policies={"default": {"retries": 0, "breaker": breaker}}) as here:
        client = await here.client(request())
        assert (await client.ask(request())).status == 502
        for _ in range(3):
            assert (await client.ask(request())).status == 503
        assert len(here.primary.asked) == WARM + 1
        await eventually(lambda: here.health()["primary"]["state"] == "half_open")
        for _ in range(3):
            assert (await client.ask(request())).status == 200
        assert here.sent == [True] * WARM + [False] * 4 + [True] * 2
        await here.nothing_is_left()


async def test_a_full_gate_and_a_closed_one_refuse() -> None:
    async with house(silent, turn=WARM + 2, server={"max_calls": 1}) as here:
        waiting, other = await here.client(request()), await here.client()
        assert (await other.ask(request())).status == 200
        waiting.writer.write(request())
        await eventually(lambda: here.served.in_flight() == 1)
        before = here.sent.copy()
        refused = await other.ask(request())
        assert (refused.status, refused.json["segue"]["code"]) == (503, "segue_overloaded")
        assert here.sent == [*before, False]
        waiting.writer.close()
        await here.nothing_is_left()
        here.served.service.running.engine.world.gate.closed = True
        assert b"another instance" in (await other.ask(request())).body


async def test_a_listener_that_only_knows_calls_and_attempts_is_told_of_each_once() -> None:
    async with house() as here:
        client = await here.client(request())
        assert (await client.ask(request())).status == 200
        assert here.sent == [True] * WARM
        assert len(here.served.calls) == len(here.served.attempts) == WARM + 1
        call = here.served.calls[-1].call
        assert call.attempts == [here.served.attempts[-1].attempt]
        assert call.cost == call.attempts[0].charge.cost


async def test_two_thousand_mixed_calls_leave_nothing_behind() -> None:
    failures = [say for say, status, _ in FAILING.values() if isinstance(say, bytes) and status not in {429, 503}]
    answers = [one for one in SLOWER.values() if len(one) < 10_000] + failures
    turn = 0

    async def any_of_them(peer: Peer) -> None:
        nonlocal turn
        turn += 1
        said = answers[turn % len(answers)] if turn % 3 == 0 else USUAL
        await peer.say(said)
        if b"connection: close" in said:
            peer.writer.close()

    async with house() as here:
        here.primary._turn = -1
        here.primary.always = any_of_them
        clients = [await here.client() for _ in range(10)]

        async def calls(client: Any, number: int) -> None:
            for _ in range(number):
                async with asyncio.timeout(5):
                    await client.ask(request("smart"))

        await asyncio.gather(*(calls(client, 200) for client in clients))
        await here.nothing_is_left()
        assert sum(here.sent) > 500
        here.served.calls.clear()
        here.served.attempts.clear()
        gc.collect()
        assert not [one for one in gc.get_objects() if isinstance(one, ExpressCall)]


async def test_the_way_of_a_call_makes_no_cycles_even_where_it_is_handed_over() -> None:
    async with house(error("500 Internal Server Error"), priced=False) as here:
        client = await here.client(request())
        gc.collect()
        gc.disable()
        try:
            assert (await client.ask(request())).status == 502
            assert (await client.ask(request())).status == 200
            here.served.calls.clear()
            here.served.attempts.clear()
            await here.served.service.running.call_log.flush()
            await asyncio.sleep(0.01)
            alive = [one for one in gc.get_objects() if isinstance(one, ExpressCall)]
        finally:
            gc.enable()
        assert not alive
