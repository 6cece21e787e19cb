"""Streams as vendors send them, broken in many ways; and what a reader says of them."""

import random

from families.llm.support import DONE, END, ROLE, SECRET, USAGE, chunk, event, request
from fuzzing.mutations import cut_up, damaged
from segue.families.llm.formats import openai_stream
from segue.families.llm.formats.openai_stream import ChatStreamReader

PADDED = (
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}],"obfuscation":"%b"}\n\n'
)
SEEDS = [
    ROLE + chunk("Hel") + chunk("lo") + chunk(" wörld") + chunk("!") + END + USAGE + DONE,
    (ROLE + chunk("a") + chunk("b") + END + DONE).replace(b"\n", b"\r\n"),
    ROLE + PADDED % (b"one", b"xy") + PADDED % (b"two", b"") + PADDED % (b"\\u00fc", b"zzzz") + END + DONE,
    ROLE + chunk("x", index=1) + chunk("y") + END + chunk(finish="stop", index=1) + DONE,
    chunk(role="assistant", tool_calls=[{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}])
    + chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}])
    + chunk(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]) + chunk(finish="tool_calls") + DONE,
    b"\xef\xbb\xbf: ping\n\n" + ROLE + b"event: message\n" + chunk("z") + b": ping\n\n" + END + DONE,
    ROLE + chunk("half") + event({"error": {"message": "boom", "code": 500}}),
    ROLE + chunk("half") + b'event: error\ndata: {"message":"boom"}\n\n',
]  # fmt: skip
PIECES = [
    b"\n", b"\r", b"\r\n", b"\n\n", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"data: ", b"data:",
    b"event: error\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"null", b"0", b'"finish_reason":"stop"',
    b'"error":{"code":1}', b'"usage":{"x":1}', b"[DONE]", DONE, END, b"x" * 5_000, b"[" * 2_000, b"\\ud800",
    b'"content":"', b": c\n\n", b"\xc3", b"\xe2\x80\xa8",
]  # fmt: skip


def mutated(dice: random.Random) -> list[bytes]:
    """One stream, broken or not, in pieces as a network may cut it."""
    stream = dice.choice(SEEDS) if dice.random() < 0.95 else dice.randbytes(dice.randrange(300))
    return cut_up(damaged(stream, dice, dice.randrange(4), PIECES, SEEDS), dice)


def told(pieces: list[bytes]) -> tuple:
    """Everything that anybody could notice of a reader that was given these bytes."""
    reader = ChatStreamReader(request(stream=True), SECRET)
    out = b""
    for piece in pieces:
        if reader.finished or reader.failure is not None:
            break
        out += reader.feed(piece)
    out += reader.end()
    usage = (reader.usage.input_tokens, reader.usage.output_tokens) if reader.usage else None
    failure = (reader.failure.kind, reader.failure.message) if reader.failure else None
    return out, reader.committed, reader.finished, reader.answered, failure, usage


def by_decoding(pieces: list[bytes]) -> tuple:
    """The same of a reader that decodes every event."""
    learn, openai_stream.pattern_of = openai_stream.pattern_of, lambda _event: None
    try:
        return told(pieces)
    finally:
        openai_stream.pattern_of = learn
