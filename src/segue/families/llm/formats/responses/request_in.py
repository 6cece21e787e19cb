"""A client's request in Responses into the intermediate form."""

from operator import attrgetter
from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.responses import wire
from segue.families.llm.formats.responses.items_in import Turns
from segue.families.llm.formats.responses.strictly import decode, invalid, not_json
from segue.families.llm.ir.blocks import OPENAI, Text
from segue.families.llm.ir.conversation import (
    Conversation,
    FunctionTool,
    Message,
    Output,
    Reasoning,
    Sampling,
    Tool,
    ToolChoice,
    VendorTool,
)

Raw = msgspec.Raw

ENCRYPTED: Final = "reasoning.encrypted_content"
LOGPROBS: Final = "message.output_text.logprobs"

MAX_TOOLS: Final = 4096
MAX_METADATA: Final = 16  # OpenAI's reference, "metadata"


class _Type(msgspec.Struct, gc=False):
    type: str


_request: Final = msgspec.json.Decoder(wire.Request)
_type: Final = msgspec.json.Decoder(_Type)
_function: Final = msgspec.json.Decoder(wire.Function)
_usual_function: Final = msgspec.json.Decoder(wire.UsualFunction)
_OBJECTS: Final = frozenset({b"", b"{"})
_any: Final = msgspec.json.Decoder()
_encode: Final = msgspec.json.encode


def read_request(body: bytes, *, model: str = "", stream: bool | None = None) -> Conversation:
    """See `ClientFormat.read_request`."""
    try:
        if not body.isascii():
            body.decode()  # values that stay raw are not looked into, so nobody else would notice
        return _read(body, model, stream)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # inside a value that was raw at first
        raise not_json(error, body) from None


def _read(body: bytes, model: str, stream: bool | None) -> Conversation:
    extra: dict[str, Raw] = {}
    request = decode(_request, body, wire.Request, "", extra)
    name = request.model or model
    if not name:
        raise RequestInvalid("missing field 'model': name a model (GET /v1/models lists them)", param="model")
    system = [Text(request.instructions)] if request.instructions else []
    turns = Turns(system, extra)
    if isinstance(request.input, str):
        turns.messages.append(Message("user", [Text(request.input)]))
    elif request.input is not None:
        turns.read(request.input)
    previous = _previous(request)
    if not request.input and not previous and request.prompt is None:
        raise RequestInvalid("missing field 'input': send a text or a list of items", param="input")
    if request.metadata is not None and len(request.metadata) > MAX_METADATA:
        raise RequestInvalid(f"field 'metadata': more than {MAX_METADATA} entries", param="metadata")
    if request.stream_options is not None and request.stream_options.include_obfuscation:
        extra["stream_options"] = Raw(b'{"include_obfuscation":true}')
    conversation = Conversation(
        model=name,
        system=turns.system,
        messages=turns.messages,
        sampling=Sampling(request.temperature, request.top_p),
        parallel_tools=request.parallel_tool_calls,
        max_tokens=request.max_output_tokens,
        stream=bool(request.stream) if stream is None else stream,
        top_logprobs=request.top_logprobs,
        previous=previous,
        max_tool_calls=request.max_tool_calls,
        store=request.store,
        background=request.background,
        prompt=b"" if request.prompt is None else _encode(request.prompt),
        extra=extra,
    )
    if request.tools:
        conversation.tools = _tools(request.tools, extra)
    if request.tool_choice is not wire.NOTHING:
        conversation.tool_choice = _tool_choice(request.tool_choice, extra)
    if any(_seldom(request)):
        _read_seldom(request, conversation)
    return conversation


_seldom: Final = attrgetter(
    "include", "metadata", "prompt_cache_key", "prompt_cache_retention", "reasoning", "safety_identifier",
    "service_tier", "text", "truncation", "user",
)  # fmt: skip


def _read_seldom(request: wire.Request, conversation: Conversation) -> None:
    include = request.include or []
    conversation.reasoning = _reasoning(request.reasoning, ENCRYPTED in include)
    conversation.logprobs = LOGPROBS in include
    conversation.include = [wanted for wanted in include if wanted not in {ENCRYPTED, LOGPROBS}]
    if request.text is not None:
        conversation.output = _output(request.text.format)
        conversation.verbosity = request.text.verbosity or ""
    conversation.metadata = request.metadata or {}
    conversation.user = request.user or ""
    conversation.prompt_cache_key = request.prompt_cache_key or ""
    conversation.prompt_cache_retention = request.prompt_cache_retention or ""
    conversation.safety_identifier = request.safety_identifier or ""
    conversation.truncation = request.truncation or ""
    conversation.service_tier = request.service_tier or ""


def _previous(request: wire.Request) -> str:
    """What this goes on from: a response, or a conversation that lies with OpenAI (its id begins with `conv_`)."""
    if request.conversation is None:
        return request.previous_response_id or ""
    if request.previous_response_id:
        raise RequestInvalid(
            "field 'conversation': give either 'conversation' or 'previous_response_id'", param="conversation"
        )
    if isinstance(request.conversation, str):
        return request.conversation
    name = _any.decode(request.conversation.get("id", b"null"))
    if not isinstance(name, str) or not name:
        raise RequestInvalid("field 'conversation.id': expected the id of a conversation", param="conversation.id")
    return name


def _tools(raws: list[Raw], extra: dict[str, Raw]) -> list[Tool]:
    if len(raws) > MAX_TOOLS:
        raise RequestInvalid(f"field 'tools': more than {MAX_TOOLS} tools", param="tools")
    tools: list[Tool] = []
    for place, raw in enumerate(raws):
        tools.append(_usual_tool(raw) or _tool(raw, f"tools[{place}]", extra))
    return tools


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
    tool = decode(_function, raw, wire.Function, where, extra)
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


def _tool_choice(raw: Raw, extra: dict[str, Raw]) -> ToolChoice | None:
    choice: Any = _any.decode(raw)
    if choice is None:
        return None
    if isinstance(choice, str) and choice in {"auto", "none", "required"}:
        return ToolChoice(choice)
    if isinstance(choice, dict):
        kind = choice.get("type")
        if kind in ("function", "custom") and isinstance(choice.get("name"), str) and choice["name"]:
            return ToolChoice("required", (choice["name"],))
        if kind == "allowed_tools":
            return _allowed(choice, raw, extra)
        if isinstance(kind, str) and kind not in {"function", "custom"}:
            extra["tool_choice"] = Raw(bytes(raw))  # one of OpenAI's own tools
            return None
    raise RequestInvalid(
        "field 'tool_choice': expected 'auto', 'none', 'required', "
        '{"type": "function", "name": …} or {"type": "allowed_tools", "mode": …, "tools": […]}',
        param="tool_choice",
    )


def _allowed(choice: dict[str, Any], raw: Raw, extra: dict[str, Raw]) -> ToolChoice | None:
    mode, tools = choice.get("mode"), choice.get("tools")
    if mode not in {"auto", "required"}:
        raise RequestInvalid("field 'tool_choice.mode': expected 'auto' or 'required'", param="tool_choice.mode")
    if not isinstance(tools, list) or not tools or not all(isinstance(tool, dict) for tool in tools):
        raise RequestInvalid("field 'tool_choice.tools': expected a list of tools", param="tool_choice.tools")
    names = [tool.get("name") for tool in tools if tool.get("type") in ("function", "custom")]
    if len(names) == len(tools) and all(isinstance(name, str) for name in names):
        return ToolChoice(mode, tuple(str(name) for name in names))
    extra["tool_choice"] = Raw(bytes(raw))
    return None


def _output(wanted: wire.TextFormat | None) -> Output | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return Output()
    if not wanted.name:
        raise RequestInvalid("field 'text.format.name' is missing: a schema needs a name", param="text.format.name")
    if wanted.schema is None:
        raise RequestInvalid("field 'text.format.schema' is missing: give a JSON Schema", param="text.format.schema")
    return Output(_encode(wanted.schema), wanted.name, wanted.description or "", wanted.strict)


def _reasoning(config: wire.ReasoningConfig | None, encrypted: bool) -> Reasoning | None:
    """The wish to think; one that says nothing stands for the wish that thinking survives turns without a store."""
    if config is None:
        return Reasoning() if encrypted else None
    summary = config.summary or config.generate_summary
    return Reasoning(effort=config.effort, summary=summary, show=True if summary else None)
