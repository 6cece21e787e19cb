"""Keeps a number of worker processes alive, and passes on what the outside world tells their parent.

One Python process serves with one core. Several need somebody who starts them, replaces one that dies, notices when
replacing does not help, and stops them all without cutting an answer off.

The workers are forked, not spawned. A worker that is replaced must serve with the configuration that is in force, also
while the file on disk is a half-edited one that no new program could start with: a fork has it in memory, secrets
included, and nothing goes through arguments, environments or files. It is there at once, too: 30 ms instead of a
second of imports, and the program's memory is there once. What makes forks dangerous is kept away: the parent runs no
event loop and no thread and holds no connection while it has workers; and whatever holds numbers of its own (dice,
breakers, counters) is made in the worker, after the fork. Stopping needs no second thought about who told whom: a
terminal and a service manager may signal the whole group, so a worker takes SIGTERM any number of times, and only its
parent's SIGQUIT means "do not wait".
"""

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess

from segue.backends.telemetry.lines import Log, bind
from segue.core.clock import Clock
from segue.core.errors import SegueError

MOST_RESTARTS = 5
WITHIN = 30.0
"""Seconds. A worker that needs a sixth replacement within them is not helped by one: everything stops, with an error.
The limit is each worker's own: several that die of one cause at one moment, when memory runs out, are no loop."""

BACKOFF = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each of the replacements: at once after an accident, slower when it looks like a loop."""

START_LIMIT = 60.0
"""Seconds until all workers must serve for the first time."""

LONGEST_STOP = 15.0
"""Seconds beyond `server.shutdown_timeout` for writing records; a worker that takes longer is killed."""

LOOK_EVERY = 1.0
"""Seconds between two looks at what tells nobody: the files of the configuration, limits of time."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
HELD = {*SIGNALS, signal.SIGQUIT}
"""Signals that a worker meets only when it is ready for them."""


@dataclass(slots=True)
class _Place:
    """A worker's place: the processes that fill it come and go.

    Attributes:
        starting: says so when the process serves; `None` from then on.
        serves: whether the process has said so.
        restarts: when processes were replaced lately.
        due: when the next process is to be started; `None` while there is one, or none is to be.
    """

    number: int
    process: ForkProcess | None = None
    starting: Connection | None = None
    serves: bool = False
    restarts: deque[float] = field(default_factory=deque)
    due: float | None = 0.0


class Supervisor:
    """The parent of some workers.

    Args:
        count: how many.
        work: what a worker runs: it is given its number, from 1, and what to call when it serves. It unblocks `HELD`
            once its own handlers stand.
        clock: for the limits.
        patience: seconds that a worker may take to finish what is under way.
        serving: called once, when all serve for the first time.
        reload: called on SIGHUP, before the workers are told.
        look: called about every second, and before a worker is started.
        stopping: called once, before the workers are told to stop.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[int, Callable[[], None]], None],
        *,
        clock: Clock,
        patience: Callable[[], float],
        serving: Callable[[], None],
        reload: Callable[[], object],
        look: Callable[[], None],
        stopping: Callable[[], None],
    ) -> None:
        self._work = work
        self._clock = clock
        self._patience = patience
        self._tell_serving = serving
        self._reload = reload
        self._look = look
        self._tell_stopping = stopping
        self._places = [_Place(number) for number in range(1, count + 1)]
        self._log = Log()
        self._fork = multiprocessing.get_context("fork")
        self._heard: deque[int] = deque()
        self._waker = -1
        self._served = False
        self._stopping = False
        self._hurried = False
        self._deadline = clock.now() + START_LIMIT
        self._problem = ""

    def run(self) -> None:
        """Start the workers and come back when the last one has ended.

        Raises:
            SegueError: they could not be started, or one dies again and again.
        """
        with self._hearing():
            while any(place.process is not None or place.due is not None for place in self._places):
                self._look()
                self._start_due()
                self._wait()
                self._obey()
                self._bury()
                self._keep_limits()
        if self._problem:
            raise SegueError(self._problem)

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        """Note signals, and have each end the wait. Nothing is done within a handler."""
        self._waker, writer = os.pipe()
        os.set_blocking(self._waker, False)
        os.set_blocking(writer, False)
        before = {number: signal.signal(number, lambda heard, _: self._heard.append(heard)) for number in SIGNALS}
        woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._waker)
            os.close(writer)

    def _start_due(self) -> None:
        for place in self._places:
            if place.due is not None and place.due <= self._clock.now():
                place.due = None
                self._start(place)

    def _start(self, place: _Place) -> None:
        starting, told = self._fork.Pipe(duplex=False)
        process = self._fork.Process(
            target=_run, args=(self._work, place.number, told), name=f"segue worker {place.number}", daemon=True
        )
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            told.close()
        place.process, place.starting, place.serves = process, starting, False

    def _wait(self) -> None:
        """Until a signal came, a worker serves, one has ended, or a second has passed."""
        now = self._clock.now()
        due = [max(0.0, place.due - now) for place in self._places if place.due is not None]
        starting = {place.starting: place for place in self._places if place.starting is not None}
        ended = [place.process.sentinel for place in self._places if place.process is not None]
        ready = multiprocessing.connection.wait([self._waker, *starting, *ended], min([LOOK_EVERY, *due]))
        if self._waker in ready:
            with suppress(BlockingIOError):
                os.read(self._waker, 4096)
        for connection, place in starting.items():
            if connection in ready:
                self._hear(connection, place)

    def _hear(self, connection: Connection, place: _Place) -> None:
        place.starting = None
        with connection, suppress(EOFError):  # it has died, which its end will say
            connection.recv_bytes()
            place.serves = True
            self._log.info("worker serves", worker=place.number, pid=place.process.pid if place.process else None)
            if all(each.serves for each in self._places) and not self._served and not self._stopping:
                self._served = True
                self._tell_serving()

    def _obey(self) -> None:
        while self._heard:
            if self._heard.popleft() == signal.SIGHUP:
                self._reload()
                self._send(signal.SIGHUP)
            elif not self._stopping:
                self._stop()
            elif not self._hurried:
                self._hurried = True
                self._deadline = min(self._deadline, self._clock.now() + LONGEST_STOP)
                self._send(signal.SIGQUIT)

    def _bury(self) -> None:
        for place in self._places:
            process = place.process
            if process is None or process.exitcode is None:
                continue
            code, pid, had_served = process.exitcode, process.pid, place.serves
            process.close()
            place.process, place.serves = None, False
            if place.starting is not None:
                place.starting.close()
                place.starting = None
            if self._stopping:
                continue
            if not had_served and not self._served:
                self._stop(f"worker {place.number} did not start ({_in_words(code)}): the lines above say why")
            else:
                self._replace(place, code, pid)

    def _replace(self, place: _Place, code: int, pid: int | None) -> None:
        now = self._clock.now()
        while place.restarts and place.restarts[0] <= now - WITHIN:
            place.restarts.popleft()
        if len(place.restarts) >= MOST_RESTARTS:
            self._log.error("worker ended", worker=place.number, pid=pid, why=_in_words(code))
            self._stop(
                f"worker {place.number} has ended {MOST_RESTARTS + 1} times within {WITHIN:.0f} s, the last time with "
                f"{_in_words(code)}: Segue stops; the lines above say more"
            )
            return
        wait = BACKOFF[len(place.restarts)]
        self._log.error("worker ended", worker=place.number, pid=pid, why=_in_words(code), replaced_in_s=wait)
        place.restarts.append(now)
        place.due = now + wait

    def _keep_limits(self) -> None:
        if self._clock.now() < self._deadline or (self._served and not self._stopping):
            return
        if not self._stopping:
            self._stop(f"the workers did not serve within {START_LIMIT:.0f} s: the lines above may say why")
            return
        for place in self._places:
            if place.process is not None:
                self._log.error("worker killed: it did not stop in time", worker=place.number, pid=place.process.pid)
                place.process.kill()
        self._deadline = self._clock.now() + LONGEST_STOP

    def _stop(self, problem: str = "") -> None:
        self._stopping = True
        self._problem = problem
        self._deadline = self._clock.now() + self._patience() + LONGEST_STOP
        self._tell_stopping()
        for place in self._places:
            place.due = None
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        for place in self._places:
            # One that has ended keeps its process id until it is looked at, so no stranger is hit.
            if place.process is not None and place.process.pid is not None and place.process.exitcode is None:
                os.kill(place.process.pid, number)


def _run(work: Callable[[int, Callable[[], None]], None], number: int, told: Connection) -> None:
    """A worker, from the fork to its exit code. Its parent's handlers and pipes are not its own."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, who tells
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    bind(worker=number)

    def serving() -> None:
        with suppress(OSError):  # the parent has gone, which is noticed elsewhere
            told.send_bytes(b"serving")
            told.close()

    try:
        work(number, serving)
    except SegueError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def _in_words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
