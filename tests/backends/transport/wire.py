"""A connection without a socket."""

import asyncio


class Wire(asyncio.Transport):
    """A transport without a socket."""

    def __init__(self, loop, protocol) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self.closing = False

    def write(self, data) -> None: ...

    def abort(self) -> None:
        if not self.closing:
            self.closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    close = abort

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Book:
    """An owner that checks what it is told."""

    def __init__(self) -> None:
        self.free = self.lost = self.over = 0

    def freed(self, connection) -> None:
        self.free += 1

    def gone(self, connection) -> None:
        self.lost += 1

    def ended(self, connection) -> None:
        self.over += 1
