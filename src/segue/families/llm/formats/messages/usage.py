"""Anthropic's usage and ours.

Anthropic's `input_tokens` leaves out what was read from the cache and what was written to it; all of the input is the
sum of the three (API reference, "Create a Message", `usage`). `output_tokens` includes thinking. Ours includes all.

The price depends on three more words of it: the service tier, the speed, and where the model ran. A fast answer is in
the tier `fast`; one that had to be made in the United States in `us`, which costs 1.1 times as much
(platform.claude.com/docs/en/about-claude/pricing, "Data residency pricing").
"""

from typing import Any, Final

import msgspec

from segue.core.outcome import Usage
from segue.families.llm.formats.counts import Tokens, read_counts
from segue.families.llm.formats.messages.wire import NULL, Raw, present
from segue.families.llm.formats.messages.wire_answer import WireUsage

_STANDARD: Final = frozenset({"", "standard"})


class _Searches(msgspec.Struct, gc=False):
    web_search_requests: Tokens | None = None


_searches: Final = msgspec.json.Decoder(_Searches)
_usage: Final = msgspec.json.Decoder(WireUsage)


def told_usage(raw: Raw) -> WireUsage | None:
    """What stands where the usage belongs; `None` where nothing does."""
    return None if raw is NULL else read_counts(_usage, raw)


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
        tool_calls=_tool_calls(wire.server_tool_use),
        service_tier=_tier(wire),
    )


def _tool_calls(told: Raw) -> dict[str, int] | None:
    """Uses of Anthropic's own tools that are billed beside the tokens: searches are, fetches are not."""
    if not present(told):
        return None
    tools = read_counts(_searches, told)
    return {"web_search": tools.web_search_requests} if tools is not None and tools.web_search_requests else None


def _tier(wire: WireUsage) -> str:
    """What the price depends on besides the tokens, in one word; of several words none has a known price."""
    words = [word for word in (wire.service_tier or "", wire.speed or "") if word not in _STANDARD]
    if wire.inference_geo == "us":
        words.append("us")
    return "-".join(words)


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
    known.speed = news.speed or known.speed
    known.inference_geo = news.inference_geo or known.inference_geo


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
