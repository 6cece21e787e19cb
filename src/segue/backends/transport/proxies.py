"""Which requests go through a proxy: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, read once.

aiohttp can do this itself (`trust_env`), but then it reads the environment and the user's `.netrc` on a thread for
every request: slow, and a password of `.netrc` might go where nobody expects it.
"""

import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from yarl import URL

_LIMIT = 1000  # hosts whose proxy is remembered


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy and the headers that it wants; `repr` holds no password."""

    url: URL
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Proxy({self.url.host}:{self.url.port})"


class Proxies:
    """The proxies of an environment.

    Args:
        environment: usually `os.environ`; names are looked for in lower and upper case, lower wins, as curl does.
    """

    __slots__ = ("_by_scheme", "_direct", "_known")

    def __init__(self, environment: Mapping[str, str]) -> None:
        def named(name: str) -> str:
            # CGI servers put a request's `Proxy:` header into HTTP_PROXY (CVE-2016-5385): not believed there.
            believed = name != "http_proxy" or "REQUEST_METHOD" not in environment
            return (environment.get(name) or (environment.get(name.upper(), "") if believed else "")).strip()

        everything = named("all_proxy")
        self._by_scheme = {scheme: named(f"{scheme}_proxy") or everything for scheme in ("http", "https")}
        self._direct = tuple(filter(None, map(str.strip, named("no_proxy").lower().split(","))))
        self._known: dict[tuple[str, str, int | None], Proxy | None] = {}

    def __bool__(self) -> bool:
        return any(self._by_scheme.values())

    def find(self, url: URL) -> Proxy | None:
        """The proxy for this URL, or `None` for a direct connection.

        Raises:
            ValueError: the environment names a proxy that is no `http://` or `https://` URL.
        """
        key = (url.scheme, url.host or "", url.port)
        if key in self._known:
            return self._known[key]
        found = self._look(url)
        if len(self._known) < _LIMIT:
            self._known[key] = found
        return found

    def _look(self, url: URL) -> Proxy | None:
        text = self._by_scheme.get(url.scheme, "")
        if not text or any(_matches(url.host or "", url.port, pattern) for pattern in self._direct):
            return None
        proxy = URL(text if "://" in text else f"http://{text}")
        if proxy.scheme not in {"http", "https"} or not proxy.host:
            variable = f"{url.scheme.upper()}_PROXY"
            raise ValueError(f"the proxy for {url.scheme} is no http:// or https:// URL: correct {variable}")
        headers = {}
        if proxy.user is not None:
            credentials = f"{proxy.user}:{proxy.password or ''}".encode()
            headers["proxy-authorization"] = f"Basic {b64encode(credentials).decode()}"
        return Proxy(proxy.with_user(None), headers)


def _matches(host: str, port: int | None, pattern: str) -> bool:
    """Whether an entry of NO_PROXY means this host: `*`, a domain with or without a port, an address, a network."""
    if pattern == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        pass  # one of the two is a name
    name, colon, wanted = pattern.rpartition(":")
    if colon and wanted.isdigit():
        if int(wanted) != port:
            return False
        pattern = name
    pattern = pattern.strip("[]").removeprefix("*").lstrip(".")
    return bool(pattern) and (host == pattern or host.endswith(f".{pattern}"))
