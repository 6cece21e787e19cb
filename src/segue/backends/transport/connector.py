"""Where connections come from: which addresses are allowed, and which kept connections may be used again."""

import socket
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from aiohttp.resolver import ThreadedResolver

from segue.backends.transport.addresses import is_global
from segue.backends.transport.failures import PrivateAddress

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.tracing import Trace

# The system's own resolver, on threads: what /etc/hosts, containers and VPNs say of a name holds for us, too.
SystemResolver = ThreadedResolver


class CarefulConnector(aiohttp.TCPConnector):
    """aiohttp's pool, which does not use a kept connection again on which the server has said something unasked.

    aiohttp only looks whether it still stands. But bytes that came meanwhile (a late second answer, a 408 for being
    idle) would be taken as the answer to the next request, which may be another caller's.
    """

    async def _get(self, key: "ConnectionKey", traces: "list[Trace]") -> Connection | None:
        kept = self._conns.get(key)
        while kept and kept[0][0].should_close:
            kept.popleft()[0].close()
        return await super()._get(key, traces)


class ConnectionGone(aiohttp.ClientError):
    """A connection was lost; unlike aiohttp's own errors of that kind, this one is not answered by sending again."""


async def never_twice(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a PUT or DELETE again by itself when a kept connection is lost.

    HTTP calls them idempotent. A provider may think otherwise, and whether something is sent again is the pipeline's
    decision, which knows the operation.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise  # nothing was sent
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionGone from error


class GlobalResolver(AbstractResolver):
    """Resolves names as the system does and leaves out every address that is not on the public Internet."""

    def __init__(self) -> None:
        self._system = SystemResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The global addresses of a name.

        Raises:
            PrivateAddress: it has addresses, and none of them is global.
            OSError: the name cannot be resolved.
        """
        found = await self._system.resolve(host, port, family)
        allowed = [result for result in found if is_global(result["host"])]
        if found and not allowed:
            raise PrivateAddress
        return allowed

    async def close(self) -> None:
        """Nothing is held."""
        await self._system.close()
