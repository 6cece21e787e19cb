"""Which way a request takes, and what the private network rule is worth on each."""

import pytest

from backends.scripted import Peer, always, answer, serving
from backends.transport.support import SECRET, ask, counts, failure_of, get, routed, whole
from segue.backends.transport.direct_response import DirectResponse
from segue.core.failure import Executed, Kind
from segue.core.ports import TransportError


async def test_without_a_proxy_requests_go_directly():
    async with serving(always(answer(b"direct"))) as server, routed() as transport:
        response = await ask(transport, get(server.url()))
        assert isinstance(response, DirectResponse)
        assert await response.read_whole(10) == b"direct"
        assert transport._proxied is None
        assert counts(transport) == (0, 1)


async def test_a_proxy_of_the_environment_is_used_and_may_itself_be_private():
    seen = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.say(answer(b"by proxy"))

    async with serving(script) as server:
        environment = {"HTTP_PROXY": f"http://me:{SECRET}@127.0.0.1:{server.port}"}
        async with routed(environment=environment) as transport:
            assert await whole(transport, get("http://api.example.com/x"), allow_private=False) == b"by proxy"
    assert seen[0].startswith(b"GET http://api.example.com/x HTTP/1.1\r\n")
    assert b"proxy-authorization: basic " in seen[0].lower()


async def test_hosts_that_no_proxy_names_are_asked_directly():
    async with serving(always(answer(b"direct"))) as server:
        environment = {"ALL_PROXY": "http://127.0.0.1:1", "NO_PROXY": "localhost"}
        async with routed(environment=environment) as transport:
            for _ in range(2):
                assert await whole(transport, get(server.url(host="localhost"))) == b"direct"
            failure = await failure_of(ask(transport, get(server.url())))
            assert "the proxy" in failure.message


async def test_a_proxy_for_one_scheme_is_none_for_the_other():
    async with (
        serving(always(answer(b"direct"))) as server,
        routed(environment={"HTTPS_PROXY": "http://127.0.0.1:1"}) as transport,
    ):
        assert await whole(transport, get(server.url())) == b"direct"
        failure = await failure_of(ask(transport, get(server.url(scheme="https"))))
        assert "the proxy" in failure.message


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "[::1]"])
async def test_a_proxy_is_not_asked_for_a_private_address_without_leave(host):
    async with (
        serving(always(answer())) as server,
        routed(environment={"HTTP_PROXY": f"http://127.0.0.1:{server.port}"}) as transport,
    ):
        with pytest.raises(TransportError, match="allow_private_network"):
            await ask(transport, get(f"http://{host}/"), allow_private=False)
        assert server.peers == []


async def test_a_connection_to_a_proxy_does_not_serve_a_direct_request_to_the_same_place():
    async with serving(always(answer())) as server:
        environment = {"HTTP_PROXY": f"http://127.0.0.1:{server.port}", "NO_PROXY": "localhost"}
        async with routed(environment=environment) as transport:
            await whole(transport, get("http://api.example.com/"), allow_private=False)
            with pytest.raises(TransportError, match="allow_private_network"):
                await ask(transport, get(server.url(host="localhost")), allow_private=False)


@pytest.mark.parametrize("proxy", [f"socks5://me:{SECRET}@p:1", "http://"])
async def test_a_proxy_that_cannot_be_used_is_a_failure_that_names_the_variable(proxy):
    async with routed(environment={"HTTP_PROXY": proxy}) as transport:
        with pytest.raises(TransportError) as caught:
            await ask(transport, get("http://api.example.com/"))
    assert "HTTP_PROXY" in caught.value.failure.message
    assert SECRET not in caught.value.failure.message
    assert caught.value.failure.executed is Executed.NO


async def test_a_url_with_credentials_is_refused_behind_a_proxy_too():
    async with routed(environment={"HTTP_PROXY": "http://127.0.0.1:1"}) as transport:
        failure = await failure_of(ask(transport, get(f"http://me:{SECRET}@api.example.com/")))
        assert "user name" in failure.message


async def test_after_closing_nothing_is_sent_either_way():
    async with routed(environment={"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "localhost"}) as transport:
        await transport.close()
        for url in ("http://api.example.com/", "http://localhost:1/"):
            failure = await failure_of(ask(transport, get(url)))
            assert failure.kind is Kind.CONNECT
            assert "stopping" in failure.message
