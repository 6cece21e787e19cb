"""What aiohttp's errors mean. Apart from the others, so that aiohttp is loaded only where a proxy needs it."""

import aiohttp

from segue.backends.transport.failures import (
    PrivateAddress,
    broken_body,
    causes_of,
    closed_before_answer,
    not_connected,
    not_http,
    private_address,
    silent,
    told,
    unresolved,
    unusable_url,
    verification,
)
from segue.core.failure import Failure, Kind


def classify(error: BaseException, connect: float) -> Failure:
    """The failure behind an error that came before the headers of an answer."""
    causes = tuple(causes_of(error))
    if any(isinstance(cause, PrivateAddress) for cause in causes):
        return private_address()
    match error:
        case aiohttp.ConnectionTimeoutError():
            return silent(connect)
        case aiohttp.ClientConnectorCertificateError():
            return not_connected(f"the TLS certificate of the provider was not accepted: {verification(causes)}")
        case aiohttp.ClientConnectorSSLError():
            return not_connected("the provider does not speak TLS as expected on this port")
        case aiohttp.ClientHttpProxyError():
            return not_connected(f"the proxy refused a connection with status {error.status}")
        case aiohttp.ClientProxyConnectionError():
            return not_connected(f"no connection to the proxy: {told(error.os_error)}")
        case aiohttp.ClientConnectorDNSError():
            return unresolved()
        case aiohttp.ClientConnectorError():
            return not_connected(f"no connection to the provider: {told(error.os_error)}")
        case aiohttp.InvalidURL():
            return unusable_url()
        case aiohttp.ClientResponseError():
            return not_http()
        case aiohttp.ClientPayloadError():
            return broken_body(causes, cut=Kind.CONNECTION_LOST)
        case _:
            return closed_before_answer()
