"""The express in virtual time: what it sends, when its time is up, and what it gives back to the layers."""

import asyncio
from typing import Any

import pytest

from pipeline.house import QUICK, House
from pipeline.wires import Lines, LinesAdapter
from segue.core.call import ANYONE, Call
from segue.core.failure import Failure, Kind
from segue.core.operation import Nature
from segue.core.outcome import Outcome, Usage
from segue.core.ports import Limits, WireRequest
from segue.core.provider import Key, Provider
from segue.pipeline.express import KNOWN, MOST_LANES, Express
from segue.pipeline.express_call import ExpressCall, Reply
from segue.pipeline.order import ACTIVE
from segue.pipeline.parts import Policy
from segue.pipeline.wire import WireExecutor
from segue.testing import ScriptedTransport, VirtualClock, replies, run_virtual


class Quick:
    """Sends the body as it is; an answer tells its usage unless it is `?`, and `!` is a defect."""

    def example(self, candidate: Any) -> WireRequest:
        return WireRequest("POST", f"http://{candidate.provider.id}/", {}, b"?")

    def body(self, body: bytes, model: str, candidate: Any) -> bytes | None:
        return None if body == b"unusual" else body

    def usage(self, body: bytes) -> Usage | None:
        if body == b"!":
            raise ZeroDivisionError
        return None if body == b"?" else Usage(3, 4)


class QuickLines(Lines):
    def express(self, client: str) -> Quick | None:
        return Quick() if client == "chat" else None


class Response:
    def __init__(self, body: bytes, status: int = 200, *, come: bool = True) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self.body = body
        self.come = come
        self.closed = False

    def whole(self) -> bytes | None:
        return self.body if self.come else None

    async def read_whole(self, limit: int) -> bytes:
        if not self.come:
            await asyncio.sleep(1000)
        return self.body

    def close(self) -> None:
        self.closed = True


class Road:
    """A line with one connection, and the connection."""

    def __init__(self) -> None:
        self.busy = False
        self.sent: list[bytes] = []
        self.told: Any = None
        self.given_up = 0

    def free(self) -> "Road | None":
        return None if self.busy else self

    def head(self, length: int) -> bytes:
        return b"%d:" % length

    def begin(self, head: bytes, body: bytes, told: Any) -> None:
        self.sent.append(head + body)
        self.told = told

    def give_up(self) -> None:
        self.given_up += 1
        self.told = None


class Network(ScriptedTransport):
    def __init__(self, road: Road, *more: Any) -> None:
        super().__init__(*more)
        self.road = road

    def line(self, request: WireRequest, *, allow_private: bool) -> Road:
        return self.road


class Waiting(Reply):
    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.calls: list[Call] = []
        self.tasks: list[asyncio.Task[Outcome]] = []

    def answered(self, call: ExpressCall, answer: bytes) -> None:
        self.answers.append(answer)

    def resume(self, call: ExpressCall) -> None:
        async def rest() -> Outcome:
            opened, run = call.opened()
            self.calls.append(opened)
            return await run()

        self.tasks.append(asyncio.get_running_loop().create_task(rest()))

    def request(self, body: bytes) -> Any:
        return body


class Scene:
    """A pipeline with two candidates, of which the first has a road."""

    def __init__(self, *, keys: int = 1, limits: Limits | None = None, nature: Nature = Nature.REPEATABLE) -> None:
        self.road = Road()
        adapter = LinesAdapter(QuickLines())
        self.network = Network(self.road, {"a": [replies(b"again")], "b": [replies(b"instead")]})
        made = tuple(Key(f"key-{number}", "s") for number in range(keys))
        one = Provider("a", "lines", frozenset({"ask"}), WireExecutor(adapter, self.network, VirtualClock()), made)
        two = Provider("b", "lines", frozenset({"ask"}), WireExecutor(adapter, self.network, VirtualClock()))
        policy = Policy(retries=0, deadline=30.0, limits=limits or QUICK)
        self.house = House([one], [two], policy=policy, nature=nature)
        self.express = Express(self.house.parts, self.house.run, "chat")
        self.reply = Waiting()

    def send(self, body: bytes = b"hello", *, deadline: float | None = None, model: str = "m") -> ExpressCall | None:
        return self.express.send(model, body, ANYONE, "openai", deadline, self.reply, None)

    async def end(self) -> Outcome:
        (task,) = self.reply.tasks
        return await task


def test_a_usual_answer_is_handed_on_at_once_and_told_of_once() -> None:
    async def main() -> None:
        scene = Scene()
        call = scene.send()
        assert call is not None
        assert scene.road.sent == [b"5:hello"]
        assert (scene.house.gate.under_way, scene.house.providers["a"].load.in_flight) == (1, 1)
        await asyncio.sleep(2)
        call.answered(Response(b"well"))
        assert (scene.reply.answers, scene.reply.tasks) == ([b"well"], [])
        assert (call.ended - call.started, call.first_byte) == (2.0, 2.0)
        assert (call.usage, call.charge) == (Usage(3, 4), None)
        await asyncio.sleep(100)
        assert scene.reply.tasks == []
        scene.house.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize(
    ("what", "served_by"),
    [
        (Response(b"no", 500), b"instead"),
        (Response(b"?"), b"?"),
        (Response(b"!"), b"!"),
        (Failure(Kind.CONNECTION_LOST, "cut"), b"instead"),
    ],
    ids=["an error", "no usage", "a defect", "no answer"],
)
def test_what_is_not_usual_goes_on_in_the_layers(what: Any, served_by: bytes) -> None:
    async def main() -> None:
        scene = Scene()
        call = scene.send()
        assert call is not None
        await asyncio.sleep(1)
        call.failed(what) if isinstance(what, Failure) else call.answered(what)
        outcome = await scene.end()
        assert outcome.answer == served_by
        (made,) = scene.reply.calls
        assert len(made.attempts) == (2 if served_by == b"instead" else 1)
        assert made.attempts[0].elapsed == 1.0
        assert scene.reply.answers == []
        scene.house.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize("come", [False, True])
def test_the_attempts_limit_is_counted_from_its_start_whatever_has_come(come: bool) -> None:
    async def main() -> None:
        scene = Scene()
        call = scene.send()
        assert call is not None
        if come:
            await asyncio.sleep(4)
            call.answered(Response(b"slow", come=False))
        outcome = await asyncio.wait_for(_ended(scene), 100)
        assert outcome.answer == b"instead"
        (made,) = scene.reply.calls
        assert made.attempts[0].failure is not None
        assert made.attempts[0].failure.kind is Kind.TIMEOUT
        assert made.attempts[0].elapsed == pytest.approx(10.0, abs=0.01)
        assert scene.road.given_up == (0 if come else 1)
        scene.house.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize("come", [False, True])
def test_the_callers_deadline_ends_the_call_for_good(come: bool) -> None:
    async def main() -> None:
        scene = Scene()
        call = scene.send(deadline=3.0)
        assert call is not None
        if come:
            await asyncio.sleep(2.5)
            call.answered(Response(b"slow", come=False))
        outcome = await _ended(scene)
        assert outcome.refusal is not None
        assert outcome.refusal.code == "deadline_exceeded"
        (made,) = scene.reply.calls
        assert len(made.attempts) == 1
        assert scene.house.clock.now() == pytest.approx(3.0, abs=0.01)
        scene.house.assert_nothing_is_left()

    run_virtual(main())


def test_a_cancelled_call_closes_its_connection_and_teaches_the_breaker_nothing() -> None:
    async def main() -> None:
        scene = Scene()
        before = scene.house.health.status(0.0)["a"]["calls"]
        call = scene.send()
        assert call is not None
        assert call.cancel()
        assert call.cancel()
        assert scene.road.given_up == 1
        with pytest.raises(asyncio.CancelledError):
            await scene.end()
        assert scene.reply.calls[0].attempts[0].cancelled
        assert scene.house.health.status(0.0)["a"]["calls"] == before
        scene.house.assert_nothing_is_left()

    run_virtual(main())


def test_an_answer_that_came_in_the_moment_of_the_cancellation_is_let_go_of() -> None:
    async def main() -> None:
        scene = Scene()
        call = scene.send()
        assert call is not None
        call.answered(response := Response(b"?", come=False))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scene.end()
        assert response.closed
        scene.house.assert_nothing_is_left()

    run_virtual(main())


def test_what_cannot_go_this_way_changes_nothing() -> None:
    async def main() -> None:
        for scene, options in (
            (Scene(), {"body": b"unusual"}),
            (Scene(), {"deadline": 0.5}),
            (Scene(keys=2), {}),
            (Scene(limits=Limits(total=0.9)), {}),
            (Scene(nature=Nature.EFFECTFUL), {}),
        ):
            assert scene.send(**options) is None
            assert scene.road.sent == []
            scene.house.assert_nothing_is_left()
        busy, open_, full, closed = (Scene() for _ in range(4))
        busy.road.busy = True
        open_.house.open_breaker("a")
        full.house.gate.limit = 0
        closed.house.gate.closed = True
        for scene in (busy, open_, full, closed):
            assert scene.send() is None
            assert scene.road.sent == []
            scene.house.assert_nothing_is_left()

    run_virtual(main())


def test_names_of_models_that_callers_invent_are_not_remembered_for_ever() -> None:
    async def main() -> None:
        scene = Scene()
        scene.road.busy = True
        for number in range(MOST_LANES + 10):
            assert scene.send(model=f"m{number}") is None
        assert len(scene.express._lanes) <= MOST_LANES

    run_virtual(main())


async def _ended(scene: Scene) -> Outcome:
    while not scene.reply.tasks:
        await asyncio.sleep(0.001)
    return await scene.end()


def test_the_express_speaks_for_every_layer_that_there_is() -> None:
    """Whoever adds a layer says in `pipeline/express.py` what it means for a usual call, or there is no express."""
    assert ACTIVE <= KNOWN
