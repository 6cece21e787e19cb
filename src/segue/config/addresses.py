"""Addresses that a configuration may name: of a provider, of the store, of web pages.

An address of a provider decides where secrets are sent, so it is looked at closely: no credentials in it, no query,
and nothing on this machine or in a private network unless that is said to be meant. The transport checks the address
that it really connects to once more, because a name may resolve to anything.
"""

import ipaddress
import re
import socket
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, WithJsonSchema

from segue.config.fields import ELSEWHERE, LONGEST_TEXT
from segue.config.problems import Unusable, kind_of, shown

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?", re.ASCII)
_SQLITE = "sqlite:///segue.db"


def parse_base_url(value: object) -> str:
    """An `http` or `https` address without query, fragment and credentials; a slash at its end is removed.

    Raises:
        Unusable: it is another thing; a message never repeats credentials.
    """
    parts = _http(value, "https://api.example.com/v1")
    if parts.query or parts.fragment or str(value).endswith(("?", "#")):
        raise Unusable("must not have a query or a fragment: end it before '?' or '#'")
    return str(value).rstrip("/")


def is_private(url: str) -> bool:
    """Whether a base URL names, by itself, this machine or a private network.

    Every spelling that a resolver takes for an IPv4 address counts (`127.1`, `0x7f000001`, `2130706433`).
    """
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return not address.is_global or address.is_multicast


def parse_store(value: object) -> str:
    """The address of the store.

    Raises:
        Unusable: it is not an address of SQLite.
    """
    if not isinstance(value, str):
        raise Unusable(f"must be text such as {_SQLITE!r}, not {kind_of(value)}")
    scheme = value.partition(":")[0].lower()
    if scheme.startswith("postgres"):
        raise Unusable(f"this version of Segue keeps its records in SQLite only: write {_SQLITE!r}")
    if not value.startswith("sqlite://"):
        raise Unusable(f"must be {_SQLITE!r}, 'sqlite:////absolute/path.db', or 'sqlite://' for memory only")
    rest = value.removeprefix("sqlite://")
    if not rest:
        return str(value)
    name = rest.removeprefix("/")
    if not rest.startswith("/"):
        raise Unusable("needs three slashes before a relative path, four before an absolute one: " + repr(_SQLITE))
    if name in {"", "/", ":memory:"} or name.endswith("/"):
        raise Unusable(f"names no file: write {_SQLITE!r}, or 'sqlite://' for memory only")
    if "?" in name or "#" in name or not name.isprintable() or len(name) > LONGEST_TEXT:
        raise Unusable("must be a plain path without '?', '#' and control characters")
    return str(value)


def parse_origin(value: object) -> str:
    """The origin of a web page: scheme, host and port, or `*`.

    Raises:
        Unusable: it is another thing, for instance a URL with a path.
    """
    if value == "*":
        return "*"
    parts = _http(value, "https://app.example.com")
    if parts.path or parts.query or parts.fragment:
        raise Unusable(f"an origin ends after host and port: write '{parts.scheme}://{parts.netloc}'")
    return str(value).lower()


def _http(value: object, example: str) -> SplitResult:
    if not isinstance(value, str):
        raise Unusable(f"must be an address such as {example}, not {kind_of(value)}")
    if len(value) > LONGEST_TEXT or not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        raise Unusable(f"must be an address such as {example}, without spaces")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Unusable(f"is no address: write it like {example}") from None
    if "@" in parts.netloc:
        raise Unusable("must not hold a user or a password: put the secret under 'key'")
    if parts.scheme not in {"http", "https"} or not host:
        raise Unusable(f"must begin with http:// or https:// and name a host, like {example}")
    if ":" not in host and not _HOST.fullmatch(host):
        raise Unusable(f"{shown(host)} is no name of a host: write it like {example}")
    return parts


BaseUrl = Annotated[
    str,
    BeforeValidator(parse_base_url),
    WithJsonSchema({"type": "string", "pattern": r"^[hH][tT][tT][pP][sS]?://[^\s?#@\\]+$|" + ELSEWHERE}),
]
StoreUrl = Annotated[
    str,
    BeforeValidator(parse_store),
    WithJsonSchema({"type": "string", "pattern": r"^sqlite://(/[^?#]*[^?#/])?$|" + ELSEWHERE}),
]
CorsOrigin = Annotated[
    str,
    BeforeValidator(parse_origin),
    WithJsonSchema({"type": "string", "pattern": r"^\*$|^[hH][tT][tT][pP][sS]?://[^\s/?#@\\]+$|" + ELSEWHERE}),
]
