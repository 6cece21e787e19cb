"""How fast one Segue process is beside nginx: the same upstream, the same core, taking turns.

    python -m benchmarks.gateway [--quick]

Upstream is an nginx that answers every request with half a kilobyte; the yardstick is a second nginx that proxies to
it. Both proxies run on one core and are loaded in turn by wrk from another, several rounds, medians; read the ratios,
since machines differ. Segue runs as a user runs it: a key is checked, the call planned, guarded, counted and recorded.
"""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import tools
from segue.backends.store.keys import KeyStore
from segue.backends.store.store import Store
from segue.core.clock import SystemChance, SystemClock

CONFIG = """
server: {{port: {port}}}
store: "sqlite:///{folder}/segue.db"
providers:
  up: {{adapter: openai, base_url: "http{tls}://{host}:{upstream}/v1", key: sk-bench, models: [gpt-4o], allow_private_network: true}}
models: {{smart: [up/gpt-4o]}}
"""


async def make_key(folder: Path) -> str:
    """An API key in the store that Segue will open."""
    store = await Store.open(f"sqlite:///{folder}/segue.db")
    try:
        keys = await KeyStore.open(store, clock=SystemClock(), chance=SystemChance())
        return (await keys.create("bench"))[0]
    finally:
        await store.close()


@contextlib.contextmanager
def house(folder: Path) -> Iterator[tuple[int, int, int, str]]:
    """Upstream, nginx as proxy, and Segue; gives nginx's port, Segue's port and pid, and a key."""
    measured, around = tools.cores()
    upstream, proxy, port = tools.free_port(), tools.free_port(), tools.free_port()
    source = f"server {{ listen 127.0.0.1:{upstream}; default_type application/json; location / {{ return 200 '{tools.ANSWER}'; }} }}"
    forward = (
        f"upstream up {{ server 127.0.0.1:{upstream}; keepalive 512; }}\n"
        f"server {{ listen 127.0.0.1:{proxy}; location / {{ proxy_pass http://up; proxy_http_version 1.1; "
        'proxy_set_header Connection ""; } }'
    )
    config = folder / "segue.yaml"
    config.write_text(CONFIG.format(port=port, folder=folder, tls="", host="127.0.0.1", upstream=upstream))
    key = asyncio.run(make_key(folder))
    with (
        tools.nginx(around, folder, "upstream", source, upstream),
        tools.nginx(measured, folder, "proxy", forward, proxy),
        tools.process(measured, *tools.python("-m", "segue", "up", "--config", str(config)), port=port) as segue,
    ):
        yield proxy, port, segue.pid, key


def main() -> None:
    """Measure and print."""
    tools.need("nginx", "wrk", "taskset")
    quick = "--quick" in sys.argv
    rounds, seconds = (3, 2) if quick else (7, 5)
    _, around = tools.cores()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with house(folder) as (proxy, port, pid, key):
            path = "/v1/chat/completions"
            urls = {"nginx": f"http://127.0.0.1:{proxy}{path}", "segue": f"http://127.0.0.1:{port}{path}"}
            tools.wrk(around, urls["segue"], folder, connections=32, seconds=2, key=key)
            print(f"whole answers of 0.5 kB, {rounds} rounds of {seconds} s each, medians")
            print(f"  {'':10} {'c':>4} {'req/s':>9} {'ratio':>7} {'p50 ms':>8} {'p99 ms':>8} {'CPU us/request':>15}")
            for connections in (1, 32):
                loads: dict[str, list[tools.Load]] = {"nginx": [], "segue": []}
                cpu: list[float] = []
                for _ in range(rounds):
                    for who, url in urls.items():
                        before = tools.cpu_seconds(pid)
                        load = tools.wrk(around, url, folder, connections=connections, seconds=seconds, key=key)
                        loads[who].append(load)
                        if who == "segue":
                            cpu.append((tools.cpu_seconds(pid) - before) / (load.rate * seconds) * 1e6)
                        if load.errors:
                            print(f"  {who}: {load.errors} errors")
                yard = tools.median([load.rate for load in loads["nginx"]])
                for who, seen in loads.items():
                    rate = tools.median([load.rate for load in seen])
                    print(
                        f"  {who:10} {connections:4} {rate:9.0f} {rate / yard:7.3f} "
                        f"{tools.median([load.p50_ms for load in seen]):8.3f} "
                        f"{tools.median([load.p99_ms for load in seen]):8.3f} "
                        f"{tools.median(cpu) if who == 'segue' else 0:15.1f}"
                    )
            print(f"  memory of Segue after the load: {tools.resident_mb(pid):.0f} MB")


if __name__ == "__main__":
    main()
