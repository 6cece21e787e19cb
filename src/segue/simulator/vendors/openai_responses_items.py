"""What was said in a Responses conversation lies in items, which come back in the next request: both ways are here."""

import re
from typing import Any, Final

from segue.simulator.vendors.openai_answers import token_logprobs
from segue.simulator.vendors.openai_content import attachment
from segue.simulator.vendors.openai_errors import OpenAIError
from segue.simulator.vendors.scripting import Ask, Attachment, Reply, Tool, ToolResult, digest

_ENCRYPTED: Final = re.compile(r"gAAAAA[0-9a-f]{58}")
_Json = dict[str, Any]
_FILE: Final = "application/octet-stream"


def _parts(item: _Json) -> list[_Json]:
    content = item.get("content", item.get("output"))
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _spoken(item: _Json) -> str:
    content = item.get("content", item.get("output"))
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text") or part.get("refusal") or "") for part in _parts(item)).strip()


def _images(items: list[_Json]) -> tuple[Attachment, ...]:
    found = (part for item in items for part in _parts(item) if part.get("type") == "input_image")
    return tuple(attachment(str(part.get("image_url") or part.get("file_id")), "image") for part in found)


def _documents(items: list[_Json]) -> tuple[Attachment, ...]:
    found = (part for item in items for part in _parts(item) if part.get("type") == "input_file")
    return tuple(
        attachment(str(part.get("file_data") or part.get("file_url") or part.get("file_id")), _FILE) for part in found
    )


def _results(items: list[_Json]) -> tuple[ToolResult, ...]:
    found: list[ToolResult] = []
    for item in reversed(items):
        if item.get("role") == "user":
            break
        if item.get("type") == "function_call_output":
            found.append(ToolResult(str(item["call_id"]), _spoken(item)))
    return tuple(reversed(found)) if items and items[-1].get("type") == "function_call_output" else ()


def _choice(value: object) -> str:
    match value:
        case "none" | "required":
            return str(value)
        case {"type": "function", "name": str(name)}:
            return name
        case _:
            return "auto"


def ask_of_items(document: _Json, items: list[_Json], *, reasoning: bool) -> Ask:
    """What a request asks for, given all items of its conversation."""
    shape = (document.get("text") or {}).get("format") or {}
    instructions = str(document.get("instructions") or "")
    system = [instructions] if instructions else []
    system += [_spoken(item) for item in items if item.get("role") in {"system", "developer"}]
    context = tuple(([instructions] if instructions else []) + [_spoken(item) for item in items])
    functions = [tool for tool in document.get("tools") or () if tool["type"] == "function"]
    return Ask(
        question=next((_spoken(item) for item in reversed(items) if item.get("role") == "user"), ""),
        system="\n".join(system),
        context=context,
        images=_images(items),
        documents=_documents(items),
        tools=tuple(Tool(tool["name"], tool.get("parameters")) for tool in functions),
        choice=_choice(document.get("tool_choice")),
        parallel=document.get("parallel_tool_calls") is not False,
        results=_results(items),
        schema=shape.get("schema") if shape.get("type") == "json_schema" else None,
        json=shape.get("type") in {"json_object", "json_schema"},
        maximum=document.get("max_output_tokens"),
        reasoning=reasoning,
    )


def numbered(given: object, seed: int, number: int) -> list[_Json]:
    """The input as items with ids, as the interface lists them."""
    items = [{"role": "user", "content": given}] if isinstance(given, str) else list(given or ())  # type: ignore[call-overload]
    made: list[_Json] = []
    for place, item in enumerate(items):
        kind = item.get("type", "message")
        prefix = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}
        identifier = f"{prefix.get(kind, 'item')}_{digest(seed, number, 'input', place, length=48)}"
        made.append({"id": identifier, "type": kind} | item)
    return made


def listed(item: _Json) -> _Json:
    """An input item as `input_items` lists it: text is always a part of its own."""
    if item.get("type") != "message" or not isinstance(item.get("content"), str):
        return item
    kind = "output_text" if item["role"] == "assistant" else "input_text"
    part: _Json = {"type": kind, "text": item["content"]}
    if kind == "output_text":
        part["annotations"] = []
    return item | {"status": "completed", "content": [part]}


def output_items(one: Reply, document: _Json, seed: int, number: int) -> list[_Json]:
    """The items of an answer, complete: reasoning, then a message, or calls of functions."""
    status = "incomplete" if one.stop == "length" else "completed"
    include = document.get("include") or ()
    items: list[_Json] = []

    def identifier(prefix: str, position: int = 0) -> str:
        return f"{prefix}_{digest(seed, number, prefix, position, length=48)}"

    if one.reasoning:
        wanted = (document.get("reasoning") or {}).get("summary") is not None
        summary = [{"type": "summary_text", "text": one.thoughts}] if wanted else []
        item: _Json = {"id": identifier("rs"), "type": "reasoning", "summary": summary}
        if "reasoning.encrypted_content" in include:
            item["encrypted_content"] = f"gAAAAA{digest(seed, number, one.thoughts, length=58)}"
        items.append(item)
    items += [
        {
            "id": identifier("fc", position),
            "type": "function_call",
            "status": "completed",
            "arguments": call.arguments,
            "call_id": f"call_{call.identifier}",
            "name": call.name,
        }
        for position, call in enumerate(one.calls)
    ]
    if one.pieces or not (one.calls or one.stop == "length"):
        part: _Json = {"type": "refusal", "refusal": one.text}
        if one.stop != "refusal":
            wanted = "message.output_text.logprobs" in include
            logprobs = token_logprobs(one.pieces, document.get("top_logprobs") or 0) if wanted else []
            part = {"type": "output_text", "annotations": [], "logprobs": logprobs, "text": one.text}
        items.append(
            {"id": identifier("msg"), "type": "message", "status": status, "role": "assistant", "content": [part]}
        )
    return items


def check_encrypted(value: object) -> None:
    """Raise the refusal of a thought that OpenAI has not enciphered."""
    if value is None or (isinstance(value, str) and _ENCRYPTED.fullmatch(value)):
        return
    shown = f"{str(value)[:5]}...{str(value)[-4:]}"
    message = f"The encrypted content {shown} could not be verified. Reason: Encrypted content could not be decrypted."
    raise OpenAIError(400, message, "invalid_request_error", None, "invalid_encrypted_content")
