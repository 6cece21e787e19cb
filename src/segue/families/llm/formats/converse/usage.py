"""What an answer of Bedrock's took, by our convention."""

from typing import Final

import msgspec

from segue.core.outcome import Usage
from segue.families.llm.formats.converse.wire import TokenUsage
from segue.families.llm.formats.counts import read_counts

_usage: Final = msgspec.json.Decoder(TokenUsage)


def usage_of(raw: msgspec.Raw, tier: str = "") -> Usage | None:
    """Usage by our convention; `raw` is what stands where it belongs, `tier` how it was served.

    Bedrock's input is without what came from or went to the cache: "total input tokens = inputTokens +
    cacheReadInputTokens + cacheWriteInputTokens" (User Guide, "Prompt caching"). Its output includes thinking, whose
    share it does not tell. `cacheDetails` splits the tokens that were written by the time they are kept.
    """
    told = read_counts(_usage, raw)
    if told is None or (told.input_tokens is None and told.output_tokens is None):
        return None
    read, written = told.cache_read_input_tokens, told.cache_write_input_tokens
    hour = None
    if told.cache_details:
        hour = sum(detail.input_tokens or 0 for detail in told.cache_details if detail.ttl == "1h") or None
    if hour is not None and written is not None:
        short: int | None = max(0, written - hour)
    else:
        short = written
    inputs = None if told.input_tokens is None else told.input_tokens + (read or 0) + max(written or 0, hour or 0)
    return Usage(
        input_tokens=inputs,
        output_tokens=told.output_tokens,
        cached_tokens=read,
        cache_write_tokens=short,
        cache_write_1h_tokens=hour,
        service_tier=tier,
    )
