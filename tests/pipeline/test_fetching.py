"""Fetching what callers name by its address: over the real transport, from servers on loopback that misbehave."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from backends.scripted import Peer, Server, always, answer, serving
from pipeline.house import operation
from segue.backends.transport import addresses, direct, direct_connect
from segue.backends.transport.direct import DirectTransport
from segue.backends.transport.routed import RoutedTransport
from segue.core.call import Call
from segue.core.fetching import Fetched, Unfetched, Wanted
from segue.pipeline.fetching import LONGEST_URL, MOST_AT_ONCE, FetchRules, HttpFetcher

LIMIT = 10_000
OPEN = FetchRules(allow_private=True)


def call() -> Call:
    return Call(id="call_1", operation=operation(), request="?", started=0.0, started_wall=0.0)


@asynccontextmanager
async def fetching(rules: FetchRules = OPEN) -> AsyncIterator[HttpFetcher]:
    transport = DirectTransport()
    try:
        yield HttpFetcher(transport, rules)
    finally:
        await transport.close()


async def fetched(
    url: str, rules: FetchRules = OPEN, *, limit: int = LIMIT, within: float = 5.0
) -> Fetched | Unfetched:
    asked = call()
    async with fetching(rules) as fetcher:
        await fetcher.fetch(asked, [Wanted(url, limit, "image/png")], within)
    assert asked.fetched is not None
    return asked.fetched[url]


async def why(url: str, rules: FetchRules = OPEN, **more: float) -> str:
    found = await fetched(url, rules, **more)  # type: ignore[arg-type]
    assert isinstance(found, Unfetched), found
    return found.why


async def test_what_lies_there_comes_with_the_type_that_its_server_tells() -> None:
    async with serving(always(answer(b"bytes", headers="Content-Type: Image/PNG; q=1\r\n"))) as server:
        assert await fetched(server.url()) == Fetched(b"bytes", "image/png")


async def test_nothing_that_identifies_anybody_goes_along() -> None:
    heads: list[bytes] = []

    async def script(peer: Peer) -> None:
        heads.append(await peer.request())
        await peer.say(answer(b"x"))

    async with serving(script) as server:
        await fetched(server.url("/a.png?sig=1#part"))
    head = heads[0].decode().lower()
    assert head.startswith("get /a.png?sig=1 http/1.1\r\n")
    names = {line.partition(":")[0] for line in head.strip().split("\r\n")[1:]}
    assert names == {"host", "accept", "user-agent", "accept-encoding"}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/a.png",
        "http://",
        "http://:80/",
        "http://[::1/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example.com/\r\nx: y",
        "",
    ],
)
async def test_only_addresses_of_http_are_asked(url: str) -> None:
    assert await why(url) == "its address is no http:// or https:// URL"


async def test_an_address_with_credentials_is_not_asked() -> None:
    assert await why("https://user:secret@example.com/a.png") == "its address holds a user name or a password"


async def test_an_endless_address_is_not_asked() -> None:
    assert (
        await why("https://example.com/" + "a" * LONGEST_URL) == f"its address is longer than {LONGEST_URL} characters"
    )


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "0"],
)
async def test_a_private_address_is_not_even_connected_to_however_it_is_written(host: str) -> None:
    async with serving(always(answer(b"hidden"))) as server:
        told = await why(server.url(host=host), FetchRules())
        assert server.peers == []
    assert told == "its host has no address on the public Internet"


async def test_a_name_without_address_is_told_in_the_same_words_as_one_inside() -> None:
    assert await why("http://no-such-host.invalid/", FetchRules()) == "its host has no address on the public Internet"


@asynccontextmanager
async def public(monkeypatch: pytest.MonkeyPatch, *pieces: bytes) -> AsyncIterator[Server]:
    """A server at 127.0.0.2, which counts as an address of the public Internet for a while; 127.0.0.1 is private."""

    def is_global(text: str) -> bool:
        return text == "127.0.0.2" or addresses.is_global(text)

    monkeypatch.setattr(direct, "is_global", is_global)
    monkeypatch.setattr(direct_connect, "is_global", is_global)
    server = Server(always(*pieces))
    async with await asyncio.start_server(server.serve, "127.0.0.2", 0) as listener:
        server.port = listener.sockets[0].getsockname()[1]
        yield server
        for peer in server.peers:
            peer.writer.transport.abort()


def redirect(place: str, status: str = "302 Found") -> bytes:
    return answer(b"moved", status=status, headers=f"Location: {place}\r\n")


async def test_a_redirect_to_a_private_address_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(always(answer(b"hidden"))) as hidden:
        async with public(monkeypatch, redirect(hidden.url("/latest/meta-data"))) as server:
            told = await why(server.url("/a.png", host="127.0.0.2"), FetchRules())
            assert len(server.peers) == 1
        assert hidden.peers == []
    assert told == "its host has no address on the public Internet"


async def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    authority = trustme.CA()
    there, here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(there)
    authority.configure_trust(here)
    async with serving(always(answer(b"plain"))) as plain, serving(always(redirect(plain.url())), tls=there) as secure:
        transport, asked = DirectTransport(tls=here), call()
        url = secure.url(scheme="https")
        await HttpFetcher(transport, OPEN).fetch(asked, [Wanted(url, LIMIT)], 5.0)
        await transport.close()
        assert plain.peers == []
    assert asked.fetched == {url: Unfetched("its server redirects from https to http")}


async def test_three_redirects_are_followed() -> None:
    async def script(peer: Peer) -> None:
        while request := await peer.request():
            left = int(request.split()[1][1:])
            await peer.say(redirect(f"/{left - 1}", "307 Temporary Redirect") if left else answer(b"there"))

    async with serving(script) as server:
        assert await fetched(server.url("/3")) == Fetched(b"there")
        assert await why(server.url("/4")) == "its server redirects more than 3 times"


@pytest.mark.parametrize(
    "place", ["ftp://example.com/", "http://user:pw@example.com/", "file:///etc/passwd", "http://["]
)
async def test_a_redirect_to_anything_but_plain_http_is_not_followed(place: str) -> None:
    async with serving(always(redirect(place))) as server:
        assert await why(server.url()) == "its server redirects to what is no plain http:// or https:// URL"


@pytest.mark.parametrize(
    "status", ["404 Not Found", "204 No Content", "206 Partial Content", "304 Not Modified", "500 Oops"]
)
async def test_another_status_than_200_is_told_and_its_body_is_not(status: str) -> None:
    said = b"" if status[:3] in {"204", "304"} else b"secret of the server"
    async with serving(always(answer(said, status=status))) as server:
        assert await why(server.url()) == f"its server answered with status {status[:3]}"


async def test_a_redirect_without_a_place_is_a_status() -> None:
    async with serving(always(answer(b"", status="302 Found"))) as server:
        assert await why(server.url()) == "its server answered with status 302"


async def test_what_is_told_to_be_too_large_is_not_read() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10001\r\n\r\n")
        await peer.until_closed()

    async with serving(script) as server:
        assert await why(server.url()) == "it is larger than 10000 bytes"


async def test_an_endless_body_is_cut_off_at_the_limit_and_its_connection_closed() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            await peer.say(b"3e8\r\n", b"x" * 1000, b"\r\n")

    async with serving(script) as server:
        found = await fetched(server.url())
        assert found == Unfetched("it is larger than 10000 bytes", 10_000)
        await server.until(lambda: server.open == 0)


async def test_a_small_body_that_unpacks_into_a_large_one_is_cut_off_too() -> None:
    packed = gzip.compress(bytes(50_000_000))
    assert len(packed) < 100_000
    async with serving(always(answer(packed, headers="Content-Encoding: gzip\r\n"))) as server:
        assert await why(server.url(), limit=200_000) == "it is larger than 200000 bytes"


async def test_a_body_that_drips_is_given_up_in_time_and_its_connection_closed() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n")
        while True:
            await peer.say(b"x")
            await asyncio.sleep(0.01)

    async with serving(script) as server:
        began = asyncio.get_running_loop().time()
        assert await why(server.url(), FetchRules(allow_private=True, timeout=0.2)) == "it did not come within 0.2 s"
        assert asyncio.get_running_loop().time() - began < 2
        await server.until(lambda: server.open == 0)


async def test_the_callers_time_counts_where_it_is_shorter() -> None:
    async def silent(peer: Peer) -> None:
        await peer.until_closed()

    async with serving(silent) as server:
        assert await why(server.url(), within=0.1) == "it did not come within 0.1 s"


async def test_a_body_that_breaks_off_is_no_file() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\nhalf")

    async with serving(script) as server:
        assert await why(server.url()) == "its server broke off in the middle of it"


async def test_what_is_no_http_is_no_file() -> None:
    async with serving(always(b"SSH-2.0-OpenSSH_9.6\r\n")) as server:
        assert await why(server.url()) == "its server broke off, or sent what is no answer"


async def test_a_server_that_is_not_there_is_told_without_its_address() -> None:
    async with serving(always(b"")) as server:
        url = server.url()
    assert await why(url) == "its server cannot be connected to"


async def test_all_are_fetched_side_by_side_and_each_address_once() -> None:
    under_way = most = 0
    paths: list[str] = []

    async def script(peer: Peer) -> None:
        nonlocal under_way, most
        paths.append((await peer.request()).split()[1].decode())
        under_way += 1
        most = max(most, under_way)
        while len(paths) < 3:
            await asyncio.sleep(0.002)
        under_way -= 1
        await peer.say(answer(b"x"))

    asked = call()
    async with serving(script) as server, fetching() as fetcher:
        wanted = [Wanted(server.url(path), LIMIT) for path in ("/a", "/b", "/c")]
        await fetcher.fetch(asked, wanted, 5.0)
        await fetcher.fetch(asked, wanted, 5.0)
    assert sorted(paths) == ["/a", "/b", "/c"]
    assert most == 3
    assert set((asked.fetched or {}).values()) == {Fetched(b"x")}


async def test_a_failure_is_remembered_for_the_call_too() -> None:
    asked = call()
    async with serving(always(answer(b"", status="404 Not Found"))) as server, fetching() as fetcher:
        for _ in range(2):
            await fetcher.fetch(asked, [Wanted(server.url(), LIMIT)], 5.0)
        assert len(server.peers) == 1


async def test_what_was_too_large_for_one_is_fetched_for_another_who_takes_more() -> None:
    asked = call()
    async with serving(always(answer(b"x" * 2000))) as server, fetching() as fetcher:
        url = server.url()
        await fetcher.fetch(asked, [Wanted(url, 1000)], 5.0)
        assert asked.fetched == {url: Unfetched("it is larger than 1000 bytes", 1000)}
        await fetcher.fetch(asked, [Wanted(url, 3000)], 5.0)
        assert asked.fetched == {url: Fetched(b"x" * 2000)}


async def test_one_failure_does_not_take_the_others_along() -> None:
    async def script(peer: Peer) -> None:
        path = (await peer.request()).split()[1]
        await peer.say(answer(b"fine") if path == b"/fine" else answer(b"", status="404 Not Found"))

    asked = call()
    async with serving(script) as server, fetching() as fetcher:
        fine, gone = server.url("/fine"), server.url("/gone")
        await fetcher.fetch(asked, [Wanted(gone, LIMIT), Wanted(fine, LIMIT)], 5.0)
        assert asked.fetched == {fine: Fetched(b"fine"), gone: Unfetched("its server answered with status 404")}


async def test_all_that_one_call_fetches_has_a_limit_together() -> None:
    asked = call()
    rules = FetchRules(allow_private=True, size=2500)
    async with serving(always(answer(b"x" * 1000))) as server, fetching(rules) as fetcher:
        for number in range(4):
            await fetcher.fetch(asked, [Wanted(server.url(f"/{number}"), LIMIT)], 5.0)
    found = list((asked.fetched or {}).values())
    assert found[:2] == [Fetched(b"x" * 1000)] * 2
    assert found[2] == found[3] == Unfetched("all that is to be fetched for this request is larger than 2500 bytes")


async def test_a_caller_that_goes_away_leaves_nothing_behind() -> None:
    async def silent(peer: Peer) -> None:
        await peer.until_closed()

    async with serving(silent) as server, fetching() as fetcher:
        wanted = [Wanted(server.url(f"/{number}"), LIMIT) for number in range(3)]
        task = asyncio.create_task(fetcher.fetch(call(), wanted, 5.0))
        await server.until(lambda: server.open == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: server.open == 0)


async def test_more_than_a_process_fetches_at_once_wait_their_turn() -> None:
    waiting = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await waiting.wait()
        await peer.say(answer(b"x"))

    asked = call()
    async with serving(script) as server, fetching() as fetcher:
        wanted = [Wanted(server.url(f"/{number}"), LIMIT) for number in range(MOST_AT_ONCE + 5)]
        task = asyncio.create_task(fetcher.fetch(asked, wanted, 20.0))
        await server.until(lambda: server.open == MOST_AT_ONCE)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert server.open == MOST_AT_ONCE
        waiting.set()
        await task
    assert all(isinstance(one, Fetched) for one in (asked.fetched or {}).values())


async def test_behind_a_proxy_nothing_is_fetched_unless_the_proxy_is_trusted() -> None:
    async with serving(always(answer(b"by proxy"))) as proxy:
        transport = RoutedTransport(environment={"HTTP_PROXY": proxy.url()})
        try:
            for rules in (FetchRules(), FetchRules(by_proxy=True)):
                asked = call()
                await HttpFetcher(transport, rules).fetch(asked, [Wanted("http://inside.example/a", LIMIT)], 5.0)
                found = (asked.fetched or {})["http://inside.example/a"]
                if rules.by_proxy:
                    assert found == Fetched(b"by proxy")
                else:
                    assert isinstance(found, Unfetched)
                    assert "through a proxy" in found.why
                    assert proxy.peers == []
        finally:
            await transport.close()


def test_what_is_wanted_does_not_show_its_address() -> None:
    assert "signature" not in repr(Wanted("https://example.com/?signature=1", 5))
