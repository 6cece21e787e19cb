"""Calls, candidates and streams for the chat family, without a pipeline and without a network."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from types import SimpleNamespace

from segue.core.failure import Failure
from segue.core.provider import Candidate, Key, Provider
from segue.families.llm.formats.openai_chat import OpenAIChat, bearer
from segue.families.llm.formats.openai_stream import ChatStreamReader
from segue.families.llm.request import ChatRequest, parse_chat

SECRET = "sk-very-secret-key-123456"
URL = "https://api.example.com/v1/chat/completions"
CODEC = OpenAIChat(URL, bearer)


def request(**fields) -> ChatRequest:
    return parse_chat(
        json.dumps({"model": "smart", "messages": [{"role": "user", "content": "hi"}], **fields}).encode()
    )


def call(**fields) -> SimpleNamespace:
    """What a codec reads of a call."""
    return SimpleNamespace(
        request=request(**fields), answered_by=candidate(), attempts=[1], id="call_1", continuation=None
    )


def candidate(model: str = "gpt-4o", secret: str = SECRET) -> Candidate:
    return Candidate(Provider("acme", "openai", frozenset({"chat"}), None), model, Key("key-1", secret), None)


def chunk(content: str | None = None, *, finish: str | None = None, index: int = 0, **delta) -> bytes:
    """One event of a stream, as OpenAI writes it."""
    if content is not None:
        delta["content"] = content
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return event({"id": "c-1", "object": "chat.completion.chunk", "model": "gpt-4o", "choices": [choice]})


def event(document: object) -> bytes:
    return b"data: " + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


ROLE = chunk("", role="assistant")
END = chunk(finish="stop")
USAGE = event({"id": "c-1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}})
DONE = b"data: [DONE]\n\n"
GOOD = ROLE + chunk("Hel") + chunk("lo — ünï") + END + USAGE + DONE


class Read:
    """What came of feeding a reader: the bytes for the caller, and how the reader stands."""

    def __init__(self, reader: ChatStreamReader, out: bytes) -> None:
        self.out = out
        self.committed = reader.committed
        self.finished = reader.finished
        self.usage = reader.usage
        self.failure: Failure | None = reader.failure

    @property
    def told(self) -> tuple:
        """Everything that anybody could notice, for comparing two readings."""
        failure = (self.failure.kind, self.failure.message) if self.failure else None
        usage = (self.usage.input_tokens, self.usage.output_tokens) if self.usage else None
        return self.out, self.committed, self.finished, failure, usage


def read(pieces: Iterable[bytes], *, end: bool = True, **fields) -> Read:
    """Feed a new reader piece by piece, as the pipeline does: until it is finished or broken."""
    reader = ChatStreamReader(request(stream=True, **fields), SECRET)
    out = b""
    for piece in pieces:
        if reader.finished or reader.failure is not None:
            break
        if piece:
            out += reader.feed(piece)
    if end:
        out += reader.end()
    return Read(reader, out)


def cut_at(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The same bytes in pieces."""
    edges = [0, *sorted(places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]
