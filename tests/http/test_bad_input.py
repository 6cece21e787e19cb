"""Bad input gets a clear error that names the field and the remedy, in the shape of the surface that was called."""

import asyncio
import json

from support.service import HELLO, Serving, serving

CHAT = "/v1/chat/completions"
GOOD = {"model": "alone", "messages": HELLO}


def raw(body: bytes) -> dict:
    return {"data": body, "headers": {"content-type": "application/json"}}


async def test_a_chat_that_cannot_be_understood_names_the_field_in_openais_shape(served: Serving) -> None:
    cases: list[tuple[bytes, str | None, str]] = [
        (b"", None, "not valid JSON"),
        (b"{", None, "not valid JSON"),
        (b'{"model":"alone","messages":[NaN]}', None, "not valid JSON"),
        (b'{"model":"alone","messages":["\xff"]}', None, "not UTF-8"),
        (b'{"model":"alone","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None, "nested too deeply"),
        (b"[]", None, "must be a JSON object"),
        (json.dumps({**GOOD, "model": 7}).encode(), "model", "expected a string"),
        (json.dumps({"messages": HELLO}).encode(), "model", "GET /v1/models"),
        (json.dumps({**GOOD, "messages": {"role": "user"}}).encode(), "messages", "expected a list"),
        (json.dumps({**GOOD, "messages": []}).encode(), "messages", "at least one message"),
        (json.dumps({"model": "alone"}).encode(), "messages", "at least one message"),
        (json.dumps({**GOOD, "stream": "yes"}).encode(), "stream", "true or false"),
        (json.dumps({**GOOD, "n": 0}).encode(), "n", "1 or more"),
        (json.dumps({**GOOD, "fallbacks": "backup"}).encode(), "fallbacks", "list of names"),
        (json.dumps({**GOOD, "stream_options": 7}).encode(), "stream_options", "an object"),
    ]
    for body, param, says in cases:
        answer = await served.ask("POST", CHAT, **raw(body))
        assert answer.status == 400, body[:60]
        assert answer.error["param"] == param, body[:60]
        assert says in answer.error["message"], body[:60]
        assert (answer.error["type"], answer.error["code"]) == ("invalid_request_error", "invalid_request")
        assert answer.headers["x-should-retry"] == "false"
        assert answer.json["segue"]["code"] == "invalid_request"
    assert served.sim.seen() == []


async def test_an_unknown_fallback_is_refused_before_anything_is_sent(served: Serving) -> None:
    answer = await served.chat(fallbacks=["nobody"])
    assert (answer.status, answer.error["param"]) == (404, "fallbacks")
    assert "'nobody'" in answer.error["message"]
    assert served.sim.seen() == []


async def test_of_a_field_given_twice_the_last_counts_and_the_provider_sees_no_other(served: Serving) -> None:
    body = b'{"model":"nobody","messages":[1],"\\u006dodel":"alone","messages":' + json.dumps(HELLO).encode() + b"}"
    assert (await served.ask("POST", CHAT, **raw(body))).status == 200
    assert served.sim.seen("primary")[0].raw_body.count(b"model") == 1


WISHES = [
    ("x-segue-nonsense", "1", "unknown header x-segue-nonsense: there are x-segue-avoid"),
    ("x-segue-deadline-ms", "2s", "a number above 0, got '2s'"),
    ("x-segue-deadline-ms", "0", "a number above 0"),
    ("x-segue-deadline-ms", "-5", "a number above 0"),
    ("x-segue-deadline-ms", "nan", "a number above 0"),
    ("x-segue-deadline-ms", "inf", "a number above 0"),
    ("x-segue-max-attempts", "1.5", "a whole number, 1 or more"),
    ("x-segue-max-attempts", "0", "a whole number, 1 or more"),
    ("x-segue-only", " , ", "expected 1 to 32 names"),
    ("x-segue-avoid", ",".join("abcdefghijklmnopqrstuvwxyz0123456789"), "expected 1 to 32 names"),
    ("x-segue-tags", "novalue", "expected a=b,c=d"),
    ("x-segue-tags", "=b", "expected a=b,c=d"),
    ("x-segue-tags", "a=" + "b" * 300, "expected a=b,c=d"),
    ("x-segue-tags", ",".join(f"{n}=1" for n in range(17)), "more than 16 tags"),
    ("x-segue-cache", "refresh", "there is no cache yet"),
    ("x-segue-hold", "64", "header x-segue-hold: needs a unit: write it like none"),
    ("x-segue-hold", "", "header x-segue-hold: must be none"),
    ("x-segue-hold", "1h", "must be from 1ms to 10m, not '1h'"),
    ("x-segue-hold", "x" * 500, "64 tokens, a duration such as 2s, or all, not 'xxx"),
]


async def test_a_wish_that_cannot_be_read_is_refused_by_its_header(served: Serving) -> None:
    for header, value, says in WISHES:
        for answer in (
            await served.chat(headers={header: value}),
            await served.ask("GET", "/v1/weather/current?query=Oslo", headers={header: value}),
        ):
            assert answer.status == 400, (header, value)
            error = answer.json.get("error") or answer.json
            assert error["param"] == header
            assert says in (error.get("message") or error["detail"])
    assert served.sim.seen() == []


async def test_a_wish_given_twice_is_refused_since_one_of_them_would_be_ignored(served: Serving) -> None:
    answer = await served.chat(headers=[("x-segue-only", "primary"), ("x-segue-only", "backup")])
    assert (answer.status, answer.error["param"]) == (400, "x-segue-only")
    assert "given twice" in answer.error["message"]


async def test_an_sdks_odd_timeout_header_says_nothing_rather_than_harm(served: Serving) -> None:
    for value in ("None", "", "nan", "inf", "-1", "0", "soon"):
        assert (await served.chat(headers={"x-stainless-read-timeout": value})).status == 200, value


async def test_the_shorter_of_deadline_and_sdk_timeout_counts(served: Serving) -> None:
    served.sim.fault("primary", "silence")
    for ours, theirs in (("100", "60"), ("60000", "0.1")):
        headers = {"x-segue-deadline-ms": ours, "x-stainless-read-timeout": theirs}
        answer = await served.chat(headers=headers)
        assert answer.status == 504
        assert "no answer before the deadline" in answer.error["message"]


async def test_a_body_beyond_the_limit_is_refused_by_its_declared_length_before_it_is_sent() -> None:
    async with serving(server={"body_limit": "2048B"}) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n{")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b" 413 " in head
        error = json.loads(await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])))
        assert "2048 bytes, which is server.body_limit" in error["error"]["message"]
        assert error["error"]["code"] == "request_too_large"
        writer.close()


async def test_a_chunked_body_beyond_the_limit_is_refused_once_the_limit_is_passed() -> None:
    async with serving(server={"body_limit": "2048B"}) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
        answered = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        for _ in range(100):
            writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            await asyncio.sleep(0.001)
            if answered.done():
                break
        assert b" 413 " in await asyncio.wait_for(answered, 5)
        writer.close()


async def test_a_small_body_in_one_chunk_beyond_the_limit_is_refused_too() -> None:
    async with serving(server={"body_limit": "1024B"}) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
        head = b"POST /v1/call/chat HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head + b"800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n")
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b" 413 " in answer
        assert b"application/problem+json" in answer
        writer.close()


async def test_a_body_just_within_the_limit_is_served() -> None:
    async with serving(server={"body_limit": "2048B"}) as served:
        body = json.dumps(GOOD).encode()
        assert (await served.ask("POST", CHAT, **raw(body + b" " * (2048 - len(body))))).status == 200


async def test_a_method_that_is_not_served_says_which_are(served: Serving) -> None:
    for method, path, allowed in (
        ("GET", CHAT, "POST"),
        ("DELETE", "/openai/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET"),
        ("POST", "/v1/models/gpt-4o", "GET"),
        ("GET", "/v1/call/chat", "POST"),
        ("POST", "/v1/weather/current", "GET"),
        ("PUT", "/admin/keys", "GET, POST"),
        ("POST", "/health", "GET, HEAD"),
    ):
        answer = await served.ask(method, path)
        assert answer.status == 405, path
        assert answer.headers["allow"] == allowed
        openai_shaped = path.startswith(("/v1/chat", "/openai", "/v1/models"))
        assert answer.headers["content-type"] == ("application/json" if openai_shaped else "application/problem+json")
        message = answer.error["message"] if openai_shaped else answer.json["detail"]
        assert "use " in message, path


async def test_what_openai_offers_and_segue_does_not_is_told_as_501(served: Serving) -> None:
    for path in ("/v1/realtime/sessions", "/v1/videos", "/v1/fine_tuning/jobs", "/openai/v1/realtime"):
        for method in ("GET", "POST"):
            answer = await served.ask(method, path)
            assert (answer.status, answer.error["code"]) == (501, "not_offered"), path
            assert path in answer.error["message"]


async def test_an_unknown_path_is_a_problem_document_that_points_to_the_docs(served: Serving) -> None:
    for path in ("/v1/nothing", "/", "/admin", "/v1/calls", "/docs/assets/none.js", "/" + "x" * 5000):
        answer = await served.ask("GET", path)
        assert answer.status == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json
        assert (problem["status"], problem["type"], problem["title"]) == (404, "about:blank", "Not Found")
        assert problem["code"] == "not_found"
        assert "/docs" in problem["detail"]
        assert len(answer.body) < 1000


async def test_errors_of_operations_are_problem_documents(served: Serving) -> None:
    for method, path, body, status, param, says in (
        ("GET", "/v1/weather/current", None, 400, "query", "no place is named"),
        ("GET", "/v1/weather/current?q=Oslo", None, 400, "q", "the fields are query, lat, lon, lang"),
        ("GET", "/v1/weather/current?query=Oslo&query=Rome", None, 400, "query", "given twice"),
        ("GET", "/v1/weather/current?lat=north&lon=1", None, 400, "lat", "lat"),
        ("GET", "/v1/weather/current?lat=1", None, 400, "lon", "`lon` is missing"),
        ("GET", "/v1/weather/current?lat=nan&lon=1", None, 400, "lat", "-90 to 90"),
        ("GET", "/v1/weather/current?query=%FF", None, 400, None, "cannot be read"),
        ("GET", "/v1/weather/current?query", None, 400, None, "name=value"),
        ("GET", "/v1/weather/current?" + "&".join(f"a{n}=1" for n in range(100)), None, 400, None, "cannot be read"),
        ("POST", "/v1/call/weather.current", b"{}", 400, "query", "no place is named"),
        ("POST", "/v1/call/weather.current", b'{"query":7}', 400, "query", "expected `str"),
        ("POST", "/v1/call/weather.current", b"{", 400, None, "not valid JSON"),
        ("POST", "/v1/call/weather.current", b"", 400, None, "not valid JSON"),
        ("POST", "/v1/call/chat", b'{"model":"alone"}', 400, "messages", "at least one message"),
        ("POST", "/v1/call/chat", b'{"model":"nobody","messages":[1]}', 404, "model", "does not exist"),
        ("POST", "/v1/call/nothing", b"{}", 404, None, "there are audio.speech"),
        ("POST", "/v1/call/", b"{}", 404, None, "there are audio.speech"),
        ("POST", "/v1/call/" + "x" * 5000, b"{}", 404, None, "unknown operation"),
    ):
        answer = await served.ask(method, path, data=body)
        assert answer.status == status, path
        assert answer.headers["content-type"] == "application/problem+json", path
        problem = answer.json
        assert (problem["status"], problem["param"]) == (status, param), path
        assert says in problem["detail"], path
        assert problem["code"] == problem["segue"]["code"]
        assert len(answer.body) < 3000
    assert served.sim.seen() == []


async def test_a_chat_through_the_general_path_may_stream_and_breaks_with_an_event(served: Serving) -> None:
    whole = await served.ask("POST", "/v1/call/chat", json={**GOOD, "stream": True})
    assert whole.status == 200
    assert whole.headers["content-type"].startswith("text/event-stream")
    assert whole.body.endswith(b"data: [DONE]\n\n")
    served.sim.fault("primary", "pace", token_delay=0.01)
    served.sim.fault("primary", "cut", after=2)
    cut = await served.ask("POST", "/v1/call/chat", json={**GOOD, "stream": True})
    last = json.loads(cut.body.strip().split(b"\n\n")[-1].removeprefix(b"data: "))
    assert last["error"]["code"] == "stream_cut"
    assert "broke off" in last["error"]["message"]


async def test_a_vendors_own_status_that_is_in_no_list_is_passed_on_as_a_problem(served: Serving) -> None:
    served.sim.fault("primary", "status", code=420)
    answer = await served.ask("POST", "/v1/call/chat", json=GOOD)
    assert (answer.status, answer.json["title"]) == (420, "Error")


async def test_what_administrators_send_is_checked_with_the_same_clarity(served: Serving) -> None:
    secret = "sk-do-not-echo-this"
    for body, status, param in (
        (b"{}", 422, "name"),
        (b"nonsense", 422, None),
        (json.dumps({"name": ""}).encode(), 422, "name"),
        (json.dumps({"name": "a", "admin": secret}).encode(), 422, "admin"),
        (json.dumps({"name": "a", secret[:2] + "x": secret}).encode(), 422, "skx"),
        (json.dumps({"name": "bad\nname"}).encode(), 400, "name"),
    ):
        answer = await served.ask("POST", "/admin/keys", **raw(body))
        assert answer.status == status, body
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["param"] == param, body
        assert secret not in answer.body.decode()
    assert (await served.ask("DELETE", "/admin/keys/nobody")).status == 404
    assert not served.service.running.locked


async def test_a_call_that_is_not_recorded_is_not_found(served: Serving) -> None:
    for name in ("call_nothing", "x" * 500):
        answer = await served.ask("GET", f"/v1/calls/{name}")
        assert (answer.status, answer.json["code"]) == (404, "http_404")
        assert len(answer.body) < 1000
