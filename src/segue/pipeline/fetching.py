"""Fetches for codecs what a caller named by its address and a provider takes as bytes only.

The caller chooses the address and Segue connects to it: whoever does that without care lends everybody its place in
the network. So only http and https are spoken, nothing that identifies anybody goes along, the transport lets through
public addresses alone (it looks at the address that it connects to, not at the name), redirects are followed by hand
with every hop looked at anew, and there is a limit on everything. What went wrong is told in words of our own that say
nothing of what lies at an address; a name without an address and one with a private address get the same words, or
callers could find out the names inside.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from segue.core.call import Call
from segue.core.failure import Kind
from segue.core.fetching import PUBLIC_ADDRESS, Fetched, Found, Unfetched, Wanted, in_words, must_fetch
from segue.core.ports import Transport, TransportError, WireRequest, WireResponse

MOST_REDIRECTS: Final = 3
"""As many as an image behind a short link and a content network needs."""
MOST_AT_ONCE: Final = 256
"""Fetches under way in one process; further ones wait, within their time."""
LONGEST_URL: Final = 8192
"""Characters; servers refuse shorter ones."""

_OK: Final = 200
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CONNECT: Final = 5.0  # seconds for one connection, of the time for all
_UNPRINTED: Final = 32  # what comes before it in ASCII is no part of a URL, a space apart

_NOT_PUBLIC: Final = "its host has no address on the public Internet"
_NO_ADDRESS: Final = "its host has no address"
_PROXIED: Final = (
    "Segue reaches it through a proxy, behind which private addresses cannot be told from others "
    "(`server.fetch.proxy` says whether that is trusted)"
)


@dataclass(frozen=True, slots=True)
class FetchRules:
    """What may be fetched.

    Attributes:
        allow_private: whether addresses on this machine and in private networks are asked, too.
        by_proxy: whether a proxy of the environment is trusted to look at addresses.
        timeout: seconds for all that one attempt needs.
        size: bytes of all that is fetched for one call.
    """

    allow_private: bool = False
    by_proxy: bool = False
    timeout: float = 10.0
    size: int = 32 * 1024 * 1024


class _Gone(Exception):
    """Why there is nothing, for the caller."""

    def __init__(self, why: str, beyond: int = 0) -> None:
        super().__init__(why)
        self.unfetched = Unfetched(why, beyond)


class _Room:
    """Bytes that may still be fetched for one call."""

    __slots__ = ("left", "size")

    def __init__(self, size: int, taken: int) -> None:
        self.size = size
        self.left = size - taken

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise _Gone(f"all that is to be fetched for this request is larger than {in_words(self.size)}")


class HttpFetcher:
    """`segue.core.fetching.Fetcher` over the transport.

    Args:
        transport: the way to the network; one with a method `proxied` tells by it which URLs go through a proxy.
        rules: what may be fetched.
    """

    __slots__ = ("_loop", "_proxied", "_rules", "_slots", "_transport")

    def __init__(self, transport: Transport, rules: FetchRules) -> None:
        self._transport = transport
        self._rules = rules
        proxied: Callable[[str], bool] | None = getattr(transport, "proxied", None)
        self._proxied = None if rules.by_proxy else proxied
        self._loop: asyncio.AbstractEventLoop | None = None
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)

    async def fetch(self, call: Call, wanted: Sequence[Wanted], within: float) -> None:
        """See `segue.core.fetching.Fetcher`: side by side, and never longer than the rules say."""
        found = call.fetched
        if found is None:
            found = call.fetched = {}
        seconds = min(self._rules.timeout, within)
        taken = sum(len(one.data) for one in found.values() if isinstance(one, Fetched))
        room = _Room(self._rules.size, taken)
        missing = {one.url: one for one in wanted if must_fetch(found.get(one.url), one.limit)}
        slots = self._slots_here()
        tasks = {url: asyncio.create_task(self._one(one, room, slots)) for url, one in missing.items()}
        if not tasks:
            return
        try:
            await asyncio.wait(tasks.values(), timeout=seconds)
        finally:
            late = [task for task in tasks.values() if not task.done()]
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)  # they close their connections
        for url, task in tasks.items():
            found[url] = Unfetched(f"it did not come within {seconds:g} s") if task.cancelled() else task.result()

    def _slots_here(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # a semaphore belongs to one loop; whoever waited on another is gone with it
            self._loop = loop
            self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        return self._slots

    async def _one(self, wanted: Wanted, room: _Room, slots: asyncio.Semaphore) -> Found:
        try:
            async with slots:
                return await self._follow(wanted, room)
        except _Gone as gone:
            return gone.unfetched

    async def _follow(self, wanted: Wanted, room: _Room) -> Fetched:
        """Fetch, by way of a few redirects at most."""
        url = wanted.url
        _check(url)
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._send(url, wanted.accept)
            try:
                if response.status in _REDIRECTS and (place := response.headers.get("location")):
                    url = _next(url, place)
                    continue
                if response.status != _OK:
                    raise _Gone(f"its server answered with status {response.status}")
                data = await _read(response, wanted.limit, room)
                return Fetched(data, _type_told(response))
            finally:
                response.close()
        raise _Gone(f"its server redirects more than {MOST_REDIRECTS} times")

    async def _send(self, url: str, accept: str) -> WireResponse:
        rules = self._rules
        try:
            if self._proxied is not None and self._proxied(url):
                raise _Gone(_PROXIED)
            # Nothing of the caller's and nothing of a provider's goes along.
            request = WireRequest("GET", url, {"accept": accept})
            return await self._transport.send(request, connect=_CONNECT, allow_private=rules.allow_private)
        except TransportError as error:
            raise _Gone(self._why(error)) from None

    def _why(self, error: TransportError) -> str:
        failure = error.failure
        if failure.needs == PUBLIC_ADDRESS:
            return _NO_ADDRESS if self._rules.allow_private else _NOT_PUBLIC
        if failure.kind is Kind.CONNECT:
            return "its server cannot be connected to"
        return "its server broke off, or sent what is no answer"


def _check(url: str) -> SplitResult:
    """The parts of an address that may be asked; the transport looks at it once more, by its own reading."""
    if len(url) > LONGEST_URL:
        raise _Gone(f"its address is longer than {LONGEST_URL} characters")
    parts = _split(url)
    if parts is None or any(ord(character) < _UNPRINTED for character in url):
        raise _Gone("its address is no http:// or https:// URL")
    if "@" in parts.netloc:
        raise _Gone("its address holds a user name or a password")
    return parts


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def _next(url: str, place: str) -> str:
    """Where a redirect leads."""
    try:
        following = urljoin(url, place)
        parts = _check(following)
    except (ValueError, _Gone):
        raise _Gone("its server redirects to what is no plain http:// or https:// URL") from None
    if parts.scheme == "http" and urlsplit(url).scheme == "https":
        raise _Gone("its server redirects from https to http")
    return following


async def _read(response: WireResponse, limit: int, room: _Room) -> bytes:
    length = response.headers.get("content-length", "")
    if length.isascii() and length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(limit)
    data = bytearray()
    try:
        while chunk := await response.read_chunk():
            room.take(len(chunk))
            data += chunk
            if len(data) > limit:
                raise _too_large(limit)
    except TransportError:
        raise _Gone("its server broke off in the middle of it") from None
    return bytes(data)


def _type_told(response: WireResponse) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _too_large(limit: int) -> _Gone:
    return _Gone(f"it is larger than {in_words(limit)}", limit)
