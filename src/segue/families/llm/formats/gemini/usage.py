"""Google's way of counting tokens, to and from ours.

At Google the prompt includes what came from a cache, but not the results of Google's own tools; the candidates do not
include the thoughts. Here the input includes both and the output includes the thoughts.
Source: message GenerateContentResponse.UsageMetadata.
"""

from typing import Any, Final

from segue.core.outcome import Usage
from segue.families.llm.formats.gemini.wire import TokensOf, UsageMetadata

_AUDIO: Final = "AUDIO"


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
        usage.audio_input_tokens = _audio(wire.prompt_tokens_details)
    if wire.candidates_tokens_details:
        usage.audio_output_tokens = _audio(wire.candidates_tokens_details)
    return usage


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
    if usage.cached_tokens is not None:
        wire["cachedContentTokenCount"] = usage.cached_tokens
    if usage.reasoning_tokens is not None:
        wire["thoughtsTokenCount"] = usage.reasoning_tokens
    if usage.tool_tokens is not None:
        wire["toolUsePromptTokenCount"] = usage.tool_tokens
    if usage.audio_input_tokens is not None and taken is not None:
        wire["promptTokensDetails"] = _details(max(taken - tools, 0), usage.audio_input_tokens)
    if usage.audio_output_tokens is not None and given is not None:
        wire["candidatesTokensDetails"] = _details(max(given - thought, 0), usage.audio_output_tokens)
    return wire


def _audio(details: list[TokensOf]) -> int | None:
    counts = [each.token_count or 0 for each in details if each.modality == _AUDIO]
    return sum(counts) if counts else None


def _details(total: int, audio: int) -> list[dict[str, Any]]:
    parts = [("TEXT", max(total - audio, 0)), (_AUDIO, audio)]
    return [{"modality": modality, "tokenCount": count} for modality, count in parts if count or modality == _AUDIO]
