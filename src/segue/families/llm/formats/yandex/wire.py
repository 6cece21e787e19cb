"""What Yandex's completion answers. Whole numbers come as strings (proto3's JSON for 64 bits).

Source: yandex.cloud.ai.foundation_models.v1, TextGenerationService.Completion, and its REST reference.
"""

from typing import Final

import msgspec

from segue.core.outcome import Usage
from segue.families.llm.formats.counts import NOTHING, Tokens, read_counts
from segue.families.llm.ir.answer import Stop

Raw = msgspec.Raw
Number = Tokens | str | None


class _Wire(msgspec.Struct, rename="camel", gc=False):
    """Names on the wire are in camel case."""


class FunctionCall(_Wire):
    """A call of a function; `arguments` is an object."""

    name: str | None = None
    arguments: Raw = NOTHING


class ToolCall(_Wire):
    """A call of a tool."""

    function_call: FunctionCall | None = None


class ToolCallList(_Wire):
    """The calls of one answer."""

    tool_calls: list[ToolCall] | None = None


class Message(_Wire):
    """The assistant's turn: text or calls. In a stream the text is all that has come so far."""

    text: str | None = None
    tool_call_list: ToolCallList | None = None


class Alternative(_Wire):
    """One answer and how far it has come."""

    message: Message | None = None
    status: str | None = None


class TokenDetails(_Wire):
    """Of the completion."""

    reasoning_tokens: Number = None


class ContentUsage(_Wire):
    """What an answer took so far; the completion includes reasoning."""

    input_text_tokens: Number = None
    completion_tokens: Number = None
    completion_tokens_details: TokenDetails | None = None


class Result(_Wire):
    """An answer, or in a stream the whole of it so far."""

    alternatives: list[Alternative] | None = None
    usage: Raw = NOTHING
    model_version: str | None = None


class Line(_Wire):
    """A whole answer, or one line of a stream."""

    result: Result | None = None
    error: Raw = NOTHING


_usage: Final = msgspec.json.Decoder(ContentUsage)

PREFIX = "ALTERNATIVE_STATUS_"
STOPS = {
    "FINAL": Stop.END,
    "TRUNCATED_FINAL": Stop.LENGTH,
    "CONTENT_FILTER": Stop.FILTER,
    "TOOL_CALLS": Stop.TOOLS,
}


def stop_of(status: str | None) -> Stop | None:
    """Our word for a status; `None` while the answer goes on."""
    word = (status or "").removeprefix(PREFIX)
    if word in {"", "UNSPECIFIED", "PARTIAL"}:
        return None
    return STOPS.get(word, Stop.OTHER)


def told_usage(raw: Raw) -> ContentUsage | None:
    """What stands where the usage belongs; `None` where nothing does."""
    return read_counts(_usage, raw)


def usage_of(raw: Raw) -> Usage | None:
    """Usage by our convention, which is Yandex's too: the output includes reasoning; nothing is told of caches."""
    told = told_usage(raw)
    if told is None:
        return None
    details = told.completion_tokens_details
    inputs, outputs = _count(told.input_text_tokens), _count(told.completion_tokens)
    if inputs is None and outputs is None:
        return None
    return Usage(inputs, outputs, reasoning_tokens=_count(details.reasoning_tokens) if details is not None else None)


def _count(value: Number) -> int | None:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else None  # noqa: PLR2004 - 64 bits
    return value
