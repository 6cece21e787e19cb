"""A client's request out of Anthropic's Messages.

Strict: what Anthropic would refuse is refused here, with the path of the field, before a provider is paid for
noticing. What only Anthropic understands (its server tools, its own blocks, new fields inside of blocks) is kept as
it came and bound to Anthropic; other providers say that they cannot serve it.
"""

from typing import Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.parsing import mistake
from segue.families.llm.formats.messages.blocks_in import Unlike, read_message, read_texts, read_usual_message
from segue.families.llm.formats.messages.invalid import explain, invalid
from segue.families.llm.formats.messages.media_in import mark
from segue.families.llm.formats.messages.pairs import check_pairs
from segue.families.llm.formats.messages.threads import THREAD, continued
from segue.families.llm.formats.messages.tools_in import read_function, read_tools
from segue.families.llm.formats.messages.wire import (
    NULL,
    AnyRequest,
    Cache,
    InputChoice,
    InputRequest,
    OutputConfig,
    OutputFormat,
    Raw,
    UsualRequest,
    present,
)
from segue.families.llm.ir.blocks import ANTHROPIC, Media, Text, ToolResult, ToolUse
from segue.families.llm.ir.conversation import (
    Conversation,
    Message,
    Output,
    Reasoning,
    Sampling,
    Tool,
    ToolChoice,
    VendorTool,
)

_usual: Final = msgspec.json.Decoder(UsualRequest)
_request: Final = msgspec.json.Decoder(InputRequest[Raw, Raw, OutputConfig])
_top: Final = msgspec.json.Decoder(dict[str, Raw])
_cache: Final = msgspec.json.Decoder(Cache)
_KNOWN: Final = frozenset(InputRequest.__struct_fields__)
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
        return _read_usual(body, counting=counting) or _read(body, counting=counting)
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestInvalid(f"the body {mistake(error, body)}") from None


def _read_usual(body: bytes, *, counting: bool) -> Conversation | None:
    """A request without anything that only Anthropic knows, as nearly all are; `None` where that cannot be said."""
    try:
        request = _usual.decode(body)
        if request.thinking is not None and request.thinking.type == "between_tools":
            return None  # kept as it came, too
        _check(request, counting=counting)
        messages = [read_usual_message(message) for message in request.messages]
        tools: list[Tool] = [read_function(tool, "") for tool in request.tools or ()]
        if len(tools) > 1 and len({tool.name for tool in request.tools or ()}) < len(tools):
            return None
        return _conversation(request, _system(request), messages, tools, {}, {})
    except (msgspec.DecodeError, RequestInvalid, Unlike):
        return None  # the closer look says why


def _read(body: bytes, *, counting: bool) -> Conversation:
    """Any request, piece by piece: what only Anthropic knows is kept as it came, and what is wrong is named."""
    request = _request.decode(body)
    top = _top.decode(body)
    _check(request, counting=counting, holds_rest=bool(continued(top.get(THREAD))))
    extra = {name: value for name, value in top.items() if name not in _KNOWN and bytes(value) != b"null"}
    system = _system(request)
    messages = [read_message(raw, f"messages.{number}") for number, raw in enumerate(request.messages)]
    return _conversation(request, system, messages, read_tools(request.tools or [], extra), top, extra)


def _conversation(
    request: AnyRequest,
    system: list[Text],
    messages: list[Message],
    tools: list[Tool],
    top: dict[str, Raw],
    extra: dict[str, Raw],
) -> Conversation:
    servers = b"" if request.mcp_servers is NULL else present(request.mcp_servers)
    if servers:
        tools.append(VendorTool(ANTHROPIC, MCP_SERVERS, servers))
    conversation = Conversation(
        model=request.model,
        system=system,
        messages=messages,
        tools=tools,
        output=_output(request, top, extra),
        sampling=_sampling(request),
        reasoning=_reasoning(request, top, extra),
        max_tokens=request.max_tokens,
        stop=request.stop_sequences or [],
        stream=bool(request.stream),
        user=(request.metadata.user_id or "") if request.metadata is not None else "",
        service_tier=request.service_tier or "",
        context_management=b"" if request.context_management is NULL else present(request.context_management),
        container=b"" if request.container is NULL else present(request.container),
        extra=extra,
    )
    if extra:
        _mark_last(extra.pop("cache_control", None), messages)
        conversation.thread = continued(extra.get(THREAD))
    if not conversation.thread:  # what the results answer may lie in the thread
        check_pairs(messages)
    choice = request.tool_choice
    if choice is not None:
        conversation.tool_choice = _choice(choice)
        if choice.disable_parallel_tool_use is not None:
            conversation.parallel_tools = not choice.disable_parallel_tool_use
    return conversation


def _mark_last(control: Raw | None, messages: list[Message]) -> None:
    """A wish to cache everything, which means the same as a mark at the last block."""
    if control is None:
        return
    try:
        cache = mark(_cache.decode(control))
    except msgspec.ValidationError as error:
        raise explain(error, "cache_control") from None
    last = messages[-1].content[-1] if messages and messages[-1].content else None
    if isinstance(last, (Text, Media, ToolUse, ToolResult)) and last.cache is None:
        last.cache = cache


def _check(request: AnyRequest, *, counting: bool, holds_rest: bool = False) -> None:
    if not request.model:
        raise invalid("model", "Field required: name a model (GET /v1/models lists them)")
    if request.max_tokens is None and not counting:
        raise invalid("max_tokens", "Field required: the most tokens that the answer may have")
    if request.max_tokens is not None and request.max_tokens < 1:
        raise invalid("max_tokens", "Input should be 1 or more")
    if not request.messages and not holds_rest:
        raise invalid("messages", "at least one message is required")
    if len(request.messages) > MAX_MESSAGES:
        raise invalid("messages", f"more than {MAX_MESSAGES} messages")
    if request.service_tier is not None and request.service_tier not in _TIERS:
        raise invalid("service_tier", "Input should be 'auto' or 'standard_only'")


def _system(request: AnyRequest) -> list[Text]:
    if not request.system:
        return []
    if isinstance(request.system, str):
        return [Text(request.system)]
    return read_texts(request.system, "system")


def _sampling(request: AnyRequest) -> Sampling:
    temperature, top_p, top_k = request.temperature, request.top_p, request.top_k
    if temperature is not None and not 0 <= temperature <= 1:
        raise invalid("temperature", "range: 0..1")
    if top_p is not None and not 0 <= top_p <= 1:
        raise invalid("top_p", "range: 0..1")
    if top_k is not None and top_k < 0:
        raise invalid("top_k", "Input should be 0 or more")
    return Sampling(temperature, top_p, top_k)


def _choice(choice: InputChoice) -> ToolChoice:
    mode = _CHOICES.get(choice.type)
    if mode is None:
        raise invalid("tool_choice.type", "Input should be 'auto', 'any', 'tool' or 'none'")
    if choice.type != "tool":
        return ToolChoice(mode)
    if not choice.name:
        raise invalid("tool_choice.name", "Field required: the tool that is to be called")
    return ToolChoice(mode, (choice.name,))


def _output(request: AnyRequest, top: dict[str, Raw], extra: dict[str, Raw]) -> Output | None:
    config = request.output_config
    if config is not None and top:
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


def _reasoning(request: AnyRequest, top: dict[str, Raw], extra: dict[str, Raw]) -> Reasoning | None:
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


def _budget(request: AnyRequest) -> int:
    budget = request.thinking.budget_tokens if request.thinking is not None else None
    if budget is None:
        raise invalid("thinking.enabled.budget_tokens", "Field required")
    if budget < MIN_BUDGET:
        raise invalid("thinking.enabled.budget_tokens", f"Input should be greater than or equal to {MIN_BUDGET}")
    return budget
