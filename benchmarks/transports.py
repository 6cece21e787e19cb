"""The transports side by side: speed, CPU and memory, as ratios within one run.

    python benchmarks/transports.py [--seconds 1.0] [--rounds 3]

Every figure is the median of interleaved runs, each in a process of its own on one core; the upstream is a raw
asyncio/httptools server in another process, on another core where there is one. It ends within three minutes. Figures
of different machines do not compare; the ratios do, roughly.

Columns: requests per second; CPU of the client process per request, or per chunk that the server sent of a stream;
resident memory per open stream (with everything that the client holds for it, its task included). The server sends no
chunk before all streams are open, so that opening them is not counted; and every byte is counted, so that a client that
merges chunks, or loses some, cannot look cheaper than it is.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import platform
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from typing import ClassVar

import httptools

try:
    import uvloop
except ImportError:
    uvloop = None

CHUNKS = 64
EVERY = 0.02  # seconds between two chunks
SLOW = 0.02  # seconds that the slow upstream thinks
BUDGET = 165.0  # seconds for everything
ANSWER = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"message": {"content": "x" * 400}}]})
WHOLE = (
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: Sat, 21 Nov 2026 00:00:00 GMT\r\nserver: upstream\r\n"
    f"x-request-id: req_0123456789\r\ncontent-length: {len(ANSWER)}\r\n\r\n{ANSWER}"
).encode()
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" word"}}]}\n\n'
CHUNK = b"%x\r\n%s\r\n" % (len(EVENT), EVENT)
BODY = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "y" * 420}]}).encode()
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-0123456789abcdef", "accept": "*/*"}


# The upstream


class Upstream(asyncio.Protocol):
    waiting: ClassVar[set["Upstream"]] = set()
    streams: ClassVar[dict["Upstream", int]] = {}

    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.path = b""

    def connection_lost(self, _):
        self.streams.pop(self, None)
        self.waiting.discard(self)
        self.parser = None

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_url(self, url):
        self.path = url

    def on_message_complete(self):
        if self.path.startswith(b"/streams/"):
            self.transport.write(STREAM)
            self.waiting.add(self)
            if len(self.waiting) == int(self.path.rpartition(b"/")[2]):
                # The last head is on its way: the client needs a moment to see it, then the chunks begin.
                asyncio.get_running_loop().call_later(0.5, self.begin)
        elif self.path == b"/slow":
            asyncio.get_running_loop().call_later(SLOW, self.transport.write, WHOLE)
        else:
            self.transport.write(WHOLE)

    @classmethod
    def begin(cls):
        cls.streams.update(dict.fromkeys(cls.waiting, 0))
        cls.waiting.clear()

    @classmethod
    async def tick(cls):
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + EVERY, loop.time())
            await asyncio.sleep(due - loop.time())
            for stream, sent in list(cls.streams.items()):
                if sent == CHUNKS:
                    stream.transport.write(b"0\r\n\r\n")
                    cls.streams.pop(stream, None)
                else:
                    stream.transport.write(CHUNK)
                    cls.streams[stream] = sent + 1


async def upstream(certificate):
    loop = asyncio.get_running_loop()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    servers = [await loop.create_server(Upstream, "127.0.0.1", 0, ssl=context, backlog=2000) for context in (None, tls)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    ticking = asyncio.ensure_future(Upstream.tick())
    await loop.run_in_executor(None, sys.stdin.read)  # until the parent goes away
    ticking.cancel()


# The clients


class Segue:
    """One of our transports."""

    def __init__(self, kind, authority):
        from segue.backends.transport.aiohttp_transport import AiohttpTransport
        from segue.backends.transport.direct import DirectTransport

        tls = ssl.create_default_context(cafile=authority)
        options = {"environment": {}} if kind == "aiohttp" else {}
        make = AiohttpTransport if kind == "aiohttp" else DirectTransport
        self.transport = make(tls=tls, per_host=2000, **options)

    async def opened(self, url):
        from segue.core.ports import WireRequest

        request = WireRequest("POST", url, HEADERS, BODY)
        return await self.transport.send(request, connect=60, allow_private=True)

    async def whole(self, url):
        return len(await (await self.opened(url)).read_whole(1_000_000))

    async def stream(self, url, opened):
        response = await self.opened(url)
        await opened()
        size = 0
        while chunk := await response.read_chunk():
            size += len(chunk)
        return size

    async def close(self):
        await self.transport.close()


class Pyreqwest:
    """The binding of Rust's reqwest, for comparison; only where it is installed."""

    def __init__(self, _, authority):
        from pyreqwest.client import ClientBuilder

        with open(authority, "rb") as file:
            self.client = ClientBuilder().add_root_certificate_pem(file.read()).build()

    def request(self, url):
        return self.client.post(url).headers(HEADERS).body_bytes(BODY)

    async def whole(self, url):
        return len(await (await self.request(url).build().send()).bytes())

    async def stream(self, url, opened):
        # By default it reads 64 KiB ahead before it returns, which is all of a stream.
        async with self.request(url).streamed_read_buffer_limit(0).build_streamed() as response:
            await opened()
            size = 0
            while chunk := await response.body_reader.read_chunk():
                size += len(chunk)
            return size

    async def close(self):
        await self.client.close()


def resident():
    """Bytes of this process in memory."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure_whole(client, url, callers, seconds):
    async def caller(until):
        count = 0
        while time.perf_counter() < until:
            await client.whole(url)
            count += 1
        return count

    await asyncio.gather(*(caller(time.perf_counter() + 0.2) for _ in range(callers)))  # warm, connections open
    began, used = time.perf_counter(), cpu()
    counts = await asyncio.gather(*(caller(began + seconds) for _ in range(callers)))
    total = sum(counts)
    return {"rate": total / (time.perf_counter() - began), "cpu": (cpu() - used) / total * 1e6}


async def measure_streams(client, url, streams):
    left, used, memory = streams, None, 0
    await client.whole(url.replace("/streams/", "/whole?"))
    before = resident()

    async def opened():
        nonlocal left, used, memory
        left -= 1
        if not left:
            memory, used = resident(), cpu()

    began = time.perf_counter()
    sizes = await asyncio.gather(*(client.stream(url, opened) for _ in range(streams)))
    took, spent = time.perf_counter() - began, cpu() - used
    if set(sizes) != {CHUNKS * len(EVENT)}:
        raise RuntimeError("a stream was not whole")
    return {"took": took, "cpu": spent / (streams * CHUNKS) * 1e6, "memory": (memory - before) / streams}


async def measure(kind, scenario, authority, port, tls_port, seconds):
    client = (Pyreqwest if kind == "pyreqwest" else Segue)(kind, authority)
    way, what, number = scenario.split(" ")
    base = f"http://127.0.0.1:{port}" if way == "clear" else f"https://127.0.0.1:{tls_port}"
    try:
        if what == "streams":
            return await measure_streams(client, f"{base}/streams/{number}", int(number))
        return await measure_whole(client, f"{base}/{what}", int(number), seconds)
    finally:
        await client.close()


# The whole


def pin(core):
    """Take one core, so that client and upstream do not share it."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def certificate(folder):
    import trustme

    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1", "localhost")
    paths = os.path.join(folder, "server.pem"), os.path.join(folder, "authority.pem")
    own.private_key_and_cert_chain_pem.write_to_path(paths[0])
    authority.cert_pem.write_to_path(paths[1])
    return paths


def run_all(options):
    kinds = ["direct", "aiohttp"] + (["pyreqwest"] if importlib.util.find_spec("pyreqwest") else [])
    scenarios = [
        f"{way} {what} {callers}"
        for way, what in (("clear", "whole"), ("TLS", "whole"), ("TLS", "slow"))
        for callers in (1, 32)
    ] + [f"{way} streams {number}" for way in ("clear", "TLS") for number in (200, 1000)]
    results = {}
    ends = time.perf_counter() + BUDGET
    with tempfile.TemporaryDirectory() as folder:
        own, authority = certificate(folder)
        command = [sys.executable, __file__, "--serve", own]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            ports = json.loads(server.stdout.readline())
            for _ in range(options.rounds):
                for scenario in scenarios:
                    for kind in kinds:
                        if time.perf_counter() > ends:
                            continue
                        task = json.dumps([kind, scenario, authority, *ports, options.seconds])
                        done = subprocess.run(
                            [sys.executable, __file__, "--measure", task],
                            stdout=subprocess.PIPE,
                            timeout=60,
                            check=True,
                        )
                        results.setdefault((scenario, kind), []).append(json.loads(done.stdout))
            server.stdin.close()
    show(kinds, scenarios, results)


def show(kinds, scenarios, results):
    version = uvloop.__version__ if uvloop else "none"
    python, cores = platform.python_version(), os.cpu_count()
    print(f"Python {python}, uvloop {version}, httptools {httptools.__version__}, {cores} cores")
    print("| scenario | client | requests/s | CPU µs/request or chunk | kB/open stream | ratio to aiohttp | runs |")
    print("|---|---|---|---|---|---|---|")
    for scenario in scenarios:
        rows = {kind: results[scenario, kind] for kind in kinds if (scenario, kind) in results}
        middle = {
            kind: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            for kind, runs in rows.items()
        }
        for kind, row in middle.items():
            ratios = []
            if "aiohttp" in middle and kind != "aiohttp":
                other = middle["aiohttp"]
                ratios = [f"{name} {row[name] / other[name]:.2f}" for name in ("rate", "cpu", "memory") if name in row]
            rate = f"{row['rate']:,.0f}" if "rate" in row else f"all in {row['took']:.1f} s"
            memory = f"{row['memory'] / 1024:.1f}" if "memory" in row else ""
            cells = [scenario, kind, rate, f"{row['cpu']:.1f}", memory, ", ".join(ratios), str(len(rows[kind]))]
            print(f"| {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.8, help="length of one run of whole answers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    loops = uvloop.new_event_loop if uvloop else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=loops) as runner:
        if options.serve:
            pin(1)
            runner.run(upstream(options.serve))
        elif options.measure:
            pin(0)
            print(json.dumps(runner.run(measure(*json.loads(options.measure)))))
        else:
            run_all(options)


if __name__ == "__main__":
    main()
