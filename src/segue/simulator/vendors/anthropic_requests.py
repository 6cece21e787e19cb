"""A simulator that accepts anything proves nothing: all of a request's parameters are checked, and how they agree.

Source: the reference of the Messages API and the guides on thinking, tool use and prompt caching at
https://platform.claude.com/docs.
"""

from collections.abc import Iterator
from typing import Any, Final

from segue.simulator.vendors.anthropic_blocks import CACHE_CONTROL, MESSAGES, TEXT, check_tool
from segue.simulator.vendors.anthropic_checks import (
    Check,
    anything,
    boolean,
    choice,
    fields,
    filled,
    integer,
    many,
    mapping,
    nullable,
    number,
    string,
    tagged,
    text_or,
    wrong,
)
from segue.simulator.vendors.anthropic_conversation import check_conversation
from segue.simulator.vendors.anthropic_errors import AnthropicError, invalid
from segue.simulator.vendors.anthropic_models import ModelFacts, facts_of
from segue.simulator.vendors.anthropic_schema import check_schema

NEWEST_VERSION: Final = "2026-10-21"
_MOST_BREAKPOINTS: Final = 4
_LEAST_TOP_P: Final = 0.95
_KIND: Final[dict[str, Check]] = {"type": string}
_DISPLAY: Final[dict[str, Check]] = {"display": nullable(choice("summarized", "omitted"))}
_SINGLE: Final[dict[str, Check]] = {"disable_parallel_tool_use": boolean}
_FORMAT: Final = nullable(fields({"type": choice("json_schema"), "schema": mapping}))
_HELP: Final = "Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
_Json = dict[str, Any]

COMMON: Final[dict[str, Check]] = {
    "messages": MESSAGES,
    "model": filled,
    "cache_control": CACHE_CONTROL,
    "output_config": fields(
        {}, {"effort": nullable(choice("low", "medium", "high", "xhigh", "max")), "format": _FORMAT}
    ),
    "output_format": _FORMAT,
    "speed": nullable(choice("standard", "fast")),
    "system": text_or(many(tagged({"text": TEXT}))),
    "thinking": tagged(
        {
            "enabled": fields(_KIND | {"budget_tokens": integer(1024)}, _DISPLAY),
            "disabled": fields(_KIND),
            "adaptive": fields(_KIND, _DISPLAY),
            "between_tools": fields(_KIND),
        }
    ),
    "tool_choice": tagged(
        {
            "auto": fields(_KIND, _SINGLE),
            "any": fields(_KIND, _SINGLE),
            "tool": fields(_KIND | {"name": string}, _SINGLE),
            "none": fields(_KIND),
        }
    ),
    "tools": many(check_tool),
}
PARAMETERS: Final[dict[str, Check]] = COMMON | {
    "max_tokens": integer(0),
    "container": nullable(anything),
    "context_management": nullable(fields({}, {"edits": many(mapping)})),
    "diagnostics": nullable(mapping),
    "inference_geo": nullable(string),
    "metadata": fields({}, {"user_id": nullable(string)}),
    "service_tier": choice("auto", "standard_only"),
    "stop_sequences": many(string),
    "stream": boolean,
    "temperature": number(0, 1),
    "thread": tagged({"create": fields(_KIND), "continue": fields(_KIND | {"previous_message_id": filled})}),
    "top_k": integer(0),
    "top_p": number(0, 1),
}


def thinking_of(document: _Json, facts: ModelFacts) -> str:
    """Which kind of thinking a request asks for, or gets when it does not say."""
    asked = document.get("thinking")
    return str(asked["type"]) if asked else ("adaptive" if facts.thinks else "disabled")


def _check_thinking(document: _Json, facts: ModelFacts) -> None:
    asked = document.get("thinking")
    if asked is None:
        return
    kind = asked["type"]
    if kind not in facts.thinking:
        advice = (
            ' Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
            if "adaptive" in facts.thinking
            else ""
        )
        raise invalid(f'"thinking.type.{kind}" is not supported for this model.{advice}')
    if kind == "enabled" and "max_tokens" in document and asked["budget_tokens"] >= document["max_tokens"]:
        raise invalid(f"`max_tokens` must be greater than `thinking.budget_tokens`. {_HELP}")
    effort = (document.get("output_config") or {}).get("effort")
    if kind == "disabled" and facts.thinks and effort in {"xhigh", "max"}:
        raise invalid(f'"thinking.type.disabled" is not supported with effort "{effort}" for this model.')


def _check_sampling(document: _Json, facts: ModelFacts) -> None:
    thinks = (document.get("thinking") or {}).get("type") in {"enabled", "adaptive"}
    temperature, top_p = document.get("temperature"), document.get("top_p")
    if thinks:
        if temperature not in (None, 1):
            message = "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode."
            raise invalid(f"{message} {_HELP}")
        if top_p is not None and top_p < _LEAST_TOP_P:
            message = (
                "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled or in adaptive mode."
            )
            raise invalid(f"{message} {_HELP}")
        if "top_k" in document:
            raise invalid(f"`top_k` must be unset when thinking is enabled or in adaptive mode. {_HELP}")
    if not facts.sampling:
        for name in ("temperature", "top_p", "top_k"):
            if document.get(name) not in (None, 1):
                raise invalid(f"`{name}` is deprecated for this model.")


def _check_tools(document: _Json, facts: ModelFacts) -> None:
    tools = document.get("tools") or []
    names = [tool["name"] for tool in tools]
    if len(set(names)) < len(names):
        raise wrong("tools", "Tool names must be unique.")
    for index, tool in enumerate(tools):
        if tool.get("allowed_domains") and tool.get("blocked_domains"):
            raise wrong(f"tools.{index}", "only one of `allowed_domains` and `blocked_domains` may be given")
    chosen = document.get("tool_choice")
    if chosen is None:
        return
    if not tools and chosen["type"] != "none":
        raise wrong("tool_choice", "tool_choice may only be specified while providing tools")
    if chosen["type"] not in {"any", "tool"}:
        return
    if chosen["type"] == "tool" and chosen["name"] not in names:
        raise invalid(f"Tool '{chosen['name']}' not found in provided tools")
    if (document.get("thinking") or {}).get("type") in {"enabled", "adaptive"} or not facts.forced:
        raise invalid("Thinking may not be enabled when tool_choice forces tool use.")


def breakpoints(document: _Json) -> Iterator[_Json]:
    """All `cache_control` objects of a request, in the order in which the prompt is put together."""
    places: list[Any] = [*(document.get("tools") or [])]
    system = document.get("system")
    places += system if isinstance(system, list) else []
    for message in document["messages"]:
        if isinstance(message["content"], list):
            places += message["content"]
    for place in places:
        if place.get("cache_control"):
            yield place["cache_control"]


def _check_cache(document: _Json) -> None:
    found = list(breakpoints(document))
    if len(found) + bool(document.get("cache_control")) > _MOST_BREAKPOINTS:
        raise invalid(f"A maximum of 4 blocks with cache_control may be provided. Found {len(found)}.")
    short = False
    for control in found:
        if control.get("ttl") == "1h" and short:
            raise invalid("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.")
        short = short or control.get("ttl", "5m") == "5m"


def _check_output(document: _Json) -> None:
    structured = (document.get("output_config") or {}).get("format") or document.get("output_format")
    if document.get("output_format") and (document.get("output_config") or {}).get("format"):
        raise invalid("Only one of `output_format` and `output_config.format` may be given.")
    if structured:
        place = "output_format.schema" if document.get("output_format") else "output_config.format.schema"
        check_schema(structured["schema"], place)
    if structured and any(_cites(block) for message in document["messages"] for block in _blocks(message)):
        raise invalid("Citations cannot be used together with structured outputs.")


def _blocks(message: _Json) -> list[_Json]:
    return message["content"] if isinstance(message["content"], list) else []


def _cites(block: _Json) -> bool:
    return block["type"] == "document" and bool((block.get("citations") or {}).get("enabled"))


def _check_newest(document: _Json) -> None:
    """What the API version 2026-10-21 refuses beside the sampling parameters."""
    for index, message in enumerate(document["messages"]):
        for position, block in enumerate(_blocks(message)):
            place = f"messages.{index}.content.{position}"
            if message["role"] == "assistant" and block["type"] == "document":
                raise wrong(place, "`document` blocks are not allowed in `assistant` messages")
            if message["role"] == "user" and block["type"] == "text" and block.get("citations"):
                raise wrong(f"{place}.text.citations", "Extra inputs are not permitted")


def check_request(
    document: object, *, model: str | None, seed: int, counting: bool = False, version: str = "2023-06-01"
) -> _Json:
    """The request body, when Anthropic would accept it; raises its error otherwise.

    Args:
        document: The body.
        model: The model when it is not in the body, as on Vertex AI.
        seed: That of the simulator, which signed the thoughts.
        counting: Whether tokens are only to be counted, which takes fewer parameters.
        version: That of the interface (https://platform.claude.com/docs/en/api/versioning).
    """
    known = dict(COMMON if counting else PARAMETERS)
    required: dict[str, Check] = {}
    if version == NEWEST_VERSION:
        # https://platform.claude.com/docs/en/api/migration-2026-10-21: refused even at their defaults.
        for name in ("temperature", "top_k", "top_p"):
            known.pop(name, None)
    if model is not None:
        del known["model"]
        known.pop("thread", None)
        known["anthropic_version"] = string
    for name in ("model", "max_tokens", "messages"):
        if name in known:
            required[name] = known.pop(name)
    fields(required, known)(document, "")
    if not isinstance(document, dict):
        raise invalid("Input should be an object")
    if (document.get("thread") or {}).get("type") == "continue":
        raise AnthropicError(404, "The thread was not found.", "not_found_error", "thread_not_found")
    facts = facts_of(model or document["model"])
    if document.get("max_tokens", 0) > facts.output:
        message = f"{document['max_tokens']} > {facts.output}, which is the maximum allowed number of output tokens"
        raise wrong("max_tokens", f"{message} for {model or document['model']}")
    _check_thinking(document, facts)
    _check_sampling(document, facts)
    _check_tools(document, facts)
    _check_cache(document)
    _check_output(document)
    if version == NEWEST_VERSION:
        _check_newest(document)
    for index, sequence in enumerate(document.get("stop_sequences") or ()):
        if not sequence.strip():
            raise wrong(f"stop_sequences.{index}", "each stop sequence must contain non-whitespace")
    check_conversation(document["messages"], facts, seed, thinking=thinking_of(document, facts))
    return document
