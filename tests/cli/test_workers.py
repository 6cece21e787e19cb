"""`segue up --workers N`: several processes look like one service, and none of them is missed when it dies."""

import asyncio
import math
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import psutil
import pytest

from cli.support import LIMIT, Serve, Up, clean_environment, configuration, until
from segue.app.boot import boot
from segue.app.engine import Engine, known
from segue.app.world import World
from segue.cli.workers import Workers, available_cores, notes
from segue.config.load import parse_settings
from segue.core.errors import ConfigError
from segue.resilience.budget import RetryBudget
from segue.simulator import Simulator

ASK = {"model": "smart", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {"model": "smart", "messages": [{"role": "user", "content": "answer in 20 words"}], "stream": True}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")


class Line:
    """One connection, and the worker at its other end."""

    def __init__(self, web: aiohttp.ClientSession, worker: str) -> None:
        self.web = web
        self.worker = worker

    async def status(self, **request) -> int:
        async with self.web.post("/v1/chat/completions", json=ASK, **request) as answer:
            await answer.read()
            return answer.status

    async def ready(self) -> dict:
        async with self.web.get("/ready") as answer:
            return (await answer.json())["configuration"]


@asynccontextmanager
async def lines(up: Up, count: int = 2) -> AsyncIterator[dict[str, Line]]:
    """A line to each worker. Which one takes a connection is the system's choice, so ask until all have taken one."""
    async with AsyncExitStack() as stack, asyncio.timeout(LIMIT):
        found: dict[str, Line] = {}
        while len(found) < count:
            line = await stack.enter_async_context(connected(up))
            found.setdefault(line.worker, line)
        yield found


@asynccontextmanager
async def connected(up: Up) -> AsyncIterator[Line]:
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(up.url, connector=connector) as web, web.get("/metrics") as answer:
        said = await answer.text()
        yield Line(web, said.partition('segue_worker_info{worker="')[2].partition('"')[0])


def workers_of(up: Up) -> list[psutil.Process]:
    return [worker for worker in psutil.Process(up.process.pid).children() if runs(worker)]


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def of_worker(up: Up, line: Line) -> psutil.Process:
    """The process at the other end of a line."""
    async with line.web.get("/health") as answer:
        await answer.read()  # the connection is back at the connector, which is asked for it, once all is read
    connection = next(iter(line.web.connector._conns.values()))[0][0]  # type: ignore[union-attr]
    here = connection.transport.get_extra_info("sockname")[:2]
    for worker in workers_of(up):
        if any(each.raddr == here for each in worker.net_connections("tcp")):
            return worker
    raise AssertionError("no worker holds this connection")


async def test_every_worker_serves_and_the_first_screen_says_what_each_has_of_its_own(
    sim: Simulator, write: Callable, serve: Serve
):
    write(configuration(sim.url))
    async with serve("--workers", "2") as up, lines(up) as found:
        assert sorted(found) == ["1", "2"]
        assert [await line.status() for line in found.values()] == [200, 200]
        assert up.facts["workers"] == 2
        assert any("breakers" in note and "1/2 of server.max_calls" in note for note in up.facts["notes"])
        assert len(workers_of(up)) == 2


async def test_one_worker_is_the_service_itself(sim: Simulator, write: Callable, serve: Serve):
    write(configuration(sim.url))
    async with serve("--workers", "1") as up, connected(up) as line:
        assert line.worker == ""
        assert up.facts["workers"] == 1
        assert not workers_of(up)
        assert not any("worker" in note for note in up.facts["notes"])


async def test_a_killed_worker_is_replaced_and_no_request_that_it_did_not_hold_fails(
    sim: Simulator, write: Callable, serve: Serve
):
    write(configuration(sim.url))
    async with serve("--workers", "2") as up, lines(up) as found:
        victim = await of_worker(up, found["1"])
        others = found["2"]
        seen: list[int] = []

        async def by_the_other_worker() -> None:
            while True:
                seen.append(await others.status())

        async def by_new_connections() -> None:
            async with aiohttp.ClientSession(up.url, connector=aiohttp.TCPConnector(force_close=True)) as web:
                while True:
                    async with web.post("/v1/chat/completions", json=ASK) as answer:
                        seen.append(answer.status)

        async with asyncio.TaskGroup() as group:
            traffic = [group.create_task(by_the_other_worker())]
            victim.kill()
            traffic.append(group.create_task(by_new_connections()))

            async def replaced() -> bool:
                now = {worker.pid for worker in workers_of(up)}
                return victim.pid not in now and len(now) == 2

            await until(replaced)
            async with lines(up) as again:
                assert await again["1"].status() == 200
            for task in traffic:
                task.cancel()
        assert len(seen) > 20
        assert set(seen) == {200}
        up.send(signal.SIGTERM)
        code, err = await up.ended()
        assert code == 0
        assert '"why": "SIGKILL"' in err


async def test_sigterm_lets_the_streams_of_every_worker_end(write: Callable, serve: Serve):
    async with Simulator(token_delay=0.03) as slow:
        write(configuration(slow.url))
        async with serve("--workers", "2") as up, lines(up) as found:
            begun, both = [], asyncio.Event()

            async def streamed(line: Line) -> bytes:
                async with line.web.post("/v1/chat/completions", json=STREAM) as answer:
                    text = await answer.content.readline()
                    begun.append(line.worker)
                    if len(begun) == len(found):
                        both.set()
                    return text + await answer.read()

            streams = [asyncio.create_task(streamed(line)) for line in found.values()]
            await asyncio.wait_for(both.wait(), LIMIT)
            up.send(signal.SIGTERM)
            for text in await asyncio.gather(*streams):
                assert text.rstrip().endswith(b"data: [DONE]")
            code, err = await up.ended()
            assert code == 0
            assert "Traceback" not in err


async def test_a_service_manager_that_signals_the_workers_too_cuts_nothing_off(write: Callable, serve: Serve):
    async with Simulator(token_delay=0.03) as slow:
        write(configuration(slow.url))
        async with serve("--workers", "2") as up, connected(up) as line:
            async with line.web.post("/v1/chat/completions", json=STREAM) as answer:
                await answer.content.readline()
                for process in (*workers_of(up), psutil.Process(up.process.pid)):
                    process.send_signal(signal.SIGTERM)
                assert (await answer.read()).rstrip().endswith(b"data: [DONE]")
            assert (await up.ended())[0] == 0


async def test_a_second_signal_does_not_wait(write: Callable, serve: Serve):
    async with Simulator(token_delay=1.0) as slow:
        write(configuration(slow.url))
        async with (
            serve("--workers", "2") as up,
            connected(up) as line,
            line.web.post("/v1/chat/completions", json=STREAM) as answer,
        ):
            await answer.content.readline()
            up.send(signal.SIGTERM)

            async def only_one_is_left() -> bool:
                return len(workers_of(up)) == 1

            await until(only_one_is_left)
            up.send(signal.SIGTERM)
            code, _ = await asyncio.wait_for(up.ended(), 8)
            assert code == 0


async def test_sighup_reaches_every_worker_and_a_bad_file_leaves_all_as_they_are(
    sim: Simulator, write: Callable, serve: Serve
):
    write(configuration(sim.url))
    async with serve("--workers", "2") as up, lines(up) as found:
        up.send(signal.SIGHUP)

        async def in_force_everywhere() -> bool:
            return all([(await line.ready())["version"] > 1 for line in found.values()])

        await until(in_force_everywhere)
        write(configuration(sim.url).replace("models:\n", "modles:\n"))
        up.send(signal.SIGHUP)

        async def refused_everywhere() -> bool:
            return not any([(await line.ready())["in_force"] for line in found.values()])

        await until(refused_everywhere)
        assert [await line.status() for line in found.values()] == [200, 200]

        (await of_worker(up, found["1"])).kill()  # its replacement cannot read the file, and serves all the same
        async with lines(up) as again:
            assert await again["1"].status() == 200
            said = await again["1"].ready()
            assert not said["in_force"]
            assert "did you mean 'models'?" in said["problems"][0]
        up.send(signal.SIGTERM)
        _, err = await up.ended()
        assert "configuration refused, every worker keeps the one it has" in err


async def test_a_port_in_use_is_told_before_any_worker_starts(write: Callable):
    path = write(configuration("http://127.0.0.1:9"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}: address already in use"):
            await Workers(boot(path, {}, port=port), 2).prepare()


def test_a_store_in_memory_is_refused_since_workers_could_not_share_it(write: Callable):
    path = write(configuration("http://127.0.0.1:9", more='store: "sqlite://"\n'))
    with pytest.raises(ConfigError, match=r"store: it cannot be in memory with --workers above 1.*sqlite:///segue.db"):
        Workers(boot(path, {}), 2).check()


async def test_one_first_key_is_made_and_every_worker_knows_keys_that_others_make(
    sim: Simulator, write: Callable, serve: Serve, run_async: Callable
):
    write(configuration(sim.url))
    async with serve("--workers", "2", "--host", "0.0.0.0") as up, lines(up) as found:
        first = {"authorization": f"Bearer {up.facts['first_key']}"}
        assert [await line.status(headers=first) for line in found.values()] == [200, 200]
        assert [await line.status() for line in found.values()] == [401, 401]
        async with found["1"].web.get("/admin/keys", headers=first) as answer:
            assert [key["name"] for key in await answer.json()] == ["first"]

        async with found["1"].web.post("/admin/keys", headers=first, json={"name": "app"}) as answer:
            made = {"authorization": f"Bearer {(await answer.json())['key']}"}

        async def known_to_all() -> bool:
            return {await line.status(headers=made) for line in found.values()} == {200}

        await until(known_to_all, 3)
        assert (await run_async("keys", "revoke", "app")).code == 0

        async def refused_by_all() -> bool:
            return {await line.status(headers=made) for line in found.values()} == {401}

        await until(refused_by_all, 3)
        assert [await line.status(headers=first) for line in found.values()] == [200, 200]


async def test_the_call_log_of_several_workers_is_complete(sim: Simulator, write: Callable, serve: Serve, tmp_path):
    write(configuration(sim.url))
    async with serve("--workers", "3") as up:
        async with aiohttp.ClientSession(up.url, connector=aiohttp.TCPConnector(limit=60)) as web:

            async def call() -> str:
                async with web.post("/v1/chat/completions", json=ASK) as answer:
                    assert answer.status == 200
                    return answer.headers["x-segue-call-id"]

            ids = await asyncio.gather(*(call() for _ in range(500)))
        up.send(signal.SIGTERM)
        assert (await up.ended())[0] == 0
    with sqlite3.connect(tmp_path / "segue.db") as store:
        written = [row[0] for row in store.execute("SELECT id FROM calls")]
        attempts = store.execute("SELECT count(*) FROM calls WHERE key_label IS NOT NULL").fetchone()[0]
    store.close()
    assert len(set(ids)) == 500  # workers must not share their dice
    assert sorted(written) == sorted(ids)
    assert attempts == 500


async def test_workers_leave_when_their_parent_was_killed(sim: Simulator, write: Callable, serve: Serve):
    write(configuration(sim.url))
    async with serve("--workers", "2") as up:
        workers = workers_of(up)
        up.send(signal.SIGKILL)
        await asyncio.wait_for(up.process.wait(), LIMIT)
        assert len(workers) == 2

        async def all_have_gone() -> bool:
            return not any(runs(worker) for worker in workers)

        await until(all_have_gone, 5)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*up.url.removeprefix("http://").split(":"))


def supervised(work: str, *, then: str = "") -> subprocess.CompletedProcess[str]:
    """Two workers that do `work`, in a program of their own, with quick limits."""
    program = f"""
import os, signal, sys, threading
from segue.cli import supervisor
from segue.core.clock import SystemClock
from segue.core.errors import SegueError

supervisor.BACKOFF = (0.0,) * 5
supervisor.LONGEST_STOP = 0.3
supervisor.LOOK_EVERY = 0.1

def work(number, told):
    signal.pthread_sigmask(signal.SIG_UNBLOCK, supervisor.HELD)
    {work}

def serving():
    print("all serve", flush=True)
    {then or "pass"}

try:
    supervisor.Supervisor(
        2, work, clock=SystemClock(), patience=lambda: 0.2, serving=serving, reload=lambda: None,
        look=lambda: None, stopping=lambda: print("stopping", flush=True),
    ).run()
except SegueError as error:
    sys.exit(str(error))
"""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=clean_environment(), capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip


def test_a_worker_that_ends_again_and_again_stops_the_service_with_an_error():
    shown = supervised("told(); number == 1 and os._exit(3); signal.pause()")
    assert shown.returncode == 1
    assert "worker 1 has ended 6 times within 30 s, the last time with exit code 3" in shown.stderr
    assert shown.stdout.count("stopping") == 1


def test_a_worker_that_cannot_start_is_not_started_again():
    shown = supervised("raise SegueError('the store is away') if number == 2 else signal.pause()")
    assert shown.returncode == 1
    assert "the store is away" in shown.stderr
    assert "worker 2 did not start (exit code 1)" in shown.stderr
    assert "all serve" not in shown.stdout


def test_a_worker_that_does_not_stop_in_time_is_killed():
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); told(); signal.pause(); signal.pause()"
    shown = supervised(deaf, then="os.kill(os.getpid(), signal.SIGTERM)")
    assert shown.returncode == 0
    assert shown.stderr.count("worker killed") + shown.stdout.count("worker killed") == 2


@pytest.mark.parametrize(("workers", "part"), [(1, 100), (2, 50), (3, 34)])
def test_a_worker_takes_its_part_of_max_calls_rounded_up(workers: int, part: int):
    settings = parse_settings({"server": {"max_calls": 100}}, known()).settings
    assert Engine(settings, World(workers=workers)).world.gate.limit == part


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_a_worker_takes_its_part_of_the_retries_that_need_not_be_earned_but_one_at_least(workers: int):
    assert RetryBudget(workers).left(0.0) == math.ceil(10 / workers)


def test_more_workers_than_cores_are_warned_about():
    cores = available_cores()
    assert len(notes(cores)) == 1
    assert f"{cores + 1} workers share {cores} processor core" in notes(cores + 1)[1]
