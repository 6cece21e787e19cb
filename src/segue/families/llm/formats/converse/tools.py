"""Tools in Converse.

Two of its rules ask for care: it has no word for "call no tool", and it demands the declarations of tools whenever the
history has called any ("The toolConfig field must be defined when using toolUse and toolResult content blocks"). So
without calls in the history "none" is said by leaving the tools out; with calls the tools stay declared (and the
system prompt asks not to call them), and where a request brings no tools at all, those that were called are declared
without a schema.
"""

import re
from typing import Any, Final

import msgspec

from segue.families.llm.formats.converse.models import Maker
from segue.families.llm.formats.turns import Turns
from segue.families.llm.ir.blocks import BEDROCK
from segue.families.llm.ir.conversation import Conversation, FunctionTool, Tool
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import Target
from segue.families.llm.ir.losses import cannot

_NO_SCHEMA: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def write_tools(
    conversation: Conversation, turns: Turns, maker: Maker, target: Target, warnings: list[str]
) -> dict[str, Any] | None:
    """`toolConfig`, or `None` where no tools are to be declared.

    Args:
        conversation: the request.
        turns: its turns in order.
        maker: of the model.
        target: its flag `no_strict` says that the model does not know `strict`.
        warnings: gets what is changed.

    Raises:
        CannotServe: a tool of another vendor's, or a name that Bedrock does not accept.
    """
    choice = conversation.tool_choice
    mode, names = (choice.mode, choice.names) if choice is not None else ("", ())
    offered: list[Tool] = conversation.tools
    if mode == "none" and not turns.calls:
        return None
    if len(names) > 1:
        offered = [tool for tool in offered if not isinstance(tool, FunctionTool) or tool.name in names]
    written: list[Any] = []
    for tool in offered:
        _write_tool(written, tool, maker, target, warnings)
    if not written:
        if not turns.calls:
            return None
        written = [_spec(name) for name in turns.calls]
        warnings.append("tools that the history has called were declared without a schema: Bedrock demands them")
        mode = ""
    config: dict[str, Any] = {"tools": written}
    if mode == "auto":
        config["toolChoice"] = {"auto": {}}
    elif mode == "required":
        config["toolChoice"] = {"tool": {"name": names[0]}} if len(names) == 1 else {"any": {}}
    return config


def _write_tool(written: list[Any], tool: Tool, maker: Maker, target: Target, warnings: list[str]) -> None:
    if not isinstance(tool, FunctionTool):
        if tool.vendor != BEDROCK:
            raise cannot("Bedrock", f"{tool.vendor}'s own tool {tool.type[:60]!r}", field=Field.VENDOR_TOOLS)
        written.append(msgspec.Raw(tool.raw))
        return
    if not _NAME.fullmatch(tool.name):
        raise cannot(
            "Bedrock",
            f"the name {tool.name[:80]!r} of a tool (letters, digits, '_' and '-', 64 at most)",
            field=Field.TOOLS,
        )
    spec = _spec(tool.name, tool.parameters)
    if tool.description:
        spec["toolSpec"]["description"] = tool.description
    if tool.strict:
        if "no_strict" in target.flags:
            warnings.append(f"strict left out for the tool {tool.name!r}: this model does not know it")
        else:
            spec["toolSpec"]["strict"] = True
    written.append(spec)
    if tool.cache is not None:
        if maker.cache_tools:
            written.append({"cachePoint": {"type": "default"} | ({"ttl": tool.cache.ttl} if tool.cache.ttl else {})})
        else:
            warnings.append(f"cache_control of tools left out: {maker.name} on Bedrock has no cache points there")


def _spec(name: str, schema: bytes = b"") -> dict[str, Any]:
    return {"toolSpec": {"name": name, "inputSchema": {"json": msgspec.Raw(schema) if schema else _NO_SCHEMA}}}
