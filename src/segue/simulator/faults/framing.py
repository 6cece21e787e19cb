"""Below the answer lies HTTP itself, and a vendor's front door can break that, too. These kinds write raw bytes.

An answer that is written raw is followed by the end of its connection, since nobody could say where the next began.
"""

from collections.abc import Iterator
from email.utils import formatdate
from http import HTTPStatus
from typing import Annotated, Final, Literal

import msgspec

from segue.simulator.faults.kinds import (
    ErrorStatus,
    Kind,
    Options,
    Positive,
    Seconds,
    Situation,
    Volume,
    retold,
    with_headers,
)
from segue.simulator.script import Abort, Close, Hang, Head, Raw, Script, Send, Source, Step, Wait

_FILLING: Final = "x" * 1000
# RFC 8446, section 6: a fatal alert `handshake_failure`, as a port that speaks TLS sends it.
_TLS_ALERT: Final = b"\x15\x03\x01\x00\x02\x02\x28"


_HINTS: Final = {103: ["Link: </style.css>; rel=preload; as=style"]}
_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}


def _phrase(status: int) -> str:
    return _PHRASES.get(status, "Unknown")


def head_lines(head: Head, *, close: bool = True) -> list[str]:
    """The status line, the headers and the framing of an answer, one line each."""
    framing = "Transfer-Encoding: chunked" if head.length is None else f"Content-Length: {head.length}"
    return [
        f"HTTP/1.1 {head.status} {_phrase(head.status)}",
        *(f"{name}: {value}" for name, value in head.headers),
        "Server: vendor-simulator",
        f"Date: {formatdate(usegmt=True)}",
        *(("Connection: close",) if close else ()),
        framing,
    ]


def encoded(lines: list[str]) -> bytes:
    """The lines as they go on the wire, with the empty one that ends them."""
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("utf-8", "replace")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def raw(script: Script, *, close: bool = True) -> tuple[Step, ...]:
    """The same answer as raw bytes, with `close` followed by the end of the connection."""
    steps: list[Step] = []
    chunked = False
    for step in script.steps:
        match step:
            case Head():
                chunked = step.length is None
                steps.append(Raw(encoded(head_lines(step, close=close)), step.status))
            case Send() if step.data:
                events = step.events if step.part == "content" else 0
                data = _chunk(step.data) if chunked else step.data
                steps.append(Raw(data, None, len(step.data), events, of_body=True))
            case Send():
                pass
            case _:
                steps.append(step)
    if isinstance(steps[-1], Abort | Hang | Close):
        return tuple(steps)
    last: tuple[Step, ...] = (Raw(b"0\r\n\r\n", of_body=True),) if chunked else ()
    return (*steps, *last, Close()) if close else (*steps, *last)


class MalformedHttpOptions(Options, frozen=True):
    """What is wrong with the HTTP; `tls` is a TLS alert in place of HTTP."""

    variant: Literal[
        "status_line", "version", "header", "content_length", "negative_length", "both_lengths", "chunk_size", "tls"
    ] = "status_line"


def _malformed_lines(variant: str, lines: list[str], length: int) -> list[str]:
    status = lines[0].split(" ", 2)[1]
    unframed = [line for line in lines if not line.startswith(("Transfer-Encoding:", "Content-Length:"))]
    return {
        "status_line": ["HTTP/1.1 perhaps", *lines[1:]],
        "version": [f"HTTP/9.9 {status} OK", *lines[1:]],
        "header": [lines[0], "this line is no header", *lines[1:]],
        "content_length": [*unframed, f"Content-Length: {length}", f"Content-Length: {length + 7}"],
        "negative_length": [*unframed, "Content-Length: -1"],
        "both_lengths": [*unframed, f"Content-Length: {length}", "Transfer-Encoding: chunked"],
        "chunk_size": [*unframed, "Transfer-Encoding: chunked"],
    }[variant]


def _malformed_http(script: Script, options: MalformedHttpOptions, _situation: Situation) -> Script:
    head = script.head
    if head is None or options.variant == "tls":
        return retold(script, (Raw(_TLS_ALERT), Abort(reset=False)))
    body = b"".join(step.data for step in script.steps if isinstance(step, Send))
    lines = _malformed_lines(options.variant, head_lines(head), len(body))
    sent = {"chunk_size": b"zz\r\n" + body + b"\r\n0\r\n\r\n", "both_lengths": _chunk(body) + b"0\r\n\r\n"}
    data = sent.get(options.variant, body)
    return retold(
        script, (Raw(encoded(lines), head.status), Raw(data, None, len(body), of_body=True), Abort(reset=False))
    )


class LargeHeadersOptions(Options, frozen=True):
    """`bytes` more of headers, 1..16 MiB, in `one` header or in `many` of about a thousand bytes."""

    bytes: Annotated[int, msgspec.Meta(ge=1, le=1 << 24)] = 65_536
    variant: Literal["one", "many"] = "many"


def _large_headers(script: Script, options: LargeHeadersOptions, _situation: Situation) -> Script:
    if options.variant == "one":
        return with_headers(script, (("x-large", "x" * options.bytes),))
    count = -(-options.bytes // len(_FILLING))
    return with_headers(script, tuple((f"x-large-{number}", _FILLING) for number in range(count)))


class EndlessHeadersOptions(Options, frozen=True):
    """Headers without end: after `bytes` of them the connection is reset; `every` seconds a thousand more."""

    bytes: Volume = 1 << 28
    every: Seconds = 0.0


def _endless_headers(script: Script, options: EndlessHeadersOptions, _situation: Situation) -> Script:
    line = f"x-endless: {_FILLING}\r\n".encode()

    def lines() -> Iterator[bytes]:
        for _ in range(-(-options.bytes // len(line))):
            yield line

    status = script.head.status if script.head is not None else 200
    start = Raw(f"HTTP/1.1 {status} {_phrase(status)}\r\n".encode(), status)
    return retold(script, (start, Source(lines, raw=True, every=options.every), Abort()))


class TrickleOptions(Options, frozen=True):
    """An answer that drips.

    Attributes:
        part: What drips: the `headers`, the `body`, or `all` of it.
        bytes: How many bytes come at a time, at least 1.
        every: Seconds between two drops.
    """

    part: Literal["headers", "body", "all"] = "all"
    bytes: Positive = 1
    every: Seconds = 0.1


def _trickle(script: Script, options: TrickleOptions, _situation: Situation) -> Script:
    steps: list[Step] = []
    for step in raw(script):
        is_head = isinstance(step, Raw) and not step.of_body
        if not isinstance(step, Raw) or (options.part != "all" and (options.part == "headers") is not is_head):
            steps.append(step)
            continue
        for start in range(0, len(step.data), options.bytes):
            piece = step.data[start : start + options.bytes]
            last = start + options.bytes >= len(step.data)
            # The status is recorded with the first drop, and what the step means with its last.
            status = None if start else step.status
            drop = Raw(piece, status, step.body * last, step.events * last, of_body=step.of_body)
            steps += [drop, Wait(options.every)]
    return retold(script, tuple(steps))


class InformationalOptions(Options, frozen=True):
    """Which answer comes before the answer, 100, 102 or 103, and how many times."""

    code: Literal[100, 102, 103] = 103
    count: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


def _informational(script: Script, options: InformationalOptions, _situation: Situation) -> Script:
    lines = [f"HTTP/1.1 {options.code} {_phrase(options.code)}"]
    lines += _HINTS.get(options.code, [])
    place = next((place for place, step in enumerate(script.steps) if isinstance(step, Head | Raw)), None)
    if place is None:
        return script
    before = Raw(encoded(lines) * options.count)
    return retold(script, (*script.steps[:place], before, *script.steps[place:]))


class EarlyOptions(Options, frozen=True):
    """A refusal before the request's body was read.

    Attributes:
        code: The HTTP status, 400..599.
        then: Whether the connection is closed, reset, or kept while the body is still `read`.
    """

    code: ErrorStatus = 413
    then: Literal["close", "reset", "read"] = "close"


def _early_response(_script: Script, options: EarlyOptions, situation: Situation) -> Script:
    refusal = situation.vendor.failure(situation.exchange, options.code, None, None)
    if options.then == "read":
        return refusal
    refusal = with_headers(refusal, (("Connection", "close"),))
    return retold(refusal, (*refusal.steps, Close() if options.then == "close" else Abort()))


MALFORMED_HTTP: Final = Kind(
    name="malformed_http",
    summary="Broken HTTP: a bad status line, version, header or chunk size, lengths that conflict, or a TLS alert.",
    options=MalformedHttpOptions,
    rewrite=_malformed_http,
)
LARGE_HEADERS: Final = Kind(
    name="large_headers",
    summary="The same answer with very large headers.",
    options=LargeHeadersOptions,
    rewrite=_large_headers,
    stage="shape",
)
ENDLESS_HEADERS: Final = Kind(
    name="endless_headers",
    summary="Headers without end, until the client hangs up or `bytes` were sent.",
    options=EndlessHeadersOptions,
    rewrite=_endless_headers,
    example={"bytes": 1 << 17},
)
TRICKLE: Final = Kind(
    name="trickle",
    summary="The answer drips: so many bytes every so many seconds.",
    options=TrickleOptions,
    rewrite=_trickle,
    stage="shape",
    example={"bytes": 200, "every": 0.001},
)
INFORMATIONAL: Final = Kind(
    name="informational",
    summary="Answers of the 1xx kind come before the answer.",
    options=InformationalOptions,
    rewrite=_informational,
    stage="shape",
)
EARLY_RESPONSE: Final = Kind(
    name="early_response",
    summary="A refusal before the request's body was read; `match` cannot be used with it.",
    options=EarlyOptions,
    rewrite=_early_response,
    before_body=True,
)
