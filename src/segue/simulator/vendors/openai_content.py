"""A chat completion says many things in many fields; what the simulated model must know of them fits in an `Ask`.

What it says then is decided for all vendors in one place (`scripting`).
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from segue.simulator.vendors.scripting import Ask, Attachment, Tool, ToolResult

__all__ = ["ask_of", "attachment", "spoken"]

_Json = dict[str, Any]


def spoken(message: object) -> str:
    """All text of one message, whatever form its content has."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def attachment(address: str, media_type: str = "application/octet-stream") -> Attachment:
    """A file by its address; that of a data URL is measured."""
    if not address.startswith("data:"):
        return Attachment(media_type, None, address)
    head, _, data = address.removeprefix("data:").partition(",")
    return Attachment(head.partition(";")[0] or media_type, decoded_size(data))


def decoded_size(data: str) -> int:
    """The size in bytes of a file given in base64; 0 when it is not."""
    try:
        return len(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return 0


def _parts(messages: list[_Json], kind: str) -> Iterator[_Json]:
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part.get("type") == kind and isinstance(part.get(kind), dict):
                yield part[kind]


def _documents(messages: list[_Json]) -> tuple[Attachment, ...]:
    return tuple(
        attachment(str(file["file_data"])) if file.get("file_data") else Attachment("file", None, str(file["file_id"]))
        for file in _parts(messages, "file")
        if file.get("file_data") or file.get("file_id")
    )


def _results(messages: list[_Json]) -> tuple[ToolResult, ...]:
    """The results of tools after the last user message, oldest first."""
    found: list[ToolResult] = []
    for message in reversed(messages):
        if message["role"] == "user":
            break
        if message["role"] in {"tool", "function"}:
            found.append(ToolResult(str(message.get("tool_call_id", "")), spoken(message)))
    return tuple(reversed(found)) if messages[-1]["role"] in {"tool", "function"} else ()


def _choice(value: object) -> str:
    match value:
        case "none" | "required":
            return str(value)
        case {"function": {"name": name}}:
            return str(name)
        case _:
            return "auto"


def _context(messages: list[_Json]) -> tuple[str, ...]:
    return tuple(spoken(message) for message in messages)


def _stops(stop: object) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop) if isinstance(stop, list) else ()


def ask_of(document: _Json, *, reasoning: bool = False, prefill: str = "", echoes: bool = False) -> Ask:
    """What an accepted chat completion asks for; `reasoning` is whether the model thinks at all.

    `prefill` and `echoes` are those of the `Ask`.
    """
    messages: list[_Json] = document["messages"]
    functions = [tool["function"] for tool in document.get("tools") or () if tool["type"] == "function"]
    schema: _Json | None = None
    shape = document.get("response_format") or {}
    match shape:
        case {"type": "json_schema", "json_schema": {"schema": dict(found)}}:
            schema = found
        case _:
            pass
    maximum = document.get("max_completion_tokens") or document.get("max_tokens")
    return Ask(
        question=next((spoken(one) for one in reversed(messages) if one["role"] == "user"), ""),
        system="\n".join(spoken(one) for one in messages if one["role"] in {"system", "developer"}),
        context=_context(messages),
        images=tuple(attachment(str(image["url"]), "image") for image in _parts(messages, "image_url")),
        audio=tuple(
            Attachment(f"audio/{sound['format']}", decoded_size(str(sound["data"])))
            for sound in _parts(messages, "input_audio")
        ),
        documents=_documents(messages),
        tools=tuple(Tool(str(function["name"]), function.get("parameters")) for function in functions),
        choice=_choice(document.get("tool_choice")),
        parallel=document.get("parallel_tool_calls") is not False,
        results=_results(messages),
        schema=schema,
        json=shape.get("type") in {"json_object", "json_schema"},
        maximum=maximum if isinstance(maximum, int) else None,
        stop=_stops(document.get("stop")),
        reasoning=reasoning,
        prefill=prefill,
        echoes=echoes,
    )
