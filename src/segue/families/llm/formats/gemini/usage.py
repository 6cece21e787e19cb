"""Google's way of counting tokens, to and from ours.

At Google the prompt includes what came from a cache, but not the results of Google's own tools; the candidates do not
include the thoughts. Here the input includes both and the output includes the thoughts.
Source: message GenerateContentResponse.UsageMetadata.

How it served is told by `serviceTier` or a header (Gemini's API) or by `trafficType` (Vertex). Throughput that was
bought beforehand has no price for a token, so it is a tier without one.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.outcome import Usage
from segue.families.llm.formats.counts import NOTHING, read_counts
from segue.families.llm.formats.gemini.wire import TokensOf, UsageMetadata

TIER_HEADER: Final = "x-gemini-service-tier"
"""Where Gemini's API tells by which tier it served (ai.google.dev/gemini-api/docs/priority-inference)."""
_AUDIO: Final = "AUDIO"
_IMAGE: Final = "IMAGE"
_NUMBERS: Final = {_IMAGE: 2, _AUDIO: 4}
"""Numbers of these words (enum Modality), which a client may choose to be told."""
_TRAFFIC: Final = {
    "ON_DEMAND": "",
    "ON_DEMAND_PRIORITY": "priority",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_OFFPEAK": "offpeak",
    "PROVISIONED_THROUGHPUT": "provisioned",
}


class _Grounding(msgspec.Struct, rename="camel", gc=False):
    web_search_queries: list[msgspec.Raw] | None = None


_grounding: Final = msgspec.json.Decoder(_Grounding)
_usage: Final = msgspec.json.Decoder(UsageMetadata)


def told_usage(raw: msgspec.Raw) -> UsageMetadata | None:
    """What stands where the usage belongs; `None` where nothing does."""
    return None if raw is NOTHING else read_counts(_usage, raw)


def read_usage(wire: UsageMetadata) -> Usage | None:
    """What an answer took; `None` where nothing is told."""
    prompt, said, thought = wire.prompt_token_count, wire.candidates_token_count, wire.thoughts_token_count
    tools = wire.tool_use_prompt_token_count
    if prompt is None and said is None and wire.total_token_count is None:
        return None
    usage = Usage(
        None if prompt is None else prompt + (tools or 0),
        None if said is None and thought is None else (said or 0) + (thought or 0),
    )
    usage.cached_tokens = wire.cached_content_token_count
    usage.reasoning_tokens = thought
    usage.tool_tokens = tools
    if wire.prompt_tokens_details:
        usage.audio_input_tokens = _count(wire.prompt_tokens_details, _AUDIO)
        usage.image_input_tokens = _count(wire.prompt_tokens_details, _IMAGE)
    if wire.candidates_tokens_details:
        usage.audio_output_tokens = _count(wire.candidates_tokens_details, _AUDIO)
        usage.image_output_tokens = _count(wire.candidates_tokens_details, _IMAGE)
    if wire.service_tier or wire.traffic_type:
        usage.service_tier = tier_of(wire.service_tier) or _TRAFFIC.get(str(wire.traffic_type or ""), "")
    return usage


def searches_of(grounding: msgspec.Raw) -> dict[str, int] | None:
    """How many searches of the web an answer stands on; `None` for none."""
    try:
        queries = _grounding.decode(grounding).web_search_queries
    except msgspec.DecodeError:
        return None
    return {"web_search": len(queries)} if queries else None


def with_tier(usage: Usage | None, headers: Mapping[str, str]) -> Usage | None:
    """A usage that knows how it was served, where a header alone tells it."""
    told = headers.get(TIER_HEADER)
    if told and usage is not None and not usage.service_tier:
        usage.service_tier = tier_of(told)
    return usage


def tier_of(told: str | int | None) -> str:
    """A service tier as Google writes it (`SERVICE_TIER_FLEX`, `flex`), in our word; empty for none and for usual."""
    word = (told if isinstance(told, str) else "").lower().removeprefix("service_tier_")
    return "" if word in {"unspecified", "standard"} else word


def write_usage(usage: Usage) -> dict[str, Any]:
    """The `usageMetadata` of an answer for a client."""
    tools, thought = usage.tool_tokens or 0, usage.reasoning_tokens or 0
    taken, given = usage.input_tokens, usage.output_tokens
    wire: dict[str, Any] = {}
    if taken is not None:
        wire["promptTokenCount"] = max(taken - tools, 0)
    if given is not None:
        wire["candidatesTokenCount"] = max(given - thought, 0)
    if taken is not None or given is not None:
        wire["totalTokenCount"] = (taken or 0) + (given or 0)
    # What is 0, Google leaves out: applications look whether a field is there.
    if usage.cached_tokens:
        wire["cachedContentTokenCount"] = usage.cached_tokens
    if thought:
        wire["thoughtsTokenCount"] = thought
    if tools:
        wire["toolUsePromptTokenCount"] = tools
    if usage.audio_input_tokens and taken is not None:
        wire["promptTokensDetails"] = _details(max(taken - tools, 0), usage.audio_input_tokens)
    if usage.audio_output_tokens and given is not None:
        wire["candidatesTokensDetails"] = _details(max(given - thought, 0), usage.audio_output_tokens)
    return wire


def _count(details: list[TokensOf], modality: str) -> int | None:
    words = (modality, _NUMBERS[modality])
    counts = [each.token_count or 0 for each in details if each.modality in words]
    return sum(counts) if counts else None


def _details(total: int, audio: int) -> list[dict[str, Any]]:
    parts = [("TEXT", max(total - audio, 0)), (_AUDIO, audio)]
    return [{"modality": modality, "tokenCount": count} for modality, count in parts if count or modality == _AUDIO]
