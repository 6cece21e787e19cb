"""The network through aiohttp: the most used asyncio client, which knows TLS, proxies, pools and broken servers.

It is made lean and honest here: no cookies, no redirects (a redirect would carry a key to a stranger), no headers of
its own, no time limits but the connect limit (the pipeline limits the other phases by cancelling), and every failure
comes out classified. Requests with and without leave for the private network use pools of their own, so that a
connection made with leave never serves a request without it.
"""

import io
import os
import re
import ssl
from collections.abc import Mapping
from importlib import metadata

import aiohttp
from yarl import URL

from segue.backends.transport.addresses import is_global, literal
from segue.backends.transport.aiohttp_failures import classify
from segue.backends.transport.connector import CarefulConnector, GlobalResolver, SystemResolver, never_twice
from segue.backends.transport.failures import (
    private_address,
    refused_request,
    transport_closed,
    unusable_proxy,
    unusable_url,
)
from segue.backends.transport.proxies import Proxies, Proxy
from segue.backends.transport.response import AiohttpResponse
from segue.core.ports import TransportError, WireRequest

_AGENT = "segue/{version}"
_AUTOMATIC = ("User-Agent", "Accept", "Content-Type")  # aiohttp's own values for these are not ours
_DNS_SECONDS = 30  # how long resolved addresses are believed: short, since failover by DNS should work
_MAY_BE_SENT_AGAIN = frozenset({"GET", "HEAD", "POST"})  # the last of these aiohttp never sends again by itself
_LARGE_BODY = 1_000_000  # bytes
_PLAIN_URL = re.compile(r"[!-~]+")  # printable ASCII without a space
_IDLE_SECONDS = 30.0  # below the 60 s after which common load balancers close, so that reuse rarely meets a closed door
_TIMEOUTS = 100  # different connect limits that are remembered
_BUFFER = 65_536  # bytes of one answer read ahead of its reader: 1,000 streams then hold 64 MB at the very worst


class AiohttpTransport:
    """`segue.core.ports.Transport` over aiohttp.

    Args:
        per_host: connections to one host and port at a time, per pool; 0 for no limit. Beyond it requests wait, and
            the wait counts as connecting.
        tls: certificate authorities and protocol versions; by default the system's.
        environment: where the proxies are named; by default the process's.
        version: for `user-agent: segue/<version>`, sent when the request sets none.
    """

    def __init__(
        self,
        *,
        per_host: int = 1000,
        tls: ssl.SSLContext | None = None,
        environment: Mapping[str, str] | None = None,
        version: str = "",
    ) -> None:
        self._per_host = per_host
        self._tls = tls
        self._proxies = Proxies(os.environ if environment is None else environment)
        self._agent = _AGENT.format(version=version or _installed_version())
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._closed = False

    async def send(self, request: WireRequest, *, connect: float, allow_private: bool) -> AiohttpResponse:
        """Send, and come back when the headers of the answer have come.

        Cancelling closes the connection. Every request is sent once, but for a GET or HEAD on a kept connection that
        the server turns out to have closed: that is sent once more, on a new one.

        Raises:
            TransportError: the request could not be sent or not be answered; the failure says how and how far it got.
        """
        url = _parsed(request.url)
        host = url.host or ""
        proxy = self._proxy(url) if self._proxies else None
        if not allow_private:
            address = literal(host)
            if address is not None and not is_global(address):
                raise TransportError(private_address())
        headers = request.headers
        if proxy is not None and url.scheme == "http":  # no tunnel that could carry them
            headers = {**headers, **proxy.headers}
        # A proxy is the operator's own and may well be private; it resolves the name, so our resolver sees only it.
        session = self._session(private=allow_private or proxy is not None)
        try:
            answer = await session.request(
                request.method,
                url,
                data=_payload(request.body),
                headers=headers,
                allow_redirects=False,
                timeout=self._timeout(connect),
                middlewares=None if request.method in _MAY_BE_SENT_AGAIN else (never_twice,),
                proxy=None if proxy is None else proxy.url,
                proxy_headers=None if proxy is None else proxy.headers,
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TransportError(classify(error, connect)) from None
        except ValueError:
            raise TransportError(refused_request(request.headers)) from None
        return AiohttpResponse(answer)

    async def close(self) -> None:
        """Close every connection, those in use included; later requests are refused."""
        self._closed = True
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    def _proxy(self, url: URL) -> Proxy | None:
        try:
            return self._proxies.find(url)
        except ValueError as error:
            raise TransportError(unusable_proxy(str(error))) from None

    def _timeout(self, connect: float) -> aiohttp.ClientTimeout:
        timeout = self._timeouts.get(connect)
        if timeout is None:
            timeout = aiohttp.ClientTimeout(connect=connect, ceil_threshold=float("inf"))
            if len(self._timeouts) < _TIMEOUTS:
                self._timeouts[connect] = timeout
        return timeout

    def _session(self, *, private: bool) -> aiohttp.ClientSession:
        """The pool for requests with or without leave for the private network; made inside the running loop."""
        session = self._sessions.get(private)
        if session is None:
            if self._closed:
                raise TransportError(transport_closed())
            connector = CarefulConnector(
                limit=0,
                limit_per_host=self._per_host,
                keepalive_timeout=_IDLE_SECONDS,
                ttl_dns_cache=_DNS_SECONDS,
                resolver=SystemResolver() if private else GlobalResolver(),
                ssl=True if self._tls is None else self._tls,
            )
            session = self._sessions[private] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._agent},
                skip_auto_headers=_AUTOMATIC,
                auto_decompress=True,
                trust_env=False,
                read_bufsize=_BUFFER,
            )
        return session


def _parsed(text: str) -> URL:
    """The URL, sent as it is written: a signature over it must hold, and `%2F` is not the same as `/`."""
    try:
        url = URL(text, encoded=_PLAIN_URL.fullmatch(text) is not None)
        if url.scheme in {"http", "https"} and url.host and url.port:
            return url
    except ValueError:
        pass
    raise TransportError(unusable_url())


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    # aiohttp writes a file in pieces, and so leaves the event loop to others in between.
    return io.BytesIO(body) if len(body) > _LARGE_BODY else body or None


def _installed_version() -> str:
    try:
        return metadata.version("segue")
    except metadata.PackageNotFoundError:  # running from a source tree that was never installed
        return "0"
