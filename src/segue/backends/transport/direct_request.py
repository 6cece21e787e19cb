"""What goes out: a URL taken apart and a request written as the bytes of HTTP/1.1.

A header with a line break in it is a second header, or a second request: so every name and value is looked at here,
and what frames a request (its length, its connection) is written by the transport alone. A URL is sent as it is
written, for a signature over it must hold and `%2F` is not the same as `/`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from yarl import URL

from segue.backends.transport.addresses import literal
from segue.backends.transport.failures import refused_request, unusable_url
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.ports import TransportError, WireRequest

_PARTS = re.compile(r"(?i:(https?)://([^/?#]*))([^?#]*)(\?[^#]*)?(?:#.*)?")
_PLAIN_URL = re.compile(r"[!-~]+")  # printable ASCII without a space
_HOST = re.compile(r"[A-Za-z0-9._~-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9._~-]+)?")  # a name, or an IPv6 address with its scope
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")  # RFC 9110 section 5.5, UTF-8 beyond ASCII
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"})  # RFC 9110: no body means no length either
# They frame the request or rule the connection: whoever else wrote them could hide a second request in a body.
_OURS = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_LONGEST_URL = 65_536  # characters; servers refuse shorter ones
_MOST_PREPARED = 256  # heads that are remembered: one for each key of each provider


@dataclass(frozen=True, slots=True)
class Authority:
    """Who is asked: the part of a URL that decides which connections may carry it.

    Attributes:
        host: the name in ASCII (IDNA), or the IP address without brackets.
        header: the value of `host:`.
        address: the IP address that the host is written as; `None` for a name.
    """

    secure: bool
    host: str
    port: int
    header: str
    address: str | None


def split_url(text: str) -> tuple[Authority, str]:
    """Whom to ask, and the target of the request line; a fragment is dropped.

    Raises:
        TransportError: no http:// or https:// URL, or one with a user name or a password in it.
    """
    if _PLAIN_URL.fullmatch(text) is None:
        text = _encoded(text)
    parts = _PARTS.fullmatch(text)
    if parts is None or len(text) > _LONGEST_URL:
        raise TransportError(unusable_url())
    scheme, authority, path, query = parts.groups()
    return _authority(scheme, authority), (path or "/") + (query or "")


def write_head(request: WireRequest, authority: Authority, target: str, agent: str) -> bytes:
    """The request line and the headers, ready to be sent.

    Raises:
        TransportError: something in it cannot be written as HTTP, or is not the caller's to write.
    """
    method, headers, length = request.method, request.headers, len(request.body)
    lines = [f"{method} {target} HTTP/1.1"]
    own = {"host": True, "user-agent": True, "accept-encoding": True}
    for name, value in headers.items():
        lower = _lower(name)
        if lower is None or not (value.isprintable() or _VALUE.fullmatch(value)):
            raise TransportError(refused_request(headers))
        if lower in own:
            if not own[lower]:
                raise TransportError(_not_yours(lower, "is given twice"))
            own[lower] = False
        elif lower in _OURS or (lower == "content-length" and value != str(length)):
            raise TransportError(_not_yours(lower, "is written by the transport"))
        elif lower == "content-length":
            continue
        lines.append(f"{name}: {value}")
    if own["host"]:
        lines.insert(1, f"host: {authority.header}")
    if own["user-agent"]:
        lines.append(f"user-agent: {agent}")
    if own["accept-encoding"]:
        lines.append("accept-encoding: identity")
    if length or method not in _BODILESS:
        lines.append(f"content-length: {length}")
    if _lower(method) is None:
        raise TransportError(refused_request({}))
    lines.append("\r\n")
    try:
        return "\r\n".join(lines).encode()
    except UnicodeEncodeError:  # half a character: a lone surrogate
        raise TransportError(refused_request(headers)) from None


class PreparedHeads:
    """Heads of requests that are written again and again: a provider gets the same URL and headers every time.

    To take a URL apart, to look at every header and to write it all down takes 9 us, to find it here one. What a head
    holds is all that it is known by, so a found one is the one that would be written. Heads hold credentials: the
    bodies' length is the only thing of a request that is not remembered.

    Args:
        agent: for the header `user-agent`.
    """

    __slots__ = ("_agent", "_known")

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._known: dict[tuple[object, ...], tuple[Authority, bytes]] = {}

    def of(self, request: WireRequest) -> tuple[Authority, bytes]:
        """Whom to ask, and the head. Errors as of `split_url` and `write_head`."""
        body = request.body
        if not body:
            authority, target = split_url(request.url)
            return authority, write_head(request, authority, target, self._agent)
        key = (request.method, request.url, *request.headers.items())
        known = self._known.get(key)
        if known is None:
            known = self.prepared(request)
            if known is None:
                authority, target = split_url(request.url)
                return authority, write_head(request, authority, target, self._agent)
            if len(self._known) >= _MOST_PREPARED:
                self._known.clear()
            self._known[key] = known
        return known[0], b"%bcontent-length: %d\r\n\r\n" % (known[1], len(body))

    def prepared(self, request: WireRequest) -> tuple[Authority, bytes] | None:
        """Whom to ask, and a head up to the length of its body; `None` where the request tells the length itself.

        Errors as of `split_url` and `write_head`.
        """
        if any(name.lower() == "content-length" for name in request.headers):
            return None
        authority, target = split_url(request.url)
        head = write_head(request, authority, target, self._agent)
        return authority, head.removesuffix(b"content-length: %d\r\n\r\n" % len(request.body))

    def forget(self) -> None:
        """Keep no head, and no credential in it, any longer."""
        self._known.clear()


@lru_cache(maxsize=1024)
def _authority(scheme: str, text: str) -> Authority:
    if "@" in text:
        raise TransportError(_credentials())
    try:
        url = URL(f"{scheme}://{text}", encoded=True)
        host, port = (url.raw_host or "").lower(), url.port
    except ValueError:
        raise TransportError(unusable_url()) from None
    if not port or _HOST.fullmatch(host) is None:
        raise TransportError(unusable_url())
    secure = url.scheme == "https"
    bare = host.partition("%")[0]
    shown = f"[{bare}]" if ":" in host else host
    header = shown if port == (443 if secure else 80) else f"{shown}:{port}"
    return Authority(secure, host, port, header, literal(host))


def _encoded(text: str) -> str:
    try:
        return str(URL(text))
    except ValueError:
        raise TransportError(unusable_url()) from None


@lru_cache(maxsize=1024)
def _lower(name: str) -> str | None:
    """A name in lower case, or `None` when it is no token of HTTP."""
    return name.lower() if _TOKEN.fullmatch(name) else None


def _not_yours(name: str, why: str) -> Failure:
    return Failure(
        Kind.INVALID_REQUEST,
        f"the header {name!r} {why}: leave it out",
        executed=Executed.NO,
        scope=Scope.REQUEST,
    )


def _credentials() -> Failure:
    return Failure(
        Kind.CONNECT,
        "the provider's address holds a user name or a password: take it out of its `base_url` and configure a key",
        executed=Executed.NO,
    )
