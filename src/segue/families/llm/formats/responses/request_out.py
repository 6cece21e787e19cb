"""A conversation into a request for a provider that speaks Responses.

`store` is false unless the caller says otherwise: Segue keeps what a conversation needs itself, so nothing has to lie
with the provider. Then OpenAI forgets what the model thought, and thinking survives to the next turn only as
ciphertext that travels with the conversation; it is asked for (`reasoning.encrypted_content`) wherever the caller
thinks of reasoning at all. It is not asked for always: models without reasoning refuse the wish.
"""

import re
from operator import attrgetter
from typing import Any, Final

import msgspec

from segue.families.llm.formats.openai_sampling import taken_sampling
from segue.families.llm.formats.responses.items_out import ItemWriter
from segue.families.llm.formats.responses.request_in import ENCRYPTED, LOGPROBS
from segue.families.llm.formats.responses.settings import format_of, tool_choice_of, tools_of
from segue.families.llm.ir.blocks import Text
from segue.families.llm.ir.conversation import Conversation, Message, Raw, Reasoning, Sampling
from segue.families.llm.ir.effort import effort_for
from segue.families.llm.ir.extra import named
from segue.families.llm.ir.format import Target, Written

MIN_TOKENS: Final = 16
"""The least `max_output_tokens` that OpenAI takes (its reference: "minimum 16")."""

OWN_FIELDS: Final = frozenset({
    "access_programs", "context_management", "image", "moderation", "prompt_cache_options", "stream_options",
    "tool_choice",
})  # fmt: skip
"""Further fields of Responses that belong to no other vendor's words; `tool_choice` here names a hosted tool."""

TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})

_WORDS: Final = (
    "metadata", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "truncation",
    "max_tool_calls",
)  # fmt: skip
_IN_GROUP: Final = re.compile(r"tools\[\d+\]\.(?:tools\[\d+\]\.|description$)")
_words: Final = attrgetter(*_WORDS)
_encode: Final = msgspec.json.encode


def write_request(conversation: Conversation, target: Target) -> Written:
    """See `ProviderFormat.write_request`.

    Flags: `no_developer_role` (instructions in the conversation get the role `system`), `no_effort_none` (the model
    cannot switch thinking off: `minimal` is the least).
    """
    writer = ItemWriter("system" if "no_developer_role" in target.flags else "developer", conversation.namespaces)
    body: dict[str, Any] = {"model": target.model}
    system = conversation.system
    if system and (not conversation.messages or any(part.cache for part in system)):
        # Only an item can be marked for the cache, and OpenAI wants at least one.
        writer.write([Message("system", list(system))])
    elif system:
        body["instructions"] = "\n\n".join(part.text for part in system)
    writer.write(conversation.messages)
    if conversation.output is not None and not conversation.output.schema and not _says_json(conversation):
        # OpenAI refuses JSON output unless a message has the word.
        writer.write([Message("system", [Text("Answer with a JSON object.")])])
        writer.warnings["an instruction to answer in JSON was added, as OpenAI demands it"] = None
    body["input"] = writer.items
    if conversation.tools:
        body["tools"] = tools_of(conversation)
    choice = tool_choice_of(conversation)
    if choice is not None and (conversation.tools or choice not in ("auto", "none")):
        body["tool_choice"] = choice
    if conversation.parallel_tools is not None and conversation.tools:
        body["parallel_tool_calls"] = conversation.parallel_tools
    sampling, lost = taken_sampling(conversation.sampling, target.model)
    if lost:
        writer.warnings[lost] = None
    _answer(conversation, sampling, body)
    reasoning = conversation.reasoning
    if reasoning is not None and target.capabilities and "reasoning" not in target.capabilities:
        note = f"reasoning left out for {target.provider or 'the provider'}: {target.model} does not reason"
        writer.warnings[note] = None
        reasoning = None
    if reasoning is not None:
        written = _reasoning(reasoning, target, writer.warnings)
        if written:
            body["reasoning"] = written
    thinks = reasoning is not None and reasoning.effort != "none" and reasoning.enabled is not False
    include = list(conversation.include)
    if thinks or writer.sealed:
        include.append(ENCRYPTED)
    if conversation.logprobs:
        include.append(LOGPROBS)
    if include:
        body["include"] = include
    _settings(conversation, body, writer.warnings)
    return Written(_encode(body), warnings=list(writer.warnings))


def _answer(conversation: Conversation, sampling: Sampling, body: dict[str, Any]) -> None:
    """How the answer is to be."""
    text: dict[str, Any] = {}
    if conversation.output is not None:
        text["format"] = format_of(conversation.output)
    if conversation.verbosity:
        text["verbosity"] = conversation.verbosity
    if text:
        body["text"] = text
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if conversation.top_logprobs is not None:
        body["top_logprobs"] = conversation.top_logprobs


def _settings(conversation: Conversation, body: dict[str, Any], warnings: dict[str, None]) -> None:
    """Everything that is written as it was said."""
    background = bool(conversation.background)
    body["store"] = background if conversation.store is None else conversation.store  # background needs the store
    if conversation.max_tokens is not None:
        body["max_output_tokens"] = max(MIN_TOKENS, conversation.max_tokens)
        if conversation.max_tokens < MIN_TOKENS:
            warnings[f"max_tokens raised to {MIN_TOKENS}, the least that OpenAI takes"] = None
    if conversation.stream:
        body["stream"] = True
    if background:
        body["background"] = True
    previous = conversation.previous
    if previous:
        body["conversation" if previous.startswith("conv_") else "previous_response_id"] = previous
    if conversation.prompt:
        body["prompt"] = Raw(conversation.prompt)
    tier = conversation.service_tier
    if tier in TIERS:
        body["service_tier"] = tier
    elif tier:
        warnings[f"service_tier {tier[:32]!r} left out: OpenAI has none of this name"] = None
    if any(_words(conversation)):
        body.update((name, value) for name, value in zip(_WORDS, _words(conversation), strict=True) if value)
    lost = []
    groups = conversation.namespaces is not None and bool(conversation.namespaces.declared)
    for name, raw in conversation.extra.items():
        if name in OWN_FIELDS:
            body[name] = raw
        elif not (groups and _IN_GROUP.match(name)):  # groups of tools go as they came
            lost.append(name)
    if lost:
        warnings[f"{named(lost)} left out: not a field of OpenAI's Responses that Segue can place"] = None


def _reasoning(reasoning: Reasoning, target: Target, warnings: dict[str, None]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    effort = "none" if reasoning.enabled is False else effort_for(reasoning)
    if effort == "none" and "no_effort_none" in target.flags:
        effort = "minimal"
        warnings["reasoning lowered to 'minimal': this model cannot switch it off"] = None
    if effort is not None:
        written["effort"] = effort
    if reasoning.summary is not None:
        written["summary"] = reasoning.summary
    elif (reasoning.show or (reasoning.show is None and reasoning.enabled)) and effort != "none":
        # Whoever switches thinking on (Anthropic's clients) is shown it unless he says otherwise.
        written["summary"] = "auto"
    return written


def _says_json(conversation: Conversation) -> bool:
    return any(
        isinstance(block, Text) and "json" in block.text.lower()
        for message in conversation.messages
        for block in message.content
    )
