"""Whether memory stays flat: many calls and streams, a tenth of them given up by the client; then idle connections.

    python -m benchmarks.growth [--quick]

At full scale 200,000 calls and 20,000 streams, after a warm-up of a tenth of that. Memory is read in pauses without
load, so that what waits to be written does not count. Every call names another user and every hundredth another model
that does not exist: whatever is remembered by a caller's words would grow. Then 10,000 connections are opened, used
once and left alone; the service must answer others as before, and be well when all of them go at once.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks import service, streams, tools
from benchmarks.client import GONE, STREAM_BODY, Connection, connect, request

CALLERS, STREAMERS = 32, 64
CHUNKS, EVERY = 16, 0.005
PARTS = 10
PAUSE = 3.0
IDLE = 10_000
ASKED = 300
GROWTH = 0.02
BODY = tools.BODY.replace('"user":"someone"', '"user":"%s"')


@dataclass(frozen=True)
class Point:
    """Memory after so many calls and streams."""

    calls: int
    streams: int
    resident_mb: float


class Traffic:
    """Calls and streams by a fixed number of callers; `seen` counts how they ended."""

    def __init__(self, at: service.Service) -> None:
        self.at = at
        self.number = 0
        self.seen: Counter[str] = Counter()

    async def calls(self, count: int) -> None:
        """So many whole answers; each tenth is given up at once, each hundredth asks for what nobody has."""
        left = iter(range(count))

        async def caller() -> None:
            connection: Connection | None = None
            for _ in left:
                self.number += 1
                number = self.number
                body = BODY % f"user-{number}"
                if number % 100 == 1:
                    body = body.replace('"model":"smart"', f'"model":"missing-{number}"')
                if connection is None or connection.lost:
                    connection = await connect(self.at.port)
                if number % 10 == 0:
                    asyncio.get_running_loop().call_later(0.0005 * (number % 5), connection.transport.abort)
                self._count("call", await connection.ask(request(body, self.at.key)))
            if connection is not None:
                connection.transport.abort()

        await asyncio.gather(*(caller() for _ in range(CALLERS)))

    async def streams(self, count: int) -> None:
        """So many streams; of each tenth the client hangs up after some events."""
        left = iter(range(count))

        async def caller() -> None:
            connection: Connection | None = None
            for number in left:
                if connection is None or connection.lost:
                    connection = await connect(self.at.port)
                leave = 1 + number // 10 % CHUNKS if number % 10 == 0 else 0
                failure = await connection.ask(request(STREAM_BODY, self.at.key), leave=leave)
                whole = connection.events == CHUNKS + 1
                self._count("stream", failure or ("" if whole else f"{connection.events} events"))
            if connection is not None:
                connection.transport.abort()

        await asyncio.gather(*(caller() for _ in range(STREAMERS)))

    def _count(self, what: str, failure: str) -> None:
        named = {"": "whole", GONE: "given up by the client", "status 404": "of an unknown model, refused"}
        self.seen[f"{what}s {named.get(failure, failure)}"] += 1


async def grow(at: service.Service, calls: int, streams_: int) -> tuple[list[Point], Counter[str]]:
    """Warm up with a tenth, then ten parts; memory after each."""
    traffic, points = Traffic(at), []
    for part in range(PARTS + 1):
        await traffic.calls(calls // PARTS)
        await traffic.streams(streams_ // PARTS)
        await asyncio.sleep(PAUSE)
        points.append(Point((part + 1) * calls // PARTS, (part + 1) * streams_ // PARTS, tools.resident_mb(at.pid)))
        print(
            f"  {points[-1].calls:,} calls, {points[-1].streams:,} streams: {points[-1].resident_mb:.1f} MB", flush=True
        )
    return points, traffic.seen


async def latency(at: service.Service) -> list[float]:
    """Milliseconds of calls one after another, sorted."""
    connection, took = await connect(at.port), []
    for number in range(ASKED):
        began = time.perf_counter()
        if failure := await connection.ask(request(BODY % f"one-{number}", at.key)):
            raise SystemExit(f"a call beside idle connections failed: {failure}")
        took.append((time.perf_counter() - began) * 1000)
    connection.transport.abort()
    return sorted(took)


async def sit_idle(at: service.Service, count: int) -> str:
    """Open connections, use each once, leave them alone; what that costs and whether others notice."""
    alone, before = await latency(at), tools.resident_mb(at.pid)
    connections: list[Connection] = []

    async def one(turn: asyncio.Semaphore) -> None:
        async with turn:
            connection = await connect(at.port)
            connections.append(connection)
            if failure := await connection.ask(request(tools.BODY, at.key)):
                raise SystemExit(f"an idle connection's one call failed: {failure}")

    turn = asyncio.Semaphore(100)
    await asyncio.gather(*(one(turn) for _ in range(count)))
    await asyncio.sleep(PAUSE)
    held = tools.resident_mb(at.pid)
    cpu, began = tools.cpu_seconds(at.pid), time.perf_counter()
    await asyncio.sleep(PAUSE)
    cpu = (tools.cpu_seconds(at.pid) - cpu) / (time.perf_counter() - began)
    beside = await latency(at)
    kept = sum(not connection.lost for connection in connections)
    for connection in connections:
        connection.transport.abort()
    await asyncio.sleep(PAUSE)
    after = await latency(at)
    rows = [
        [name, f"{took[len(took) // 2]:.2f}", f"{took[int(len(took) * 0.99)]:.2f}"]
        for name, took in (("alone", alone), (f"beside {count:,} idle ones", beside), ("after they left", after))
    ]
    return (
        f"{kept:,} of {count:,} idle connections kept; {(held - before) * 1e3 / count:.1f} kB each "
        f"({before:.0f} MB before, {held:.0f} MB with them); {cpu:.1%} of a core while nothing happens\n\n"
        + tools.table([f"{ASKED} calls, one after another", "p50 ms", "p99 ms"], rows)
    )


def report(points: list[Point], seen: Counter[str]) -> str:
    """Memory by part, and the verdict."""
    warm, half, last = points[0], points[len(points) // 2], points[-1]

    def since(before: Point, now: Point) -> float:
        return now.resident_mb / before.resident_mb - 1

    growth, most = since(warm, last), max(since(warm, point) for point in points)
    rows = [
        [f"{point.calls:,}", f"{point.streams:,}", f"{point.resident_mb:.1f}", f"{since(warm, point):+.1%}"]
        for point in points
    ]
    verdict = tools.verdict(growth * 100, GROWTH * 100, least=False)
    lines = [tools.table(["calls", "streams", "MB", "since the warm-up"], rows), ""]
    lines += [f"- {name}: {count:,}" for name, count in sorted(seen.items())]
    lines += ["", "Goal:", f"- growth after the warm-up {growth:+.1%} (percent: {verdict}), at most {most:+.1%}"]
    lines.append(f"- in the second half {since(half, last):+.1%}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    tools.need("taskset")
    quick = "--quick" in sys.argv
    calls, streams_ = (20_000, 2_000) if quick else (200_000, 20_000)
    idle = min(IDLE, tools.open_files(2 * IDLE) - 1000)
    measured, around, client = tools.cores(3)
    with tools.limited(1200), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"## Growth of memory\n\n{tools.machine()}\n", flush=True)
        with (
            streams.source(around, folder, CHUNKS, EVERY) as ways,
            service.segue(measured, folder / "segue", ways["clear"][0]) as at,
        ):
            os.sched_setaffinity(0, {int(client)})
            print(f"\n{report(*uvloop.run(grow(at, calls, streams_)))}\n", flush=True)
        with (
            streams.source(around, folder, CHUNKS, EVERY) as ways,
            service.segue(measured, folder / "idle", ways["clear"][0]) as at,
        ):
            print(f"## Idle connections\n\n{uvloop.run(sit_idle(at, idle))}")


if __name__ == "__main__":
    main()
