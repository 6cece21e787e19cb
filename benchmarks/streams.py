"""Many open streams: memory, pace, processor time for each chunk, and how soon the first content comes.

    python -m benchmarks.streams [--quick]

The provider sends 64 chunks a stream, one each 20 ms; a client keeps so many streams open, each begun anew when it
ends. What is measured has one core of its own. It is measured three times: the client straight at the source, through
a bare relay on Segue's transport, and through Segue, in clear and with TLS between Segue and the provider. Then 5,000
streams are opened at once, either way, and every one of them must come to its end.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import service, tools

CHUNKS, EVERY = 64, 0.02
EVENTS = CHUNKS + 1  # the last chunk's write carries [DONE], too
MANY, MOST = 1000, 5000
MEMORY = {"clear": 100.0, "TLS": 150.0}
CPUS = 3


@dataclass(frozen=True)
class Row:
    """One run."""

    way: str
    who: str
    streams: int
    finished: int
    pace: float
    first_p50: float
    first_p99: float
    cpu_us: float
    busy: float
    idle_mb: float
    peak_mb: float
    failures: dict[str, int]


@contextmanager
def source(core: str, folder: Path, chunks: int = CHUNKS, every: float = EVERY) -> Iterator[dict[str, tuple[str, int]]]:
    """The provider: its addresses and ports, by `clear` and `TLS`."""
    certificate = tools.certificate(folder)
    port, tls_port = tools.free_port(), tools.free_port()
    numbers = (str(port), str(tls_port), str(certificate.chain_and_key), str(chunks), str(every))
    with tools.process(core, *tools.python("-m", "benchmarks.source", *numbers), port=port):
        yield {"clear": (f"http://127.0.0.1:{port}", port), "TLS": (f"https://localhost:{tls_port}", tls_port)}


def run(
    way: str, who: str, at: service.Service, client: str, *, streams: int, seconds: float, watched: bool = True
) -> Row:
    """Hold streams open at a server and look at it meanwhile."""
    options = {
        "port": at.port, "key": at.key or "none", "streams": streams, "seconds": seconds, "events": EVENTS,
        "every": EVERY, "wait": 90,
    }  # fmt: skip
    idle = tools.resident_mb(at.pid) if watched else 0.0
    command = tools.on_core(client, *tools.python("-m", "benchmarks.client", json.dumps(options)))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as calling:
        assert calling.stdout is not None
        try:
            calling.stdout.readline()
            before = tools.cpu_seconds(at.pid)
            calling.stdout.readline()
            used = tools.cpu_seconds(at.pid) - before
            seen = json.loads(calling.stdout.readline() or "{}")
        finally:
            calling.terminate()
    if not seen:
        raise SystemExit(f"the client at {who} failed")
    first = sorted(seen["first_ms"]) or [0.0]
    return Row(
        way,
        who,
        streams,
        seen["finished"],
        seen["chunks"] / seen["seconds"],
        first[len(first) // 2],
        first[int(len(first) * 0.99)],
        used / max(1, seen["chunks"]) * 1e6 if watched else 0.0,
        used / seen["seconds"] if watched else 0.0,
        idle,
        tools.peak_mb(at.pid) if watched else 0.0,
        seen["failures"],
    )


def measure(folder: Path, *, seconds: int) -> list[Row]:
    """All runs."""
    measured, around, client = tools.cores(CPUS)
    rows: list[Row] = []
    with source(around, folder) as ways:
        for way, (address, port) in ways.items():
            authority = folder / "authority.pem" if way == "TLS" else None
            if way == "clear":  # the client speaks no TLS: the source's pace in clear is the yardstick of both
                at = service.Service(port, 0)
                rows.append(run(way, "source", at, client, streams=MANY, seconds=seconds, watched=False))
            with service.relay(measured, address, authority=authority) as at:
                rows.append(run(way, "relay", at, client, streams=MANY, seconds=seconds))
            with service.segue(measured, folder / f"few-{way}", address, authority=authority) as at:
                rows.append(run(way, "segue", at, client, streams=100, seconds=max(3, seconds // 3)))
            with service.segue(measured, folder / f"many-{way}", address, authority=authority) as at:
                rows.append(run(way, "segue", at, client, streams=MANY, seconds=seconds))
        allowed = tools.open_files(4 * MOST)
        most = min(MOST, (allowed - 500) // 2)
        direct = service.Service(ways["clear"][1], 0)
        rows.append(run("clear, at once", "source", direct, client, streams=most, seconds=0, watched=False))
        for way, (address, _) in ways.items():
            authority = folder / "authority.pem" if way == "TLS" else None
            with service.segue(measured, folder / f"most-{way}", address, authority=authority) as at:
                rows.append(run(f"{way}, at once", "segue", at, client, streams=most, seconds=0))
    return rows


def report(rows: list[Row], seconds: int) -> str:
    """Tables and goals in Markdown."""
    head = ["way", "through", "streams", f"finished in {seconds} s", "chunks/s", "first content p50 ms", "p99 ms",
            "CPU us/chunk", "core used", "idle MB", "peak MB", "failures"]  # fmt: skip
    cells = [
        [
            row.way, row.who, f"{row.streams:,}", f"{row.finished:,}", f"{row.pace:,.0f}", f"{row.first_p50:.1f}",
            f"{row.first_p99:.1f}", *((f"{row.cpu_us:.1f}", f"{row.busy:.0%}", f"{row.idle_mb:.0f}",
            f"{row.peak_mb:.0f}") if row.peak_mb else ("",) * 4), f"{sum(row.failures.values()):,}",
        ]
        for row in rows
    ]  # fmt: skip
    found = {(row.way, row.who, row.streams): row for row in rows}
    lines = [tools.table(head, cells), "", "Goals:"]
    yard = found["clear", "source", MANY].pace
    for way, most in MEMORY.items():
        ours, bare = found[way, "segue", MANY], found[way, "relay", MANY]
        held = tools.verdict(ours.peak_mb, most, least=False)
        whole, part = ours.pace / yard, ours.pace / bare.pace
        lines.append(f"- {way}: peak memory with {MANY:,} open streams {ours.peak_mb:.0f} MB ({held})")
        lines.append(f"- {way}: pace / source {whole:.3f} ({tools.verdict(whole, 0.9)}, where one core allows it)")
        lines.append(
            f"- {way}: pace / bare relay {part:.3f} ({tools.verdict(part, 0.7)}); the relay reaches "
            f"{bare.pace / yard:.2f} of the source"
        )
    for last in rows[-len(MEMORY) :]:
        whole_ones = f"{last.finished:,} whole, failures {last.failures or 'none'}"
        lines.append(f"- {last.way}: {last.streams:,} streams: {whole_ones}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    tools.need("taskset")
    tools.open_files(4 * MOST)
    seconds = 5 if "--quick" in sys.argv else 14
    with tools.limited(400), tempfile.TemporaryDirectory() as name:
        print(
            f"## Open streams\n\n{tools.machine()}; {CHUNKS} chunks a stream, one each {EVERY * 1000:.0f} ms\n",
            flush=True,
        )
        print(report(measure(Path(name), seconds=seconds), seconds))


if __name__ == "__main__":
    main()
