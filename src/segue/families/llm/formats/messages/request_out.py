"""A request for Anthropic's Messages.

`Target.flags` that are read here, besides those of thinking (`thinking_out`) and turns (`blocks_out`):

    no_sampling     temperature, top_p and top_k are refused (newer models and versions of the API)
    both_samplings  temperature and top_p may stand together (models since Claude Opus 4.1 refuse that)
    json_by_tool    no `output_config.format`: a forced call of a tool makes the model answer in JSON
    no_prefill      the conversation must not end with a text of the assistant's (Claude Opus 4.6 and later)

`Target.max_output` is what is asked for where the caller sets no limit, which Anthropic demands.
"""

import re
from typing import Final

import msgspec

from segue.families.llm.formats.messages.blocks_out import WHOSE, Turns, write_system
from segue.families.llm.formats.messages.request_in import MCP_SERVERS
from segue.families.llm.formats.messages.schema import Unfit, fitted, of_tool
from segue.families.llm.formats.messages.thinking_out import plan_thinking
from segue.families.llm.formats.messages.wire import (
    JSON_TOOL,
    Cache,
    InputChoice,
    InputTool,
    Metadata,
    OutputConfig,
    OutputFormat,
    OutputMessage,
    OutputRequest,
    Raw,
    TextBlock,
)
from segue.families.llm.ir.blocks import ANTHROPIC, Text
from segue.families.llm.ir.conversation import Conversation, FunctionTool
from segue.families.llm.ir.format import Target, Written
from segue.families.llm.ir.losses import cannot

_encode: Final = msgspec.json.encode
_fields: Final = msgspec.json.Decoder(dict[str, Raw])
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_OBJECT: Final = b'{"type":"object"}'
IN_JSON: Final = "Answer with one valid JSON object and nothing else."
"""Asks for JSON where no schema is given, which Anthropic has no parameter for."""


def write_request(conversation: Conversation, target: Target) -> Written:
    """The body for a provider.

    Raises:
        CannotServe: a value that Anthropic's format cannot express.
    """
    warnings: list[str] = []
    flags = target.flags
    request = OutputRequest(model=target.model, max_tokens=0, messages=[])
    _write_turns(request, conversation, flags, warnings)
    _write_tools(request, conversation, warnings)
    _write_output(request, conversation, flags, warnings)
    choice = request.tool_choice
    forced = choice is not None and choice.type in {"any", "tool"}
    most = target.max_output
    plan = plan_thinking(conversation, flags, most, warnings, forced=forced)
    request.max_tokens, request.thinking = plan.max_tokens, plan.thinking
    if plan.effort is not None:
        if request.output_config is None:
            request.output_config = OutputConfig()
        request.output_config.effort = plan.effort
    thinks = plan.thinking is not None and plan.thinking.type != "disabled"
    _write_sampling(request, conversation, flags, warnings, thinks=thinks)
    _write_settings(request, conversation, warnings)
    body = _encode(request)
    if conversation.extra:
        body = _with_extra(body, conversation.extra)
    headers = {"anthropic-beta": ",".join(conversation.betas)} if conversation.betas else {}
    return Written(body, headers, warnings)


def _write_turns(
    request: OutputRequest, conversation: Conversation, flags: frozenset[str], warnings: list[str]
) -> None:
    system = list(conversation.system)
    turns = Turns(flags, warnings)
    for message in conversation.messages:
        if message.role == "system" and not turns.turns:
            system += [block for block in message.content if isinstance(block, Text)]
            continue
        turns.add(message)
    request.messages = turns.messages()
    texts = write_system(system)
    if not request.messages:
        if not texts:
            raise cannot(WHOSE, "a conversation without any text", needs="messages")
        request.messages = [OutputMessage("user", list(texts))]
        warnings.append("the instructions were sent as the user's turn: Anthropic wants at least one")
        return
    if texts:
        plain = len(texts) == 1 and texts[0].cache_control is None
        request.system = texts[0].text if plain else texts
    last = request.messages[-1]
    if "no_prefill" in flags and last.role == "assistant" and isinstance(last.content[-1], TextBlock):
        raise cannot(WHOSE, "a beginning of the answer (prefill) for this model", needs="prefill")


def _write_tools(request: OutputRequest, conversation: Conversation, warnings: list[str]) -> None:
    choice = conversation.tool_choice
    some = choice.names if choice is not None and len(choice.names) > 1 else ()
    tools: list[InputTool | Raw] = []
    for tool in conversation.tools:
        if isinstance(tool, FunctionTool):
            if not some or tool.name in some:
                tools.append(_tool(tool, warnings))
        elif tool.vendor == ANTHROPIC:
            if tool.type == MCP_SERVERS:
                request.mcp_servers = Raw(tool.raw)
            else:
                tools.append(Raw(tool.raw))
    if not tools:
        return
    request.tools = tools
    if choice is not None:
        if choice.mode == "required":
            named = len(choice.names) == 1
            request.tool_choice = InputChoice("tool", choice.names[0]) if named else InputChoice("any")
        else:
            request.tool_choice = InputChoice(choice.mode)
    if conversation.parallel_tools is False:
        if request.tool_choice is None:
            request.tool_choice = InputChoice("auto")
        if request.tool_choice.type != "none":
            request.tool_choice.disable_parallel_tool_use = True


def _tool(tool: FunctionTool, warnings: list[str]) -> InputTool:
    if not _NAME.fullmatch(tool.name):
        raise cannot(
            WHOSE, f"the tool's name {tool.name[:64]!r}: letters, digits, '_' and '-', at most 128", needs="tools"
        )
    try:
        schema = of_tool(tool.parameters)
        if tool.strict:
            schema, changed = fitted(schema)
            if changed:
                warnings.append(f"schema of the strict tool {tool.name[:64]!r} changed to what Anthropic accepts")
    except Unfit as error:
        raise cannot(WHOSE, f"the parameters of the tool {tool.name[:64]!r}: {error}", needs="tools") from None
    cache = None if tool.cache is None else Cache(tool.cache.ttl)
    return InputTool(tool.name, tool.description or None, Raw(schema), tool.strict, cache)


def _write_output(
    request: OutputRequest, conversation: Conversation, flags: frozenset[str], warnings: list[str]
) -> None:
    output = conversation.output
    if output is None:
        return
    schema = output.schema
    if schema:
        try:
            schema, changed = fitted(schema)
        except Unfit as error:
            raise cannot(WHOSE, f"the schema of the answer: {error}", needs="json_schema") from None
        if changed:
            warnings.append("schema of the answer changed to what Anthropic accepts; limits are told in words")
    if "json_by_tool" in flags:
        tool = InputTool(JSON_TOOL, output.description or "Give the answer.", Raw(schema or _OBJECT))
        request.tools = [*(request.tools or ()), tool]
        request.tool_choice = InputChoice("tool", JSON_TOOL) if len(request.tools) == 1 else InputChoice("any")
    elif schema:
        request.output_config = OutputConfig(format=OutputFormat("json_schema", Raw(schema)))
    else:
        system = request.system
        words = [TextBlock(system)] if isinstance(system, str) else list(system or ())
        request.system = [*words, TextBlock(IN_JSON)]


def _write_sampling(
    request: OutputRequest, conversation: Conversation, flags: frozenset[str], warnings: list[str], *, thinks: bool
) -> None:
    sampling = conversation.sampling
    temperature, top_p, top_k = sampling.temperature, sampling.top_p, sampling.top_k
    if temperature is None and top_p is None and top_k is None:
        return
    if "no_sampling" in flags:
        warnings.append("temperature, top_p and top_k left out: this model refuses them")
        return
    if temperature is not None and temperature > 1:
        warnings.append(f"temperature {temperature} lowered to 1, Anthropic's highest")
        temperature = 1.0
    if temperature is not None and top_p is not None and "both_samplings" not in flags:
        if top_p == 1:  # the whole distribution: says nothing
            top_p = None
        elif temperature == 1:  # Anthropic's default: says nothing
            temperature = None
        else:
            top_p = None
            warnings.append("top_p left out: Anthropic's models take it or temperature, not both")
    if thinks:
        lost = []
        if temperature not in {None, 1}:
            temperature = None
            lost.append("temperature")
        if top_k is not None:
            top_k = None
            lost.append("top_k")
        if top_p is not None and top_p < 0.95:  # noqa: PLR2004 - the guide "Extended thinking", feature compatibility
            top_p = None
            lost.append("top_p")
        if lost:
            warnings.append(f"{', '.join(lost)} left out: not together with thinking")
    request.temperature, request.top_p, request.top_k = temperature, top_p, top_k


def _write_settings(request: OutputRequest, conversation: Conversation, warnings: list[str]) -> None:
    request.stream = conversation.stream or None
    if conversation.stop:
        stops = [stop for stop in conversation.stop if stop.strip()]
        if len(stops) < len(conversation.stop):
            warnings.append("stop sequences of nothing but white space left out: Anthropic refuses them")
        request.stop_sequences = stops or None
    user = conversation.user or conversation.safety_identifier
    if user:
        request.metadata = Metadata(user)
        if conversation.safety_identifier not in {"", user}:
            warnings.append("safety_identifier left out: Anthropic takes one name of the user, and 'user' is given")
    tier = conversation.service_tier
    if tier in {"auto", "standard_only"}:
        request.service_tier = tier
    elif tier == "default":
        request.service_tier = "standard_only"
    elif tier:
        warnings.append(f"service_tier {tier[:32]!r} left out: Anthropic knows 'auto' and 'standard_only'")
    if conversation.context_management:
        request.context_management = Raw(conversation.context_management)
    if conversation.container:
        request.container = Raw(conversation.container)


def _with_extra(body: bytes, extra: dict[str, Raw]) -> bytes:
    """The body with the fields that only its own format knows, at the places where they stood."""
    fields = _fields.decode(body)
    for name, value in extra.items():
        if name.startswith("output_config."):
            inner = _fields.decode(fields.get("output_config", Raw(b"{}")))
            inner.setdefault(name.removeprefix("output_config."), value)
            fields["output_config"] = Raw(_encode(inner))
        elif name.startswith("tools."):
            fields["tools"] = Raw(_with_tool_field(fields.get("tools"), name, value))
        elif name == "thinking" and "thinking" in fields:
            fields[name] = value
        else:
            fields.setdefault(name, value)
    return _encode(fields)


def _with_tool_field(tools: Raw | None, name: str, value: Raw) -> bytes:
    _, tool_name, field = name.split(".", 2)
    listed = msgspec.json.decode(tools or b"[]", type=list[dict[str, Raw]])
    wanted = _encode(tool_name)
    for tool in listed:
        if bytes(tool.get("name", b"")) == wanted:
            tool.setdefault(field, value)
    return _encode(listed)
