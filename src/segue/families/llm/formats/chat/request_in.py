"""A client's request in Chat Completions into the intermediate form."""

import re
from operator import attrgetter
from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.parsing import mistake
from segue.families.llm.formats.chat import wire
from segue.families.llm.formats.chat.choice_in import read_choice
from segue.families.llm.formats.chat.turns_in import cache_of, read_turns
from segue.families.llm.formats.unknown import decode
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
from segue.families.llm.ir.extra import keep

Raw = msgspec.Raw

WEB_SEARCH: Final = "web_search"


class _Type(msgspec.Struct, gc=False):
    type: str = "function"


_request: Final = msgspec.json.Decoder(wire.Request)
_tool: Final = msgspec.json.Decoder(wire.ToolDefinition)
_type: Final = msgspec.json.Decoder(_Type)
_PLACE: Final = re.compile(r"^(?P<what>.*?) - at `(?:key in )?\$\.?(?P<where>[^`]*)`$", re.DOTALL)


def read_request(body: bytes) -> Conversation:
    """See `ClientFormat.read_request`."""
    extra: dict[str, Raw] = {}
    try:
        if not body.isascii():
            body.decode()  # values that are kept as bytes are not looked into
        request = decode(_request, body, "", extra)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestInvalid(f"the body {mistake(error, body)}") from None
    system, messages = read_turns(request.messages, extra)
    output = _output(request.response_format)
    effort, options = request.reasoning_effort, request.stream_options
    conversation = Conversation(
        model=request.model,
        system=system,
        messages=messages,
        tools=_tools(request, extra),
        tool_choice=_tool_choice(request, extra),
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
    if options is not None and options.include_obfuscation:
        extra["stream_options.include_obfuscation"] = Raw(b"true")  # we never pad, so only a wish for it is told
    if request.functions and not request.tools:
        conversation.functions, conversation.parallel_tools = True, False
    search = extra.pop("web_search_options", None) if extra else None
    if search is not None:
        conversation.tools.append(VendorTool(OPENAI, WEB_SEARCH, _web_search(search, extra)))
    return conversation


def _web_search(options: Raw, extra: dict[str, Raw]) -> bytes:
    """OpenAI's search as Responses declare it: there it is a tool, and the place of the user one level flatter."""
    wanted: Any = msgspec.json.decode(options)
    if not isinstance(wanted, dict):
        raise RequestInvalid("field 'web_search_options': expected an object", param="web_search_options")
    place = wanted.get("user_location")
    if isinstance(place, dict) and isinstance(place.get("approximate"), dict):
        wanted["user_location"] = {"type": "approximate", **place["approximate"]}
        for name in place.keys() - {"type", "approximate"}:
            keep(extra, f"web_search_options.user_location.{name}", Raw(msgspec.json.encode(place[name])))
    return msgspec.json.encode({"type": WEB_SEARCH, **wanted})


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


def _raw(raw: Raw) -> bytes:
    value = bytes(raw)
    return b"" if value == b"null" else value


def _tools(request: wire.Request, extra: dict[str, Raw]) -> list[Tool]:
    tools: list[Tool] = []
    for place, raw in enumerate(request.tools or ()):
        try:
            tool = _read_tool(raw, f"tools[{place}]", extra)
        except msgspec.ValidationError as error:
            found = _PLACE.match(str(error))
            where = f"tools[{place}].{found['where']}" if found else f"tools[{place}]"
            raise RequestInvalid(f"field {where!r}: {found['what'] if found else error}", param=where) from None
        if isinstance(tool, VendorTool):
            tools.append(tool)
        elif tool.function is None:
            raise RequestInvalid(f"field 'tools[{place}].function' is missing", param=f"tools[{place}].function")
        else:
            tools.append(_function(tool.function, cache_of(tool.cache_control)))
    if request.functions:
        tools += [_function(function, None) for function in request.functions]
    return tools


def _read_tool(raw: Raw, where: str, extra: dict[str, Raw]) -> wire.ToolDefinition | VendorTool:
    """A function, or the declaration of a tool that only its vendor knows."""
    try:
        tool = _tool.decode(raw)
        kind = tool.type
    except msgspec.ValidationError:
        kind = _type.decode(raw).type
        if kind == "function":
            return decode(_tool, raw, where, extra)
    else:
        if kind == "function":
            return tool
    return VendorTool(OPENAI, kind, bytes(raw))


def _function(function: wire.FunctionDefinition, cache: CacheMark | None) -> FunctionTool:
    return FunctionTool(function.name, function.description or "", _raw(function.parameters), function.strict, cache)


def _tool_choice(request: wire.Request, extra: dict[str, Raw]) -> ToolChoice | None:
    for where, raw in (("tool_choice", request.tool_choice), ("function_call", request.function_call)):
        if raw and bytes(raw) != b"null":
            return read_choice(raw, where, extra)
    return None


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
