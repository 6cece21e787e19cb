"""A broken connection is made of details that web frameworks hide: resets, silence, an answer that just stops.

`deliver` performs a script on a real connection and keeps the record of what was sent.
"""

import asyncio
import socket
import struct
from typing import Final

from aiohttp import web

from segue.simulator.records import Record
from segue.simulator.script import Abort, Hang, Head, Script, Send, Step, Wait

# A client that does not read keeps bytes back; after ten seconds its connection is aborted without them.
_FLUSH_TRIES: Final = 5_000
_FLUSH_SECONDS: Final = 0.002


def abort(transport: asyncio.Transport | None, *, reset: bool = True) -> None:
    """Close a connection now: with a TCP reset (nothing more is sent), or with an ordinary close after a flush."""
    if transport is None or transport.is_closing():
        return
    if not reset:
        transport.close()
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # Lingering for zero seconds turns the close into a reset; otherwise the peer would see a polite end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def until_hang_up() -> None:
    """Wait for ever: the server cancels the handler as soon as the connection is gone."""
    await asyncio.Event().wait()


async def flushed(transport: asyncio.Transport | None) -> None:
    """Return when the operating system has taken all that was written, so that an abort cannot swallow it."""
    for _ in range(_FLUSH_TRIES):
        if transport is None or transport.is_closing() or not transport.get_write_buffer_size():
            return
        await asyncio.sleep(_FLUSH_SECONDS)


class _Performance:
    """One script on one connection."""

    def __init__(self, request: web.Request, record: Record) -> None:
        self._request = request
        self._record = record
        self._response: web.StreamResponse | None = None

    async def _head(self, step: Head) -> None:
        response = web.StreamResponse(status=step.status)
        for name, value in step.headers:
            response.headers.add(name, value)
        response.headers.setdefault("Server", "vendor-simulator")
        if step.length is not None:
            response.content_length = step.length
        self._response = response
        self._record.status = step.status
        await response.prepare(self._request)

    async def _send(self, step: Send) -> None:
        # A request with the method HEAD is answered by headers alone: a body would be read as the next answer.
        if self._response is None or self._request.method == "HEAD":
            return
        await self._response.write(step.data)
        self._record.bytes_sent += len(step.data)
        self._record.chunks += step.part == "content"

    async def step(self, step: Step) -> None:
        """Perform one step; one that ends the conversation does not return."""
        match step:
            case Head():
                await self._head(step)
            case Send():
                await self._send(step)
            case Wait():
                await asyncio.sleep(step.seconds)
            case Abort():
                transport = self._request.transport
                await flushed(transport)
                self._record.outcome = "aborted"
                abort(transport, reset=step.reset)
                await until_hang_up()
            case Hang():
                await until_hang_up()

    async def finish(self) -> web.StreamResponse:
        """End the answer in good order."""
        response = self._response
        if response is None:
            # A script without a head has nothing to say, so the connection cannot be used any further.
            abort(self._request.transport)
            await until_hang_up()
            raise AssertionError
        await response.write_eof()
        self._record.outcome = "answered"
        return response


async def deliver(request: web.Request, script: Script, record: Record) -> web.StreamResponse:
    """Perform `script` as the answer to `request`; `record` follows what happened on the wire."""
    performance = _Performance(request, record)
    for step in script.steps:
        await performance.step(step)
    return await performance.finish()
