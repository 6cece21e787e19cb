"""Usage in Chat Completions.

Its convention: the prompt includes what came from a cache, the completion includes thinking
(platform.openai.com/docs/api-reference/chat/object). Two vendors of this format leave thinking out of the completion,
and say so by their sum: at xAI (docs.x.ai/docs/guides/reasoning) and at Google's compatible address `total_tokens` is
prompt, completion and thinking together. In the same way Mistral's Voxtral was seen to leave sound out of the prompt.
"""

from typing import Any

import msgspec

from segue.core.outcome import Usage
from segue.families.llm.formats.billed import billed_of
from segue.families.llm.formats.chat.wire import NOTHING
from segue.families.llm.formats.chat.wire_answer import TokenUsage
from segue.families.llm.formats.counts import read_counts

_usage = msgspec.json.Decoder(TokenUsage)


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """The usage that a provider reports, if it reports one."""
    usage = read_counts(_usage, raw)
    return None if usage is None else told(usage)


def told(usage: TokenUsage) -> Usage | None:
    """What is told by a usage as it is written; `None` where that is nothing."""
    if usage.prompt_tokens is None and usage.completion_tokens is None:
        return None
    read = Usage(usage.prompt_tokens, usage.completion_tokens)
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    if prompt is not None:
        read.cached_tokens = prompt.cached_tokens
        read.audio_input_tokens = prompt.audio_tokens
        read.cache_write_tokens = prompt.cache_write_tokens
        if prompt.audio_tokens and usage.total_tokens is not None:
            beside = (usage.prompt_tokens or 0) + prompt.audio_tokens
            if usage.total_tokens == beside + (usage.completion_tokens or 0):
                read.input_tokens = beside
    if read.cached_tokens is None:
        read.cached_tokens = usage.prompt_cache_hit_tokens
    if usage.num_sources_used:
        read.tool_calls = {"live_search": usage.num_sources_used}
    if (usage.cost is not NOTHING or usage.cost_in_usd_ticks is not None) and not usage.is_byok:
        read.billed = billed_of(usage.cost, usage.cost_in_usd_ticks)
    if completion is not None:
        read.reasoning_tokens = completion.reasoning_tokens
        if completion.reasoning_tokens and usage.total_tokens is not None:
            beside = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0) + completion.reasoning_tokens
            if usage.total_tokens == beside:
                read.output_tokens = (usage.completion_tokens or 0) + completion.reasoning_tokens
        read.audio_output_tokens = completion.audio_tokens
        read.predicted_tokens = completion.accepted_prediction_tokens
        read.rejected_tokens = completion.rejected_prediction_tokens
    return read


class _Groq(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw(b"null")


_groq = msgspec.json.Decoder(_Groq)


def read_groq(raw: msgspec.Raw) -> Usage | None:
    """The usage that Groq tells in the last chunk of a stream (`x_groq`), whether it was asked for or not."""
    try:
        return read_usage(_groq.decode(raw).usage)
    except msgspec.DecodeError:
        return None  # null, nearly always


def tier_of(service_tier: object) -> str:
    """How the vendor says that it served, which a price may depend on; empty where it says nothing of use."""
    return service_tier if isinstance(service_tier, str) else ""


def write_usage(usage: Usage) -> dict[str, Any]:
    """The usage as a client of Chat Completions reads it."""
    prompt, completion = usage.input_tokens or 0, usage.output_tokens or 0
    written: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    details = {"cached_tokens": usage.cached_tokens or 0, "audio_tokens": usage.audio_input_tokens or 0}
    stored = (usage.cache_write_tokens or 0) + (usage.cache_write_1h_tokens or 0)
    if stored:
        details["cache_write_tokens"] = stored
    written["prompt_tokens_details"] = details
    written["completion_tokens_details"] = {
        "reasoning_tokens": usage.reasoning_tokens or 0,
        "audio_tokens": usage.audio_output_tokens or 0,
        "accepted_prediction_tokens": usage.predicted_tokens or 0,
        "rejected_prediction_tokens": usage.rejected_tokens or 0,
    }
    return written
