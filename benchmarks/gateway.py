"""How fast one Segue process is beside nginx: the same upstream, the same core, taking turns.

    python -m benchmarks.gateway [--quick] [--cores N] [--segue "ARGUMENTS"]

Upstream is an nginx that answers every request with half a kilobyte, in clear and over TLS; the yardstick is a second
nginx that proxies to it. In between stands a bare relay on Segue's own transport (`benchmarks.relay`): what is between
nginx and the relay is Python's, what is between the relay and Segue is Segue's. All three run on one core and are
loaded in turn by wrk from another, several rounds, medians (of the ratio: over the rounds); read the ratios, since
machines differ. Segue runs as a user runs it: a key is checked, the call planned, guarded, counted and recorded.

`--cores` gives the measured ones several cores (nginx as many workers), `--segue` hands arguments on to `segue up`.
"""

import argparse
import contextlib
import shlex
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import service, tools

RATIO = {"clear": 0.25, "TLS": 0.2}
AIM = 0.35
ADDED_MS = 0.3
CONNECTIONS = (1, 32)
FULL = 0.85
"""Of its core that nginx must have used: below that something else held it back, and a ratio to it flatters."""


@dataclass
class Seen:
    """The rounds of one service at one concurrency."""

    loads: list[tools.Load] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return tools.median([load.rate for load in self.loads])

    @property
    def p50(self) -> float:
        """Milliseconds."""
        return tools.median([load.p50_ms for load in self.loads])

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return tools.median([load.p99_ms for load in self.loads])

    @property
    def busy(self) -> float:
        """Share of its core that was used."""
        return tools.median(self.cpu) * self.rate / 1e6

    def ratio(self, yard: "Seen") -> float:
        """To another service, round by round: both had the same neighbours in a round, not in all of them."""
        pairs = zip(self.loads, yard.loads, strict=True)
        return tools.median([load.rate / other.rate for load, other in pairs])

    @property
    def errors(self) -> int:
        """Requests without an answer, or with another status than 200."""
        return sum(load.errors for load in self.loads)


@contextlib.contextmanager
def upstream(core: str, folder: Path, certificate: tools.Certificate) -> Iterator[dict[str, str]]:
    """The nginx that answers; its addresses, in clear and over TLS."""
    port, tls_port = tools.free_port(), tools.free_port()
    answer = f"default_type application/json; location / {{ return 200 '{tools.ANSWER}'; }}"
    tls = f"ssl_certificate {certificate.chain_and_key}; ssl_certificate_key {certificate.chain_and_key};"
    servers = (
        f"server {{ listen 127.0.0.1:{port}; {answer} }}\nserver {{ listen 127.0.0.1:{tls_port} ssl; {tls} {answer} }}"
    )
    with tools.nginx(core, folder, "upstream", servers, port):
        yield {"clear": f"http://127.0.0.1:{port}", "TLS": f"https://localhost:{tls_port}"}


@contextlib.contextmanager
def proxy(core: str, folder: Path, name: str, to: str, authority: Path, workers: int) -> Iterator[service.Service]:
    """The yardstick: nginx as a proxy that keeps its connections, and checks certificates as Segue does."""
    port = tools.free_port()
    scheme, _, address = to.partition("://")
    http = (
        f"upstream up {{ server {address.replace('localhost', '127.0.0.1')}; keepalive 512; "
        "keepalive_requests 1000000000; }\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {scheme}://up; proxy_http_version 1.1; "
        'proxy_set_header Connection ""; proxy_ssl_name localhost; proxy_ssl_server_name on; proxy_ssl_verify on; '
        f"proxy_ssl_trusted_certificate {authority}; }} }}"
    )
    with tools.nginx(core, folder, name, http, port, workers) as started:
        yield service.Service(port, started.pid)


def measure(options: argparse.Namespace, folder: Path) -> dict[tuple[str, int, str], Seen]:
    """All rounds: by way, concurrency and service."""
    rounds, seconds = (3, 2) if options.quick else (7, 5)
    found = tools.cores(options.cores + 2)
    measured, load, around = ",".join(found[: options.cores]), found[-1], found[-2]
    seen: dict[tuple[str, int, str], Seen] = defaultdict(Seen)
    certificate = tools.certificate(folder)
    with upstream(around, folder, certificate) as ways:
        for way, to in ways.items():
            authority = certificate.authority if way == "TLS" else None
            with (
                proxy(measured, folder, f"proxy-{way}", to, certificate.authority, options.cores) as nginx,
                service.relay(measured, to, authority=authority) as relay,
                service.segue(
                    measured, folder / way, to, authority=authority, arguments=shlex.split(options.segue)
                ) as segue,
            ):
                services = {"nginx": nginx, "relay": relay, "segue": segue}
                for each in services.values():
                    tools.wrk(load, each.url, folder, connections=32, seconds=1, key=each.key)
                for connections in CONNECTIONS:
                    for _ in range(rounds):
                        for who, at in services.items():
                            before = tools.cpu_seconds(at.pid)
                            got = tools.wrk(load, at.url, folder, connections=connections, seconds=seconds, key=at.key)
                            one = seen[way, connections, who]
                            one.loads.append(got)
                            one.cpu.append((tools.cpu_seconds(at.pid) - before) / (got.rate * seconds) * 1e6)
                print(f"{way}: memory of Segue after the load {tools.resident_mb(segue.pid):.0f} MB", flush=True)
    return seen


def report(seen: dict[tuple[str, int, str], Seen]) -> str:
    """Table and goals in Markdown."""
    head = ["upstream", "through", "c", "req/s", "/ nginx", "p50 ms", "p99 ms", "CPU us/request", "core used", "errors"]
    rows = []
    for (way, connections, who), one in seen.items():
        cpu, ratio = tools.median(one.cpu), one.ratio(seen[way, connections, "nginx"])
        rows.append([
            way, who, str(connections), f"{one.rate:,.0f}", f"{ratio:.3f}", f"{one.p50:.3f}",
            f"{one.p99:.3f}", f"{cpu:.1f}", f"{one.busy:.0%}", str(one.errors),
        ])  # fmt: skip
    lines = [tools.table(head, rows), "", "Goals:"]
    for way, goal in RATIO.items():
        ours, yard, bare = (seen[way, 32, who] for who in ("segue", "nginx", "relay"))
        aim = f", aim {AIM}" if way == "clear" else ""
        ratio = ours.ratio(yard)
        verdict = tools.verdict(ratio, goal)
        if yard.busy < FULL:
            verdict = f">= {goal:g} NOT JUDGED: nginx used only {yard.busy:.0%} of its core, so the ratio flatters"
        lines.append(
            f"- {way}: {ratio:.3f} of nginx at c=32 ({verdict}{aim}); {ours.ratio(bare):.2f} of the bare relay; "
            f"by processor time {tools.median(yard.cpu) / tools.median(ours.cpu):.3f} of nginx"
        )
        added = seen[way, 1, "segue"].p50 - seen[way, 1, "nginx"].p50
        lines.append(f"- {way}: added p50 at c=1 {added:.3f} ms ({tools.verdict(added, ADDED_MS, least=False)})")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Segue beside nginx.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--cores", type=int, default=1, help="cores for what is measured")
    parser.add_argument("--segue", default="", help="further arguments of `segue up`, in one string")
    options = parser.parse_args()
    tools.need("nginx", "wrk", "taskset")
    rounds = "3 rounds of 2 s" if options.quick else "7 rounds of 5 s"
    with tools.limited(500), tempfile.TemporaryDirectory() as name:
        print(f"## Whole answers of 0.5 kB\n\n{tools.machine()}; {rounds}, medians\n", flush=True)
        print(f"\n{report(measure(options, Path(name)))}")


if __name__ == "__main__":
    main()
