"""Which way a request takes: directly, or through the proxy that the environment names.

The direct path speaks to the provider's own socket and does no proxies; aiohttp does them well and costs more. So the
environment decides for each host (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), and who has no proxy pays
nothing for those who have.
"""

import os
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

from yarl import URL

from segue.backends.transport.direct import DirectTransport
from segue.backends.transport.direct_request import Authority, split_url
from segue.backends.transport.failures import transport_closed, unusable_proxy
from segue.backends.transport.proxies import Proxies
from segue.core.clock import Clock
from segue.core.express import Line
from segue.core.ports import Transport, TransportError, WireRequest, WireResponse

if TYPE_CHECKING:
    from segue.backends.transport.aiohttp_transport import AiohttpTransport

_REMEMBERED = 1000  # origins whose way is remembered


def open_network(*, per_host: int, clock: Clock, environment: Mapping[str, str] | None = None) -> Transport:
    """The way to the network for this environment: direct alone where it names no proxy at all."""
    if Proxies(os.environ if environment is None else environment):
        return RoutedTransport(per_host=per_host, clock=clock, environment=environment)
    return DirectTransport(per_host=per_host, clock=clock)


class RoutedTransport:
    """`segue.core.ports.Transport`: direct, except where a proxy applies.

    The rule of the private network behind a proxy: a host that is written as a private address is refused without
    leave, here as on the direct path, before the proxy is asked. A *name* is resolved by the proxy, out of our sight,
    so whether it means a private address there is the proxy's to decide; whoever sets a proxy trusts it with that. The
    proxy itself may be private. Connections through a proxy never serve direct requests.

    Args:
        per_host: connections to one host and port at a time, per permission; beyond it requests wait.
        tls: certificate authorities, client certificate and protocol versions; by default the system's.
        environment: where the proxies are named; by default the process's.
        clock: what ages are measured with.
        version: for `user-agent: segue/<version>`, sent when the request sets none.
    """

    def __init__(
        self,
        *,
        per_host: int = 1000,
        tls: ssl.SSLContext | None = None,
        environment: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        version: str = "",
    ) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self._proxies = Proxies(self._environment)
        self._per_host = per_host
        self._tls = tls
        self._version = version
        self._direct = DirectTransport(per_host=per_host, tls=tls, clock=clock, version=version)
        self._proxied: AiohttpTransport | None = None
        self._through_proxy: dict[Authority, bool] = {}
        self._closed = False

    async def send(self, request: WireRequest, *, connect: float, allow_private: bool) -> WireResponse:
        """Send, and come back when the headers of the answer have come; see the transport that is chosen.

        Raises:
            TransportError: the request could not be sent or not be answered; the failure says how and how far it got.
        """
        if self._proxies and self.proxied(request.url):
            return await self._by_proxy().send(request, connect=connect, allow_private=allow_private)
        return await self._direct.send(request, connect=connect, allow_private=allow_private)

    def line(self, request: WireRequest, *, allow_private: bool) -> Line | None:
        """The quick way of requests that differ by their bodies alone, where no proxy applies."""
        if self._proxies and self.proxied(request.url):
            return None
        return self._direct.line(request, allow_private=allow_private)

    async def close(self) -> None:
        """Close every connection, those in use included; later requests are refused."""
        self._closed = True
        await self._direct.close()
        if self._proxied is not None:
            await self._proxied.close()

    def proxied(self, text: str) -> bool:
        """Whether a request for this URL goes through a proxy, which resolves names out of our sight.

        Raises:
            TransportError: it is no URL that can be asked, or its proxy cannot be used.
        """
        authority, _ = split_url(text)
        known = self._through_proxy.get(authority)
        if known is None:
            scheme = "https" if authority.secure else "http"
            try:
                known = self._proxies.find(URL(f"{scheme}://{authority.header}")) is not None
            except ValueError as error:
                raise TransportError(unusable_proxy(str(error))) from None
            if len(self._through_proxy) < _REMEMBERED:
                self._through_proxy[authority] = known
        return known

    def _by_proxy(self) -> "AiohttpTransport":
        if self._closed:
            raise TransportError(transport_closed())
        if self._proxied is None:
            from segue.backends.transport.aiohttp_transport import AiohttpTransport  # seven megabytes, seldom needed

            self._proxied = AiohttpTransport(
                per_host=self._per_host, tls=self._tls, environment=self._environment, version=self._version
            )
        return self._proxied
