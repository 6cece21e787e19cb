"""Tools of a client's request out of Anthropic's Messages: functions of the caller's, and those of Anthropic's own."""

from typing import Final

import msgspec

from segue.families.llm.formats.messages.blocks_in import Unlike
from segue.families.llm.formats.messages.invalid import explain, invalid
from segue.families.llm.formats.messages.media_in import mark
from segue.families.llm.formats.messages.wire import InputTool, Raw, UsualTool, present
from segue.families.llm.ir.blocks import ANTHROPIC
from segue.families.llm.ir.conversation import FunctionTool, Tool, VendorTool

_top: Final = msgspec.json.Decoder(dict[str, Raw])
_tool: Final = msgspec.json.Decoder(InputTool)
_usual_tool: Final = msgspec.json.Decoder(UsualTool)
_TOOL_KNOWN: Final = frozenset(InputTool.__struct_fields__)


def read_tools(raws: list[Raw], extra: dict[str, Raw]) -> list[Tool]:
    """All tools, piece by piece; fields of theirs that nobody else knows are put into `extra`, by their paths."""
    tools: list[Tool] = []
    names: set[str] = set()
    for number, raw in enumerate(raws):
        tool = _read_tool(raw, f"tools.{number}", extra)
        if isinstance(tool, FunctionTool):
            if tool.name in names:
                raise invalid("tools", f"Tool names must be unique: {tool.name[:64]!r} stands twice")
            names.add(tool.name)
        tools.append(tool)
    return tools


def _read_tool(raw: Raw, where: str, extra: dict[str, Raw]) -> Tool:
    new: dict[str, Raw] = {}
    try:
        try:
            tool: InputTool = _usual_tool.decode(raw)
        except msgspec.ValidationError:
            tool = _tool.decode(raw)
            new = {name: value for name, value in _top.decode(raw).items() if name not in _TOOL_KNOWN}
    except msgspec.ValidationError as error:
        vendors = _vendor_tool(raw)  # some of them have no name
        if vendors is not None:
            return vendors
        raise explain(error, where) from None
    if tool.type not in {None, "custom"}:
        return VendorTool(ANTHROPIC, str(tool.type), bytes(raw))
    function = read_function(tool, where)
    for name, value in new.items():
        if bytes(value) != b"null":
            extra[f"tools.{tool.name}.{name}"] = value
    return function


def read_function(tool: InputTool, where: str) -> FunctionTool:
    """A function of the caller's.

    Raises:
        Unlike: it is a tool of Anthropic's.
        RequestInvalid: naming the field.
    """
    if tool.type not in {None, "custom"}:
        raise Unlike
    if not tool.name:
        raise invalid(f"{where}.name", "String should have at least 1 character")
    schema = present(tool.input_schema)
    if schema[:1] != b"{":
        raise invalid(f"{where}.input_schema", "Input should be an object: a JSON Schema with type 'object'")
    cache = None if tool.cache_control is None else mark(tool.cache_control)
    return FunctionTool(tool.name, tool.description or "", schema, tool.strict, cache)


class _Typed(msgspec.Struct):
    type: str


_typed: Final = msgspec.json.Decoder(_Typed)


def _vendor_tool(raw: Raw) -> VendorTool | None:
    try:
        kind = _typed.decode(raw).type
    except msgspec.ValidationError:
        return None
    return None if kind == "custom" else VendorTool(ANTHROPIC, kind, bytes(raw))
