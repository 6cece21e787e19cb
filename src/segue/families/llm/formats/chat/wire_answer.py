"""The shapes of an answer in OpenAI's Chat Completions, with its relatives' additions.

They are read generously: every field may be missing or null, because some compatible server leaves it out.
"""

from typing import Any

import msgspec

from segue.families.llm.formats.billed import Ticks
from segue.families.llm.formats.chat.wire import NOTHING
from segue.families.llm.formats.counts import Tokens

Raw = msgspec.Raw


class Function(msgspec.Struct, gc=False):
    """A call of a function: `arguments` is JSON as text."""

    name: str | None = None
    arguments: str | None = None


class Custom(msgspec.Struct, gc=False):
    """A call of a custom tool: free text."""

    name: str | None = None
    input: str | None = None


class ToolCall(msgspec.Struct, gc=False):
    """A call of a tool; in streams any part of it may be missing."""

    id: str | None = None
    type: str | None = None
    index: int | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: dict[str, Any] | None = None


class PromptDetails(msgspec.Struct, gc=False):
    """Kinds of input tokens."""

    cached_tokens: Tokens | None = None
    audio_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None


class CompletionDetails(msgspec.Struct, gc=False):
    """Kinds of output tokens."""

    reasoning_tokens: Tokens | None = None
    audio_tokens: Tokens | None = None
    accepted_prediction_tokens: Tokens | None = None
    rejected_prediction_tokens: Tokens | None = None


class TokenUsage(msgspec.Struct, gc=False):
    """What an answer took.

    `prompt_cache_hit_tokens` is DeepSeek's word, `num_sources_used` and `cost_in_usd_ticks` xAI's, `cost` Perplexity's
    and OpenRouter's, who with a customer's own key (`is_byok`) tells its fee alone.
    """

    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    total_tokens: Tokens | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    prompt_cache_hit_tokens: Tokens | None = None
    num_sources_used: Tokens | None = None
    cost: Raw = NOTHING
    cost_in_usd_ticks: Ticks | None = None
    is_byok: bool | None = None


class Message(msgspec.Struct, gc=False):
    """The message of an answer, or a piece of it (a delta).

    Mistral gives thinking as a part of the content; Cloudflare gives an answer that follows a schema as an object.
    """

    content: str | list[dict[str, Any]] | dict[str, Any] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None
    annotations: list[dict[str, Any]] | None = None


class Choice(msgspec.Struct, gc=False):
    """One answer, whole (`message`) or in pieces (`delta`)."""

    message: Message | None = None
    delta: Message | None = None
    finish_reason: str | None = None
    index: int | None = None


class Completion(msgspec.Struct, gc=False):
    """A whole answer, or one chunk of a streamed one. `x_groq`: where Groq tells a stream's usage."""

    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    choices: list[Choice] | None = None
    usage: Raw = NOTHING
    error: Raw = NOTHING
    service_tier: str | None = None
    citations: list[Any] | None = None
    x_groq: Raw = NOTHING
