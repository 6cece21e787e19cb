"""A client that does not read must not hold its stream for ever.

When a client stops to read, its answer waits in a buffer and its provider is not read any more; the provider's own
limits do not count meanwhile, since the silence is not its fault. Nothing else would ever end that: the socket is well.
So when nothing has left the buffer for a while, the connection is cut, and everything below hears of it as of a client
that hung up.
"""

import array
import asyncio
from contextlib import suppress

WRITE_SECONDS = 60.0
"""How long a client may take nothing of an answer that waits for it: as long as a provider may be silent by default.
Whoever reads slowly, but reads, is waited for."""


class BlockedWrite:
    """Watches one connection while more waits to be sent on it than should."""

    __slots__ = ("_handle", "_loop", "_transport", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._transport = transport
        self._waiting = 0
        self._handle: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """From now on the client is behind."""
        self._waiting = _unread(self._transport)
        if self._handle is None:
            self._handle = self._loop.call_later(WRITE_SECONDS, self._look)

    def end(self) -> None:
        """The client has caught up, or is gone."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _look(self) -> None:
        self._handle = None
        if _unread(self._transport) < self._waiting:
            self.begin()
        else:
            self._transport.abort()


def _unread(transport: asyncio.Transport) -> int:
    """Bytes that the client has not taken: ours, and those in the system's buffer, where the system can tell.

    The system's buffer holds megabytes and asks for more only when a good part of it has gone, so without it a slow
    client looks like one that has stopped.
    """
    waiting = transport.get_write_buffer_size()
    plug = transport.get_extra_info("socket")
    if plug is not None:
        with suppress(ImportError, OSError):
            import fcntl
            import termios

            unsent = array.array("i", [0])
            fcntl.ioctl(plug.fileno(), termios.TIOCOUTQ, unsent)  # on Linux the same as SIOCOUTQ, see tcp(7)
            waiting += unsent[0]
    return waiting
