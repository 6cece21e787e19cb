"""One call of the express, and who waits for it; `segue.pipeline.express` tells what the express is."""

from __future__ import annotations

from asyncio import CancelledError
from typing import TYPE_CHECKING, Any

from segue.core.call import Attempt, Call, CallOptions
from segue.core.failure import Failure
from segue.core.outcome import Outcome
from segue.core.signals import Answered
from segue.pipeline.attempt_layers import timed_out
from segue.pipeline.parts import Begun
from segue.pipeline.timer import Timer
from segue.routing.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from segue.core.express import ExpressConnection, ExpressResponse
    from segue.core.outcome import Usage
    from segue.pipeline.express import Express, Lane
    from segue.resilience.guard import Tokens


class Reply:
    """Who waits for a call of the express: the surface's part of it."""

    __slots__ = ()

    def answered(self, call: ExpressCall, answer: bytes) -> None:
        """All is well."""
        raise NotImplementedError

    def resume(self, call: ExpressCall) -> None:
        """It takes longer: run `ExpressCall.resume` in a task, outside of the one that runs now."""
        raise NotImplementedError

    def request(self, body: bytes) -> Any:
        """The request as the layers know it."""
        raise NotImplementedError


class ExpressCall(Answered):
    """One call of the express: what `Answered` tells of it, and the two moments of its life.

    To the connection it is who is told, to the watch a time limit, to the server a task.

    Attributes:
        when, by_deadline: the limit on the loop's clock, and whether it is the call's deadline.
        granted: seconds that its caller granted.
    """

    __slots__ = (
        "body",
        "by_deadline",
        "cancelled",
        "connection",
        "express",
        "finished",
        "granted",
        "lane",
        "reply",
        "ticket",
        "tokens",
        "when",
    )
    phase = "total"
    express: Express
    lane: Lane
    reply: Reply
    body: bytes
    by_deadline: bool
    cancelled: bool
    connection: ExpressConnection | None
    finished: ExpressResponse | Failure | None
    granted: float | None
    ticket: Any
    tokens: Tokens
    when: float

    # What the connection tells

    def answered(self, response: ExpressResponse) -> None:
        """The answer has come, or its head."""
        express, lane = self.express, self.lane
        now = express.now()
        self.first_byte = now - self.sent
        self.connection = None
        usage: Usage | None = None
        whole: bytes | None = None
        try:
            lane.executor.hear(lane.candidate, response.headers, now)
            whole = response.whole() if response.status == 200 else None  # noqa: PLR2004 - HTTP's own number
            if whole is not None:
                usage = lane.codec.usage(whole)
                if usage is not None and lane.price is not None:  # cost
                    self.charge = lane.price.charge(usage, express.wall())
        except Exception:  # noqa: BLE001 - the usual way deals with defects of adapters
            usage = None
        if usage is None or whole is None:
            self._hand_over(response)
            return
        self.usage = usage
        express.watch.remove(self)  # timeout
        lane.load.in_flight -= 1  # in_flight
        self.ended = now = express.now()
        lane.guard.succeed(self.tokens, now)  # breaker
        express.gate.under_way -= 1  # admit
        express.signals.answered(self)  # in_flight and trace
        self.reply.answered(self, whole)

    def failed(self, failure: Failure) -> None:
        """There is no answer."""
        self.connection = None
        self._hand_over(failure)

    # What the watch tells

    def ring(self) -> None:
        """The time is over."""
        self._close()
        self._hand_over(None)

    # What the server and the exchange may ask of a task

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - the shape of a task's
        """The caller went away, or the server stops."""
        self.cancelled = True
        if self.connection is not None:
            self._close()
            self._hand_over(None)
        return True

    # The rest of its life, where that is longer than usual

    def call(self) -> Call:
        """See `Answered.call`."""
        call, attempt = self._spelt_out()
        attempt.first_byte = self.first_byte
        attempt.elapsed = self.ended - self.sent
        attempt.usage = self.usage
        attempt.charge = self.charge
        attempt.ended = True
        call.answered_by = self.candidate
        return call

    def opened(self) -> tuple[Call, Callable[[], Awaitable[Outcome]]]:
        """The call as its layers know it, and what carries it to its end."""
        call, attempt = self._spelt_out()
        call.plan = Plan(self.lane.tiers, call.features, None)
        attempt.permit = self.lane.guard.permit(self.tokens)
        express = self.express

        async def finish() -> Outcome:
            finished = self.finished
            if self.cancelled:
                if finished is not None and not isinstance(finished, Failure):
                    finished.close()
                raise CancelledError
            if finished is None:
                return Outcome(failure=timed_out(self, express.parts.policy))
            if isinstance(finished, Failure):
                return Outcome(failure=finished)
            attempt.first_byte = self.first_byte
            left = express.parts.policy.limits.total - (express.now() - self.sent)
            attempt.timer = Timer(express.watch, call.deadline - express.now(), max(0.0, left))
            return await self.lane.executor.finish(call, attempt, finished)

        return call, lambda: express.handler(call, Begun(attempt, finish))

    def _spelt_out(self) -> tuple[Call, Attempt]:
        express = self.express
        call = Call(
            id=self.id,
            operation=express.parts.operation,
            request=self.reply.request(self.body),
            started=self.started,
            started_wall=self.started_wall,
            caller=self.caller,
            options=None if self.granted is None else CallOptions(deadline=self.granted),
            surface=self.surface,
        )
        call.deadline = express.deadline_of(self)
        call.features = express.parts.operation.analyse(call.request)
        attempt = Attempt(self.candidate)
        attempt.started = self.sent
        call.attempts.append(attempt)
        return call, attempt

    def _close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.give_up()

    def _hand_over(self, finished: ExpressResponse | Failure | None) -> None:
        self.finished = finished
        self.express.watch.remove(self)
        self.reply.resume(self)
