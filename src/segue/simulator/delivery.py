"""A broken connection is made of details that web frameworks hide: resets, silence, an answer that just stops.

`deliver` performs a script on a real connection and keeps the record of what was sent.
"""

import asyncio
import socket
import struct
from typing import Final

from aiohttp import web

from segue.simulator.records import Record
from segue.simulator.script import Abort, Close, Hang, Head, Queue, Raw, Script, Send, Source, Step, Wait

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
        if step.part == "content":
            self._record.chunks += step.events

    async def _raw(self, step: Raw) -> None:
        if step.status is not None:
            self._record.status = step.status
        if step.of_body and self._request.method == "HEAD":
            return
        await self._request.writer.write(step.data)
        self._record.bytes_sent += step.body
        self._record.chunks += step.events

    async def _source(self, step: Source) -> None:
        if self._request.method == "HEAD" and not step.raw:
            return
        for piece in step.pieces():
            if step.raw:
                await self._raw(Raw(piece))
            else:
                await self._send(Send(piece, "body"))
            # A client that reads quickly never makes a write wait, and others want to be served meanwhile.
            await asyncio.sleep(step.every)

    async def _end(self, *, reset: bool, complete: bool) -> None:
        transport = self._request.transport
        await flushed(transport)
        self._record.outcome = "answered" if complete else "aborted"
        abort(transport, reset=reset)
        await until_hang_up()

    async def step(self, step: Step) -> None:
        """Perform one step; one that ends the conversation does not return."""
        match step:
            case Head():
                await self._head(step)
            case Send():
                await self._send(step)
            case Raw():
                await self._raw(step)
            case Source():
                await self._source(step)
            case Wait():
                await asyncio.sleep(step.seconds)
            case Queue():
                await step.turn.come()
            case Abort():
                await self._end(reset=step.reset, complete=False)
            case Close():
                await self._end(reset=False, complete=True)
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
