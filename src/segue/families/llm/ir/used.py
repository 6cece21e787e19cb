"""What a conversation makes use of, by name.

It is asked of every request that is translated, before anything is written. So whatever most requests do not have
(settings of one vendor's, marks, citations) is passed over in one step, and paths are only written where something
has been found.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

from segue.families.llm.ir.blocks import Media, Refusal, ServerItem, Text, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, FunctionTool, Message, Sampling
from segue.families.llm.ir.extra import named
from segue.families.llm.ir.fields import Field, Uses


def used(conversation: Conversation) -> Uses:
    """Everything that a request makes use of; of a field that is used more than once, the first place counts."""
    found: Uses = {}
    if conversation.system:
        found[Field.SYSTEM, ""] = ""
        for part in conversation.system:
            if part.cache is not None:
                found[Field.CACHE_MARKS, ""] = ""
    _add_messages(found, conversation.messages)
    if conversation.tools:
        _add_tools(found, conversation)
    if conversation.tool_choice is not None or conversation.parallel_tools is False:
        _add_choice(found, conversation)
    if conversation.reasoning is not None:
        _add_reasoning(found, conversation)
    _add_settings(found, conversation)
    return found


def _add_messages(found: Uses, messages: list[Message]) -> None:
    for number, message in enumerate(messages):
        if message.role == "system":
            found.setdefault((Field.SYSTEM_INSIDE, ""), f"messages[{number}]")
        if message.name:
            found.setdefault((Field.SPEAKER_NAME, ""), f"messages[{number}]")
        for block in message.content:
            if isinstance(block, Text):
                if block.cache is not None or block.citations:
                    _add_text(found, block, number)
            elif isinstance(block, ToolUse):
                if block.cache is not None or block.custom:
                    _add_use(found, block, number)
            elif isinstance(block, ToolResult):
                _add_result(found, block, number)
            elif isinstance(block, Media) and message.role == "assistant":
                found.setdefault((Field.ASSISTANT_MEDIA, ""), f"messages[{number}]")
            else:
                _BLOCKS[type(block)](found, block, number)


def _add_text(found: Uses, block: Text, number: int) -> None:
    if block.cache is not None:
        found.setdefault((Field.CACHE_MARKS, ""), f"messages[{number}]")
    if block.citations:
        found.setdefault((Field.CITATIONS, ""), f"messages[{number}]")


def _add_result(found: Uses, block: ToolResult, number: int) -> None:
    if block.error:
        found.setdefault((Field.TOOL_ERROR, ""), f"messages[{number}]")
    if block.cache is not None:
        found.setdefault((Field.CACHE_MARKS, ""), f"messages[{number}]")
    for part in block.content:
        if type(part) is Media:
            found.setdefault((Field.TOOL_MEDIA, ""), f"messages[{number}]")
            _add_media(found, part, number)


def _add_use(found: Uses, block: ToolUse, number: int) -> None:
    if block.cache is not None:
        found.setdefault((Field.CACHE_MARKS, ""), f"messages[{number}]")
    if block.custom:
        found.setdefault((Field.CUSTOM_TOOLS, ""), block.name)


def _add_thinking(found: Uses, block: Thinking, number: int) -> None:
    bound = "" if block.signature is None else block.signature.vendor
    found.setdefault((Field.THINKING, bound), f"messages[{number}]")


def _add_refusal(found: Uses, _block: Refusal, number: int) -> None:
    found.setdefault((Field.REFUSAL, ""), f"messages[{number}]")


def _add_server_item(found: Uses, block: ServerItem, number: int) -> None:
    if block.plain is not None:
        found.setdefault((Field.VENDOR_TEXTS, ""), f"{block.vendor} {block.type}")
        if isinstance(block.plain, ToolResult):
            _add_result(found, block.plain, number)
        else:
            _add_media(found, block.plain, number)
        return
    found.setdefault((Field.SERVER_ITEMS, block.vendor), f"{block.vendor} {block.type}")


_MEDIA: Final[Mapping[tuple[str, str], Field]] = {
    ("image", "data"): Field.IMAGE_DATA,
    ("image", "url"): Field.IMAGE_URL,
    ("image", "file"): Field.IMAGE_FILE,
    ("document", "data"): Field.DOCUMENT_DATA,
    ("document", "url"): Field.DOCUMENT_URL,
    ("document", "file"): Field.DOCUMENT_FILE,
    ("document", "text"): Field.DOCUMENT_TEXT,
}


def _add_media(found: Uses, media: Media, number: int) -> None:
    where = f"messages[{number}]"
    source = "data" if media.data else "url" if media.url else "file" if media.file else "text"
    if media.kind == "audio":
        found.setdefault((Field.AUDIO_INPUT, ""), where)
    elif media.kind == "video":
        found.setdefault((Field.VIDEO_INPUT, ""), where)
    else:
        field = _MEDIA.get((media.kind, source), Field.DOCUMENT_DATA)
        found.setdefault((field, media.vendor if media.file else ""), where)
    if media.detail and media.detail != "auto":
        found.setdefault((Field.IMAGE_DETAIL, ""), media.detail)
    if media.citations:
        found.setdefault((Field.DOCUMENT_CITATIONS, ""), where)
    if media.cache is not None:
        found.setdefault((Field.CACHE_MARKS, ""), where)


_BLOCKS: Final[Mapping[type, Callable[[Uses, Any, int], None]]] = {
    Text: _add_text,
    Refusal: _add_refusal,
    Media: _add_media,
    Thinking: _add_thinking,
    ToolUse: _add_use,
    ToolResult: _add_result,
    ServerItem: _add_server_item,
}


def _add_tools(found: Uses, conversation: Conversation) -> None:
    for tool in conversation.tools:
        if isinstance(tool, FunctionTool):
            found.setdefault((Field.TOOLS, ""), tool.name)
            if tool.strict:
                found.setdefault((Field.TOOL_STRICT, ""), tool.name)
            if tool.cache is not None:
                found.setdefault((Field.CACHE_MARKS, ""), tool.name)
            if tool.response:
                found.setdefault((Field.TOOL_RESPONSE, ""), tool.name)
        elif tool.type == "custom":
            found.setdefault((Field.CUSTOM_TOOLS, tool.vendor), tool.type)
        else:
            found.setdefault((Field.VENDOR_TOOLS, tool.vendor), f"{tool.vendor} {tool.type}")


def _add_choice(found: Uses, conversation: Conversation) -> None:
    choice = conversation.tool_choice
    if choice is not None:
        found[Field.TOOL_CHOICE, ""] = choice.mode
        if len(choice.names) == 1:
            found[Field.TOOL_CHOICE_ONE, ""] = choice.names[0]
        elif choice.names:
            found[Field.TOOL_CHOICE_SOME, ""] = ", ".join(choice.names[:8])
    if conversation.parallel_tools is False:
        found[Field.PARALLEL_TOOLS, ""] = ""


def _add_reasoning(found: Uses, conversation: Conversation) -> None:
    reasoning = conversation.reasoning
    if reasoning is None:
        return
    if reasoning.enabled is False or reasoning.effort == "none":
        found[Field.REASONING_OFF, ""] = ""
    elif reasoning.effort is not None:
        found[Field.REASONING_EFFORT, ""] = reasoning.effort
    if reasoning.budget is not None and reasoning.enabled is not False:
        found[Field.REASONING_BUDGET, ""] = str(reasoning.budget)
    if reasoning.summary is not None or reasoning.show is not None:
        found[Field.REASONING_SUMMARY, ""] = reasoning.summary or ""


_TRUTHS: Final[tuple[tuple[str, Field], ...]] = (
    ("stop", Field.STOP),
    ("logprobs", Field.LOGPROBS),
    ("top_logprobs", Field.LOGPROBS),
    ("user", Field.USER),
    ("metadata", Field.METADATA),
    ("previous", Field.PREVIOUS),
    ("prediction", Field.PREDICTION),
    ("safety", Field.SAFETY),
    ("cached_content", Field.CACHED_CONTENT),
    ("guardrail", Field.GUARDRAIL),
    ("prompt_cache_key", Field.PROMPT_CACHE_KEY),
    ("prompt_cache_retention", Field.PROMPT_CACHE_KEY),
    ("safety_identifier", Field.SAFETY_IDENTIFIER),
    ("verbosity", Field.VERBOSITY),
    ("max_tool_calls", Field.MAX_TOOL_CALLS),
    ("store", Field.STORE),
    ("include", Field.INCLUDE),
    ("background", Field.BACKGROUND),
    ("prompt", Field.PROMPT_TEMPLATE),
    ("betas", Field.BETAS),
    ("context_management", Field.CONTEXT_MANAGEMENT),
    ("container", Field.CONTAINER),
    ("thread", Field.THREAD),
)
"""Settings that are used where they are neither empty nor zero nor False."""

_truths: Final = attrgetter(*(name for name, _ in _TRUTHS))
_words: Final = attrgetter("modalities", "truncation", "service_tier", "extra")
_NO_SAMPLING: Final = Sampling()


def _add_settings(found: Uses, conversation: Conversation) -> None:
    if conversation.output is not None:
        found[Field.JSON_SCHEMA if conversation.output.schema else Field.JSON_OUTPUT, ""] = ""
    if conversation.sampling != _NO_SAMPLING:
        _add_sampling(found, conversation.sampling)
    if conversation.max_tokens is not None:
        found[Field.MAX_TOKENS, ""] = ""
    if conversation.n > 1:
        found[Field.N, ""] = str(conversation.n)
    truths = _truths(conversation)
    if any(truths):
        found.update(((field, ""), "") for (_, field), value in zip(_TRUTHS, truths, strict=True) if value)
    if any(_words(conversation)):
        _add_words(found, conversation)


def _add_sampling(found: Uses, sampling: Sampling) -> None:
    """Numbers mean something even where they are 0; penalties do not."""
    if sampling.temperature is not None:
        found[Field.TEMPERATURE, ""] = ""
    if sampling.top_p is not None:
        found[Field.TOP_P, ""] = ""
    if sampling.top_k is not None:
        found[Field.TOP_K, ""] = ""
    if sampling.seed is not None:
        found[Field.SEED, ""] = ""
    if sampling.presence_penalty:
        found[Field.PRESENCE_PENALTY, ""] = ""
    if sampling.frequency_penalty:
        found[Field.FREQUENCY_PENALTY, ""] = ""
    if sampling.logit_bias:
        found[Field.LOGIT_BIAS, ""] = ""


def _add_words(found: Uses, conversation: Conversation) -> None:
    if "audio" in conversation.modalities:
        found[Field.AUDIO_OUTPUT, ""] = ""
    if "image" in conversation.modalities:
        found[Field.IMAGE_OUTPUT, ""] = ""
    if conversation.truncation not in {"", "disabled"}:
        found[Field.TRUNCATION, ""] = conversation.truncation
    if conversation.service_tier not in {"", "auto", "default"}:
        found[Field.SERVICE_TIER, ""] = conversation.service_tier
    if conversation.extra:
        found[Field.EXTRA, ""] = named(conversation.extra)
