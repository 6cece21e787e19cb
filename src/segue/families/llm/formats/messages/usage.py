"""Anthropic's usage and ours.

Anthropic's `input_tokens` leaves out what was read from the cache and what was written to it; all of the input is the
sum of the three (API reference, "Create a Message", `usage`). `output_tokens` includes thinking. Ours includes all.
"""

from typing import Any

from segue.core.outcome import Usage
from segue.families.llm.formats.messages.wire import present
from segue.families.llm.formats.messages.wire_answer import WireUsage


def read_usage(wire: WireUsage | None) -> Usage | None:
    """Our usage; `None` where nothing was told."""
    if wire is None or (wire.input_tokens is None and wire.output_tokens is None):
        return None
    read, written = wire.cache_read_input_tokens, wire.cache_creation_input_tokens
    hour = None
    if wire.cache_creation is not None:
        hour = wire.cache_creation.ephemeral_1h_input_tokens
        if written is None:
            written = (wire.cache_creation.ephemeral_5m_input_tokens or 0) + (hour or 0)
    given = wire.input_tokens
    return Usage(
        input_tokens=None if given is None else given + (read or 0) + (written or 0),
        output_tokens=wire.output_tokens,
        cached_tokens=read,
        cache_write_tokens=None if written is None else max(0, written - (hour or 0)),
        cache_write_1h_tokens=hour,
        reasoning_tokens=wire.output_tokens_details.thinking_tokens if wire.output_tokens_details is not None else None,
    )


def update(known: WireUsage, news: WireUsage) -> None:
    """Usage in a stream is told again and again, each time in full, but not each time every number of it."""
    if news.input_tokens is not None:
        known.input_tokens = news.input_tokens
    if news.output_tokens is not None:
        known.output_tokens = news.output_tokens
    if news.cache_creation_input_tokens is not None:
        known.cache_creation_input_tokens = news.cache_creation_input_tokens
    if news.cache_read_input_tokens is not None:
        known.cache_read_input_tokens = news.cache_read_input_tokens
    if news.cache_creation is not None:
        known.cache_creation = news.cache_creation
    if news.output_tokens_details is not None:
        known.output_tokens_details = news.output_tokens_details
    if present(news.server_tool_use):
        known.server_tool_use = news.server_tool_use
    known.service_tier = news.service_tier or known.service_tier


def write_usage(usage: Usage | None) -> dict[str, Any]:
    """Anthropic's usage; zero where nothing is known of the two numbers that every SDK expects."""
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    hour, short = usage.cache_write_1h_tokens, usage.cache_write_tokens
    written = None if hour is None and short is None else (hour or 0) + (short or 0)
    known = (usage.input_tokens or 0) - (usage.cached_tokens or 0) - (written or 0)
    wire: dict[str, Any] = {"input_tokens": max(0, known), "output_tokens": usage.output_tokens or 0}
    if written is not None:
        wire["cache_creation_input_tokens"] = written
    if hour is not None:
        wire["cache_creation"] = {"ephemeral_5m_input_tokens": short or 0, "ephemeral_1h_input_tokens": hour}
    if usage.cached_tokens is not None:
        wire["cache_read_input_tokens"] = usage.cached_tokens
    if usage.reasoning_tokens is not None:
        wire["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return wire
