"""A client below every HTTP library: it sends bytes, and tells what came and how it ended."""

import asyncio
import json
from dataclasses import dataclass

KEY = "sk-simulated-1234567890"


@dataclass(frozen=True)
class Heard:
    """What a raw client heard: all bytes, and how it ended (`closed`, `reset`, or still `open`)."""

    data: bytes
    end: str

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode().split("\r\n")[1:]
        return {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines}

    @property
    def body(self) -> bytes:
        """The body without its framing, as far as it came."""
        rest = self.data.partition(b"\r\n\r\n")[2]
        if self.headers.get("transfer-encoding") != "chunked":
            return rest
        body = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size or b"0", 16)
            body, rest = body + rest[:length], rest[length + 2 :]
        return body


async def hear(port: int, data: bytes, patience: float = 3.0) -> Heard:
    """Send raw bytes to a port and read until the connection ends, or until nothing has come for `patience`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received, end = b"", "closed"
    try:
        writer.write(data)
        while part := await asyncio.wait_for(reader.read(65536), patience):
            received += part
    except TimeoutError:
        end = "open"
    except ConnectionError:
        end = "reset"
    finally:
        writer.close()
    return Heard(received, end)


def chat_request(account: str = "primary", extra: str = "", **fields: object) -> bytes:
    """The bytes of a request for a chat completion of four words, after which the connection is closed."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "in 4 words"}], **fields}
    return request_bytes("POST", f"/{account}/v1/chat/completions", json.dumps(body).encode(), extra)


def request_bytes(method: str, path: str, body: bytes = b"", extra: str = "") -> bytes:
    """The bytes of any request, after which the connection is closed."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {KEY}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", "Connection: close"]
    return ("\r\n".join(lines) + "\r\n" + extra + "\r\n").encode() + body
