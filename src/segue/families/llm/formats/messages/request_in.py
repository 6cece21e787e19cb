"""A client's request out of Anthropic's Messages.

Strict: what Anthropic would refuse is refused here, with the path of the field, before a provider is paid for
noticing. What only Anthropic understands (its server tools, its own blocks, new fields inside of blocks) is kept as
it came and bound to Anthropic; other providers say that they cannot serve it.
"""

from typing import Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.messages.blocks_in import mark, read_message, read_texts
from segue.families.llm.formats.messages.invalid import explain, invalid
from segue.families.llm.formats.messages.pairs import check_pairs
from segue.families.llm.formats.messages.wire import (
    InputChoice,
    InputRequest,
    InputTool,
    OutputConfig,
    OutputFormat,
    Raw,
    UsualTool,
    present,
)
from segue.families.llm.ir.blocks import ANTHROPIC, Text
from segue.families.llm.ir.conversation import (
    Conversation,
    FunctionTool,
    Output,
    Reasoning,
    Sampling,
    Tool,
    ToolChoice,
    VendorTool,
)

_request: Final = msgspec.json.Decoder(InputRequest)
_top: Final = msgspec.json.Decoder(dict[str, Raw])
_tool: Final = msgspec.json.Decoder(InputTool)
_usual_tool: Final = msgspec.json.Decoder(UsualTool)
_KNOWN: Final = frozenset(InputRequest.__struct_fields__)
_TOOL_KNOWN: Final = frozenset(InputTool.__struct_fields__)
_CONFIG_KNOWN: Final = frozenset(OutputConfig.__struct_fields__)
_CHOICES: Final = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
_DISPLAYS: Final = {None: None, "summarized": True, "omitted": False}
_TIERS: Final = frozenset({"auto", "standard_only"})
MIN_BUDGET: Final = 1024
"""The least budget of thinking that Anthropic accepts (API reference, `thinking.budget_tokens`)."""
MCP_SERVERS: Final = "mcp_servers"
"""The type of the `VendorTool` that carries the list of MCP servers: without them the answer would be another."""
MAX_MESSAGES: Final = 100_000
"""Anthropic's own limit (API reference, `messages`)."""


def read_request(body: bytes, *, counting: bool = False) -> Conversation:
    """A request from its body.

    Args:
        body: JSON.
        counting: whether its tokens are only to be counted: then `max_tokens` may be missing.

    Raises:
        RequestInvalid: naming the field and what belongs there.
    """
    try:
        if not body.isascii():
            body.decode()  # what is kept as it came is not looked into, so nobody else would notice
        request = _request.decode(body)
        top = _top.decode(body)
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except UnicodeDecodeError as error:
        raise RequestInvalid(f"the body is not UTF-8: byte {error.start} is wrong") from None
    except msgspec.DecodeError as error:
        raise RequestInvalid(f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise RequestInvalid("the body is nested too deeply") from None
    _check(request, counting=counting)
    extra = {name: value for name, value in top.items() if name not in _KNOWN and bytes(value) != b"null"}
    conversation = Conversation(
        model=request.model,
        system=_system(request),
        messages=[read_message(raw, f"messages.{number}") for number, raw in enumerate(request.messages)],
        tools=_tools(request, extra),
        output=_output(request, top, extra),
        sampling=_sampling(request),
        reasoning=_reasoning(request, top, extra),
        max_tokens=request.max_tokens,
        stop=request.stop_sequences or [],
        stream=bool(request.stream),
        user=(request.metadata.user_id or "") if request.metadata is not None else "",
        service_tier=request.service_tier or "",
        context_management=present(request.context_management),
        container=present(request.container),
        extra=extra,
    )
    check_pairs(conversation.messages)
    if request.tool_choice is not None:
        conversation.tool_choice = _choice(request.tool_choice)
        if request.tool_choice.disable_parallel_tool_use is not None:
            conversation.parallel_tools = not request.tool_choice.disable_parallel_tool_use
    return conversation


def _check(request: InputRequest, *, counting: bool) -> None:
    if not request.model:
        raise invalid("model", "Field required: name a model (GET /v1/models lists them)")
    if request.max_tokens is None and not counting:
        raise invalid("max_tokens", "Field required: the most tokens that the answer may have")
    if request.max_tokens is not None and request.max_tokens < 1:
        raise invalid("max_tokens", "Input should be 1 or more")
    if not request.messages:
        raise invalid("messages", "at least one message is required")
    if len(request.messages) > MAX_MESSAGES:
        raise invalid("messages", f"more than {MAX_MESSAGES} messages")
    if request.service_tier is not None and request.service_tier not in _TIERS:
        raise invalid("service_tier", "Input should be 'auto' or 'standard_only'")


def _system(request: InputRequest) -> list[Text]:
    if not request.system:
        return []
    if isinstance(request.system, str):
        return [Text(request.system)]
    return read_texts(request.system, "system")


def _sampling(request: InputRequest) -> Sampling:
    for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
        if value is not None and not 0 <= value <= 1:
            raise invalid(name, "range: 0..1")
    if request.top_k is not None and request.top_k < 0:
        raise invalid("top_k", "Input should be 0 or more")
    return Sampling(temperature=request.temperature, top_p=request.top_p, top_k=request.top_k)


def _tools(request: InputRequest, extra: dict[str, Raw]) -> list[Tool]:
    tools: list[Tool] = []
    names: set[str] = set()
    for number, raw in enumerate(request.tools or ()):
        tool = _read_tool(raw, f"tools.{number}", extra)
        if isinstance(tool, FunctionTool):
            if tool.name in names:
                raise invalid("tools", f"Tool names must be unique: {tool.name[:64]!r} stands twice")
            names.add(tool.name)
        tools.append(tool)
    servers = present(request.mcp_servers)
    if servers:
        tools.append(VendorTool(ANTHROPIC, MCP_SERVERS, servers))
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
    if not tool.name:
        raise invalid(f"{where}.name", "String should have at least 1 character")
    schema = present(tool.input_schema)
    if schema[:1] != b"{":
        raise invalid(f"{where}.input_schema", "Input should be an object: a JSON Schema with type 'object'")
    for name, value in new.items():
        if bytes(value) != b"null":
            extra[f"tools.{tool.name}.{name}"] = value
    return FunctionTool(tool.name, tool.description or "", schema, tool.strict, mark(tool.cache_control))


class _Typed(msgspec.Struct):
    type: str


_typed: Final = msgspec.json.Decoder(_Typed)


def _vendor_tool(raw: Raw) -> VendorTool | None:
    try:
        kind = _typed.decode(raw).type
    except msgspec.ValidationError:
        return None
    return None if kind == "custom" else VendorTool(ANTHROPIC, kind, bytes(raw))


def _choice(choice: InputChoice) -> ToolChoice:
    mode = _CHOICES.get(choice.type)
    if mode is None:
        raise invalid("tool_choice.type", "Input should be 'auto', 'any', 'tool' or 'none'")
    if choice.type != "tool":
        return ToolChoice(mode)
    if not choice.name:
        raise invalid("tool_choice.name", "Field required: the tool that is to be called")
    return ToolChoice(mode, (choice.name,))


def _output(request: InputRequest, top: dict[str, Raw], extra: dict[str, Raw]) -> Output | None:
    config = request.output_config
    if config is not None:
        for name, value in _top.decode(top["output_config"]).items():
            if name not in _CONFIG_KNOWN and bytes(value) != b"null":
                extra[f"output_config.{name}"] = value
    shape, where = (config.format, "output_config.format") if config is not None else (None, "")
    if shape is None:
        shape, where = request.output_format, "output_format"  # its name while it was in beta
    return None if shape is None else _shape(shape, where)


def _shape(shape: OutputFormat, where: str) -> Output:
    if shape.type != "json_schema":
        raise invalid(f"{where}.type", "Input should be 'json_schema'")
    schema = present(shape.schema)
    if schema[:1] != b"{":
        raise invalid(f"{where}.schema", "Input should be an object: a JSON Schema")
    return Output(schema, strict=True)


def _reasoning(request: InputRequest, top: dict[str, Raw], extra: dict[str, Raw]) -> Reasoning | None:
    thinking = request.thinking
    effort = request.output_config.effort if request.output_config is not None else None
    if effort is not None and effort not in _EFFORTS:
        raise invalid("output_config.effort", "Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
    if thinking is None:
        return None if effort is None else Reasoning(effort=effort, habit=True)
    if thinking.display not in _DISPLAYS:
        raise invalid("thinking.display", "Input should be 'summarized' or 'omitted'")
    show = _DISPLAYS[thinking.display]
    match thinking.type:
        case "disabled":
            return Reasoning(enabled=False, effort=effort)
        case "adaptive":
            return Reasoning(enabled=True, effort=effort, adaptive=True, show=show)
        case "between_tools":
            extra["thinking"] = top["thinking"]
            return Reasoning(enabled=True, effort=effort, adaptive=True)
        case "enabled":
            return Reasoning(enabled=True, effort=effort, budget=_budget(request), show=show)
        case _:
            raise invalid("thinking.type", "Input should be 'adaptive', 'enabled', 'disabled' or 'between_tools'")


def _budget(request: InputRequest) -> int:
    budget = request.thinking.budget_tokens if request.thinking is not None else None
    if budget is None:
        raise invalid("thinking.enabled.budget_tokens", "Field required")
    if budget < MIN_BUDGET:
        raise invalid("thinking.enabled.budget_tokens", f"Input should be greater than or equal to {MIN_BUDGET}")
    return budget
