"""What the benchmarks share: servers that are started and stopped, cores they run on, and figures of processes."""

import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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


def need(*programs: str) -> None:
    """Stop with a remedy when a program is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise SystemExit(f"this benchmark needs {' and '.join(missing)}: on Debian, apt-get install nginx-light wrk")


def cores() -> tuple[str, str]:
    """A core for what is measured, and one for everything around it; the same where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return str(available[0]), str(available[-1])


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(
    core: str, *command: str, port: int, wait: float = 15.0, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server on a core until the block ends; the block begins when its port answers."""
    log = tempfile.TemporaryFile()
    started = subprocess.Popen(
        ["taskset", "-c", core, *command], stdout=log, stderr=log, env={**os.environ, **environment}
    )
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
        log.close()


@contextlib.contextmanager
def nginx(core: str, folder: Path, name: str, http: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """An nginx with one worker and this `http` block."""
    file = folder / f"{name}.conf"
    file.write_text(
        f"worker_processes 1; daemon off; master_process off; pid {folder}/{name}.pid; error_log {folder}/{name}.log;\n"
        "events { worker_connections 8192; }\n"
        "http { access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; client_body_buffer_size 64k;\n"
        f"client_body_temp_path {folder}/{name}.body; proxy_temp_path {folder}/{name}.proxy;\n"
        f"fastcgi_temp_path {folder}/{name}.f; uwsgi_temp_path {folder}/{name}.u; scgi_temp_path {folder}/{name}.s;\n"
        f"{http} }}\n"
    )
    with process(core, "nginx", "-c", str(file), port=port) as started:
        yield started


@dataclass(frozen=True)
class Load:
    """What wrk saw."""

    rate: float
    p50_ms: float
    p99_ms: float
    errors: int


def wrk(core: str, url: str, folder: Path, *, connections: int, seconds: float, key: str = "") -> Load:
    """Load with the chat body, from one thread on a core."""
    script = folder / f"load-{abs(hash(key))}.lua"
    script.write_text(
        "wrk.method='POST'; wrk.headers['content-type']='application/json'\n"
        f"wrk.headers['authorization']='Bearer {key or 'none'}'\nwrk.body=[[{BODY}]]\n"
        "done = function(s, l, r) io.write(string.format('\\nP50 %d P99 %d ERR %d\\n', l:percentile(50), "
        "l:percentile(99), s.errors.status + s.errors.connect + s.errors.read + s.errors.timeout)) end\n"
    )
    out = subprocess.run(
        ["taskset", "-c", core, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    rest = re.search(r"P50 (\d+) P99 (\d+) ERR (\d+)", out)
    if rate is None or rest is None:
        raise SystemExit(f"wrk printed something else: {out}")
    return Load(float(rate[1]), int(rest[1]) / 1000, int(rest[2]) / 1000, int(rest[3]))


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Memory that a process holds, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return 0.0


def median(values: list[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def python(*arguments: str) -> tuple[str, ...]:
    """This interpreter with these arguments."""
    return (sys.executable, *arguments)
