"""What the benchmarks share: servers that are started and stopped, cores they run on, and figures of processes."""

import contextlib
import functools
import os
import platform
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BODY = (
    '{"model":"smart","messages":[{"role":"system","content":"You are a helpful assistant that answers in short '
    'sentences and never says more than needed, whatever the user asks."},{"role":"user","content":"Tell me '
    "something about the history of the bicycle in Europe in the nineteenth century, and why it mattered to people who "
    'had no horse of their own; keep it short, please."}],"temperature":0.7,"max_tokens":200,"user":"someone"}'
)
ANSWER = (
    '{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o","choices":[{"index":0,'
    '"message":{"role":"assistant","content":"Bicycles became common in the second half of the nineteenth century, '
    "when chains and tyres made them safe and quick, and they gave people without a horse a way to work, to market "
    'and to one another."},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":64,"completion_tokens":48,'
    '"total_tokens":112},"system_fingerprint":"fp_1"}'
)
PATH = "/v1/chat/completions"
REMEDY = {
    "nginx": "nginx (on Debian and Ubuntu: apt-get install nginx-light)",
    "wrk": "wrk (on Debian and Ubuntu: apt-get install wrk)",
    "taskset": "taskset (Linux only; it is part of util-linux)",
}


# Programs, cores, ports


def need(*programs: str) -> None:
    """Stop with a remedy when a program is missing."""
    missing = [REMEDY.get(program, program) for program in programs if shutil.which(program) is None]
    if missing:
        raise SystemExit(f"this benchmark needs {', '.join(missing)}")


@contextlib.contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Stop everything, servers included, after so many seconds, on SIGTERM and on Ctrl-C."""

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(f"not done within {seconds} s" if number == signal.SIGALRM else "stopped")

    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, stop)
    signal.alarm(seconds)
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit("stopped") from None
    finally:
        signal.alarm(0)


@functools.cache
def cores(count: int = 2) -> tuple[str, ...]:
    """Cores, the idlest of this machine first: one for what is measured, the others for what is around it.

    Where there are fewer than `count`, the last one is given several times.
    """
    before = _busy()
    time.sleep(0.5)
    after = _busy()
    idlest = sorted(os.sched_getaffinity(0), key=lambda core: after[core] - before[core])
    return tuple(str(idlest[min(place, len(idlest) - 1)]) for place in range(count))


def _busy() -> dict[int, int]:
    busy = {}
    for line in Path("/proc/stat").read_text().splitlines():
        if found := re.match(r"cpu(\d+) (.*)", line):
            user, nice, system, _idle, _wait, *others = map(int, found[2].split())
            busy[int(found[1])] = user + nice + system + sum(others[:3])
    return busy


def machine() -> str:
    """What these figures were taken on, in one line; without any name of the machine."""
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()} {'with' if optimised else 'without'} profile-guided optimisation"
    )


def open_files(wanted: int) -> int:
    """Raise this process's limit of open files, which its children inherit; gives what is allowed now."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Servers


def on_core(core: str, *command: str) -> list[str]:
    """A command on these cores, which ends with its parent where the system can do that."""
    ends_with_parent = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    return [*ends_with_parent, "taskset", "-c", core, *command]


@contextlib.contextmanager
def process(
    core: str, *command: str, port: int, wait: float = 15.0, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server on a core until the block ends; the block begins when its port answers."""
    with tempfile.TemporaryFile() as log:
        started = subprocess.Popen(on_core(core, *command), stdout=log, stderr=log, env={**os.environ, **environment})
        try:
            until = time.monotonic() + wait
            while True:
                if started.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise SystemExit(f"{command[0]} did not start: {log.read().decode()[-2000:]}")
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
                    break
                time.sleep(0.01)
            yield started
        finally:
            started.terminate()
            try:
                started.wait(20)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


@contextlib.contextmanager
def nginx(
    core: str, folder: Path, name: str, http: str, port: int, workers: int = 1
) -> Iterator[subprocess.Popen[bytes]]:
    """An nginx with this `http` block; with one worker it is a single process."""
    file = folder / f"{name}.conf"
    several = f"worker_processes {workers};" if workers > 1 else "worker_processes 1; master_process off;"
    file.write_text(
        f"{several} daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.log;\n"
        "events { worker_connections 8192; }\n"
        "http { access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; client_body_buffer_size 64k;\n"
        f"client_body_temp_path {folder}/{name}.body; proxy_temp_path {folder}/{name}.proxy;\n"
        f"fastcgi_temp_path {folder}/{name}.f; uwsgi_temp_path {folder}/{name}.u; scgi_temp_path {folder}/{name}.s;\n"
        f"{http} }}\n"
    )
    with process(core, "nginx", "-c", str(file), port=port) as started:
        yield started


def python(*arguments: str) -> tuple[str, ...]:
    """This interpreter with these arguments."""
    return (sys.executable, *arguments)


@dataclass(frozen=True)
class Certificate:
    """Of a server on this machine: files in PEM format."""

    chain_and_key: Path
    authority: Path


def certificate(folder: Path) -> Certificate:
    """A new one for localhost, by an authority that nobody else knows."""
    import trustme

    authority = trustme.CA()
    own = authority.issue_cert("localhost", "127.0.0.1")
    made = Certificate(folder / "server.pem", folder / "authority.pem")
    own.private_key_and_cert_chain_pem.write_to_path(str(made.chain_and_key))
    authority.cert_pem.write_to_path(str(made.authority))
    return made


# Load


@dataclass(frozen=True)
class Load:
    """What wrk saw."""

    rate: float
    p50_ms: float
    p99_ms: float
    errors: int


def wrk(core: str, url: str, folder: Path, *, connections: int, seconds: int, key: str = "") -> Load:
    """Load with the chat body, from one thread on a core."""
    script = folder / "load.lua"
    script.write_text(
        "wrk.method='POST'; wrk.headers['content-type']='application/json'\n"
        f"wrk.headers['authorization']='Bearer {key or 'none'}'\nwrk.body=[[{BODY}]]\n"
        "done = function(s, l, r) io.write(string.format('\\nP50 %d P99 %d ERR %d\\n', l:percentile(50), "
        "l:percentile(99), s.errors.status + s.errors.connect + s.errors.read + s.errors.timeout)) end\n"
    )
    out = subprocess.run(
        on_core(core, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url),
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 30,
    ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    rest = re.search(r"P50 (\d+) P99 (\d+) ERR (\d+)", out)
    if rate is None or rest is None:
        raise SystemExit(f"wrk printed something else: {out}")
    return Load(float(rate[1]), int(rest[1]) / 1000, int(rest[2]) / 1000, int(rest[3]))


# Figures


def family(pid: int) -> list[int]:
    """A process and its children: workers count as the service."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *(each for child in children for each in family(int(child)))]
    return [pid]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its children have used."""
    ticks = 0
    for each in family(pid):
        with contextlib.suppress(FileNotFoundError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def thread_seconds(pid: int) -> float:
    """Processor time of a process's first thread alone, which runs the event loop."""
    fields = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Memory that a process and its children hold now, in MB."""
    return sum(_memory_mb(each, "VmRSS") for each in family(pid))


def peak_mb(pid: int) -> float:
    """The most memory that a process and its children have held since they began, in MB."""
    return sum(_memory_mb(each, "VmHWM") for each in family(pid))


def _memory_mb(pid: int, name: str) -> float:
    with contextlib.suppress(FileNotFoundError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, in columns that a terminal shows well, too; the first column is text."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]

    def written(line: Sequence[str]) -> str:
        first, *others = line
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        return f"| {' | '.join(cells)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([written(lines[0]), written(rule), *map(written, lines[1:])])


def verdict(value: float, goal: float, *, least: bool = True) -> str:
    """A goal beside its figure: met or not."""
    met = value >= goal if least else value <= goal
    return f"{'>=' if least else '<='} {goal:g} {'met' if met else 'MISSED'}"
