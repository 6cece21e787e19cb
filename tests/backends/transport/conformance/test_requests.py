"""What goes out, and what is refused before anything does."""

import asyncio

import pytest

from backends.scripted import Peer, always, answer, serving
from backends.transport.support import SECRET, ask, counts, direct, failure_of, get, post, reset, whole
from segue.backends.transport.direct_request import split_url
from segue.core.failure import Executed, Kind, Scope
from segue.core.ports import WireRequest


async def sent(transporting, make, **options) -> bytes:
    """The bytes of the request that `make(server)` becomes."""
    seen = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.say(answer())

    async with serving(script) as server, transporting(**options) as transport:
        await whole(transport, make(server))
    return seen[0]


async def test_a_request_goes_out_as_written_and_with_nothing_of_the_clients_own(transporting):
    request = await sent(transporting, lambda server: post(server.url("/v1/x%3Ay?key=a%2Fb+c")))
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/x%3Ay?key=a%2Fb+c HTTP/1.1"
    names = sorted(line.split(b":")[0].lower() for line in lines[1:])
    assert names == [b"accept-encoding", b"content-length", b"content-type", b"host", b"user-agent"]
    assert b"user-agent: segue/9.9" in head.lower()
    assert body == b'{"a":1}'


async def test_other_characters_in_a_url_are_encoded_and_a_fragment_is_dropped(transporting):
    request = await sent(transporting, lambda server: post(server.url("/wetter/Zürich heute?a=b c#part")))
    assert request.startswith(b"POST /wetter/Z%C3%BCrich%20heute?a=b+c HTTP/1.1\r\n")


@pytest.mark.parametrize("path", ["", "?a=b", "#part"])
async def test_a_url_without_a_path_asks_for_the_root(transporting, path):
    request = await sent(transporting, lambda server: get(server.url(path)))
    assert request.split(b" ")[1] == b"/" + path.partition("#")[0].encode()


async def test_the_host_header_names_the_port_unless_it_is_the_usual_one(transporting):
    request = await sent(transporting, lambda server: get(server.url(host="localhost")))
    assert b"\r\nhost: localhost:" in request.lower()


async def test_headers_of_the_request_win_over_defaults(transporting):
    headers = {"User-Agent": "mine", "accept": "text/event-stream", "accept-encoding": "gzip", "Host": "other.test"}
    request = (await sent(transporting, lambda server: post(server.url(), **headers))).lower()
    assert request.count(b"user-agent:") == request.count(b"accept-encoding:") == request.count(b"\r\nhost:") == 1
    assert b"user-agent: mine\r\n" in request
    assert b"accept-encoding: gzip\r\n" in request
    assert b"host: other.test\r\n" in request


async def test_text_beyond_ascii_in_a_header_goes_out_as_utf_8(transporting):
    request = await sent(transporting, lambda server: post(server.url(), **{"x-title": "Привет\tmir"}))
    assert "x-title: Привет\tmir\r\n".encode() in request


@pytest.mark.parametrize(("method", "length"), [("GET", False), ("HEAD", False), ("POST", True), ("PUT", True)])
async def test_only_a_method_that_has_a_body_tells_the_length_of_an_empty_one(method, length):
    request = await sent(direct, lambda server: WireRequest(method, server.url(), {}))
    assert (b"content-length: 0" in request.lower()) == length


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_line_break_in_a_header_is_a_clear_failure_of_the_request(transporting, value):
    async with serving(always(answer())) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(), **{"x-tag": value})))
        assert failure.kind is Kind.INVALID_REQUEST
        assert failure.executed is Executed.NO
        assert failure.scope is Scope.REQUEST
        assert "'x-tag'" in failure.message
        assert counts(transport)[0] == 0


async def test_a_line_break_in_a_headers_name_is_a_clear_failure_too(transporting):
    async with serving(always(answer())) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(), **{"x-a\r\nx-b": "1"})))
        assert failure.kind is Kind.INVALID_REQUEST
        assert "\n" not in failure.message


async def test_a_line_break_in_a_key_is_the_keys_fault_and_is_not_shown(transporting):
    async with serving(always(answer())) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(), authorization=f"Bearer {SECRET}\n")))
        assert failure.kind is Kind.AUTH
        assert failure.scope is Scope.KEY
        assert failure.executed is Executed.NO


@pytest.mark.parametrize("method", ["GET\r\nx: y", "GET /", "", "G T"])
async def test_a_method_that_is_none_is_a_failure_of_the_request(transporting, method):
    if not method and transporting.__name__ == "by_aiohttp":
        pytest.skip("aiohttp writes an empty method")
    async with serving(always(answer())) as server, transporting() as transport:
        failure = await failure_of(ask(transport, WireRequest(method, server.url(), {})))
        assert failure.kind is Kind.INVALID_REQUEST
        assert failure.executed is Executed.NO
        assert server.peers == []


URLS = ["", "ftp://x/", "http://", "nonsense", "http://a b/", "http://[::1", "http://x:99999/", "file:///etc/passwd"]


@pytest.mark.parametrize("url", URLS)
async def test_a_url_that_cannot_be_asked_is_a_failure_that_does_not_show_it(transporting, url):
    async with transporting() as transport:
        failure = await failure_of(ask(transport, post(url)))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO


DOUBTFUL = [
    "http:/x/", "http:x", "http://x:0/", "http://x:-1/", "http://x:1a/", "http://a\\b/", "http://a%2fb/", "http://:80/",
    "http://a,b/", "http://[::1]x/", "http://[zz]/", "http://x\n/", "http://x/" + "a" * 70_000, "http://a\tb/",
]  # fmt: skip


@pytest.mark.parametrize("url", DOUBTFUL, ids=lambda url: repr(url[:16]))
async def test_a_url_that_programs_read_differently_is_refused(url):
    async with direct() as transport:
        failure = await failure_of(ask(transport, post(url)))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO


@pytest.mark.parametrize("user", ["me", f"me:{SECRET}", f":{SECRET}", f"{SECRET}:{SECRET}"])
async def test_a_url_with_credentials_is_refused_with_the_remedy_and_without_them(user):
    async with serving(always(answer())) as server, direct() as transport:
        failure = await failure_of(ask(transport, post(f"http://{user}@127.0.0.1:{server.port}/")))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "`base_url`" in failure.message
        assert server.peers == []


def test_an_international_name_is_asked_by_its_ascii_form():
    authority, target = split_url("http://bücher.example:8080/ä")
    assert authority.host == "xn--bcher-kva.example"
    assert authority.header == "xn--bcher-kva.example:8080"
    assert target == "/%C3%A4"


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("http://a.test/", "a.test"),
        ("http://a.test:80/", "a.test"),
        ("https://a.test:443/", "a.test"),
        ("http://a.test:443/", "a.test:443"),
        ("HTTPS://A.test/", "a.test"),
        ("http://[2001:db8::1]/", "[2001:db8::1]"),
        ("http://[2001:db8::1]:81/", "[2001:db8::1]:81"),
        ("http://[fe80::1%eth0]/", "[fe80::1]"),
    ],
)
def test_the_host_is_written_as_servers_expect_it(url, header):
    assert split_url(url)[0].header == header


FRAMING = {
    "transfer-encoding": "chunked", "Connection": "keep-alive", "expect": "100-continue", "upgrade": "h2c",
    "te": "trailers", "trailer": "x", "keep-alive": "1", "content-length": "6",
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMING)
async def test_what_frames_a_request_is_written_by_the_transport_alone(name):
    async with serving(always(answer())) as server, direct() as transport:
        failure = await failure_of(ask(transport, post(server.url(), **{name: FRAMING[name]})))
        assert failure.kind is Kind.INVALID_REQUEST
        assert failure.executed is Executed.NO
        assert name.lower() in failure.message
        assert server.peers == []


async def test_a_true_length_may_be_given_and_goes_out_once():
    request = await sent(direct, lambda server: post(server.url(), **{"Content-Length": "7"}))
    assert request.lower().count(b"content-length") == 1


async def test_two_hosts_in_one_request_are_refused():
    async with serving(always(answer())) as server, direct() as transport:
        failure = await failure_of(ask(transport, post(server.url(), Host="a.test", host="b.test")))
        assert failure.kind is Kind.INVALID_REQUEST


@pytest.mark.parametrize("header", [{"x a": "1"}, {"": "1"}, {"x:": "1"}, {"ü": "1"}, {"x": "\ud800"}])
async def test_a_header_that_is_none_is_refused(header):
    async with serving(always(answer())) as server, direct() as transport:
        failure = await failure_of(ask(transport, post(server.url(), **header)))
        assert failure.kind is Kind.INVALID_REQUEST
        assert server.peers == []


async def test_redirects_are_answers_like_any_other(transporting):
    redirect = answer(status="307 Temporary Redirect", headers="location: http://example.com/\r\n")
    async with serving(always(redirect)) as server, transporting() as transport:
        response = await ask(transport, post(server.url()))
        assert response.status == 307
        assert response.headers["location"] == "http://example.com/"
        await response.read_whole(100)


async def test_cookies_are_not_kept(transporting):
    seen = []

    async def script(peer: Peer) -> None:
        while request := await peer.request():
            seen.append(request.lower())
            await peer.say(answer(headers="set-cookie: a=b\r\n"))

    async with serving(script) as server, transporting() as transport:
        for _ in range(2):
            await whole(transport, post(server.url(host="localhost")))
    assert len(seen) == 2
    assert not any(b"cookie" in request for request in seen)


@pytest.mark.parametrize("size", [100_000, 262_144, 262_145, 5_000_000])
async def test_a_large_body_arrives_whole(transporting, size):
    body = bytes(range(251)) * (size // 251 + 1)
    request = await sent(transporting, lambda server: post(server.url(), body[:size]))
    assert request.partition(b"\r\n\r\n")[2] == body[:size]


async def test_a_large_body_is_written_only_as_fast_as_it_is_read():
    """A slow server must not have the whole body copied into our buffers."""
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await go.wait()
        await peer.reader.readexactly(30_000_000)
        await peer.say(answer(b"got it"))
        await peer.until_closed()

    arrived = asyncio.Event()
    async with serving(script) as server, direct() as transport:
        task = asyncio.create_task(whole(transport, post(server.url(), bytes(30_000_000))))
        await arrived.wait()
        (origin,) = transport._origins.values()
        (connection,) = origin._members
        assert connection._transport.get_write_buffer_size() < 400_000
        assert len(connection._unsent) > 10_000_000
        go.set()
        assert await task == b"got it"
        assert counts(transport) == (0, 1)


@pytest.mark.parametrize("then", ["waits", "closes"])
async def test_an_answer_that_comes_while_the_body_is_still_being_sent_is_heard(transporting, then):
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(answer(b"too large", status="413 Content Too Large", headers="connection: close\r\n"))
        if then == "waits":
            await heard.wait()

    heard = asyncio.Event()
    async with serving(script) as server, transporting() as transport:
        response = await ask(transport, post(server.url(), bytes(30_000_000)), connect=5)
        assert response.status == 413
        assert await response.read_whole(100) == b"too large"
        heard.set()
        assert counts(transport)[1] == 0


async def test_a_connection_on_which_a_request_was_not_sent_to_its_end_is_not_used_again():
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(answer(b"no", status="401 Unauthorized"))
        await peer.until_closed()

    async with serving(script) as server, direct() as transport:
        assert await whole(transport, post(server.url(), bytes(30_000_000))) == b"no"
        assert counts(transport) == (0, 0)
        await server.until(lambda: server.open == 0)


async def test_a_whole_answer_of_success_before_the_request_was_sent_does_not_free_the_connection():
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(answer(b"yes"))
        await heard.wait()

    heard = asyncio.Event()
    async with serving(script) as server, direct() as transport:
        assert await whole(transport, post(server.url(), bytes(30_000_000))) == b"yes"
        assert counts(transport) == (0, 0)
        heard.set()


async def test_an_early_answer_of_success_does_not_stop_the_body():
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        await peer.reader.readexactly(30_000_000)
        await peer.say(b"1\r\nb\r\n0\r\n\r\n")
        await peer.until_closed()

    async with serving(script) as server, direct() as transport:
        assert await whole(transport, post(server.url(), bytes(30_000_000))) == b"ab"
        assert counts(transport) == (0, 1)


async def test_a_reset_while_a_large_body_is_being_sent_is_a_lost_connection(transporting):
    async def script(peer: Peer) -> None:
        await peer.reader.readexactly(1000)
        reset(peer)

    async with serving(script) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(), b"x" * 20_000_000)))
        assert failure.kind is Kind.CONNECTION_LOST
        assert failure.executed is Executed.UNKNOWN
