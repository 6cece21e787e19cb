"""A conversation, as a generateContent request for a provider.

Schemas go as JSON Schema (`parametersJsonSchema`, `responseJsonSchema`): messages FunctionDeclaration and
GenerationConfig take it beside their own subset of OpenAPI, and ignore the keywords that they do not support.
"""

import re
from typing import Any, Final

import msgspec

from segue.families.llm.formats.gemini.request_in import MAX_STOP
from segue.families.llm.formats.gemini.thinking import generation_of, thinking_config
from segue.families.llm.formats.gemini.turns_out import TurnsOut
from segue.families.llm.formats.gemini.wire import Raw
from segue.families.llm.ir.blocks import GOOGLE
from segue.families.llm.ir.conversation import Conversation, FunctionTool, ToolChoice, VendorTool
from segue.families.llm.ir.extra import named
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import Target, Written
from segue.families.llm.ir.losses import cannot

_MODES: Final = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
_TIERS: Final = {"standard": "standard", "flex": "flex", "priority": "priority"}
_LABEL: Final = re.compile(r"[a-z0-9_-]{0,63}")  # Google Cloud's rule for labels
_DETAIL: Final = re.compile(r"contents\[(\d{1,9})\]\.parts\[(\d{1,9})\]\.(.+)")
_DECLARED: Final = re.compile(r"functionDeclarations\[(.*)\]\.(\w+)")
_INSIDE: Final = ("generationConfig.", "toolConfig.", "systemInstruction.")
_TOP: Final = frozenset({"store", "modelArmorConfig"})
# What would change the shape of the answer's stream: arguments in pieces are not read here.
_NEVER: Final = frozenset({"toolConfig.functionCallingConfig.streamFunctionCallArguments"})
_MIME_TYPE: Final = "generationConfig.responseMimeType"
_NO_SCHEMA: Final = frozenset({b"", b"{}", b"null"})
_BOTH: Final = (3, 0)
"""Models before these refuse functions together with `responseMimeType` (guide "Structured output")."""
_JSON_ONLY: Final = "As soon as no function has to be called any more, answer with one JSON value and nothing else"


def write_request(conversation: Conversation, target: Target) -> Written:
    """The body for a provider.

    Flags of the target: `labels` (metadata becomes labels, as Vertex AI takes them), `no_call_ids` (calls and results
    bear no ids, for endpoints that do not know them), `no_file_urls` (addresses are not fetched).

    Raises:
        CannotServe: a value that has no expression here.
    """
    warnings: list[str] = []
    generation = generation_of(target.model, target.capabilities)
    details = _details(conversation.extra) if conversation.extra else {}
    body: dict[str, Any] = {"contents": TurnsOut(target, generation, warnings, details).write(conversation)}
    system = [{"text": part.text} for part in conversation.system if part.text]
    told = conversation.output is not None and generation.version < _BOTH and _calls(conversation)
    if told:
        system.append({"text": _shape_in_words(conversation)})
        warnings.append("the shape of the answer is asked for in words: this Gemini takes none beside functions")
    if system and not body["contents"]:
        body["contents"] = [{"role": "user", "parts": system}]
        warnings.append("the instructions were sent as the user's turn: Gemini wants at least one")
    elif system:
        body["systemInstruction"] = {"parts": system}
    if conversation.tools:
        body["tools"] = _tools(conversation)
    if conversation.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _calling(conversation.tool_choice)}
    config = _generation(conversation)
    if told:
        config.pop("responseMimeType", None)
        config.pop("responseJsonSchema", None)
    if conversation.reasoning is not None:
        thinking = thinking_config(conversation.reasoning, generation, warnings)
        if thinking:
            config["thinkingConfig"] = thinking
    if config:
        body["generationConfig"] = config
    if conversation.safety:
        body["safetySettings"] = Raw(conversation.safety)
    if conversation.cached_content:
        body["cachedContent"] = conversation.cached_content
    if conversation.metadata or conversation.service_tier:
        _account(conversation, target, body, warnings)
    if conversation.extra:
        _restore(conversation.extra, details, body, warnings)
    return Written(msgspec.json.encode(body), warnings=warnings)


def _calls(conversation: Conversation) -> bool:
    return any(isinstance(tool, FunctionTool) for tool in conversation.tools)


def _shape_in_words(conversation: Conversation) -> str:
    schema = conversation.output.schema if conversation.output is not None else b""
    if schema in _NO_SCHEMA:
        return f"{_JSON_ONLY}."
    return f"{_JSON_ONLY}. It satisfies this JSON Schema: {schema.decode('utf-8', 'replace')}"


def _tools(conversation: Conversation) -> list[Any]:
    tools: list[Any] = []
    functions: list[dict[str, Any]] = []
    for tool in conversation.tools:
        if isinstance(tool, VendorTool):
            if tool.vendor == GOOGLE:
                tools.append(Raw(tool.raw))
            continue
        if not functions:
            tools.append({"functionDeclarations": functions})
        functions.append(_declaration(tool))
    return tools


def _declaration(tool: FunctionTool) -> dict[str, Any]:
    declaration: dict[str, Any] = {"name": tool.name}
    if tool.description:
        declaration["description"] = tool.description
    if tool.parameters not in _NO_SCHEMA:
        declaration["parametersJsonSchema"] = Raw(tool.parameters)
    if tool.response not in _NO_SCHEMA:
        declaration["responseJsonSchema"] = Raw(tool.response)
    return declaration


def _calling(choice: ToolChoice) -> dict[str, Any]:
    if not choice.names or choice.mode == "none":
        return {"mode": _MODES.get(choice.mode, "AUTO")}
    # A choice among some tools that leaves the model free is VALIDATED: AUTO takes no names.
    return {
        "mode": "VALIDATED" if choice.mode == "auto" else "ANY",
        "allowedFunctionNames": list(choice.names),
    }


def _generation(conversation: Conversation) -> dict[str, Any]:
    sampling = conversation.sampling
    if len(conversation.stop) > MAX_STOP:
        raise cannot("Gemini", f"more than {MAX_STOP} stop sequences", field=Field.STOP)
    if conversation.audio:
        raise cannot("Gemini", "an answer as audio in the caller's format", field=Field.AUDIO_OUTPUT)
    config: dict[str, Any] = {}
    if sampling.temperature is not None:
        config["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        config["topP"] = sampling.top_p
    if sampling.top_k is not None:
        config["topK"] = sampling.top_k
    if sampling.seed is not None:
        config["seed"] = sampling.seed
    if sampling.presence_penalty is not None:
        config["presencePenalty"] = sampling.presence_penalty
    if sampling.frequency_penalty is not None:
        config["frequencyPenalty"] = sampling.frequency_penalty
    if conversation.max_tokens is not None:
        config["maxOutputTokens"] = conversation.max_tokens
    _write_form(conversation, config)
    return config


def _write_form(conversation: Conversation, config: dict[str, Any]) -> None:
    """Where the answer ends, how many there are, and of what kind they are."""
    if conversation.stop:
        config["stopSequences"] = conversation.stop
    if conversation.n > 1:
        config["candidateCount"] = conversation.n
    if conversation.logprobs:
        config["responseLogprobs"] = True
    if conversation.top_logprobs is not None:
        config["logprobs"] = conversation.top_logprobs
    if conversation.modalities:
        config["responseModalities"] = [each.upper() for each in conversation.modalities]
    output = conversation.output
    if output is not None and _MIME_TYPE not in conversation.extra:  # else it is put back as it was
        config["responseMimeType"] = "application/json"
        if output.schema not in _NO_SCHEMA:
            config["responseJsonSchema"] = Raw(output.schema)


def _account(conversation: Conversation, target: Target, body: dict[str, Any], warnings: list[str]) -> None:
    """What only decides how the request is billed and queued."""
    metadata = conversation.metadata
    if metadata:
        fitting = {
            name: value for name, value in metadata.items() if _LABEL.fullmatch(name) and _LABEL.fullmatch(value)
        }
        if "labels" not in target.flags:
            warnings.append("metadata left out: this endpoint takes no labels")
        else:
            body["labels"] = fitting
            if len(fitting) < len(metadata):
                warnings.append("metadata left out in part: labels are small letters, digits, '_' and '-'")
    tier = conversation.service_tier
    if tier in _TIERS:
        body["serviceTier"] = _TIERS[tier]
    elif tier not in {"", "auto", "default", "unspecified"}:
        warnings.append(f"service_tier {tier[:40]!r} left out: it is unknown to Gemini")


def _details(extra: dict[str, Raw]) -> dict[tuple[int, int], dict[str, Raw]]:
    """Unknown fields of parts, by the places of their blocks."""
    details: dict[tuple[int, int], dict[str, Raw]] = {}
    for path, raw in extra.items():
        found = _DETAIL.fullmatch(path)
        if found:
            details.setdefault((int(found[1]), int(found[2])), {})[found[3]] = raw
    return details


def _restore(
    extra: dict[str, Raw], details: dict[tuple[int, int], dict[str, Raw]], body: dict[str, Any], warnings: list[str]
) -> None:
    """Put the fields of a Gemini client that have no word in the intermediate form back where they were.

    Args:
        extra: by their paths.
        details: those of parts of turns whose places were not found again.
        body: of the request.
        warnings: hears of those whose places are not known.
    """
    lost = [f"contents[{number}].parts[{place}].{name}" for (number, place), each in details.items() for name in each]
    for path, raw in extra.items():
        if path.startswith(_INSIDE) and path not in _NEVER and "[" not in path:
            *inner, name = path.split(".")
            where = body
            for each in inner:
                where = where.setdefault(each, {})
                if not isinstance(where, dict):
                    lost.append(path)
                    break
            else:
                where[name] = raw
        elif path in _TOP:
            body[path] = raw
        elif not _declared(path, raw, body) and not _DETAIL.fullmatch(path):
            lost.append(path)
    if lost:
        warnings.append(f"{named(lost)} left out: not a field of Gemini's that Segue can place")


def _declared(path: str, raw: Raw, body: dict[str, Any]) -> bool:
    """Put a field of a function's declaration back; whether the function is there."""
    found = _DECLARED.fullmatch(path)
    placed = False
    for tool in body.get("tools", ()) if found else ():
        for declaration in tool.get("functionDeclarations", ()) if isinstance(tool, dict) else ():
            if found and declaration["name"] == found[1]:
                declaration[found[2]] = raw
                placed = True
    return placed
