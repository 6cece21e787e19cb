"""A client's request in Chat Completions into the intermediate form."""

import re
from operator import attrgetter
from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.parsing import mistake
from segue.families.llm.formats.chat import wire
from segue.families.llm.formats.chat.turns_in import cache_of, read_turns
from segue.families.llm.ir.blocks import OPENAI, CacheMark
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

WEB_SEARCH: Final = "web_search"
_usual: Final = msgspec.json.Decoder(wire.UsualRequest)
_request: Final = msgspec.json.Decoder(wire.Request)
_top: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_tool: Final = msgspec.json.Decoder(wire.ToolDefinition)
_KNOWN: Final = frozenset(wire.Request.__struct_fields__)
_PLACE: Final = re.compile(r"^(?P<what>.*?) - at `(?:key in )?\$\.?(?P<where>[^`]*)`$", re.DOTALL)


def read_request(body: bytes) -> Conversation:
    """See `ClientFormat.read_request`."""
    try:
        if not body.isascii():
            body.decode()  # values that are kept as bytes are not looked into
        request, extra = _decoded(body)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestInvalid(f"the body {mistake(error, body)}") from None
    system, messages = read_turns(request.messages)
    output = _output(request.response_format)
    effort, options = request.reasoning_effort, request.stream_options
    conversation = Conversation(
        model=request.model,
        system=system,
        messages=messages,
        tools=_tools(request),
        tool_choice=_tool_choice(request),
        parallel_tools=request.parallel_tool_calls,
        output=output,
        sampling=Sampling(
            request.temperature,
            request.top_p,
            request.top_k,
            request.seed,
            request.presence_penalty,
            request.frequency_penalty,
            _raw(request.logit_bias) if request.logit_bias else b"",
        ),
        # Groq has a word for the model's own habit, which is what nobody else has to be told.
        reasoning=None if effort is None or effort == "default" else Reasoning(effort=effort),
        max_tokens=request.max_tokens if request.max_completion_tokens is None else request.max_completion_tokens,
        stop=[request.stop] if isinstance(request.stop, str) else request.stop or [],
        stream=bool(request.stream),
        stream_usage=options is not None and bool(options.include_usage),
        n=1 if request.n is None else request.n,
        top_logprobs=request.top_logprobs,
        store=request.store,
        extra=extra,
    )
    if any(_seldom(request)):
        _read_seldom(request, conversation)
    if request.functions and not request.tools:
        conversation.functions, conversation.parallel_tools = True, False
    search = extra.pop("web_search_options", None) if extra else None
    if search is not None:
        conversation.tools.append(VendorTool(OPENAI, WEB_SEARCH, _web_search(search)))
    return conversation


def _web_search(options: msgspec.Raw) -> bytes:
    """OpenAI's search as Responses declare it: there it is a tool, and the place of the user one level flatter."""
    wanted: Any = msgspec.json.decode(options)
    if not isinstance(wanted, dict):
        raise RequestInvalid("field 'web_search_options': expected an object", param="web_search_options")
    place = wanted.pop("user_location", None)
    flat = place.get("approximate") if isinstance(place, dict) else None
    if isinstance(flat, dict):
        wanted["user_location"] = {"type": "approximate", **flat}
    return msgspec.json.encode({"type": WEB_SEARCH, **wanted})


def _decoded(body: bytes) -> tuple[wire.Request, dict[str, msgspec.Raw]]:
    """A body as its struct, and the fields that this does not know, which few requests have."""
    try:
        return _usual.decode(body), {}
    except msgspec.ValidationError:
        request, top = _request.decode(body), _top.decode(body)
    return request, {name: value for name, value in top.items() if name not in _KNOWN and bytes(value) != b"null"}


_seldom: Final = attrgetter(
    "logprobs", "user", "metadata", "modalities", "audio", "prediction", "prompt_cache_key", "prompt_cache_retention",
    "safety_identifier", "verbosity", "service_tier",
)  # fmt: skip


def _read_seldom(request: wire.Request, conversation: Conversation) -> None:
    conversation.logprobs = bool(request.logprobs)
    conversation.user = request.user or ""
    conversation.metadata = request.metadata or {}
    conversation.modalities = request.modalities or []
    conversation.audio = _raw(request.audio)
    conversation.prediction = _raw(request.prediction)
    conversation.prompt_cache_key = request.prompt_cache_key or ""
    conversation.prompt_cache_retention = request.prompt_cache_retention or ""
    conversation.safety_identifier = request.safety_identifier or ""
    conversation.verbosity = request.verbosity or ""
    conversation.service_tier = request.service_tier or ""


def invalid(error: msgspec.ValidationError) -> RequestInvalid:
    """What msgspec found, with the field named as OpenAI names it: `messages[0].content`."""
    found = _PLACE.match(str(error))
    if found is None:
        return RequestInvalid(f"the body must be a JSON object: {error}")
    where = found["where"].replace("[...]", "[]").strip(".") or None
    return RequestInvalid(f"field {where!r}: {found['what']}", param=where)


def _raw(raw: msgspec.Raw) -> bytes:
    value = bytes(raw)
    return b"" if value == b"null" else value


def _tools(request: wire.Request) -> list[Tool]:
    tools: list[Tool] = []
    for place, raw in enumerate(request.tools or ()):
        try:
            tool = _tool.decode(raw)
        except msgspec.ValidationError as error:
            found = _PLACE.match(str(error))
            where = f"tools[{place}].{found['where']}" if found else f"tools[{place}]"
            raise RequestInvalid(f"field {where!r}: {found['what'] if found else error}", param=where) from None
        if tool.type != "function":
            tools.append(VendorTool(OPENAI, tool.type, bytes(raw)))
        elif tool.function is None:
            raise RequestInvalid(f"field 'tools[{place}].function' is missing", param=f"tools[{place}].function")
        else:
            tools.append(_function(tool.function, cache_of(tool.cache_control)))
    if request.functions:
        tools += [_function(function, None) for function in request.functions]
    return tools


def _function(function: wire.FunctionDefinition, cache: CacheMark | None) -> FunctionTool:
    return FunctionTool(function.name, function.description or "", _raw(function.parameters), function.strict, cache)


def _tool_choice(request: wire.Request) -> ToolChoice | None:
    if not request.tool_choice and not request.function_call:
        return None
    raw = _raw(request.tool_choice) or _raw(request.function_call)
    if not raw:
        return None
    try:
        choice: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError:  # a number that is out of range
        choice = None
    if choice in {"auto", "none", "required", "any"} if isinstance(choice, str) else False:
        return ToolChoice("required" if choice == "any" else choice)  # Mistral's word
    if isinstance(choice, dict):
        kind = choice.get("type")
        if kind == "allowed_tools":
            allowed = choice.get("allowed_tools")
            allowed = allowed if isinstance(allowed, dict) else choice
            listed = allowed.get("tools")
            names = [_named(tool) for tool in listed if isinstance(tool, dict)] if isinstance(listed, list) else []
            if names and all(names):
                return ToolChoice(str(allowed.get("mode") or "auto"), tuple(name for name in names if name))
        name = _named(choice)
        if name:
            return ToolChoice("required", (name,))
    raise RequestInvalid(
        "field 'tool_choice': expected 'auto', 'none', 'required' or an object that names a function",
        param="tool_choice",
    )


def _named(choice: dict[str, Any]) -> str | None:
    for key in ("function", "custom"):
        inner = choice.get(key)
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            return str(inner["name"])
    name = choice.get("name")
    return name if isinstance(name, str) else None


def _output(wanted: wire.ResponseFormat | None) -> Output | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return Output()
    schema = wanted.json_schema
    if wanted.type == "json_schema" and schema is not None:
        raw = _raw(schema.schema)
        return Output(raw or b"{}", schema.name, schema.description or "", schema.strict)
    raise RequestInvalid(
        "field 'response_format': expected type 'text', 'json_object' or 'json_schema' with a 'json_schema'",
        param="response_format",
    )
