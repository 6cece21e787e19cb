"""Tools, the choice among them and the shape of the answer, as Responses writes them.

A request for a provider has them, and an answer for a client repeats them.
"""

import re
from typing import Any, Final

import msgspec

from segue.families.llm.ir.conversation import Conversation, FunctionTool, Output, Raw, Tool, VendorTool

_NO_PARAMETERS: Final = Raw(b'{"type":"object","properties":{}}')
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def tool_of(tool: Tool) -> dict[str, Any] | Raw:
    """A tool's declaration. `strict` is always said: here silence would mean True, elsewhere it means False."""
    if isinstance(tool, VendorTool):
        return _custom(tool) if tool.type == "custom" else Raw(tool.raw)
    written: dict[str, Any] = {
        "type": "function",
        "name": tool.name,
        "parameters": Raw(tool.parameters) if tool.parameters else _NO_PARAMETERS,
        "strict": bool(tool.strict),
    }
    if tool.description:
        written["description"] = tool.description
    if tool.response:
        written["output_schema"] = Raw(tool.response)
    return written


def tools_of(conversation: Conversation) -> list[dict[str, Any] | Raw]:
    """The declarations of all tools; groups as they came."""
    groups = conversation.namespaces
    if groups is None:
        return [tool_of(tool) for tool in conversation.tools]
    written: list[dict[str, Any] | Raw] = []
    for tool in conversation.tools:
        if not isinstance(tool, FunctionTool) or tool.name not in groups.names:
            written.append(tool_of(tool))
        elif tool.name in groups.declared:
            written.append(Raw(groups.declared[tool.name]))
    return written


def _custom(tool: VendorTool) -> dict[str, Any] | Raw:
    """A custom tool, out of the nested form of Chat Completions where it comes from there."""
    inner = _declared(tool.raw).get("custom")
    if not isinstance(inner, dict):
        return Raw(tool.raw)
    flat = {"type": "custom", **inner}
    shape = flat.get("format")
    if isinstance(shape, dict) and isinstance(shape.get("grammar"), dict):
        flat["format"] = {"type": "grammar", **shape["grammar"]}
    return flat


def _declared(raw: bytes) -> dict[str, Any]:
    """A vendor's declaration; empty for what is none, which its vendor may judge."""
    try:
        declared = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return declared if isinstance(declared, dict) else {}


def custom_names(conversation: Conversation) -> set[str]:
    """Names of the custom tools, which a choice must call by their kind."""
    names = set()
    for tool in conversation.tools:
        if isinstance(tool, VendorTool) and tool.type == "custom":
            written = _custom(tool)
            name = (_declared(bytes(written)) if isinstance(written, Raw) else written).get("name")
            if isinstance(name, str):
                names.add(name)
    return names


def tool_choice_of(conversation: Conversation) -> Any:
    """The choice of tools; `None` where the caller said nothing."""
    choice = conversation.tool_choice
    if choice is None:
        return conversation.extra.get("tool_choice")
    if not choice.names or choice.mode == "none":
        return choice.mode
    custom = custom_names(conversation)
    groups = conversation.namespaces.names if conversation.namespaces is not None else {}
    tools = [
        {"type": "custom" if name in custom else "function", "name": groups[name][1] if name in groups else name}
        for name in choice.names
    ]
    if choice.mode == "required" and len(tools) == 1:
        return tools[0]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}


def format_of(output: Output | None) -> dict[str, Any]:
    """The shape of the answer."""
    if output is None:
        return {"type": "text"}
    if not output.schema:
        return {"type": "json_object"}
    written: dict[str, Any] = {
        "type": "json_schema",
        "name": output.name if _NAME.fullmatch(output.name) else "answer",  # a name is required, of these letters
        "schema": Raw(output.schema),
    }
    if output.description:
        written["description"] = output.description
    if output.strict is not None:
        written["strict"] = output.strict
    return written


def has_functions(conversation: Conversation) -> bool:
    """Whether the caller declares functions."""
    return any(isinstance(tool, FunctionTool) for tool in conversation.tools)
