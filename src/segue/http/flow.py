"""What uvicorn keeps for each of its connections, made smaller: most are idle, and there may be thousands."""

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl


class Pipeline(list[Any]):
    """Requests that wait, as uvicorn asks for them; an empty deque takes eight times as much."""

    __slots__ = ()

    def appendleft(self, waiting: Any) -> None:
        """Wait behind all others."""
        self.insert(0, waiting)


class Flow(FlowControl):
    """uvicorn's control of a connection's flow, whose event is made where somebody waits: most never need one."""

    __slots__ = ("_is_writable_event", "_transport", "read_paused", "write_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        # Not the base's, which makes the event.
        self._transport = transport
        self.read_paused = False
        self.write_paused = False
        self._is_writable_event: asyncio.Event | None = None  # type: ignore[assignment]  # `drain` makes it

    async def drain(self) -> None:
        """Wait until what was written has gone."""
        if self.write_paused:
            if self._is_writable_event is None:
                self._is_writable_event = asyncio.Event()
            await self._is_writable_event.wait()

    def pause_writing(self) -> None:
        """More waits to be sent than should."""
        self.write_paused = True
        if self._is_writable_event is not None:
            self._is_writable_event.clear()

    def resume_writing(self) -> None:
        """It has gone."""
        self.write_paused = False
        if self._is_writable_event is not None:
            self._is_writable_event.set()
