"""Usage in Chat Completions.

Its convention: the prompt includes what came from a cache, the completion includes thinking
(platform.openai.com/docs/api-reference/chat/object).
"""

from typing import Any

import msgspec

from segue.core.outcome import Usage
from segue.families.llm.formats.chat.wire import TokenUsage

_usage = msgspec.json.Decoder(TokenUsage)


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """The usage that a provider reports, if it reports one."""
    if bytes(raw) == b"null":
        return None
    try:
        usage = _usage.decode(raw)
    except msgspec.DecodeError:
        return None
    if usage.prompt_tokens is None and usage.completion_tokens is None:
        return None
    told = Usage(usage.prompt_tokens, usage.completion_tokens)
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    if prompt is not None:
        told.cached_tokens = prompt.cached_tokens
        told.audio_input_tokens = prompt.audio_tokens
        told.cache_write_tokens = prompt.cache_write_tokens
    if told.cached_tokens is None:
        told.cached_tokens = usage.prompt_cache_hit_tokens
    if completion is not None:
        told.reasoning_tokens = completion.reasoning_tokens
        told.audio_output_tokens = completion.audio_tokens
        told.predicted_tokens = completion.accepted_prediction_tokens
        told.rejected_tokens = completion.rejected_prediction_tokens
    return told


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
