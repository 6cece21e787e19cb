"""What the network's errors mean: where in a request's life they come decides how far it got.

Before a connection stands, nothing was sent, so another try is harmless. After that nobody knows: the request may have
been carried out although its answer was lost. Messages name the provider's host and nothing more of the URL, for its
query may be a key, and no address, for the caller has no business with the inside of our network.
"""

import socket
import ssl
from collections.abc import Iterator, Mapping

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.fetching import PUBLIC_ADDRESS

# Headers that carry a provider's key: what is wrong in one of them is the key's fault, not the caller's.
_KEY_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})


class PrivateAddress(OSError):
    """A name was resolved to addresses that are not on the public Internet."""


def classify_connect(error: BaseException, connect: float) -> Failure:
    """The failure behind an error of the system or of TLS while a direct connection was made."""
    match error:
        case PrivateAddress():
            return private_address()
        case socket.gaierror():
            return unresolved()
        case ssl.SSLCertVerificationError():
            return not_connected(f"the TLS certificate of the provider was not accepted: {verification((error,))}")
        case ssl.SSLError():
            return not_connected("the provider does not speak TLS as expected on this port")
        case TimeoutError() if error.errno is None:
            return silent(connect)
        case _:
            return not_connected(f"no connection to the provider: {told(error)}")


def silent(connect: float) -> Failure:
    """No connection in time. Silence is no refusal: it is paid for once, so the same is not tried again."""
    message = f"no connection to the provider within {connect:g} s"
    return Failure(Kind.CONNECT, message, executed=Executed.NO, should_retry=False)


def closed_before_answer() -> Failure:
    """A connection that ended after the request was sent and before the headers of an answer had come."""
    return Failure(Kind.CONNECTION_LOST, "the provider closed the connection before it answered")


def not_http() -> Failure:
    """Bytes that break the rules of HTTP/1.1, or are none of it."""
    return Failure(Kind.BAD_RESPONSE, "the provider sent something that is no HTTP answer")


def classify_body(error: BaseException, cut: Kind) -> Failure:
    """The failure behind an error while a body was read; `cut` is the kind for one that ended too early."""
    return broken_body(tuple(causes_of(error)), cut=cut)


def undecodable() -> Failure:
    """A body that is not what its `content-encoding` says, or is packed in a way that we never offered."""
    return Failure(Kind.BAD_RESPONSE, "the body that the provider sent cannot be decompressed")


def too_large(limit: int) -> Failure:
    """A body beyond the limit that its reader set."""
    return Failure(Kind.BAD_RESPONSE, f"the answer of the provider is larger than the limit of {limit} bytes")


def private_address() -> Failure:
    """A connection that the private network rule forbids."""
    return Failure(
        Kind.CONNECT,
        "the provider's address is not on the public Internet; if it belongs to your own network, "
        "set `allow_private_network: true` for it",
        executed=Executed.NO,
        needs=PUBLIC_ADDRESS,
    )


def unresolved() -> Failure:
    """A name without any address."""
    message = "the provider's name could not be resolved"
    return Failure(Kind.CONNECT, message, executed=Executed.NO, needs=PUBLIC_ADDRESS)


def unusable_url() -> Failure:
    """An address that cannot be asked. It is not shown: it may hold a key."""
    return Failure(
        Kind.CONNECT,
        "the provider's address is no http:// or https:// URL: correct its `base_url`",
        executed=Executed.NO,
    )


def unusable_proxy(why: str) -> Failure:
    """A proxy in the environment that cannot be used."""
    return Failure(Kind.CONNECT, why, executed=Executed.NO)


def transport_closed() -> Failure:
    """A request after the transport was closed."""
    return Failure(Kind.CONNECT, "Segue is stopping: nothing more is sent", executed=Executed.NO, scope=Scope.REQUEST)


def refused_request(headers: Mapping[str, str]) -> Failure:
    """A request that cannot be written as HTTP, usually for a line break in a header."""
    for name, value in headers.items():
        if not _writable(name) or not _writable(value):
            if name.lower() in _KEY_HEADERS:
                return Failure(
                    Kind.AUTH,
                    "the provider's key holds a line break or another character that no header may hold",
                    executed=Executed.NO,
                    scope=Scope.KEY,
                )
            return Failure(
                Kind.INVALID_REQUEST,
                f"the header {_shown(name)} holds a line break or another character that no header may hold",
                executed=Executed.NO,
                scope=Scope.REQUEST,
            )
    return Failure(
        Kind.INVALID_REQUEST,
        "the request cannot be written as HTTP",
        executed=Executed.NO,
        scope=Scope.REQUEST,
    )


def not_connected(message: str) -> Failure:
    """No connection, and so nothing that was sent."""
    return Failure(Kind.CONNECT, message, executed=Executed.NO)


def broken_body(causes: tuple[BaseException, ...], *, cut: Kind) -> Failure:
    """A body that ended too early, or cannot be unpacked, by what led to the error."""
    names = {type(cause).__name__ for cause in causes}
    if names & {"ContentEncodingError", "DecompressSizeError"}:
        return undecodable()
    return Failure(cut, "the provider closed the connection in the middle of its answer")


def _writable(text: str) -> bool:
    return text.isprintable() or all(character == "\t" or character.isprintable() for character in text)


def _shown(name: str) -> str:
    return repr(name[:64])


def told(error: BaseException) -> str:
    """The system's error in words that tell nothing of the network inside."""
    match error:
        case ConnectionRefusedError():
            return "the connection was refused"
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return "the connection was reset"
        case TimeoutError():
            return "nothing answered"
        case _:
            return "the network cannot reach it"


def verification(causes: tuple[BaseException, ...]) -> str:
    """Why a certificate was not accepted, without names."""
    for cause in causes:
        if type(cause) is ssl.SSLCertVerificationError:  # aiohttp wraps it in a class of the same family
            # "…, certificate is not valid for 'name'": the name may be one of a network that callers know nothing of.
            return cause.verify_message.partition(" for '")[0].rstrip(".") or "verification failed"
    return "verification failed"


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it, aiohttp's wrapped system error included; at most ten."""
    current: BaseException | None = error
    for _ in range(10):
        if current is None:
            return
        yield current
        inner = getattr(current, "os_error", None) or getattr(current, "certificate_error", None)
        current = inner if isinstance(inner, BaseException) else current.__cause__ or current.__context__
