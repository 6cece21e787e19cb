"""Where each microsecond of a call goes: samples of Segue's stack under load, summed up by room.

    python -m benchmarks.profile [--streams] [--sampler own] [--seconds 10] [--top 25]

A sample is charged to the innermost frame that belongs to a room: what the interpreter, msgspec or httptools do is
charged to whoever called them. Shares come from samples of the event loop's thread, microseconds from its processor
time for each request in a run without sampling. Other threads, in which SQLite works, are not sampled but timed: on
one full core a sampler takes a thread that waits for its turn for one that works.

py-spy samples when it is installed (`pip install py-spy`; the system must let you trace your own processes); else an
own sampler inside the process does.
"""

import argparse
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from benchmarks import service, streams, tools
from benchmarks.gateway import upstream

PER_SECOND = 500
ROOMS = {
    "/segue/http/": "http",
    "/uvicorn/": "uvicorn",
    "/segue/pipeline/": "pipeline",
    "/segue/routing/": "routing",
    "/segue/resilience/": "resilience",
    "/segue/families/": "families",
    "/segue/backends/transport/": "transport",
    "/segue/backends/telemetry/": "telemetry",
    "/structlog/": "telemetry",
    "/segue/backends/store/": "store",
    "/sqlalchemy/": "store",
    "/aiosqlite/": "store",
    "/segue/app/": "app",
    "/segue/core/": "core",
}
BEGIN = signal.SIGUSR2
"""Tells the own sampler that the start is over."""

LOOP = "event loop"
"""Samples with no room's frame: uvloop, callbacks in C, the interpreter between them."""

Place = tuple[str, str]
"""A room and a function of it."""

THREADS = "store, in threads"


# The own sampler: `python -m benchmarks.profile --inside FILE up …` is `segue up …` that samples itself


def place_of(frames: Iterable[tuple[str, str]]) -> Place:
    """Who pays for a sample, given file and function of its frames, innermost first."""
    for file, function in frames:
        for part, room in ROOMS.items():
            if part in file:
                return room, f"{file.rpartition('/')[2]}:{function}"
    return LOOP, ""


def sample_inside(file: Path, arguments: list[str]) -> None:
    """Run `segue` with these arguments; count a place each time a timer of processor time fires; write at the end."""
    counts: Counter[Place] = Counter()

    def outwards(frame: FrameType | None) -> Iterable[tuple[str, str]]:
        while frame is not None:
            yield frame.f_code.co_filename, frame.f_code.co_name
            frame = frame.f_back

    def take(_number: int, frame: FrameType | None) -> None:
        counts[place_of(outwards(frame))] += 1

    def write() -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        file.write_text(json.dumps([[*place, count] for place, count in counts.items()]))

    atexit.register(write)
    signal.signal(signal.SIGPROF, take)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.signal(BEGIN, lambda *_: signal.setitimer(signal.ITIMER_PROF, 1 / PER_SECOND, 1 / PER_SECOND))
    sys.argv = ["segue", *arguments]
    from segue.cli.main import run

    run()


# From outside


def spy() -> str | None:
    """Where py-spy is, when it is installed."""
    return shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))


def read_stacks(file: Path) -> Counter[Place]:
    """py-spy's raw form: `outer (file:line);inner (file:line) count`."""
    counts: Counter[Place] = Counter()
    for line in file.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        if "threading.py" in stack.partition(";")[0]:
            continue
        frames = []
        for each in reversed(stack.split(";")):
            function, _, where = each.partition(" (")
            frames.append((where.rpartition(":")[0], function))
        counts[place_of(frames)] += int(count)
    return counts


@dataclass(frozen=True)
class Cost:
    """What was served a second, and microseconds for each: of the event loop's thread, and of all others."""

    rate: float
    loop_us: float
    threads_us: float


def load(options: argparse.Namespace, folder: Path, at: service.Service, seconds: int) -> "Cost":
    """Put load on Segue, and see what it costs."""
    _, client, _ = tools.cores(3)
    before, first = tools.cpu_seconds(at.pid), tools.thread_seconds(at.pid)
    if options.streams:
        row = streams.run("", "segue", at, client, streams=300, seconds=seconds)
        rate, each = row.pace, row.cpu_us
    else:
        rate = tools.wrk(client, at.url, folder, connections=32, seconds=seconds, key=at.key).rate
        each = (tools.cpu_seconds(at.pid) - before) / (rate * seconds) * 1e6
    share = (tools.thread_seconds(at.pid) - first) / max(0.01, tools.cpu_seconds(at.pid) - before)
    return Cost(rate, each * share, each * (1 - share))


def sample(options: argparse.Namespace, folder: Path, at: service.Service) -> Counter[Place]:
    """Load once more, with py-spy looking on."""
    program = spy()
    if program is None or options.sampler == "own":
        os.kill(at.pid, BEGIN)
        load(options, folder, at, options.seconds)
        return Counter()
    file = folder / "stacks.txt"
    command = [program, "record", "--pid", str(at.pid), "--duration", str(options.seconds), "--rate", str(PER_SECOND),
               "--format", "raw", "--full-filenames", "--output", str(file)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as spying:
        try:
            load(options, folder, at, options.seconds)
            told, _ = spying.communicate(timeout=60)
        finally:
            spying.terminate()
    if not file.exists():
        raise SystemExit(f"py-spy failed, try --sampler own: {told}")
    return read_stacks(file)


def report(counts: Counter[Place], cost: Cost, options: argparse.Namespace) -> str:
    """Tables in Markdown."""
    total = sum(counts.values())
    all_us = cost.loop_us + cost.threads_us

    def figures(count: int) -> list[str]:
        each = count / total * cost.loop_us
        return [f"{each / all_us:.1%}", f"{each:.1f}"]

    rooms: Counter[str] = Counter()
    for (room, _), count in counts.items():
        rooms[room] += count
    what = "chunk" if options.streams else "request"
    first = [[room, *figures(count)] for room, count in rooms.most_common()]
    first.append([THREADS, f"{cost.threads_us / all_us:.1%}", f"{cost.threads_us:.1f}"])
    first.append(["all", "100%", f"{all_us:.1f}"])
    functions = [(place, count) for place, count in counts.most_common(options.top + 1) if place[0] != LOOP]
    second = [[room, f"`{name}`", *figures(count)] for (room, name), count in functions[: options.top]]
    return "\n".join([
        f"{cost.rate:,.0f} {what}s/s and {all_us:.0f} us of processor time for each unsampled; {total:,} samples\n",
        tools.table(["room", "share", f"us/{what}"], first),
        "",
        tools.table(["room", "function", "share", f"us/{what}"], second),
    ])  # fmt: skip


def measure(options: argparse.Namespace, folder: Path) -> str:
    """Start everything, load, sample, and report."""
    measured, _, around = tools.cores(3)
    inside = folder / "inside.json"
    own = options.sampler == "own" or spy() is None
    runner = ("-m", "benchmarks.profile", "--inside", str(inside)) if own else ("-m", "segue")
    source = streams.source if options.streams else lambda core, files: upstream(core, files, tools.certificate(files))
    with source(around, folder) as ways:
        to = ways["clear"][0] if options.streams else ways["clear"]
        with service.segue(measured, folder / "plain", to) as at:
            load(options, folder, at, 2)
            cost = load(options, folder, at, max(3, options.seconds // 2))
        with service.segue(measured, folder / "sampled", to, runner=runner) as at:
            load(options, folder, at, 2)
            counts = sample(options, folder, at)
    if own:
        counts = Counter({(room, name): count for room, name, count in json.loads(inside.read_text())})
    return report(counts, cost, options)


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--inside"]:
        sample_inside(Path(sys.argv[2]), sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description="Where each microsecond of a call goes.")
    parser.add_argument("--streams", action="store_true", help="300 open streams instead of whole answers")
    parser.add_argument("--sampler", choices=("py-spy", "own"), default="py-spy")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--top", type=int, default=25, help="functions that are listed")
    options = parser.parse_args()
    tools.need("taskset", *(() if options.streams else ("nginx", "wrk")))
    tools.open_files(20_000)
    with tools.limited(60 + 4 * options.seconds), tempfile.TemporaryDirectory() as name:
        print(f"## Where the time goes: {'open streams' if options.streams else 'whole answers'}\n\n{tools.machine()}")
        print(measure(options, Path(name)))


if __name__ == "__main__":
    main()
