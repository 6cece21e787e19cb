"""A client's generateContent request, as a conversation."""

from typing import Final, NoReturn

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.gemini.schema import from_openapi
from segue.families.llm.formats.gemini.tidy import camel, read_typed, snake
from segue.families.llm.formats.gemini.turns_in import Turns
from segue.families.llm.formats.gemini.wire import (
    CallingConfig,
    Content,
    Declaration,
    GenerationConfig,
    Raw,
    ThinkingConfig,
    declarations_decoder,
    given,
    parts_of,
    request_decoder,
)
from segue.families.llm.ir.blocks import GOOGLE, Text
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

MAX_STOP: Final = 5
"""Stop sequences of one request (message GenerationConfig)."""
MAX_CANDIDATES: Final = 8
"""Answers of one request (message GenerationConfig)."""

_MODES: Final = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto"}
_LEVELS: Final = frozenset({"MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"})


def read_request(body: bytes, *, model: str = "", stream: bool | None = None) -> Conversation:
    """A request from its body; the model and the wish to stream stand in the URL.

    Raises:
        RequestInvalid: naming the field and what belongs there.
    """
    if not body.isascii():
        try:
            body.decode()  # values that stay raw are not looked into
        except UnicodeDecodeError as error:
            raise RequestInvalid(f"the body is not UTF-8: byte {error.start} is wrong") from None
    extra: dict[str, Raw] = {}
    request = read_typed(body, request_decoder, extra)
    contents = request.contents
    if isinstance(contents, Content):
        contents = [contents]
    if not contents:
        raise RequestInvalid("'contents' is not specified: send at least one content", param="contents")
    out = Conversation(
        model=(model or request.model or "").removeprefix("models/"),
        messages=Turns(lenient=bool(request.cached_content)).read(contents),
        stream=bool(stream),
        extra=extra,
    )
    if request.system_instruction is not None:
        out.system = _system(request.system_instruction)
    if request.tools:
        out.tools = _tools([request.tools] if isinstance(request.tools, dict) else request.tools, extra)
    if request.tool_config is not None and request.tool_config.function_calling_config is not None:
        out.tool_choice = _choice(request.tool_config.function_calling_config, extra)
    if request.generation_config is not None:
        _configure(out, request.generation_config)
    if request.safety_settings and given(request.safety_settings):
        out.safety = bytes(request.safety_settings)
    if request.cached_content:
        out.cached_content = request.cached_content
    if request.labels:
        out.metadata = request.labels
    if request.service_tier:
        out.service_tier = request.service_tier.lower()
    return out


def _system(content: Content) -> list[Text]:
    system = []
    for number, part in enumerate(parts_of(content)):
        if part.text is None:
            path = f"systemInstruction.parts[{number}]"
            raise RequestInvalid(f"Invalid value at '{path}': only text is allowed here", param=path)
        system.append(Text(part.text))
    return system


def _tools(wire: list[dict[str, Raw]], extra: dict[str, Raw]) -> list[Tool]:
    tools: list[Tool] = []
    for number, entry in enumerate(wire):
        for key, raw in entry.items():
            if not given(raw):
                continue
            name = camel(key) if "_" in key else key
            if name == "functionDeclarations":
                declared = read_typed(raw, declarations_decoder, extra, "functionDeclarations")
                tools += [_function(each, number, index) for index, each in enumerate(declared)]
            else:
                tools.append(VendorTool(GOOGLE, snake(name), msgspec.json.encode({name: raw})))
    return tools


def _function(declared: Declaration, number: int, index: int) -> FunctionTool:
    function = FunctionTool(declared.name, declared.description or "", bytes(declared.parameters_json_schema))
    usual = function.parameters[:1] == b"{" and not declared.parameters
    if usual and declared.name and not declared.response and not declared.response_json_schema:
        return function
    path = f"tools[{number}].functionDeclarations[{index}]"
    if not declared.name:
        raise RequestInvalid(f"Invalid value at '{path}.name': name the function", param=f"{path}.name")
    function.parameters = _schema(declared.parameters, declared.parameters_json_schema, f"{path}.parameters")
    function.response = _schema(declared.response, declared.response_json_schema, f"{path}.response")
    return function


def _schema(openapi: Raw, json_schema: Raw, path: str) -> bytes:
    """A schema that is given in one of two forms; `b""` for none."""
    if json_schema and given(json_schema):
        if openapi and given(openapi):
            raise RequestInvalid(f"'{path}' and '{path}JsonSchema' are both set: send one of them", param=path)
        if bytes(json_schema)[:1] != b"{":
            raise RequestInvalid(
                f"Invalid value at '{path}JsonSchema': expected a schema object", param=f"{path}JsonSchema"
            )
        return bytes(json_schema)
    return from_openapi(openapi, path) if openapi and given(openapi) else b""


def _choice(config: CallingConfig, extra: dict[str, Raw]) -> ToolChoice | None:
    names = tuple(config.allowed_function_names or ())
    mode = (config.mode or "MODE_UNSPECIFIED").upper()
    if mode == "MODE_UNSPECIFIED":
        return ToolChoice("auto", names) if names else None
    if mode not in _MODES:
        path = "toolConfig.functionCallingConfig.mode"
        raise RequestInvalid(f"Invalid value at '{path}': use AUTO, ANY, NONE or VALIDATED", param=path)
    if mode == "VALIDATED" and not names:
        extra["toolConfig.functionCallingConfig.mode"] = Raw(b'"VALIDATED"')  # no other vendor has a word for it
    return ToolChoice(_MODES[mode], names)


def _configure(out: Conversation, config: GenerationConfig) -> None:
    count = config.candidate_count or 1
    if config.max_output_tokens is not None and config.max_output_tokens < 1:
        _refuse("maxOutputTokens", "expected 1 or more")
    if not 1 <= count <= MAX_CANDIDATES:
        _refuse("candidateCount", f"expected 1 to {MAX_CANDIDATES}")
    if config.stop_sequences and len(config.stop_sequences) > MAX_STOP:
        _refuse("stopSequences", f"at most {MAX_STOP} are allowed")
    if config.top_k is not None and config.top_k < 1:
        _refuse("topK", "expected 1 or more")
    out.max_tokens = config.max_output_tokens
    out.n = count
    out.stop = config.stop_sequences or []
    out.sampling = Sampling(
        config.temperature,
        config.top_p,
        None if config.top_k is None else int(config.top_k),
        config.seed,
        config.presence_penalty,
        config.frequency_penalty,
    )
    out.logprobs = bool(config.response_logprobs)
    out.top_logprobs = config.logprobs
    if config.response_modalities:
        modalities = [each.lower() for each in config.response_modalities]
        out.modalities = [] if modalities == ["text"] else modalities
    if config.response_mime_type is not None or config.response_schema or config.response_json_schema:
        out.output = _output(config, out.extra)
    if config.thinking_config is not None:
        out.reasoning = _reasoning(config.thinking_config)


def _output(config: GenerationConfig, extra: dict[str, Raw]) -> Output | None:
    kind = config.response_mime_type
    schema = _schema(config.response_schema, config.response_json_schema, "generationConfig.responseSchema")
    if kind == "application/json":
        return Output(schema)
    if kind in {None, "text/plain"}:
        if schema:
            _refuse("responseMimeType", "a schema needs 'application/json'")
        return None
    # Only Google has a word for an enumeration as plain text (`text/x.enum`); its SDKs take it in quotes, too, and so
    # others are asked for it as JSON.
    extra["generationConfig.responseMimeType"] = Raw(msgspec.json.encode(kind))
    if schema:
        raw = config.response_schema if given(config.response_schema) else config.response_json_schema
        name = "responseSchema" if raw is config.response_schema else "responseJsonSchema"
        extra[f"generationConfig.{name}"] = raw
    return Output(schema) if kind == "text/x.enum" and schema else None


def _reasoning(config: ThinkingConfig) -> Reasoning | None:
    level, budget = config.thinking_level, config.thinking_budget
    if not level or level == "THINKING_LEVEL_UNSPECIFIED":
        level = None
    elif level.upper() not in _LEVELS:
        _refuse("thinkingConfig.thinkingLevel", "use MINIMAL, LOW, MEDIUM or HIGH")
    elif budget is not None:
        _refuse("thinkingConfig", "send thinkingLevel or thinkingBudget, not both")
    if budget is not None and budget < -1:
        _refuse("thinkingConfig.thinkingBudget", "expected -1 (as the model likes), 0 (off) or more")
    return Reasoning(
        enabled=None if budget is None else budget != 0,
        effort=level.lower() if level else None,
        budget=budget if budget is not None and budget > 0 else None,
        adaptive=budget == -1,
        show=config.include_thoughts,
    )


def _refuse(field: str, why: str) -> NoReturn:
    path = f"generationConfig.{field}"
    raise RequestInvalid(f"Invalid value at '{path}': {why}", param=path)
