"""What the short way for hot requests relies on, and what it must not change."""

import inspect

import pytest
from uvicorn.protocols.http import httptools_impl

from segue.http.direct import DirectExchange
from segue.http.exchange import Exchange
from segue.http.protocol import DirectProtocol
from support.service import HELLO, Serving, serving


def test_uvicorn_still_has_what_the_protocol_builds_on() -> None:
    """A version of uvicorn that moved one of these fails here, not in a running service."""
    source = inspect.getsource(httptools_impl.HttpToolsProtocol)
    for name in (
        "self.cycle",
        "self.pipeline.appendleft((self.cycle, app))",
        "self.server_state",
        "self.flow",
        "self.url",
    ):
        assert name in source
    for name in ("connection_lost", "on_headers_complete", "on_body", "on_message_complete", "_start_asgi_task"):
        assert callable(getattr(DirectProtocol, name))
    assert {200, 404, 503} <= set(httptools_impl.STATUS_LINE)


def test_a_direct_exchange_has_every_part_of_an_exchange() -> None:
    """Surfaces cannot tell the two ways apart."""
    for name, member in vars(Exchange).items():
        if not name.startswith("_") and inspect.isfunction(member):
            ours, theirs = inspect.signature(getattr(DirectExchange, name)), inspect.signature(member)
            assert list(ours.parameters) == list(theirs.parameters), name


async def test_a_hot_answer_goes_out_by_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers and body leave together."""
    heads: list[int] = []
    real = DirectExchange._head

    def counted(self, status, headers):
        heads.append(status)
        return real(self, status, headers)

    monkeypatch.setattr(DirectExchange, "_head", counted)
    async with serving() as service:
        answer = await service.ask("POST", "/v1/chat/completions", json={"model": "alone", "messages": HELLO})
        assert answer.status == 200
        assert heads == [200]
        assert (await service.ask("GET", "/openapi.json")).status == 200
        assert heads == [200]  # pages go by ASGI


async def test_a_body_that_comes_late_is_waited_for_and_one_that_never_comes_is_not(
    monkeypatch: pytest.MonkeyPatch, served: Serving
) -> None:
    """A drip is served when it is whole within the time, and refused with 408 when it is not."""
    import asyncio
    from urllib.parse import urlsplit

    monkeypatch.setattr("segue.http.direct.REQUEST_SECONDS", 0.3)
    url = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{")
    answer = await asyncio.wait_for(reader.read(4096), 5)
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
