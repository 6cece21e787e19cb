"""Callers who come all at once are let in many at a time, so that a busy event loop does not keep them waiting."""

import asyncio
import socket
from contextlib import ExitStack

from segue.cli.loop import run_async
from segue.http.server import ACCEPTORS
from support.service import eventually, serving

COMING = 10 * ACCEPTORS


def test_callers_who_come_at_once_are_let_in_several_in_each_turn_of_the_loop() -> None:
    """Of uvloop, which takes in one for each socket that listens: a single one would need a turn for every caller."""

    async def let_in() -> int:
        async with serving() as served:
            service = served.service
            connections = service._server.server_state.connections
            with ExitStack() as callers:
                for _ in range(COMING):
                    callers.enter_context(socket.create_connection(("127.0.0.1", service.port)))
                turns = 0
                while len(connections) < COMING and turns < 2 * COMING:
                    turns += 1
                    await asyncio.sleep(0)
            await eventually(lambda: not connections)
            return turns

    assert run_async(let_in()) < COMING / 2


async def test_nobody_listens_any_more_when_the_service_has_stopped() -> None:
    async with serving() as served:
        port = served.service.port
        await served.service.stop()
        with socket.socket() as caller:
            assert caller.connect_ex(("127.0.0.1", port)) != 0
