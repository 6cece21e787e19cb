"""A client's request in Chat Completions into the intermediate form."""

import re
from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.chat import wire
from segue.families.llm.ir.blocks import (
    OPENAI,
    CacheMark,
    Content,
    Media,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
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
from segue.families.llm.ir.seals import unseal

_request: Final = msgspec.json.Decoder(wire.Request)
_top: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_tool: Final = msgspec.json.Decoder(wire.ToolDefinition)
_KNOWN: Final = frozenset(wire.Request.__struct_fields__)
_PLACE: Final = re.compile(r"^(?P<what>.*?) - at `(?:key in )?\$\.?(?P<where>[^`]*)`$", re.DOTALL)
_DATA_URL: Final = re.compile(r"data:(?P<type>[^;,]*)(?:;[^,]*)?,", re.IGNORECASE)


def read_request(body: bytes) -> Conversation:
    """See `ClientFormat.read_request`."""
    try:
        request = _request.decode(body)
        top = _top.decode(body)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestInvalid(f"the body is not valid JSON: {error}") from None
    system, messages = _turns(request.messages)
    output, reasoning = _output(request.response_format), None
    if request.reasoning_effort is not None:
        reasoning = Reasoning(effort=request.reasoning_effort)
    return Conversation(
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
            _raw(request.logit_bias),
        ),
        reasoning=reasoning,
        max_tokens=request.max_tokens if request.max_completion_tokens is None else request.max_completion_tokens,
        stop=[request.stop] if isinstance(request.stop, str) else request.stop or [],
        stream=bool(request.stream),
        stream_usage=bool(request.stream_options and request.stream_options.include_usage),
        n=1 if request.n is None else request.n,
        logprobs=bool(request.logprobs),
        top_logprobs=request.top_logprobs,
        user=request.user or "",
        metadata=request.metadata or {},
        modalities=request.modalities or [],
        audio=_raw(request.audio),
        prediction=_raw(request.prediction),
        prompt_cache_key=request.prompt_cache_key or "",
        prompt_cache_retention=request.prompt_cache_retention or "",
        safety_identifier=request.safety_identifier or "",
        verbosity=request.verbosity or "",
        service_tier=request.service_tier or "",
        store=request.store,
        extra={name: value for name, value in top.items() if name not in _KNOWN and bytes(value) != b"null"},
    )


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


def _cache(mark: dict[str, Any] | None) -> CacheMark | None:
    if mark is None:
        return None
    ttl = mark.get("ttl")
    return CacheMark(ttl if isinstance(ttl, str) else None)


def _turns(turns: list[wire.Turn]) -> tuple[list[Text], list[Message]]:
    """The instructions at the beginning, and the conversation; results of tools become one turn of the user's."""
    system: list[Text] = []
    messages: list[Message] = []
    results: Message | None = None
    for number, turn in enumerate(turns):
        if isinstance(turn, (wire.ToolMessage, wire.FunctionMessage)):
            if results is None:
                results = Message("user", [])
                messages.append(results)
            results.content.append(_result(turn, number))
            continue
        results = None
        if isinstance(turn, wire.SystemMessage):
            texts = _system(turn)
            if messages:
                messages.append(Message("system", list(texts), turn.name or ""))
            else:
                system += texts
        elif isinstance(turn, wire.UserMessage):
            messages.append(Message("user", _parts(turn.content, number), turn.name or ""))
        else:
            messages.append(Message("assistant", _assistant(turn, number), turn.name or ""))
    return system, messages


def _system(turn: wire.SystemMessage) -> list[Text]:
    if isinstance(turn.content, str):
        return [Text(turn.content)]
    return [Text(part.text, _cache(part.cache_control)) for part in turn.content]


def _result(turn: wire.ToolMessage | wire.FunctionMessage, number: int) -> ToolResult:
    if isinstance(turn, wire.FunctionMessage):
        return ToolResult(_legacy_id(turn.name), (Text(turn.content or ""),), name=turn.name)
    content = [part for part in _parts(turn.content, number) if isinstance(part, (Text, Media))]
    return ToolResult(turn.tool_call_id, tuple(content), name=turn.name or "")


def _legacy_id(name: str) -> str:
    """Functions had no ids: a call and its result find each other by the name."""
    return f"call_{name}"


def _parts(content: str | list[wire.Part], number: int) -> list[Content]:
    if isinstance(content, str):
        return [Text(content)]
    return [_part(part, f"messages[{number}].content[{place}]") for place, part in enumerate(content)]


def _part(part: wire.Part, where: str) -> Content:
    match part:
        case wire.TextPart():
            return Text(part.text, _cache(part.cache_control))
        case wire.ImagePart():
            image = part.image_url
            found = _DATA_URL.match(image.url)
            media = Media("image", detail=image.detail or "", cache=_cache(part.cache_control))
            if found:
                media.type, media.data = found["type"] or "image/png", image.url[found.end() :]
            elif image.url.lower().startswith(("http://", "https://")):
                media.url = image.url
            else:
                raise RequestInvalid(
                    f"field '{where}.image_url.url': expected an http(s) URL or a data URL",
                    param=f"{where}.image_url.url",
                )
            return media
        case wire.AudioPart():
            return Media("audio", f"audio/{part.input_audio.format}", part.input_audio.data)
        case wire.FilePart():
            return _file(part.file, where)
        case wire.RefusalPart():
            return Refusal(part.refusal)


def _file(file: wire.File, where: str) -> Media:
    media = Media("document", name=file.filename or "")
    if file.file_id is not None:
        media.file, media.vendor = file.file_id, OPENAI
    elif file.file_data is not None:
        found = _DATA_URL.match(file.file_data)
        media.type = found["type"] if found and found["type"] else "application/pdf"
        media.data = file.file_data[found.end() :] if found else file.file_data
    else:
        raise RequestInvalid(f"field '{where}.file': give 'file_data' or 'file_id'", param=f"{where}.file")
    return media


def _assistant(turn: wire.AssistantMessage, number: int) -> list[Content]:
    content: list[Content] = list(_thoughts(turn))
    if turn.content is not None:
        content += [part for part in _parts(turn.content, number) if not (isinstance(part, Text) and not part.text)]
    if turn.refusal:
        content.append(Refusal(turn.refusal))
    for place, call in enumerate(turn.tool_calls or ()):
        where = f"messages[{number}].tool_calls[{place}]"
        if not call.id:
            raise RequestInvalid(f"field '{where}.id': every call of a tool needs its id", param=f"{where}.id")
        if call.custom is not None:
            content.append(ToolUse(call.id, call.custom.name or "", call.custom.input or "", custom=True))
            continue
        if call.function is None or not call.function.name:
            raise RequestInvalid(f"field '{where}.function.name' is missing", param=f"{where}.function.name")
        content.append(ToolUse(call.id, call.function.name, call.function.arguments or "", _signature(call)))
    if turn.function_call is not None and turn.function_call.name:
        name = turn.function_call.name
        content.append(ToolUse(_legacy_id(name), name, turn.function_call.arguments or ""))
    return content


def _thoughts(turn: wire.AssistantMessage) -> list[Thinking]:
    """Thinking, as OpenRouter's `reasoning_details` (with signatures) or DeepSeek's `reasoning_content` (without)."""
    found: list[Thinking] = []
    for detail in turn.reasoning_details or ():
        text = detail.get("text") or detail.get("summary") or ""
        signature, data = detail.get("signature"), detail.get("data")
        if isinstance(data, str):
            found.append(Thinking(signature=unseal(data, "", "encrypted")))
        elif isinstance(text, str):
            bound = unseal(signature, "") if isinstance(signature, str) and signature else None
            found.append(Thinking(text, bound))
    text = turn.reasoning_content or turn.reasoning
    if text and not found:
        found.append(Thinking(text))
    return found


def _signature(call: wire.ToolCall) -> Signature | None:
    """Gemini's signature of a call, where Google's own compatible endpoint puts it."""
    google = (call.extra_content or {}).get("google")
    value = google.get("thought_signature") if isinstance(google, dict) else None
    return unseal(value, "google") if isinstance(value, str) and value else None


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
            tools.append(_function(tool.function, _cache(tool.cache_control)))
    tools += [_function(function, None) for function in request.functions or ()]
    return tools


def _function(function: wire.FunctionDefinition, cache: CacheMark | None) -> FunctionTool:
    return FunctionTool(function.name, function.description or "", _raw(function.parameters), function.strict, cache)


def _tool_choice(request: wire.Request) -> ToolChoice | None:
    raw = _raw(request.tool_choice) or _raw(request.function_call)
    if not raw:
        return None
    choice: Any = msgspec.json.decode(raw)
    if choice in {"auto", "none", "required"} if isinstance(choice, str) else False:
        return ToolChoice(choice)
    if isinstance(choice, dict):
        kind = choice.get("type")
        if kind == "allowed_tools":
            allowed = choice.get("allowed_tools")
            allowed = allowed if isinstance(allowed, dict) else choice
            names = [_named(tool) for tool in allowed.get("tools") or () if isinstance(tool, dict)]
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
