"""Proxies of the environment."""

import asyncio

import pytest
from yarl import URL

from backends.scripted import Peer, always, answer, serving
from segue.backends.transport.aiohttp_transport import AiohttpTransport
from segue.backends.transport.proxies import Proxies
from segue.core.failure import Executed, Kind
from segue.core.ports import TransportError, WireRequest


def found(environment, url) -> str | None:
    proxy = Proxies(environment).find(URL(url))
    return None if proxy is None else str(proxy.url)


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://a.test/", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://a.test/", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "https://a.test/", None),
        ({"https_proxy": "http://p:1", "HTTPS_PROXY": "http://q:1"}, "https://a.test/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1"}, "https://a.test/", "http://p:1"),
        ({"HTTPS_PROXY": "p:3128"}, "https://a.test/", "http://p:3128"),
        ({"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, "http://a.test/", None),
    ],
)
def test_the_proxy_is_the_one_that_the_environment_names_for_the_scheme(environment, url, proxy):
    assert found(environment, url) == proxy


@pytest.mark.parametrize(
    ("exceptions", "url", "direct"),
    [
        ("*", "http://a.test/", True),
        ("a.test", "http://a.test/", True),
        ("a.test", "http://b.a.test/", True),
        (".a.test", "http://b.a.test/", True),
        ("*.a.test", "http://b.a.test/", True),
        ("a.test", "http://ba.test/", False),
        ("x, A.test ,y", "http://a.test/", True),
        ("a.test:8080", "http://a.test:8080/", True),
        ("a.test:8080", "http://a.test/", False),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", False),
        ("::1", "http://[::1]/", True),
        ("a.test:x", "http://a.test/", False),
        ("127.0.0.1:80", "http://127.0.0.1/", True),
        ("", "http://a.test/", False),
        (",,", "http://a.test/", False),
    ],
)
def test_no_proxy_names_those_that_are_asked_directly(exceptions, url, direct):
    assert (found({"HTTP_PROXY": "http://p:1", "NO_PROXY": exceptions}, url) is None) == direct


def test_a_proxys_password_is_a_header_and_never_shown():
    proxy = Proxies({"HTTP_PROXY": "http://me:pass%20word@p:1"}).find(URL("http://a.test/"))
    assert proxy.headers == {"proxy-authorization": "Basic bWU6cGFzcyB3b3Jk"}
    assert "pass" not in repr(proxy)
    assert "pass" not in str(proxy.url)


async def get(transport, url, *, allow_private=False):
    response = await transport.send(WireRequest("GET", url, {}), connect=5, allow_private=allow_private)
    return await response.read_whole(1000)


async def test_a_request_goes_through_the_proxy_and_the_proxy_may_be_private():
    seen = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.say(answer(b"by proxy"))

    async with serving(script) as server:
        transport = AiohttpTransport(environment={"HTTP_PROXY": f"http://me:secret@127.0.0.1:{server.port}"})
        assert await get(transport, "http://api.example.com/x") == b"by proxy"
        await transport.close()
    assert seen[0].startswith(b"GET http://api.example.com/x HTTP/1.1\r\n")
    assert b"proxy-authorization: basic bwu6c2vjcmv0" in seen[0].lower()


async def test_a_tls_request_asks_the_proxy_for_a_tunnel_and_a_refusal_was_never_sent():
    seen = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.say(answer(status="407 Proxy Authentication Required"))

    async with serving(script) as server:
        transport = AiohttpTransport(environment={"HTTPS_PROXY": f"http://127.0.0.1:{server.port}"})
        with pytest.raises(TransportError) as caught:
            await get(transport, "https://api.example.com/x")
        await transport.close()
    assert seen[0].startswith(b"CONNECT api.example.com:443 HTTP/1.1\r\n")
    assert caught.value.failure.kind is Kind.CONNECT
    assert caught.value.failure.executed is Executed.NO
    assert "407" in caught.value.failure.message


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "[::1]"])
async def test_a_proxy_is_not_asked_for_a_private_address_without_leave(host):
    async with serving(always(answer())) as server:
        transport = AiohttpTransport(environment={"HTTP_PROXY": f"http://127.0.0.1:{server.port}"})
        with pytest.raises(TransportError, match="allow_private_network"):
            await get(transport, f"http://{host}/")
        await transport.close()
        assert server.peers == []


async def test_a_connection_through_a_proxy_does_not_serve_direct_requests_to_private_names():
    async with serving(always(answer())) as server:
        environment = {"HTTP_PROXY": f"http://127.0.0.1:{server.port}", "NO_PROXY": "localhost"}
        transport = AiohttpTransport(environment=environment)
        await get(transport, "http://api.example.com/")
        with pytest.raises(TransportError, match="allow_private_network"):
            await get(transport, f"http://localhost:{server.port}/")
        await transport.close()


@pytest.mark.parametrize("proxy", ["socks5://me:secret@p:1", "http://"])
async def test_a_proxy_that_cannot_be_used_is_a_failure_that_names_the_variable(proxy):
    transport = AiohttpTransport(environment={"HTTP_PROXY": proxy})
    with pytest.raises(TransportError) as caught:
        await get(transport, "http://api.example.com/")
    await transport.close()
    assert "HTTP_PROXY" in caught.value.failure.message
    assert "secret" not in caught.value.failure.message
    assert caught.value.failure.executed is Executed.NO


async def test_a_proxy_that_is_not_there_is_a_failure_that_says_so():
    async with serving(always(answer())) as server:
        port = server.port
    transport = AiohttpTransport(environment={"HTTP_PROXY": f"http://me:secret@127.0.0.1:{port}"})
    with pytest.raises(TransportError) as caught:
        await get(transport, "http://api.example.com/")
    await transport.close()
    failure = caught.value.failure
    assert failure.message == "no connection to the proxy: the connection was refused"
    assert (failure.kind, failure.executed) == (Kind.CONNECT, Executed.NO)


def test_everything_works_on_uvloop_too():
    uvloop = pytest.importorskip("uvloop")

    async def main() -> list[bytes]:
        async with serving(always(answer(b"fast"))) as server:
            transport = AiohttpTransport(environment={})
            answers = await asyncio.gather(*(get(transport, server.url(), allow_private=True) for _ in range(20)))
            with pytest.raises(TransportError) as caught:
                await get(transport, server.url(host="localhost"))
            assert "allow_private_network" in caught.value.failure.message
            await transport.close()
            server_url = server.url()
        transport = AiohttpTransport(environment={})
        with pytest.raises(TransportError) as caught:
            await get(transport, server_url, allow_private=True)
        assert "refused" in caught.value.failure.message
        await transport.close()
        return answers

    assert uvloop.run(main()) == [b"fast"] * 20
