"""Chats as the library gives them: text where the caller wants text, and everything else where it is wanted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from segue.core.call import Call
from segue.core.money import Cost
from segue.core.outcome import Usage
from segue.families.llm.formats.chat.usage import read_usage
from segue.families.llm.sse import EventSplitter, data_of


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A whole answer.

    Attributes:
        text: what the model said; empty when it only calls tools.
        tool_calls: calls of tools, in OpenAI's form.
        finish_reason: why it stopped: `stop`, `length`, `tool_calls`, …
        provider, model: who answered, and which of its models.
        elapsed: seconds from the call to the answer, retries and failovers included.
        cost: what it cost; `None` where no price is known.
        attempts: how many tries it took.
        raw: the provider's answer, decoded.
    """

    text: str
    tool_calls: tuple[dict[str, Any], ...]
    finish_reason: str | None
    provider: str
    model: str
    elapsed: float
    usage: Usage | None
    cost: Cost | None
    attempts: int
    call_id: str
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a streamed answer. `raw` is the provider's event, decoded; `str(piece)` its text."""

    text: str
    finish_reason: str | None
    provider: str
    model: str
    raw: dict[str, Any]

    def __str__(self) -> str:
        return self.text


def to_messages(messages: str | Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """A conversation; a plain question becomes one message of the user."""
    return [{"role": "user", "content": messages}] if isinstance(messages, str) else messages


def read_reply(body: bytes, call: Call, elapsed: float, cost: Cost | None) -> ChatReply:
    """A reply from an answer that the codec has accepted."""
    raw: dict[str, Any] = msgspec.json.decode(body)
    choice = _first(raw)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    who = call.answered_by
    return ChatReply(
        text=_text(message.get("content")),
        tool_calls=tuple(message.get("tool_calls") or ()),
        finish_reason=choice.get("finish_reason"),
        provider=who.provider.id if who else "",
        model=who.model if who else "",
        elapsed=elapsed,
        usage=read_usage(msgspec.Raw(msgspec.json.encode(raw.get("usage")))),
        cost=cost,
        attempts=len(call.attempts),
        call_id=call.id,
        raw=raw,
    )


class ChatPieces:
    """Pieces out of the bytes of a stream."""

    def __init__(self, call: Call) -> None:
        who = call.answered_by
        self._provider = who.provider.id if who else ""
        self._model = who.model if who else ""
        self._splitter = EventSplitter()

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """The pieces that these bytes complete; events without text or end are left out."""
        for event in self._splitter.feed(chunk):
            data = data_of(event)
            if not data or data == _DONE:
                continue
            raw: dict[str, Any] = msgspec.json.decode(data)
            choice = _first(raw)
            delta = choice.get("delta")
            text = _text(delta.get("content")) if isinstance(delta, dict) else ""
            finish = choice.get("finish_reason")
            if text or finish or (isinstance(delta, dict) and delta.get("tool_calls")):
                yield Piece(text, finish, self._provider, self._model, raw)


_DONE: Final = b"[DONE]"


def _first(raw: Mapping[str, Any]) -> dict[str, Any]:
    choices = raw.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


def _text(content: object) -> str:
    """The text of a message's content, be it one string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""
