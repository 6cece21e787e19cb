"""A message is made of typed blocks, each with fields of its own; this is the grammar of all that Anthropic accepts.

Source: the reference of the Messages API, https://platform.claude.com/docs/en/api/messages.
"""

import base64
import binascii
from typing import Final

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
    pattern,
    string,
    tagged,
    text_or,
    wrong,
)

_IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
_IDENTIFIER: Final = pattern("^[a-zA-Z0-9_-]+$")
_KIND: Final[dict[str, Check]] = {"type": string}


def _base64(value: object, place: str) -> None:
    string(value, place)
    try:
        base64.b64decode(str(value).encode("ascii", "replace"), validate=True)
    except (binascii.Error, ValueError):
        raise wrong(place, "Invalid base64 data") from None


def _address(value: object, place: str) -> None:
    string(value, place)
    if not str(value).startswith("https://"):
        raise wrong(place, "Only HTTPS URLs are supported.")


CACHE_CONTROL: Final = nullable(fields({"type": choice("ephemeral")}, {"ttl": choice("5m", "1h")}))
_CACHED: Final[dict[str, Check]] = {"cache_control": CACHE_CONTROL}
_FILE: Final = fields(_KIND | {"file_id": filled})
_CITATIONS: Final = nullable(fields({}, {"enabled": boolean}))
TEXT: Final = fields(_KIND | {"text": string}, _CACHED | {"citations": anything})
_IMAGE: Final = fields(
    _KIND
    | {
        "source": tagged(
            {
                "base64": fields(_KIND | {"media_type": choice(*_IMAGE_TYPES), "data": _base64}),
                "url": fields(_KIND | {"url": _address}),
                "file": _FILE,
            }
        )
    },
    _CACHED | {"transformations": mapping},
)
_DOCUMENT: Final = fields(
    _KIND
    | {
        "source": tagged(
            {
                "base64": fields(_KIND | {"media_type": choice("application/pdf"), "data": _base64}),
                "text": fields(_KIND | {"media_type": choice("text/plain"), "data": string}),
                "content": fields(_KIND | {"content": text_or(many(tagged({"text": TEXT, "image": _IMAGE})))}),
                "url": fields(_KIND | {"url": _address}),
                "file": _FILE,
            }
        )
    },
    _CACHED | {"citations": _CITATIONS, "context": nullable(string), "title": nullable(string)},
)
_SEARCH_RESULT: Final = fields(
    _KIND | {"content": many(TEXT), "source": string, "title": string}, _CACHED | {"citations": _CITATIONS}
)
_RESULT_CONTENT: Final = tagged(
    {
        "text": TEXT,
        "image": _IMAGE,
        "document": _DOCUMENT,
        "search_result": _SEARCH_RESULT,
        "tool_reference": fields(_KIND | {"tool_name": string}, _CACHED),
    }
)
_TOOL_RESULT: Final = fields(
    _KIND | {"tool_use_id": _IDENTIFIER},
    _CACHED | {"content": text_or(many(_RESULT_CONTENT)), "is_error": boolean, "toolset_name": nullable(string)},
)
_TOOL_USE: Final = fields(
    _KIND | {"id": _IDENTIFIER, "name": pattern("^[a-zA-Z0-9_-]{1,200}$"), "input": mapping},
    _CACHED | {"caller": mapping, "toolset_name": nullable(string)},
)
_SERVER_RESULT: Final = fields(_KIND | {"tool_use_id": _IDENTIFIER, "content": anything}, _CACHED | {"caller": mapping})
_RESULT_KINDS: Final = (
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
)
BLOCKS: Final[dict[str, Check]] = {
    "text": TEXT,
    "image": _IMAGE,
    "document": _DOCUMENT,
    "search_result": _SEARCH_RESULT,
    "thinking": fields(_KIND | {"thinking": string, "signature": string}),
    "redacted_thinking": fields(_KIND | {"data": string}),
    "tool_use": _TOOL_USE,
    "tool_result": _TOOL_RESULT,
    "server_tool_use": fields(
        _KIND | {"id": _IDENTIFIER, "name": string, "input": mapping}, _CACHED | {"caller": mapping}
    ),
    **dict.fromkeys(_RESULT_KINDS, _SERVER_RESULT),
    "container_upload": fields(_KIND | {"file_id": filled}, _CACHED),
}
_OF_ASSISTANT: Final = frozenset(
    {"text", "document", "thinking", "redacted_thinking", "tool_use", "server_tool_use", *_RESULT_KINDS}
)
_OF_USER: Final = frozenset(BLOCKS) - {"thinking", "redacted_thinking", "tool_use", "server_tool_use", *_RESULT_KINDS}
_CONTENT: Final = text_or(many(tagged(BLOCKS)))


def _message(value: object, place: str) -> None:
    fields({"role": choice("user", "assistant", "system"), "content": _CONTENT})(value, place)
    if not isinstance(value, dict) or not isinstance(value["content"], list):
        return
    role = value["role"]
    allowed = {"assistant": _OF_ASSISTANT, "user": _OF_USER}.get(role, frozenset({"text"}))
    for index, block in enumerate(value["content"]):
        if block["type"] not in allowed:
            message = f"`{block['type']}` blocks are not allowed in `{role}` messages"
            raise wrong(f"{place}.content.{index}", message)


MESSAGES: Final = many(_message, least=1)

_CALLERS: Final = many(string)
_TOOL_COMMON: Final[dict[str, Check]] = {
    **_CACHED,
    "allowed_callers": _CALLERS,
    "defer_loading": boolean,
    "strict": boolean,
}
_CUSTOM: Final = fields(
    {
        "name": pattern("^[a-zA-Z0-9_-]{1,128}$"),
        "input_schema": mapping,
    },
    _TOOL_COMMON
    | {
        "type": nullable(choice("custom")),
        "description": string,
        "eager_input_streaming": nullable(boolean),
        "input_examples": many(mapping),
    },
)
_DOMAINS: Final = nullable(many(string))
_SEARCH: Final = fields(
    _KIND | {"name": choice("web_search")},
    _TOOL_COMMON
    | {
        "allowed_domains": _DOMAINS,
        "blocked_domains": _DOMAINS,
        "max_uses": nullable(integer(1)),
        "user_location": nullable(mapping),
        "response_inclusion": anything,
    },
)
_EXECUTION: Final = fields(_KIND | {"name": choice("code_execution")}, _TOOL_COMMON)


def _provided(name: str) -> Check:
    """A tool of the vendor's own that runs at the caller."""
    return fields(_KIND | {"name": choice(name)}, _TOOL_COMMON | {"max_characters": nullable(integer(1))})


TOOLS: Final[dict[str, Check]] = {
    "custom": _CUSTOM,
    "bash_20250124": _provided("bash"),
    "memory_20250818": _provided("memory"),
    "text_editor_20250124": _provided("str_replace_editor"),
    "text_editor_20250728": _provided("str_replace_based_edit_tool"),
    **dict.fromkeys(("web_search_20250305", "web_search_20260209", "web_search_20260318"), _SEARCH),
    **dict.fromkeys(
        (
            "code_execution_20250522",
            "code_execution_20250825",
            "code_execution_20260120",
            "code_execution_20260521",
        ),
        _EXECUTION,
    ),
}


def _typed(value: object) -> object:
    # A tool without a type, or with null for it, is one of the caller's own.
    return value | {"type": "custom"} if isinstance(value, dict) and value.get("type") is None else value


def check_tool(value: object, place: str) -> None:
    """Raise the vendor's error unless `value` describes a tool."""
    tagged(TOOLS)(_typed(value), place)
    if isinstance(value, dict) and (value.get("type") or "custom") == "custom":
        schema = value["input_schema"]
        if schema.get("type") != "object":
            problem = "Field required" if "type" not in schema else "Input should be 'object'"
            raise wrong(f"{place}.custom.input_schema.type", problem)
        for name in ("oneOf", "allOf", "anyOf"):
            if name in schema:
                message = "input_schema does not support oneOf, allOf, or anyOf at the top level"
                raise wrong(f"{place}.custom.input_schema", message)
