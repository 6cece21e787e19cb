"""Who calls: one look into a dictionary of keyed hashes.

SDKs send their key under different names, and some send two. Two different keys in one request are refused, since one
of them would be ignored and nobody would know which. A client's credential never goes upstream.

While the service is open (on loopback, before the first key was made) a web page in the user's browser could reach it,
too: so then only requests to a loopback name are served, and none that a foreign page has sent.
"""

from collections.abc import Mapping
from hmac import compare_digest
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from segue.app.running import Running
from segue.core.call import Caller
from segue.core.errors import Forbidden, Unauthenticated
from segue.http.exchange import Exchange

if TYPE_CHECKING:
    from segue.backends.store.keys import KeyRecord

KEY_HEADERS = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
OTHER_KEY_HEADERS = frozenset(KEY_HEADERS) - {b"authorization"}
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_MEMORY = "caller"
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
        if self._mode == "open" or (self._loopback and not self._running.locked):  # `is_open`
            if self._loopback:
                self._refuse_foreign_pages(exchange)
            return OPEN
        only = _only_header(exchange) if not query_key else None
        if only is not None:
            known: _Known | None = exchange.memory.get(_MEMORY)
            if known is not None and known.keys is self._running.keys and compare_digest(known.header, only):
                if known.record.expires_at is None and known.record.revoked_at is None:
                    return known.caller
                return self._admitted(known.record, known.caller)
            shown: str | None = _bearer(only.decode("latin-1").strip())
        else:
            shown = _credential(exchange, query_key)
        if shown is None:
            raise Unauthenticated(
                "no API key: send `Authorization: Bearer <key>` or `x-api-key: <key>` (`segue keys create` makes one)"
            )
        record = self._look_up(shown)
        caller = self._admitted(record, Caller(record.id, record.name, record.admin))
        if only is not None:
            exchange.memory[_MEMORY] = _Known(only, self._running.keys, record, caller)
        return caller

    def admission(self, exchange: Exchange) -> "Admission | None":
        """What later requests with the very same head may be admitted by; `None` where each must be looked at.

        Raises:
            Unauthenticated, Forbidden: as `caller`.
        """
        caller = self.caller(exchange)
        if self.is_open:
            return Admission(caller, self._running.keys, is_open=True)
        known: _Known | None = exchange.memory.get(_MEMORY)
        if known is None or known.record.expires_at is not None or known.record.revoked_at is not None:
            return None
        return Admission(caller, self._running.keys, is_open=False)

    def admits(self, admission: "Admission") -> bool:
        """Whether nothing has changed since."""
        return admission.keys is self._running.keys and (not admission.is_open or self.is_open)

    def _look_up(self, shown: str) -> "KeyRecord":
        running = self._running
        assert running.key_store is not None  # noqa: S101 - without a store the service is open or was not started
        record = running.keys.get(running.key_store.digest(shown))
        if record is None:
            raise Unauthenticated("the API key is not known here, or was revoked (`segue keys list` shows which are)")
        return record

    def _admitted(self, record: "KeyRecord", caller: Caller) -> Caller:
        """The caller, unless the time of its key is over."""
        if not record.valid(self._running.engine.world.clock.wall()):
            raise Unauthenticated("the API key has expired or was revoked: make a new one with `segue keys create`")
        return caller

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


class Admission(NamedTuple):
    """Who sends a head that was seen before, and by which keys that was decided."""

    caller: Caller
    keys: "Mapping[bytes, KeyRecord]"
    is_open: bool


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # half an IPv6 address
        return None


class _Known(NamedTuple):
    """The caller that a connection's last request came from.

    A connection usually belongs to one caller, and to hash the same key again for every request takes 4 us. What is
    remembered goes with the connection; another header, other keys in force or an end of validity are noticed.
    """

    header: bytes
    keys: "Mapping[bytes, KeyRecord]"
    record: "KeyRecord"
    caller: Caller


def _only_header(exchange: Exchange) -> bytes | None:
    """The header `authorization` where it is the only credential: nearly always."""
    only = exchange.headers.get(b"authorization")
    if only is None or exchange.repeated or not OTHER_KEY_HEADERS.isdisjoint(exchange.headers):
        return None
    return only


def _credential(exchange: Exchange, query_key: str | None) -> str | None:
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
