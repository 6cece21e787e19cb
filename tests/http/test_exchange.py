"""What a server may tell an ASGI application in odd moments, and what becomes of it."""

import asyncio
import json

import pytest

from segue.core.errors import NoCandidate, Unauthenticated
from segue.core.failure import Failure, Kind
from segue.core.outcome import Ending, StreamEnd
from segue.http.application import Application
from segue.http.exchange import ClientGone, Exchange
from segue.http.pump import pump
from support.service import HELLO, Serving, eventually

BODY = json.dumps({"model": "alone", "messages": HELLO}).encode()


class Server:
    """A server of one request: tells what a test wants told, then is silent; keeps what is sent."""

    def __init__(self, *messages: dict | Exception, path: str = "/v1/chat/completions", **headers: str) -> None:
        self.messages = list(messages)
        self.sent: list[dict] = []
        self.scope = {
            "type": "http", "method": "POST", "path": path, "query_string": b"",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip
        self.exchange = Exchange(self.scope, self.receive, self.send)

    async def receive(self) -> dict:
        if not self.messages:
            await asyncio.Event().wait()
        message = self.messages.pop(0)
        if isinstance(message, Exception):
            raise message
        return message

    async def send(self, message: dict) -> None:
        self.sent.append(message)

    async def serve(self, served: Serving) -> None:
        application = Application(served.service.running, served.service.authenticator)
        await application(self.scope, self.receive, self.send)

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def part(body: bytes, *, more: bool = False) -> dict:
    return {"type": "http.request", "body": body, "more_body": more}


GONE = {"type": "http.disconnect"}


async def test_a_body_in_parts_is_joined_and_empty_parts_do_no_harm() -> None:
    server = Server(part(b"", more=True), part(b"ab", more=True), part(b"", more=True), part(b"c"))
    assert await server.exchange.body(10) == b"abc"


@pytest.mark.parametrize("messages", [(GONE,), (part(b"a", more=True), GONE)])
async def test_a_client_that_goes_before_its_body_is_whole_is_gone(messages: tuple) -> None:
    with pytest.raises(ClientGone):
        await Server(*messages).exchange.body(10)


async def test_a_hang_up_cancels_the_work_below_and_ends_there() -> None:
    server = Server(GONE)
    with server.exchange.watch() as watch:
        await asyncio.sleep(10)
    assert watch.gone
    assert not asyncio.current_task().cancelling()


async def test_a_connection_that_fails_counts_as_a_hang_up() -> None:
    server = Server(OSError("reset"))
    with server.exchange.watch() as watch:
        await asyncio.sleep(10)
    assert watch.gone


async def test_a_cancellation_from_elsewhere_goes_on_though_the_client_is_gone_too() -> None:
    async def work() -> None:
        with Server(GONE).exchange.watch():
            asyncio.current_task().cancel()
            await asyncio.sleep(10)

    task = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_hang_up_after_the_work_changes_nothing() -> None:
    told = asyncio.Event()

    async def receive() -> dict:
        await told.wait()
        return GONE

    with Exchange(Server().scope, receive, Server().send).watch() as watch:
        pass
    told.set()
    await asyncio.sleep(0)
    assert not watch.gone


async def test_a_cancellation_while_segue_serves_is_not_swallowed(served: Serving) -> None:
    served.sim.fault("primary", "silence")
    server = Server(part(BODY), host="localhost")
    task = asyncio.create_task(server.serve(served))
    await eventually(lambda: served.in_flight() == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.sent == []
    assert served.calls[0].code == "cancelled"


async def test_a_defect_after_the_answer_began_only_breaks_the_connection(served: Serving, monkeypatch) -> None:
    server = Server(part(BODY), host="localhost")

    application = Application(served.service.running, served.service.authenticator)

    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, [])
        raise RuntimeError("defect")

    monkeypatch.setattr(application, "_hot", {"/v1/chat/completions": {"POST": handler}})
    with pytest.raises(RuntimeError, match="defect"):
        await application(server.scope, server.receive, server.send)
    assert [message["type"] for message in server.sent] == ["http.response.start"]


async def test_a_refusal_that_a_surface_did_not_expect_still_has_its_shape(served: Serving, monkeypatch) -> None:
    async def refuse(_call: object) -> None:
        raise NoCandidate("nobody")

    monkeypatch.setattr(served.service.running.engine, "run", refuse)
    for path, body in (("/v1/chat/completions", BODY), ("/v1/call/weather.current", b'{"query":"Oslo"}')):
        server = Server(part(body), path=path, host="localhost")
        await server.serve(served)
        assert server.status == 503
        assert b"no_candidate" in server.body


class Broken:
    """A stream that has ended in a failure before anybody read it, or that never gives anything."""

    def __init__(self, failure: Failure | None) -> None:
        self.end = StreamEnd(Ending.FAILED, failure) if failure else None
        self.cancelled = False

    async def read(self) -> bytes:
        return b""

    def cancel(self) -> None:
        self.cancelled = True


async def test_a_stream_that_failed_ends_with_the_event_for_it_and_properly() -> None:
    server = Server()
    await pump(server.exchange, Broken(Failure(Kind.STREAM_CUT, "cut")), [], lambda failure: failure.message.encode())
    assert server.body == b"cut"
    assert not server.sent[-1].get("more_body")


async def test_a_stream_whose_answer_could_not_even_begin_is_settled_and_nothing_is_sent() -> None:
    server, stream = Server(), Broken(None)

    async def never(_message: dict) -> None:
        await asyncio.Event().wait()

    exchange = Exchange(server.scope, server.receive, never)
    task = asyncio.create_task(pump(exchange, stream, [], lambda _failure: b"x"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stream.cancelled


async def test_a_key_in_the_url_counts_where_a_surface_takes_it(served: Serving) -> None:
    key, _ = await served.service.running.key_store.create("one")
    await served.service.running.reload_keys()
    authenticator = served.service.authenticator
    assert authenticator.caller(Server().exchange, key).name == "one"
    assert authenticator.caller(Server(x_api_key=key).exchange, key).name == "one"
    with pytest.raises(Unauthenticated, match=r"x-api-key and \?key="):
        authenticator.caller(Server(x_api_key="other").exchange, key)
    with pytest.raises(Unauthenticated, match="no API key"):
        authenticator.caller(Server().exchange)
