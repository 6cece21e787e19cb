"""A client's request out of Converse.

What all models share has fields of its own; the rest is the model's, in `additionalModelRequestFields`, where Claude's,
Nova's and OpenAI's settings of thinking are understood. Whatever has no word elsewhere is kept by its name, goes back
to Bedrock as it came, and is named in a warning by all others.
"""

from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.parsing import mistake
from segue.families.llm.formats.converse.blocks_in import invalid, mark, read_message
from segue.families.llm.formats.converse.request_out import ADDITIONAL, GUARDED
from segue.families.llm.formats.converse.wire_in import (
    ChoiceIn,
    Inference,
    OutputIn,
    Raw,
    RequestIn,
    SystemIn,
    ToolConfig,
    ToolIn,
)
from segue.families.llm.ir.blocks import BEDROCK, CacheMark, Text
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

_request: Final = msgspec.json.Decoder(RequestIn)
_top: Final = msgspec.json.Decoder(dict[str, Raw])
_KNOWN: Final = frozenset(field.encode_name for field in msgspec.structs.fields(RequestIn))
_TIERS: Final = frozenset({"priority", "default", "flex", "reserved"})
MAX_MESSAGES: Final = 100_000
PATHS: Final = "additionalModelResponseFieldPaths"
TOLD: Final = "/stop_sequence"
"""The one field of the model's own that answers always have."""


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class _Nova(msgspec.Struct, rename="camel"):
    type: str = "enabled"
    max_reasoning_effort: str | None = None


class _OutputConfig(msgspec.Struct, forbid_unknown_fields=True):
    effort: str


class _InferenceConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    top_k: int


def read_request(body: bytes, *, model: str = "", stream: bool | None = None) -> Conversation:
    """A request from its body; the model and the wish to stream stand in the URL.

    Raises:
        RequestInvalid: naming the field and what belongs there.
    """
    request, top = _decoded(body)
    out = Conversation(
        model=model,
        stream=bool(stream),
        messages=[read_message(message, f"messages[{number}]") for number, message in enumerate(request.messages)],
        metadata=request.request_metadata or {},
        extra={name: value for name, value in top.items() if name not in _KNOWN and bytes(value) != b"null"},
    )
    if request.additional_model_response_field_paths not in ([], [TOLD]):
        out.extra[PATHS] = top[PATHS]
    if request.system:
        out.system = _system(request.system, out.extra)
    if request.inference_config is not None:
        _infer(out, request.inference_config)
    if request.tool_config is not None:
        out.tools, out.tool_choice = _tools(request.tool_config)
    if bytes(request.guardrail_config) != b"null":
        out.guardrail = bytes(request.guardrail_config)
    if request.service_tier is not None:
        if request.service_tier.type not in _TIERS:
            invalid("serviceTier.type", f"expected one of {', '.join(sorted(_TIERS))}")
        out.service_tier = request.service_tier.type
    if request.output_config is not None:
        _output(out, request.output_config)
    if request.additional_model_request_fields:
        _additional(out, request.additional_model_request_fields)
    return out


def _decoded(body: bytes) -> tuple[RequestIn, dict[str, Raw]]:
    """A body as its type, and its top level."""
    try:
        if not body.isascii():
            body.decode()  # values that stay raw are not looked into
        request = _request.decode(body)
        top = _top.decode(body)
    except msgspec.ValidationError as error:
        raise _explained(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestInvalid(f"the body {mistake(error, body)}") from None
    if not request.messages:
        invalid("messages", "expected at least one message")
    if len(request.messages) > MAX_MESSAGES:
        invalid("messages", f"more than {MAX_MESSAGES} messages")
    return request, top


def _explained(error: msgspec.ValidationError) -> RequestInvalid:
    text, _, place = str(error).partition(" - at `$")
    where = place.rstrip("`").lstrip(".").replace("[...]", "[]")
    told = f"field {where!r}: {text}" if where else f"the body must be a JSON object: {text}"
    return RequestInvalid(told, param=where or None)


def _system(parts: list[SystemIn], extra: dict[str, Raw]) -> list[Text]:
    system: list[Text] = []
    for number, part in enumerate(parts):
        if part.cache_point is not None:
            mark(system[-1] if system else None, part.cache_point)
        elif part.text is not None:
            system.append(Text(part.text))
        elif bytes(part.guard_content) != b"null":
            extra[f"{GUARDED}guardContent[{number}]"] = part.guard_content
        else:
            invalid(f"system[{number}]", "expected text, cachePoint or guardContent")
    return system


def _infer(out: Conversation, config: Inference) -> None:
    if config.max_tokens is not None and config.max_tokens < 1:
        invalid("inferenceConfig.maxTokens", "expected 1 or more")
    for name, value in (("temperature", config.temperature), ("topP", config.top_p)):
        if value is not None and not 0 <= value <= 1:
            invalid(f"inferenceConfig.{name}", "expected 0 to 1")
    out.max_tokens = config.max_tokens
    out.stop = config.stop_sequences or []
    out.sampling = Sampling(config.temperature, config.top_p)


def _tools(config: ToolConfig) -> tuple[list[Tool], ToolChoice | None]:
    if not config.tools:
        invalid("toolConfig.tools", "expected at least one tool")
    tools: list[Tool] = []
    for number, tool in enumerate(config.tools):
        if tool.cache_point is not None:
            if tools and isinstance(tools[-1], FunctionTool):
                tools[-1].cache = CacheMark(tool.cache_point.ttl)
        else:
            tools.append(_tool(tool, f"toolConfig.tools[{number}]"))
    return tools, None if config.tool_choice is None else _choice(config.tool_choice)


def _tool(tool: ToolIn, where: str) -> Tool:
    if tool.system_tool is not None:
        name = tool.system_tool.name
        return VendorTool(BEDROCK, name, msgspec.json.encode({"systemTool": {"name": name}}))
    spec = tool.tool_spec
    if spec is None:
        return invalid(where, "expected toolSpec, systemTool or cachePoint")
    schema = bytes(spec.input_schema.json)
    if schema[:1] != b"{":
        invalid(f"{where}.toolSpec.inputSchema.json", "expected an object: a JSON Schema")
    if not spec.name:
        invalid(f"{where}.toolSpec.name", "must not be empty")
    return FunctionTool(spec.name, spec.description or "", schema, spec.strict)


def _choice(choice: ChoiceIn) -> ToolChoice:
    if choice.tool is not None:
        return ToolChoice("required", (choice.tool.name,))
    if choice.any is None and choice.auto is None:
        invalid("toolConfig.toolChoice", "expected auto, any or tool")
    return ToolChoice("auto" if choice.any is None else "required")


def _output(out: Conversation, config: OutputIn) -> None:
    if config.effort:
        out.reasoning = Reasoning(effort=config.effort, habit=True)
    if config.text_format is None:
        return
    shape = config.text_format.structure.json_schema
    if config.text_format.type != "json_schema" or shape is None:
        invalid("outputConfig.textFormat", "expected the type 'json_schema' and structure.jsonSchema")
    schema = shape.schema.encode("utf-8", "replace")
    try:
        _top.decode(schema)
    except (msgspec.DecodeError, RecursionError):
        invalid("outputConfig.textFormat.structure.jsonSchema.schema", "expected a JSON Schema as text")
    out.output = Output(schema, shape.name or "", shape.description or "", strict=True)


def _additional(out: Conversation, fields: dict[str, Raw]) -> None:
    """Settings of the model's own; what nobody here knows is kept by its name."""
    for name, raw in fields.items():
        if bytes(raw) == b"null":
            continue
        try:
            understood = _take(out, name, raw)
        except msgspec.ValidationError:
            understood = False
        if not understood:
            out.extra[f"{ADDITIONAL}.{name}"] = raw


def _take(out: Conversation, name: str, raw: Raw) -> bool:
    def read(kind: Any) -> Any:
        return msgspec.json.decode(raw, type=kind)

    match name:
        case "thinking" | "reasoning_config":
            return _think(out, read(_Thinking))
        case "reasoningConfig":
            nova: _Nova = read(_Nova)
            out.reasoning = Reasoning(enabled=nova.type == "enabled", effort=nova.max_reasoning_effort)
        case "reasoning_effort":
            out.reasoning = Reasoning(effort=read(str))
        case "output_config":
            out.reasoning = _with_effort(out.reasoning, read(_OutputConfig).effort)
        case "anthropic_beta":
            out.betas = read(list[str])
        case "top_k" | "k":
            out.sampling = msgspec.structs.replace(out.sampling, top_k=read(int))
        case "inferenceConfig":
            out.sampling = msgspec.structs.replace(out.sampling, top_k=read(_InferenceConfig).top_k)
        case _:
            return False
    return True


def _think(out: Conversation, wish: _Thinking) -> bool:
    effort = out.reasoning.effort if out.reasoning is not None else None
    show = {"summarized": True, "omitted": False}.get(wish.display or "")
    if wish.type == "enabled" and wish.budget_tokens is not None:
        out.reasoning = Reasoning(enabled=True, effort=effort, budget=wish.budget_tokens, show=show)
    elif wish.type == "adaptive":
        out.reasoning = Reasoning(enabled=True, effort=effort, adaptive=True, show=show)
    elif wish.type == "disabled":
        out.reasoning = Reasoning(enabled=False, effort=effort)
    else:
        return False
    return True


def _with_effort(reasoning: Reasoning | None, effort: str) -> Reasoning:
    if reasoning is None:
        return Reasoning(effort=effort, habit=True)
    return msgspec.structs.replace(reasoning, effort=effort)
