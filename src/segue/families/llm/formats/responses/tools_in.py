"""Tools of a client's request in Responses, and the choice among them."""

from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.responses import wire
from segue.families.llm.formats.responses.namespaces import (
    NAMESPACE,
    FlatNames,
    described,
    functions_of,
    group_decoder,
)
from segue.families.llm.formats.responses.strictly import decode, invalid
from segue.families.llm.ir.blocks import OPENAI
from segue.families.llm.ir.conversation import FunctionTool, Tool, ToolChoice, VendorTool
from segue.families.llm.ir.extra import keep

Raw = msgspec.Raw

MAX_TOOLS: Final = 4096


class _Type(msgspec.Struct, gc=False):
    type: str


_type: Final = msgspec.json.Decoder(_Type)
_function: Final = msgspec.json.Decoder(wire.Function)
_usual_function: Final = msgspec.json.Decoder(wire.UsualFunction)
_CHOICE: Final = frozenset({"type", "name", "mode", "tools"})
_OF_CALLER: Final = ("function", "custom", "allowed_tools")
_OBJECTS: Final = frozenset({b"", b"{"})
_any: Final = msgspec.json.Decoder()
_encode: Final = msgspec.json.encode


def read_tools(raws: list[Raw], extra: dict[str, Raw], *, grouped: bool) -> tuple[list[Tool], FlatNames | None]:
    """All tools.

    Args:
        raws: `tools`.
        extra: gets fields that have no word here, by their paths.
        grouped: whether some of them may stand in groups.

    Returns:
        The tools, those of groups as functions with names of their own, and the maker of these names.

    Raises:
        RequestInvalid: naming the field.
    """
    if len(raws) > MAX_TOOLS:
        raise RequestInvalid(f"field 'tools': more than {MAX_TOOLS} tools", param="tools")
    tools = [_usual_tool(raw) or _tool(raw, f"tools[{place}]", extra) for place, raw in enumerate(raws)]
    if not grouped:
        return tools, None
    flat = FlatNames(tool.name for tool in tools if isinstance(tool, FunctionTool))
    every: list[Tool] = []
    for place, tool in enumerate(tools):
        if isinstance(tool, VendorTool) and tool.type == NAMESPACE:
            every += _ungrouped(tool, f"tools[{place}]", flat, extra)
        else:
            every.append(tool)
    if len(every) > MAX_TOOLS:
        raise RequestInvalid(f"field 'tools': more than {MAX_TOOLS} tools", param="tools")
    return every, flat


def _ungrouped(tool: VendorTool, where: str, flat: FlatNames, extra: dict[str, Raw]) -> list[Tool]:
    """The functions of a group of tools, with names of their own; a group that has other tools stays as it is."""
    group = decode(group_decoder, Raw(tool.raw), where, extra)
    declared = functions_of(group)
    if declared is None:
        return [tool]
    functions: list[Tool] = []
    for place, raw in enumerate(declared):
        function = _usual_tool(raw) or _tool(raw, f"{where}.tools[{place}]", extra)
        if isinstance(function, FunctionTool):
            function.name = flat.name(group.name, function.name)
            functions.append(function)
    first = functions[0]
    if isinstance(first, FunctionTool):
        # The model reads all tools together: what is said of the group stands once, at its first tool.
        description = described(first.description, group.description, group.name)
        if description is None:
            keep(extra, f"{where}.description", Raw(_encode(group.description)))
        else:
            first.description = description
        flat.found.declared[first.name] = tool.raw
    return functions


def _usual_tool(raw: Raw) -> FunctionTool | None:
    """A function as nearly all are written; its schemas stay as they came."""
    try:
        tool = _usual_function.decode(raw)
    except msgspec.ValidationError:
        return None
    parameters, response = bytes(tool.parameters), bytes(tool.output_schema)
    if parameters[:1] not in _OBJECTS or response[:1] not in _OBJECTS:
        return None
    return _function_tool(tool, parameters, response)


def _tool(raw: Raw, where: str, extra: dict[str, Raw]) -> Tool:
    """A tool that is no function, or none that is written as functions usually are."""
    try:
        kind = _type.decode(raw).type
    except msgspec.ValidationError as error:
        raise invalid(error, where) from None
    if kind != "function":
        return VendorTool(OPENAI, kind, bytes(raw))
    tool = decode(_function, raw, where, extra)
    parameters = b"" if tool.parameters is None else _encode(tool.parameters)
    return _function_tool(tool, parameters, b"" if tool.output_schema is None else _encode(tool.output_schema))


def _function_tool(tool: wire.Function | wire.UsualFunction, parameters: bytes, response: bytes) -> FunctionTool:
    strict = _strict(tool.strict, parameters)
    return FunctionTool(tool.name, tool.description or "", parameters, strict, response=response)


def _strict(said: bool | None, parameters: bytes) -> bool | None:
    """Whether the arguments must satisfy the schema.

    Here a function is strict unless the caller says otherwise, but only as far as its schema allows it (OpenAI's guide
    "Function calling", "Strict mode"). Other formats take `True` by the letter and refuse such a schema, so silence
    means True only where the schema has what strictness demands.
    """
    if said is not None:
        return said
    return True if parameters and _closed(_any.decode(parameters)) else None


def _closed(schema: Any) -> bool:
    """Whether every object of a schema names all its properties as required and admits no others."""
    if isinstance(schema, list):
        return all(_closed(inner) for inner in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        required = schema.get("required")
        names = properties if isinstance(properties, dict) else {}
        if schema.get("additionalProperties") is not False:
            return False
        if names and not (isinstance(required, list) and all(name in required for name in names)):
            return False
        if not all(_closed(inner) for inner in names.values()):
            return False
    inner_schemas = (schema[key] for key in ("items", "anyOf", "$defs", "definitions") if key in schema)
    return all(
        all(map(_closed, inner.values())) if key_holds_schemas(inner) else _closed(inner) for inner in inner_schemas
    )


def key_holds_schemas(inner: Any) -> bool:
    """Whether a value is a table of schemas by name (`$defs`) rather than a schema."""
    return isinstance(inner, dict) and bool(inner) and all(isinstance(value, dict) for value in inner.values())


def read_choice(raw: Raw, flat: FlatNames | None, extra: dict[str, Raw]) -> ToolChoice | None:
    """The choice among the tools; `None` where none is made, or where it is one of OpenAI's own tools.

    Args:
        raw: `tool_choice`.
        flat: the names of tools that stand in groups, if there are any.
        extra: gets what has no word here.

    Raises:
        RequestInvalid: naming the field.
    """
    choice: Any = _any.decode(raw)
    if choice is None:
        return None
    if isinstance(choice, str) and choice in {"auto", "none", "required"}:
        return ToolChoice(choice)
    if isinstance(choice, dict):
        kind = choice.get("type")
        for name in choice.keys() - _CHOICE if kind in _OF_CALLER else ():
            keep(extra, f"tool_choice.{name}", Raw(_encode(choice[name])))
        if kind in ("function", "custom") and isinstance(choice.get("name"), str) and choice["name"]:
            name = choice["name"]
            return ToolChoice("required", (name if flat is None else flat.chosen(name),))
        if kind == "allowed_tools":
            return _allowed(choice, raw, flat, extra)
        if isinstance(kind, str) and kind not in {"function", "custom"}:
            extra["tool_choice"] = Raw(bytes(raw))  # one of OpenAI's own tools
            return None
    raise RequestInvalid(
        "field 'tool_choice': expected 'auto', 'none', 'required', "
        '{"type": "function", "name": …} or {"type": "allowed_tools", "mode": …, "tools": […]}',
        param="tool_choice",
    )


def _allowed(choice: dict[str, Any], raw: Raw, flat: FlatNames | None, extra: dict[str, Raw]) -> ToolChoice | None:
    mode, tools = choice.get("mode"), choice.get("tools")
    if mode not in {"auto", "required"}:
        raise RequestInvalid("field 'tool_choice.mode': expected 'auto' or 'required'", param="tool_choice.mode")
    if not isinstance(tools, list) or not tools or not all(isinstance(tool, dict) for tool in tools):
        raise RequestInvalid("field 'tool_choice.tools': expected a list of tools", param="tool_choice.tools")
    if flat is not None:
        tools = [named for tool in tools for named in _allowed_of(tool, flat)]
    names = [tool.get("name") for tool in tools if tool.get("type") in ("function", "custom")]
    if len(names) == len(tools) and all(isinstance(name, str) for name in names):
        return ToolChoice(mode, tuple(str(name) for name in names))
    extra["tool_choice"] = Raw(bytes(raw))
    return None


def _allowed_of(tool: dict[str, Any], flat: FlatNames) -> list[dict[str, Any]]:
    """An entry of a choice among some tools; for a group, all of its tools."""
    name = tool.get("name")
    if not isinstance(name, str):
        return [tool]
    if tool.get("type") == NAMESPACE:
        return [{"type": "function", "name": made} for made in flat.of_group(name)] or [tool]
    return [{**tool, "name": flat.chosen(name)}]
