"""A task that begins at once, and is made for one request.

A task of asyncio's own begins when the event loop comes round again: that makes a callback, a turn of the loop and a
step into C, some 4 us for a request that has come whole and could be worked on right now. An errand runs in the moment
in which it is sent, until it first has to wait (Python 3.12 calls that an eager task). It follows asyncio's protocol
for tasks of others (https://docs.python.org/3/library/asyncio-extending.html), so that `asyncio.current_task`, timeouts
and cancellation work in it as they do in any task.
"""

import asyncio
from asyncio import CancelledError, Future
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any


class Errand(Future[None]):
    """A coroutine on its way.

    Args:
        coroutine: what is to be done.
        loop: on which.
        ended: called with the errand at its end, whatever the end is.
    """

    __slots__ = ("_context", "_coroutine", "_ended", "_must_cancel", "_requests", "_waits_for")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, None],
        loop: asyncio.AbstractEventLoop,
        ended: Callable[["Errand"], object],
    ) -> None:
        super().__init__(loop=loop)
        self._coroutine = coroutine
        self._ended: Callable[[Errand], object] | None = ended
        self._context = copy_context()  # what it sets there is nobody else's
        self._waits_for: Future[Any] | None = None
        self._must_cancel = False
        self._requests = 0

    def begin(self) -> None:
        """Go, now: to be called by the event loop, outside of every task."""
        self._context.run(self._step)

    def begin_soon(self) -> None:
        """Go as soon as the task that is running now lets others go on."""
        self._loop.call_soon(self._step, context=self._context)

    # What tasks have besides futures

    def cancel(self, msg: Any | None = None) -> bool:
        """Have a `CancelledError` raised where it waits; False when it has ended."""
        if self.done():
            return False
        self._requests += 1
        if self._waits_for is None or not self._waits_for.cancel(msg):
            self._must_cancel = True
        return True

    def cancelling(self) -> int:
        """How many requests to cancel it are pending."""
        return self._requests

    def uncancel(self) -> int:
        """Take one request back; how many are left."""
        if self._requests > 0:
            self._requests -= 1
        return self._requests

    def get_coro(self) -> Coroutine[Any, Any, None]:
        """What it does."""
        return self._coroutine

    def get_name(self) -> str:
        """For messages."""
        return "errand"

    # Inside

    def _step(self, _waited_for: "Future[Any] | None" = None) -> None:
        """Run until it waits for something or ends. What the future brought is raised or given by its own await."""
        loop = self._loop
        self._waits_for = None
        _enter_task(loop, self)  # type: ignore[arg-type]  # a task of our own
        try:
            if self._must_cancel:
                self._must_cancel = False
                waits_for = self._coroutine.throw(CancelledError())
            else:
                waits_for = self._coroutine.send(None)
        except StopIteration:
            self.set_result(None)
            self._end()
        except CancelledError:
            super().cancel()
            self._end()
        except BaseException as error:
            self.set_exception(error)
            self._end()
            if not isinstance(error, Exception):
                raise
        else:
            if waits_for is None:  # it only lets others go first
                loop.call_soon(self._step, context=self._context)
                return
            waits_for._asyncio_future_blocking = False
            waits_for.add_done_callback(self._step, context=self._context)
            self._waits_for = waits_for
            if self._must_cancel and waits_for.cancel():
                self._must_cancel = False
        finally:
            _leave_task(loop, self)  # type: ignore[arg-type]

    def _end(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(self)  # and is let go of: whoever still holds the errand must not hold the request
