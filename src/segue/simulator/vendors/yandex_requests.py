"""A simulator that accepts anything proves nothing: all parameters of Yandex's models are checked, and how they agree.

Source: https://yandex.cloud/en/docs/ai-studio/text-generation/api-ref/TextGeneration/completion.
"""

import re
from typing import Any, Final

from segue.simulator.exchange import UNDECODABLE, Exchange, without_nulls
from segue.simulator.vendors.openai_checks import (
    Check,
    array,
    boolean,
    choice,
    entries,
    entry,
    mapping,
    missing,
    number,
    refusal,
    string,
    text,
)
from segue.simulator.vendors.openai_errors import OpenAIError
from segue.simulator.vendors.yandex_errors import YandexError, from_check, invalid

_URI: Final = re.compile(r"(gpt|emb|ds|cls|art)://([a-z0-9_-]+)/(.+)")
_ROLES: Final = ("system", "assistant", "user")
_CONTENTS: Final = ("text", "toolCallList", "toolResultList")
_MODES: Final = ("REASONING_MODE_UNSPECIFIED", "DISABLED", "ENABLED_HIDDEN")
_CHOICES: Final = ("NONE", "AUTO", "REQUIRED")
_Json = dict[str, Any]


def _whole_number(value: object, param: str) -> None:
    """A 64-bit number, which is a string on the wire; a plain number is accepted as well."""
    shown = str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value, param)
    if not (shown.isascii() and shown.isdecimal() and len(shown) < 19 and int(shown) > 0):  # noqa: PLR2004 - of int64
        raise refusal(f"'{shown[:40]}' is no positive int64.", param, "invalid")


def _known(value: object, param: str, table: dict[str, Check], *required: str) -> _Json:
    found = entry(value, param)
    for name in found:
        if name not in table:
            raise refusal(f"unknown field '{name}'", f"{param}.{name}" if param else name, "unknown")
    for name in required:
        if found.get(name) is None:
            raise missing(f"{param}.{name}" if param else name)
    for name, item in found.items():
        if item is not None:
            table[name](item, f"{param}.{name}" if param else name)
    return found


def _nested(table: dict[str, Check], *required: str) -> Check:
    def check(value: object, param: str) -> None:
        _known(value, param, table, *required)

    return check


def _each(check: Check) -> Check:
    def checked(value: object, param: str) -> None:
        for index, item in enumerate(entries(value, param, least=1)):
            check(item, f"{param}[{index}]")

    return checked


_CALL: Final = _nested(
    {"functionCall": _nested({"name": string, "arguments": mapping}, "name")},
    "functionCall",
)
_RESULT: Final = _nested({"functionResult": _nested({"name": string, "content": string}, "name")}, "functionResult")


def _message(value: object, param: str) -> None:
    table: dict[str, Check] = {
        "role": choice(*_ROLES),
        "text": string,
        "toolCallList": _nested({"toolCalls": _each(_CALL)}, "toolCalls"),
        "toolResultList": _nested({"toolResults": _each(_RESULT)}, "toolResults"),
    }
    found = _known(value, param, table, "role")
    if sum(found.get(name) is not None for name in _CONTENTS) != 1:
        raise refusal(f"exactly one of {', '.join(_CONTENTS)} must be set", param, "oneof")


_MESSAGES: Final = _each(_message)
_TOOL: Final = _nested(
    {
        "function": _nested(
            {"name": string, "description": string, "parameters": mapping, "strict": boolean}, "name", "parameters"
        )
    },
    "function",
)
_OPTIONS: Final = _nested(
    {
        "stream": boolean,
        "temperature": number(0, 1),
        "maxTokens": _whole_number,
        "reasoningOptions": _nested({"mode": choice(*_MODES)}),
    }
)
COMPLETION: Final[dict[str, Check]] = {
    "modelUri": string,
    "completionOptions": _OPTIONS,
    "messages": _MESSAGES,
    "tools": array,
    "jsonObject": boolean,
    "jsonSchema": _nested({"schema": mapping}, "schema"),
    "parallelToolCalls": boolean,
    "toolChoice": _nested({"mode": choice(*_CHOICES), "functionName": string}),
}
EMBEDDING: Final[dict[str, Check]] = {"modelUri": string, "text": string, "dim": _whole_number}
TOKENIZE: Final[dict[str, Check]] = {"modelUri": string, "text": string}


def _check_tools(document: _Json) -> None:
    offered = document.get("tools") or []
    for index, tool in enumerate(offered):
        _TOOL(tool, f"tools[{index}]")
    names = [tool["function"]["name"] for tool in offered]
    chosen = document.get("toolChoice") or {}
    if chosen.get("functionName") and chosen["functionName"] not in names:
        raise refusal("is not the name of an offered function", "toolChoice.functionName", "unknown")
    if chosen.get("functionName") and chosen.get("mode"):
        raise refusal("exactly one of mode, functionName must be set", "toolChoice", "oneof")


def _check_conversation(messages: list[_Json]) -> None:
    called: list[str] = []
    for index, message in enumerate(messages):
        results = [
            one["functionResult"]["name"] for one in (message.get("toolResultList") or {}).get("toolResults", ())
        ]
        if sorted(results) != sorted(called):
            what = "the results of tools must answer exactly the calls of the message before"
            raise refusal(what, f"messages[{index}]", "conversation")
        called = [one["functionCall"]["name"] for one in (message.get("toolCallList") or {}).get("toolCalls", ())]
        if called and message["role"] != "assistant":
            raise refusal("only the assistant calls tools", f"messages[{index}].role", "conversation")
        if message["role"] == "system" and index:
            raise refusal("the system's message must be the first", f"messages[{index}].role", "conversation")
    if called:
        raise refusal("the last calls of tools have no results", "messages", "conversation")


def _folder(exchange: Exchange, uri: str, kinds: tuple[str, ...]) -> str:
    """The model's name; its folder must be that of the header, where one is given."""
    match = _URI.fullmatch(uri)
    if match is None or match[1] not in kinds:
        raise invalid(f"Invalid model_uri: '{uri[:200]}'")
    folder = exchange.headers.get("x-folder-id")
    if folder is not None and folder != match[2]:
        message = f"Specified folder ID '{folder[:64]}' does not match with folder ID '{match[2][:64]}' of the model"
        raise YandexError(400, message)
    if match[3].startswith("missing-"):
        raise YandexError(404, f"Failed to get model '{uri[:200]}'")
    return match[3]


def read(exchange: Exchange, table: dict[str, Check], kinds: tuple[str, ...], *required: str) -> tuple[_Json, str]:
    """The checked body of a request, and the name of the model in it; raises YandexError."""
    if exchange.document is UNDECODABLE:
        raise invalid("The request body is not valid JSON")
    try:
        document = _known(without_nulls(exchange.document), "", table, "modelUri", *required)
        if "messages" in document:
            _check_tools(document)
            _check_conversation(document["messages"])
    except OpenAIError as error:
        raise from_check(error) from None
    if document.get("jsonObject") and document.get("jsonSchema"):
        raise invalid("Error: exactly one of json_object, json_schema may be set")
    return document, _folder(exchange, document["modelUri"], kinds)
