"""Who calls: one look into a dictionary of keyed hashes.

SDKs send their key under different names, and some send two. Two different keys in one request are refused, since one
of them would be ignored and nobody would know which. A client's credential never goes upstream.

While the service is open (on loopback, before the first key was made) a web page in the user's browser could reach it,
too: so then only requests to a loopback name are served, and none that a foreign page has sent.
"""

from urllib.parse import urlsplit

from segue.app.running import Running
from segue.core.call import Caller
from segue.core.errors import Forbidden, Unauthenticated
from segue.http.exchange import Exchange

KEY_HEADERS = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
OTHER_KEY_HEADERS = frozenset(KEY_HEADERS) - {b"authorization"}
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN = Caller("", "anyone", admin=True)


class Authenticator:
    """Finds the caller of a request.

    Args:
        running: holds the keys.
        mode: `keys` or `open`, of the configuration.
        loopback: whether the service listens on loopback only.
        origins: web pages that may call although they are foreign (`server.cors.origins`).
    """

    def __init__(self, running: Running, *, mode: str, loopback: bool, origins: tuple[str, ...] = ()) -> None:
        self._running = running
        self._mode = mode
        self._loopback = loopback
        self._origins = origins

    @property
    def is_open(self) -> bool:
        """Whether anybody may call: by configuration, or on loopback while there is no key."""
        return self._mode == "open" or (self._loopback and not self._running.locked)

    def caller(self, exchange: Exchange, query_key: str | None = None) -> Caller:
        """Who sent this request.

        Args:
            exchange: the request.
            query_key: a key out of the URL, on surfaces whose SDKs send it there.

        Raises:
            Unauthenticated: no key, a wrong one, or two that differ.
            Forbidden: a foreign web page calls the open service.
        """
        if self.is_open:
            if self._loopback:
                self._refuse_foreign_pages(exchange)
            return OPEN
        shown = _credential(exchange, query_key)
        if shown is None:
            raise Unauthenticated(
                "no API key: send `Authorization: Bearer <key>` or `x-api-key: <key>` (`segue keys create` makes one)"
            )
        return self._look_up(shown)

    def _look_up(self, shown: str) -> Caller:
        running = self._running
        assert running.key_store is not None  # noqa: S101 - without a store the service is open or was not started
        record = running.keys.get(running.key_store.digest(shown))
        if record is None:
            raise Unauthenticated("the API key is not known here, or was revoked (`segue keys list` shows which are)")
        if not record.valid(running.engine.world.clock.wall()):
            raise Unauthenticated("the API key has expired or was revoked: make a new one with `segue keys create`")
        return Caller(record.id, record.name, record.admin)

    def _refuse_foreign_pages(self, exchange: Exchange) -> None:
        origin = exchange.header(b"origin")
        if origin is not None and origin not in self._origins and "*" not in self._origins:
            foreign = _hostname(origin) not in LOOPBACK_NAMES
        else:
            # Images, links and forms of a page send no origin with a GET, but modern browsers say where they come from.
            foreign = origin is None and exchange.header(b"sec-fetch-site") == "cross-site"
        if foreign:
            raise Forbidden(
                "a web page of another site calls a service without keys: make one with `segue keys create`, and "
                "name the page under server.cors.origins"
            )
        host = exchange.header(b"host")
        if host is not None and _hostname(f"//{host}") not in LOOPBACK_NAMES:
            raise Forbidden(
                f"while there is no key only localhost is served, not {host[:100]!r}: make one with `segue keys create`"
            )


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # half an IPv6 address
        return None


def _credential(exchange: Exchange, query_key: str | None) -> str | None:
    only = exchange.headers.get(b"authorization")
    if only is not None and not exchange.repeated and not query_key and OTHER_KEY_HEADERS.isdisjoint(exchange.headers):
        return _bearer(only.decode("latin-1").strip())  # nearly everyone
    found: dict[str, list[str]] = {}
    for name in KEY_HEADERS:
        for value in filter(None, exchange.values(name)):
            found.setdefault(name.decode(), []).append(_bearer(value) if name == b"authorization" else value)
    if query_key:
        found["?key="] = [query_key]
    shown = {value for values in found.values() for value in values}
    if len(shown) > 1:
        raise Unauthenticated(f"two different credentials, in {' and '.join(found)}: send one")
    return next(iter(shown), None)


def _bearer(value: str) -> str:
    scheme, _, key = value.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("the header authorization must be `Bearer <key>`")
    return key.strip()
