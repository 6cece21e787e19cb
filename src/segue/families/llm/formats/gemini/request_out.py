"""A conversation, as a generateContent request for a provider.

Schemas go as JSON Schema (`parametersJsonSchema`, `responseJsonSchema`): messages FunctionDeclaration and
GenerationConfig take it beside their own subset of OpenAPI, and ignore the keywords that they do not support.
"""

import re
from typing import Any, Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.ports import CannotServe
from segue.families.llm.formats.gemini.request_in import MAX_STOP
from segue.families.llm.formats.gemini.thinking import generation_of, thinking_config
from segue.families.llm.formats.gemini.turns_out import TurnsOut
from segue.families.llm.formats.gemini.wire import Raw
from segue.families.llm.ir.blocks import GOOGLE
from segue.families.llm.ir.conversation import Conversation, FunctionTool, ToolChoice, VendorTool
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import Target, Written

_MODES: Final = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
_TIERS: Final = {"standard": "standard", "flex": "flex", "priority": "priority"}
_LABEL: Final = re.compile(r"[a-z0-9_-]{0,63}")  # Google Cloud's rule for labels
_DETAIL: Final = re.compile(r"contents\[(\d{1,9})\]\.parts\[(\d{1,9})\]\.(.+)")
_DECLARED: Final = re.compile(r"functionDeclarations\[(.*)\]\.(\w+)")
_INSIDE: Final = ("generationConfig.", "toolConfig.", "systemInstruction.")
_TOP: Final = frozenset({"store", "modelArmorConfig"})
# What would change the shape of the answer's stream: arguments in pieces are not read here.
_NEVER: Final = frozenset({"toolConfig.functionCallingConfig.streamFunctionCallArguments"})
_NO_SCHEMA: Final = frozenset({b"", b"{}", b"null"})


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
    if system:
        body["systemInstruction"] = {"parts": system}
    if conversation.tools:
        body["tools"] = _tools(conversation)
    if conversation.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _calling(conversation.tool_choice)}
    config = _generation(conversation)
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
    _account(conversation, target, body, warnings)
    if conversation.extra:
        _restore(conversation.extra, body)
    return Written(msgspec.json.encode(body), warnings=warnings)


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
        raise _cannot(Field.STOP, f"more than {MAX_STOP} stop sequences")
    if conversation.audio:
        raise _cannot(Field.AUDIO_OUTPUT, "an answer as audio in the caller's format")
    values = (
        ("temperature", sampling.temperature),
        ("topP", sampling.top_p),
        ("topK", sampling.top_k),
        ("seed", sampling.seed),
        ("presencePenalty", sampling.presence_penalty),
        ("frequencyPenalty", sampling.frequency_penalty),
        ("maxOutputTokens", conversation.max_tokens),
        ("stopSequences", conversation.stop or None),
        ("candidateCount", conversation.n if conversation.n > 1 else None),
        ("responseLogprobs", True if conversation.logprobs else None),
        ("logprobs", conversation.top_logprobs),
        ("responseModalities", [each.upper() for each in conversation.modalities] or None),
    )
    config: dict[str, Any] = {name: value for name, value in values if value is not None}
    output = conversation.output
    if output is not None:
        config["responseMimeType"] = "application/json"
        if output.schema not in _NO_SCHEMA:
            config["responseJsonSchema"] = Raw(output.schema)
    return config


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


def _restore(extra: dict[str, Raw], body: dict[str, Any]) -> None:
    """Put the fields of a Gemini client that have no word in the intermediate form back where they were."""
    for path, raw in extra.items():
        if path.startswith(_INSIDE) and path not in _NEVER and "[" not in path:
            *inner, name = path.split(".")
            where = body
            for each in inner:
                where = where.setdefault(each, {})
                if not isinstance(where, dict):
                    break
            else:
                where[name] = raw
        elif path in _TOP:
            body[path] = raw
        elif path.startswith("functionDeclarations["):
            found = _DECLARED.fullmatch(path)
            for tool in body.get("tools", ()) if found else ():
                for declaration in tool.get("functionDeclarations", ()) if isinstance(tool, dict) else ():
                    if found and declaration["name"] == found[1]:
                        declaration[found[2]] = raw


def _cannot(field: Field, what: str) -> CannotServe:
    return CannotServe(
        Failure(
            Kind.UNSUPPORTED,
            f"Gemini cannot express {what}",
            executed=Executed.NO,
            scope=Scope.REQUEST,
            needs=field.value,
            param=field.value,
        )
    )
