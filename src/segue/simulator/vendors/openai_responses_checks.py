"""A Responses request is a list of items of many kinds, and the vendor refuses a wrong one by its exact place.

These are the checks of the parameters and of the input, written from the reference of `POST /v1/responses`.
"""

from typing import Any, Final

from segue.simulator.vendors.openai_chat import check_image, unsupported
from segue.simulator.vendors.openai_checks import (
    Check,
    array,
    boolean,
    choice,
    entries,
    entry,
    integer,
    mapping,
    missing,
    number,
    refusal,
    required_text,
    string,
    text,
    wrong_choice,
    wrong_type,
)
from segue.simulator.vendors.openai_errors import OpenAIError
from segue.simulator.vendors.openai_requests import check_function, check_metadata, check_root
from segue.simulator.vendors.openai_responses_items import check_encrypted

_ROLES: Final = ("assistant", "system", "developer", "user")
_INPUT_PARTS: Final = ("input_text", "input_image", "input_file")
_OUTPUT_PARTS: Final = ("output_text", "refusal")
_FUNCTION: Final = frozenset({
    "type", "name", "description", "parameters", "strict", "defer_loading", "output_schema", "allowed_callers",
})  # fmt: skip
_HOSTED_TOOLS: Final = (
    "file_search", "web_search", "web_search_preview", "code_interpreter", "image_generation", "mcp", "local_shell",
    "shell", "apply_patch", "computer_use_preview", "custom",
)  # fmt: skip
_HOSTED_ITEMS: Final = (
    "file_search_call", "web_search_call", "code_interpreter_call", "image_generation_call", "mcp_call",
    "mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "local_shell_call", "local_shell_call_output",
    "computer_call", "computer_call_output", "custom_tool_call", "custom_tool_call_output", "compaction",
)  # fmt: skip
_ITEMS: Final = ("message", "function_call", "function_call_output", "reasoning", "item_reference", *_HOSTED_ITEMS)
_INCLUDE: Final = (
    "file_search_call.results", "web_search_call.results", "web_search_call.action.sources",
    "message.input_image.image_url", "computer_call_output.output.image_url", "code_interpreter_call.outputs",
    "reasoning.encrypted_content", "message.output_text.logprobs",
)  # fmt: skip


def _known(fields: dict[str, object], names: frozenset[str], param: str) -> None:
    for name in fields:
        if name not in names:
            place = f"{param}.{name}"
            raise refusal(f"Unknown parameter: '{place}'.", place, "unknown_parameter")


def _part(value: object, param: str, allowed: tuple[str, ...]) -> None:
    part = entry(value, param)
    kind = required_text(part, "type", param)
    if kind not in allowed:
        raise wrong_choice(kind, f"{param}.type", allowed)
    if kind in {"input_text", "output_text"}:
        required_text(part, "text", param)
    elif kind == "refusal":
        required_text(part, "refusal", param)
    elif kind == "input_image":
        if part.get("image_url") is not None:
            check_image(text(part["image_url"], f"{param}.image_url"), f"{param}.image_url")
        elif part.get("file_id") is None:
            raise missing(f"{param}.image_url")
    elif not any(part.get(name) is not None for name in ("file_id", "file_data", "file_url")):
        raise missing(f"{param}.file_id")


def _content(value: object, param: str, allowed: tuple[str, ...], least: int = 0) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, list):
        raise wrong_type(value, param, "one of an array of objects or string")
    for index, part in enumerate(entries(value, param, least=least)):
        _part(part, f"{param}[{index}]", allowed)


def _message(item: dict[str, object], param: str) -> None:
    _known(item, frozenset({"type", "role", "content", "id", "status", "phase"}), param)
    role = required_text(item, "role", param)
    if role not in _ROLES:
        raise wrong_choice(role, f"{param}.role", _ROLES)
    if "content" not in item:
        raise missing(f"{param}.content")
    _content(item["content"], f"{param}.content", _OUTPUT_PARTS if role == "assistant" else _INPUT_PARTS)


def _item(value: object, param: str) -> None:
    item = entry(value, param)
    kind = text(item.get("type", "message"), f"{param}.type")
    match kind:
        case "message":
            _message(item, param)
        case "function_call":
            _known(item, frozenset({"type", "id", "call_id", "name", "arguments", "status", "namespace"}), param)
            for name in ("call_id", "name", "arguments"):
                required_text(item, name, param)
        case "function_call_output":
            _known(item, frozenset({"type", "id", "call_id", "output", "status"}), param)
            required_text(item, "call_id", param)
            if "output" not in item:
                raise missing(f"{param}.output")
            _content(item["output"], f"{param}.output", _INPUT_PARTS)
        case "reasoning":
            _known(item, frozenset({"type", "id", "summary", "content", "encrypted_content", "status"}), param)
            check_encrypted(item.get("encrypted_content"))
            if "summary" not in item:
                raise missing(f"{param}.summary")
            for index, part in enumerate(entries(item["summary"], f"{param}.summary")):
                required_text(entry(part, f"{param}.summary[{index}]"), "text", f"{param}.summary[{index}]")
        case "item_reference":
            required_text(item, "id", param)
        case _ if kind not in _ITEMS:
            raise wrong_choice(kind, f"{param}.type", _ITEMS)
        case _:
            pass


def _input(value: object, param: str) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, list):
        raise wrong_type(value, param, "one of a string or array of input items")
    for index, item in enumerate(value):
        _item(item, f"{param}[{index}]")


def _tools(value: object, param: str) -> None:
    for index, item in enumerate(entries(value, param, most=128)):
        place = f"{param}[{index}]"
        tool = entry(item, place)
        kind = required_text(tool, "type", place)
        if kind == "function":
            _known(tool, _FUNCTION, place)
            check_function(tool, place)
        elif kind not in _HOSTED_TOOLS:
            raise wrong_choice(kind, f"{place}.type", ("function", *_HOSTED_TOOLS))


def _tool_choice(value: object, param: str) -> None:
    if isinstance(value, str):
        choice("none", "auto", "required")(value, param)
        return
    chosen = entry(value, param)
    if required_text(chosen, "type", param) == "function":
        required_text(chosen, "name", param)


def _text(value: object, param: str) -> None:
    settings = entry(value, param)
    _known(settings, frozenset({"format", "verbosity"}), param)
    if settings.get("verbosity") is not None:
        choice("low", "medium", "high")(settings["verbosity"], f"{param}.verbosity")
    if settings.get("format") is None:
        return
    place = f"{param}.format"
    shape = entry(settings["format"], place)
    kind = required_text(shape, "type", place)
    if kind not in {"text", "json_object", "json_schema"}:
        raise wrong_choice(kind, f"{place}.type", ("text", "json_object", "json_schema"))
    if kind == "json_schema":
        _known(shape, frozenset({"type", "name", "schema", "strict", "description"}), place)
        required_text(shape, "name", place)
        if "schema" not in shape:
            raise missing(f"{place}.schema")
        check_root(entry(shape["schema"], f"{place}.schema"), f"{place}.schema", shape["name"])


def _reasoning(value: object, param: str) -> None:
    settings = entry(value, param)
    _known(settings, frozenset({"effort", "summary", "generate_summary", "mode", "context"}), param)
    if settings.get("effort") is not None:
        efforts = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
        choice(*efforts)(settings["effort"], f"{param}.effort")
    if settings.get("summary") is not None:
        choice("auto", "concise", "detailed")(settings["summary"], f"{param}.summary")


def _include(value: object, param: str) -> None:
    for index, item in enumerate(entries(value, param)):
        choice(*_INCLUDE)(item, f"{param}[{index}]")


def _stream_options(value: object, param: str) -> None:
    options = entry(value, param)
    _known(options, frozenset({"include_obfuscation"}), param)
    for name, item in options.items():
        boolean(item, f"{param}.{name}")


PARAMETERS: Final[dict[str, Check]] = {
    "model": string,
    "input": _input,
    "background": boolean,
    "client_metadata": mapping,  # undocumented; OpenAI's own Codex CLI sends it in every request
    "context_management": array,
    "conversation": lambda value, param: None if isinstance(value, str) else mapping(value, param),
    "include": _include,
    "instructions": string,
    "max_output_tokens": integer(16),
    "max_tool_calls": integer(1),
    "metadata": check_metadata,
    "moderation": mapping,
    "parallel_tool_calls": boolean,
    "previous_response_id": string,
    "prompt": mapping,
    "prompt_cache_key": string,
    "prompt_cache_options": mapping,
    "prompt_cache_retention": choice("in_memory", "24h"),
    "reasoning": _reasoning,
    "safety_identifier": string,
    "service_tier": choice("auto", "default", "flex", "scale", "priority", "fast"),
    "store": boolean,
    "stream": boolean,
    "stream_options": _stream_options,
    "temperature": number(0, 2),
    "text": _text,
    "tool_choice": _tool_choice,
    "tools": _tools,
    "top_logprobs": integer(0, 20),
    "top_p": number(0, 1),
    "truncation": choice("auto", "disabled"),
    "user": string,
}


def _check_choice(document: dict[str, Any]) -> None:
    """Raise the refusal of a tool that is demanded and not offered."""
    offered = [tool.get("name") for tool in document.get("tools") or () if tool["type"] == "function"]
    match document.get("tool_choice"):
        case "required" if not document.get("tools"):
            message = "Tool choice 'required' must be specified with 'tools' parameter."
        case {"type": "function", "name": name} if name not in offered:
            message = "Tool choice 'function' not found in 'tools' parameter."
        case _:
            return
    raise OpenAIError(400, message, "invalid_request_error", "tool_choice")


def check_response_request(document: object, *, thinks: bool) -> dict[str, object]:
    """The request body, when OpenAI would accept it; `thinks` is whether its model reasons."""
    if not isinstance(document, dict):
        raise wrong_type(document, "body", "an object")
    for name in document:
        if name not in PARAMETERS:
            raise refusal(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    if not document.get("model"):
        raise missing("model")
    if all(document.get(name) is None for name in ("input", "prompt", "previous_response_id", "conversation")):
        raise missing("input")
    for name, check in PARAMETERS.items():
        if document.get(name) is not None:
            check(document[name], name)
    if document.get("stream_options") is not None and document.get("stream") is not True:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise OpenAIError(400, message, "invalid_request_error", "stream_options")
    if document.get("previous_response_id") is not None and document.get("conversation") is not None:
        message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'."
        raise OpenAIError(400, message, "invalid_request_error", None, "mutually_exclusive_parameters")
    _check_choice(document)
    for name in ("temperature", "top_p"):
        if thinks and document.get(name) not in {None, 1}:
            raise unsupported(name)
    reasoning = document.get("reasoning")
    if not thinks and isinstance(reasoning, dict) and reasoning.get("effort") not in {None, "none"}:
        raise unsupported("reasoning.effort")
    return document


def _wrong_input(message: str) -> OpenAIError:
    return OpenAIError(400, message, "invalid_request_error", "input")


def check_order(items: list[dict[str, object]]) -> None:
    """Raise OpenAI's refusal of calls without outputs, outputs without calls, and reasoning without what it led to."""
    called: dict[object, None] = {}
    answered: set[object] = set()
    for place, item in enumerate(items):
        match item.get("type"):
            case "function_call":
                called[item["call_id"]] = None
            case "function_call_output":
                if item["call_id"] not in called:
                    raise _wrong_input(f"No tool call found for function call output with call_id {item['call_id']}.")
                answered.add(item["call_id"])
            case "reasoning":
                following = items[place + 1] if place + 1 < len(items) else {}
                if following.get("type") not in {"function_call", "reasoning"} and following.get("role") != "assistant":
                    raise _wrong_input(
                        f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item."
                    )
            case _:
                pass
    for identifier in called:
        if identifier not in answered:
            raise _wrong_input(f"No tool output found for function call {identifier}.")
