"""A provider that only answers: whole answers at once, streams chunk by chunk at a steady pace.

    python -m benchmarks.source PORT TLS_PORT CERTIFICATE [CHUNKS] [SECONDS]

Each stream has `CHUNKS` events in OpenAI's form, one each `SECONDS`, the first that long after the request. All
streams share one clock of milliseconds: a timer for each would be dearer than what is measured.
"""

import asyncio
import ssl
import sys

import httptools
import uvloop

from benchmarks.tools import ANSWER

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(ANSWER),
    ANSWER.encode(),
)
FRAME = (
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o",'
    '"system_fingerprint":"fp_1","choices":[%s]%s}'
)


def chunk(*events: str) -> bytes:
    """Events in one chunk of HTTP/1.1."""
    text = "".join(f"data: {event}\n\n" for event in events).encode()
    return b"%x\r\n%b\r\n" % (len(text), text)


CONTENT = chunk(FRAME % ('{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}', ""))
FINISH = FRAME % ('{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}', "")
USAGE = FRAME % ("", ',"usage":{"prompt_tokens":64,"completion_tokens":63,"total_tokens":127}')
LAST = chunk(FINISH, "[DONE]") + b"0\r\n\r\n"
LAST_WITH_USAGE = chunk(FINISH, USAGE, "[DONE]") + b"0\r\n\r\n"


class Pace:
    """Streams by the millisecond within the interval at which their chunks are due."""

    def __init__(self, chunks: int, seconds: float) -> None:
        self.chunks = chunks
        self.due: list[dict[Source, int]] = [{} for _ in range(max(1, round(seconds * 1000)))]
        self.place = 0

    def join(self, stream: "Source") -> None:
        """Its first chunk comes one interval from now."""
        stream.place = self.place - 1
        self.due[stream.place][stream] = 1

    async def run(self) -> None:
        """Send what is due, each millisecond."""
        loop = asyncio.get_running_loop()
        at = loop.time()
        while True:
            at += 0.001
            if (wait := at - loop.time()) > 0:
                await asyncio.sleep(wait)
            elif self.place % 10 == 0:
                await asyncio.sleep(0)
            streams = self.due[self.place]
            for stream, number in list(streams.items()):
                if number == self.chunks:
                    del streams[stream]
                    stream.transport.write(stream.last)
                else:
                    streams[stream] = number + 1
                    stream.transport.write(CONTENT)
            self.place = (self.place + 1) % len(self.due)


class Source(asyncio.Protocol):
    """One connection."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.place = 0
        self.last = LAST

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""

    def connection_lost(self, _error: Exception | None) -> None:
        self.pace.due[self.place].pop(self, None)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        body, self.body = self.body, b""
        if b'"stream":true' in body:
            self.last = LAST_WITH_USAGE if b'"include_usage":true' in body else LAST
            self.transport.write(HEAD)
            self.pace.join(self)
        else:
            self.transport.write(WHOLE)


async def main() -> None:
    """Serve until SIGTERM."""
    port, tls_port, certificate, *rest = sys.argv[1:]
    pace = Pace(int(rest[0]) if rest else 64, float(rest[1]) if rest else 0.02)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    for number, context in ((tls_port, tls), (port, None)):
        await loop.create_server(lambda: Source(pace), "127.0.0.1", int(number), ssl=context, backlog=4096)
    await pace.run()


if __name__ == "__main__":
    uvloop.run(main())
