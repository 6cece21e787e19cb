"""The express: a usual call without a coroutine, a task or a timer of its own.

Nearly every call is alike: its client has been here before, the request is plain, all is well with the first candidate,
a connection to it is open, and a whole answer comes. Of such a call the pipeline costs more than the sockets: a dozen
coroutines around each other, and code and objects of every layer that push one another out of the processor's cache.
All that really happens lies in two moments, when the request has come and when the answer has. So here both are
written out, in the order of the layers (`order`), and what a layer does to a usual call stands beside its name.

Whatever is not usual goes the usual way. Before anything was sent `send` says no, and has changed nothing. After that
`ExpressCall.opened` gives the call, with all that was done for it, to the layers themselves: they read the failure, the
odd answer or the silence, and go on to retry and failover as if the attempt had been theirs.

`order.ACTIVE` names the layers that there are; with one that is not known here there is no express.
"""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING, Any, Final

from segue.core.call import Caller
from segue.core.errors import CallFailed
from segue.core.operation import Nature
from segue.pipeline.express_call import ExpressCall, Reply
from segue.pipeline.order import ACTIVE
from segue.pipeline.parts import CallHandler, Parts
from segue.pipeline.timer import SOON, Watch
from segue.pipeline.wire import WireExecutor
from segue.resilience.guard import CandidateGuard

if TYPE_CHECKING:
    from segue.core.express import ExpressCodec, Line
    from segue.core.provider import Candidate
    from segue.routing.plan import Tiers

KNOWN: Final = frozenset({
    "trace", "admit", "deadline", "analyse", "plan", "retry", "breaker", "in_flight", "timeout", "cost",
})  # fmt: skip
"""The layers that this module speaks for."""

MOST_LANES: Final = 1000
"""Names of models that are remembered; callers may invent names."""


class Lane:
    """A name of a model, and what it comes to: its first candidate and the way there."""

    __slots__ = ("candidate", "codec", "executor", "guard", "line", "load", "price", "tiers")

    def __init__(
        self, tiers: Tiers, candidate: Candidate, guard: CandidateGuard, executor: WireExecutor, way: Way
    ) -> None:
        self.tiers = tiers
        self.candidate = candidate
        self.guard = guard
        self.executor = executor
        self.codec, self.line = way
        self.load = candidate.provider.load
        self.price = None if candidate.info is None else candidate.info.price


class Express:
    """The express of one operation, for one client's format, in one snapshot.

    Args:
        parts: those of the operation's pipeline.
        handler: the pipeline itself.
        client: the id of the format.
    """

    def __init__(self, parts: Parts, handler: CallHandler, client: str) -> None:
        self.parts = parts
        self.handler = handler
        self.off = bool(ACTIVE - KNOWN) or parts.operation.nature is Nature.EFFECTFUL
        self.operation = parts.operation.id
        self.watch = Watch()
        self.gate = parts.gate
        self.signals = parts.signals
        self.now = parts.clock.now
        self.wall = parts.clock.wall
        self._client = client
        self._new_id = parts.chance.new_id
        self.deadline = parts.policy.deadline
        self._total = parts.policy.limits.total
        self.off = self.off or self._total < SOON
        self._lanes: dict[str, Lane | None] = {}

    def send(
        self,
        model: str,
        body: bytes,
        caller: Caller,
        surface: str,
        deadline: float | None,
        reply: Reply,
        ticket: Any,
    ) -> ExpressCall | None:
        """Send a plain request; `None` where it cannot go this way, and then nothing has changed.

        Args:
            model: the name that was asked for.
            body: as it came.
            caller: who calls.
            surface: where.
            deadline: seconds that the caller grants; `None` where it does not say.
            reply: who hears of the answer.
            ticket: what `reply` finds in `ExpressCall.ticket`.
        """
        started = self.now()
        lane = self._lanes[model] if model in self._lanes else self._find(model)
        gate = self.gate
        if lane is None or gate.closed or gate.under_way >= gate.limit:  # admit
            return None
        tokens = lane.guard.tokens()  # breaker
        written = lane.codec.body(body, model, lane.candidate)
        if tokens is None or written is None:
            return None
        allowed = self.deadline if deadline is None or deadline > self.deadline else deadline
        if allowed < SOON:  # timeout
            return None
        line = lane.line
        connection = line.free()
        if connection is None:
            return None
        call = ExpressCall()
        call.id = self._new_id("call_")  # trace
        call.express = self
        call.lane = lane
        call.reply = reply
        call.ticket = ticket
        call.operation = self.operation
        call.surface = surface
        call.caller = caller
        call.model = model
        call.candidate = lane.candidate
        call.started = started
        call.started_wall = self.wall()
        call.body = body
        call.charge = None
        call.granted = deadline
        call.tokens = tokens
        call.connection = connection
        call.cancelled = False
        call.sent = now = self.now()
        gate.under_way += 1
        lane.guard.deposit(now)  # in_flight
        lane.load.in_flight += 1
        watch = self.watch  # timeout, under the deadline
        if watch.loop is None:
            watch.on(get_running_loop())
        left = started + allowed - now
        call.by_deadline = left < self._total
        call.when = when = watch.now() + (left if call.by_deadline else self._total)
        watch.add(call, when)
        connection.begin(line.head(len(written)), written, call)
        return call

    def deadline_of(self, call: ExpressCall) -> float:
        """When its time is up, on the monotonic clock."""
        granted = call.granted
        return call.started + (self.deadline if granted is None else min(self.deadline, granted))

    def _find(self, model: str) -> Lane | None:
        if len(self._lanes) >= MOST_LANES:
            self._lanes.clear()
        lane = self._lanes[model] = self._lane(model)
        return lane

    def _lane(self, model: str) -> Lane | None:
        if self.off:
            return None
        try:
            tiers = self.parts.resolve(model)
        except CallFailed:
            return None  # the usual way says why
        targets = tiers[0][0].targets if tiers and tiers[0] else ()
        # Several equals or several keys take turns: that is the plan's to say.
        if len(targets) != 1 or len(targets[0].candidates) != 1:
            return None
        (candidate,) = targets[0].candidates
        executor, guard = candidate.provider.executor, candidate.guard
        if not candidate.provider.enabled or type(executor) is not WireExecutor or type(guard) is not CandidateGuard:
            return None
        way = executor.way(self.operation, self._client, candidate)
        return None if way is None else Lane(tiers, candidate, guard, executor, way)


Way = tuple["ExpressCodec", "Line"]
