"""Wrong answers, as a client sees them on the wire."""

import asyncio
import json
import time
from email.utils import parsedate_to_datetime

import pytest

from segue.simulator import FaultError
from simulator.wire import hear, request_bytes


@pytest.mark.parametrize("seconds", [3600, -3600])
async def test_retry_after_can_be_a_date_before_or_after_now(sim, ask, seconds):
    """`retry_after_date` is an HTTP date so many seconds from the moment of the answer."""
    sim.fault("primary", "status", code=503, retry_after_date=seconds)
    heard = await ask()
    told = parsedate_to_datetime(heard.headers["retry-after"]).timestamp()
    assert heard.headers["retry-after"].endswith(" GMT")
    assert abs(told - time.time() - seconds) < 5


@pytest.mark.parametrize("value", [0, 2.5, -1, 1e12, "9" * 40, "Wed, 21 Oct 2015 07:28:00 GMT", "in a while", "NaN"])
async def test_retry_after_may_be_anything(sim, ask, value):
    """Numbers, dates, huge and negative values and nonsense are sent as given, in both headers."""
    sim.fault("primary", "status", code=429, retry_after=value, retry_after_ms=value)
    heard = await ask()
    assert (heard.headers["retry-after"], heard.headers["retry-after-ms"]) == (str(value), str(value))


async def test_an_error_carries_arbitrary_headers(sim, ask):
    """`headers` are sent exactly as given, and a line break cannot forge another one."""
    sim.fault("primary", "status", headers={"x-should-retry": "false", "x-odd": "a\r\nx-forged: b"})
    heard = await ask()
    assert heard.headers["x-should-retry"] == "false"
    assert "x-forged" not in heard.headers


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "connection", "bad name", "", "é"])
async def test_headers_that_frame_an_answer_are_refused(sim, name):
    """They would break the simulator's own transfer; the error names the header."""
    for kind in ("status", "headers"):
        with pytest.raises(FaultError, match="headers"):
            sim.fault("primary", kind, headers={name: "5"})


async def test_headers_are_added_and_removed(sim, ask):
    """The kind `headers` changes any answer, a good one as well as a refusal."""
    sim.fault("primary", "headers", headers={"X-Request-Id": "mine"}, remove=["openai-version"])
    for fields in ({}, {"stream": True}, {"temperature": 99}):
        heard = await ask(**fields)
        assert heard.headers["x-request-id"] == "mine"
        assert "openai-version" not in heard.headers


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_names_its_location(sim, ask, code):
    """Each redirect status comes with the location as given."""
    sim.fault("primary", "redirect", code=code, location="http://127.0.0.1:9/x")
    heard = await ask()
    assert (heard.status, heard.headers["location"], heard.body) == (code, "http://127.0.0.1:9/x", b"")


async def test_half_json_is_transferred_in_good_order(sim, ask):
    """The announced length is that of the half, and only the JSON ends too early; streams are left alone."""
    sim.fault("primary", "half_json")
    heard = await ask()
    assert int(heard.headers["content-length"]) == len(heard.body)
    with pytest.raises(ValueError, match="line"):
        json.loads(heard.body)
    assert (await ask(stream=True)).body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("status", [200, 502, 503])
async def test_a_web_page_comes_with_any_status(sim, ask, status):
    """HTML from something in front of the vendor."""
    sim.fault("primary", "html", status=status)
    heard = await ask()
    assert (heard.status, heard.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert heard.body.startswith(b"<!DOCTYPE html>")


async def test_an_error_can_be_a_bare_text(sim, ask):
    """`form: text` is `{"error": "text"}`, with status 200 and as an event."""
    sim.fault("primary", "error_in_200", form="text", message="no capacity", match={"stream": False})
    sim.fault("primary", "error_event", form="text", message="no capacity", named=True, after=1)
    heard = await ask()
    assert (heard.status, json.loads(heard.body)) == (200, {"error": "no capacity"})
    heard = await ask(stream=True)
    assert heard.body.endswith(b'event: error\ndata: {"error":"no capacity"}\n\n')
    assert heard.body.count(b'"content":"') == 2


@pytest.mark.parametrize(("then", "end"), [("end", "closed"), ("done", "closed"), ("reset", "reset"), ("open", "open")])
async def test_what_follows_an_error_event(sim, ask, then, end):
    """A clean end, the terminator, a reset, or nothing more."""
    sim.fault("primary", "error_event", then=then)
    heard = await ask(stream=True, patience=0.2)
    assert heard.end == end
    assert (b"[DONE]" in heard.data) is (then == "done")
    assert b'"error"' in heard.data


async def test_a_wrong_content_type_can_be_chosen(sim, ask):
    """The right body under another label."""
    sim.fault("primary", "wrong_type", content_type="application/octet-stream")
    heard = await ask(stream=True)
    assert heard.headers["content-type"] == "application/octet-stream"
    assert heard.body.endswith(b"data: [DONE]\n\n")


async def test_an_empty_body_comes_with_any_status(sim, ask):
    """A gateway's 502 without a word."""
    sim.fault("primary", "empty_body", status=502)
    heard = await ask()
    assert (heard.status, heard.body) == (502, b"")


@pytest.mark.parametrize(
    ("error", "status"),
    [("context_length_exceeded", 400), ("content_filter", 400), ("invalid_api_key", 401), ("insufficient_quota", 429)],
)
async def test_refusals_have_the_vendors_status_and_code(sim, ask, error, status):
    """Context length, content filter, key and quota, as OpenAI words them."""
    sim.fault("primary", "status", error=error)
    heard = await ask()
    assert (heard.status, json.loads(heard.body)["error"]["code"]) == (status, error)


@pytest.mark.parametrize(
    ("path", "field"), [("/w/data/2.5/weather?q=Oslo&appid=k", "cod"), ("/w/v1/current.json?q=Oslo&key=k", "error")]
)
@pytest.mark.parametrize("code", [401, 404, 429, 500, 503])
async def test_weather_vendors_refuse_in_their_own_shape(sim, path, field, code):
    """Every status is worded as the vendor words it, with the headers as given."""
    sim.fault("w", "status", code=code, retry_after=9)
    heard = await hear(sim.port, request_bytes("GET", path))
    assert (heard.status, heard.headers["retry-after"]) == (code, "9")
    assert field in json.loads(heard.body)


@pytest.mark.parametrize("path", ["/w/data/2.5/weather?q=Oslo&appid=k", "/w/v1/current.json?q=Oslo&key=k"])
async def test_weather_breaks_in_the_general_ways(sim, path):
    """Web page, half JSON, cut, short body, silence, reset, bare error text, garbage."""

    async def broken(kind: str, **options: object):
        identifier = sim.fault("w", kind, **options)
        heard = await hear(sim.port, request_bytes("GET", path), 0.2)
        sim.faults.remove(identifier)
        return heard

    assert (await broken("html")).body.startswith(b"<!DOCTYPE")
    for half in (await broken("half_json"), await broken("cut"), await broken("malformed", variant="garbage")):
        with pytest.raises(ValueError, match=r"line"):
            json.loads(half.body)
    assert (await broken("short_body")).end == "closed"
    assert await broken("silence") == (await broken("stall", after=0)).__class__(b"", "open")
    assert (await broken("refuse")).end == "reset"
    assert json.loads((await broken("error_in_200", form="text", message="x")).body) == {"error": "x"}
    assert json.loads((await broken("usage")).body)
    assert json.loads((await broken("byte_order_mark")).body.decode("utf-8-sig"))


@pytest.mark.parametrize(
    ("distribution", "options", "low", "high"),
    [
        ("fixed", {"seconds": 0.06, "jitter": 5}, 0.06, 0.5),
        ("uniform", {"seconds": 0.03, "jitter": 0.03}, 0.03, 0.5),
        ("normal", {"seconds": 0.05, "jitter": 0.001}, 0.04, 0.5),
        ("lognormal", {"seconds": 0.05, "sigma": 0.01}, 0.04, 0.5),
        ("pareto", {"seconds": 0.04, "alpha": 0.1, "maximum": 0.08}, 0.04, 0.5),
    ],
)
async def test_latency_follows_the_distribution_asked_for(sim, ask, distribution, options, low, high):
    """The delay on the wire lies where the distribution puts it."""
    sim.fault("primary", "latency", distribution=distribution, **options)
    clock = asyncio.get_running_loop()
    started = clock.time()
    assert (await ask()).status == 200
    assert low <= clock.time() - started < high
