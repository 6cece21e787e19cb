"""A body of the right form can still be wrong: turns in a bad order, values out of bounds, signatures that are missing.

Sources: https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/function-calling and
https://ai.google.dev/gemini-api/docs/thought-signatures.
"""

import re
from typing import Any, Final

from segue.simulator.exchange import BODY_LIMIT, UNDECODABLE, Exchange
from segue.simulator.vendors.gemini_errors import GoogleError, invalid, violations
from segue.simulator.vendors.gemini_models import ModelFacts
from segue.simulator.vendors.gemini_proto import Message, Reader
from segue.simulator.vendors.signing import is_sealed

THOUGHT: Final = "gemini thought"
# With these a caller may bring a function call of another model along, as the documentation says.
_EXCUSED: Final = frozenset({"skip_thought_signature_validator", "context_engineering_is_the_way_to_go"})
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
_DATA: Final = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
)
_BOUNDS: Final = (("temperature", 0.0, 2.0), ("topP", 0.0, 1.0), ("candidateCount", 1, 8), ("maxOutputTokens", 1, None))
_MOST_STOPS: Final = 5
_JSON_TYPES: Final = frozenset({"application/json", "text/x.enum"})
_Json = dict[str, Any]


def read(exchange: Exchange, grammar: Message) -> _Json:
    """The body in one spelling, when it is of the documented form; raises Google's error otherwise."""
    if len(exchange.body) > BODY_LIMIT:
        raise GoogleError(413, "INVALID_ARGUMENT", "Request payload size exceeds the limit.")
    document: object = {} if not exchange.body and exchange.document is UNDECODABLE else exchange.document
    if document is UNDECODABLE:
        raise invalid("Invalid JSON payload received. Unexpected token.")
    if not isinstance(document, dict):
        raise violations([("", 'Invalid JSON payload received. Unknown name "": Root element must be a message.')])
    reader = Reader()
    found = reader.message(grammar, document)
    if reader.violations:
        raise violations(reader.violations)
    return found


def _wrong(place: str, what: str) -> GoogleError:
    return invalid(f"* GenerateContentRequest.{place}: {what}\n")


def _check_contents(contents: list[_Json]) -> None:
    if not contents:
        raise _wrong("contents", "contents is not specified")
    for index, content in enumerate(contents):
        if content.get("role") not in (None, "", "user", "model", "function", "tool"):
            raise invalid("Please use a valid role: user, model.")
        if not content.get("parts"):
            raise _wrong(f"contents[{index}].parts", "contents.parts must not be empty.")
        for position, part in enumerate(content["parts"]):
            given = [name for name in _DATA if name in part]
            place = f"contents[{index}].parts[{position}]"
            if len(given) != 1 and not (not given and "thoughtSignature" in part):
                raise _wrong(f"{place}.data", "required oneof field 'data' must have one initialized field")
            inline = part.get("inlineData")
            if inline is not None and not inline.get("mimeType"):
                raise _wrong(f"{place}.inline_data.mime_type", "must be specified")
            for name, spelt in (("functionCall", "function_call"), ("functionResponse", "function_response")):
                if name in part and not part[name].get("name"):
                    raise _wrong(f"{place}.{spelt}.name", "Name cannot be empty.")


def _count(content: _Json, name: str) -> int:
    return sum(name in part for part in content["parts"])


def _turns(contents: list[_Json]) -> list[_Json]:
    """Contents of the model that follow one another are one turn: the SDK sends every chunk of a stream as its own."""
    turns: list[_Json] = []
    for content in contents:
        if turns and content.get("role") == "model" == turns[-1].get("role"):
            turns[-1] = {**turns[-1], "parts": [*turns[-1]["parts"], *content["parts"]]}
        else:
            turns.append(content)
    return turns


def _check_turns(contents: list[_Json]) -> None:
    contents = _turns(contents)
    for index, content in enumerate(contents):
        before = contents[index - 1] if index else None
        responses, calls = _count(content, "functionResponse"), _count(content, "functionCall")
        asked = _count(before, "functionCall") if before else 0
        if calls and (before is None or before.get("role") == "model"):
            raise invalid(
                "Please ensure that function call turn comes immediately after a user turn or after a function "
                "response turn."
            )
        if responses and not asked:
            raise invalid("Please ensure that function response turn comes immediately after a function call turn.")
        if asked and responses != asked:
            raise invalid(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )


def current_turn(contents: list[_Json]) -> int:
    """Where the current turn begins: at the last content in which the user says anything but functions' results."""
    for index in range(len(contents) - 1, -1, -1):
        content = contents[index]
        if content.get("role") != "model" and not _count(content, "functionResponse"):
            return index
    return 0


def _check_signatures(contents: list[_Json], facts: ModelFacts, seed: int) -> None:
    if not facts.signs:
        return
    start = current_turn(contents)
    for index, content in enumerate(contents):
        first = True
        for part in content["parts"]:
            signature = part.get("thoughtSignature")
            if "functionCall" in part and first:
                first = False
                if not signature and index > start:
                    raise invalid(
                        "Function call is missing a thought_signature in functionCall parts. This is required for "
                        "tools to work correctly, and missing thought_signature may lead to degraded model "
                        "performance. "
                        f"Additional data, function call `default_api:{part['functionCall']['name']}` , position "
                        f"{index + 1}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for "
                        "more details."
                    )
            if signature and not _excused(signature) and not is_sealed(seed, THOUGHT, signature):
                raise invalid("Corrupted thought signature.")


def _excused(signature: str) -> bool:
    # The signature went through base64, in which these two words happen to be valid as well.
    return signature.replace("+", "-").replace("/", "_").rstrip("=") in {word.rstrip("=") for word in _EXCUSED}


def _check_tools(document: _Json, facts: ModelFacts) -> list[_Json]:
    declared: list[_Json] = []
    for index, tool in enumerate(document.get("tools") or ()):
        for position, function in enumerate(tool.get("functionDeclarations") or ()):
            place = f"tools[{index}].function_declarations[{position}]"
            if not _NAME.fullmatch(function.get("name", "")):
                raise _wrong(
                    f"{place}.name",
                    "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, "
                    "0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64.",
                )
            if "parameters" in function and "parametersJsonSchema" in function:
                raise _wrong(place, "only one of parameters and parameters_json_schema may be set.")
            declared.append(function)
    names = [function["name"] for function in declared]
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise invalid(f"Duplicate function declaration found: {double}")
    own = any(name != "functionDeclarations" for tool in document.get("tools") or () for name in tool)
    if own and declared and not facts.combines:
        raise invalid("Tool use with function calling is unsupported")
    return declared


def _check_calling(document: _Json, declared: list[_Json]) -> None:
    config = (document.get("toolConfig") or {}).get("functionCallingConfig") or {}
    if config.get("mode") in {"ANY", "VALIDATED"} and not declared:
        raise invalid("Function calling config is set without function_declarations.")
    allowed = config.get("allowedFunctionNames") or []
    if allowed and config.get("mode") not in {"ANY", "VALIDATED"}:
        raise invalid("Allowed function names should only be set when the mode is ANY or VALIDATED.")
    names = {function["name"] for function in declared}
    unknown = [name for name in allowed if name not in names]
    if unknown:
        raise invalid(f"allowed_function_names contains a function that is not declared: {unknown[0]}")


def _check_generation(config: _Json, facts: ModelFacts, *, functions: bool) -> None:
    for name, least, most in _BOUNDS:
        value = config.get(name)
        if value is not None and (value < least or (most is not None and value > most)):
            bound = f"in the range [{least}, {most}]" if most is not None else f"at least {least}"
            field = re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)
            raise _wrong(f"generation_config.{field}", f"{field} must be {bound}.")
    if len(config.get("stopSequences") or ()) > _MOST_STOPS:
        raise _wrong("generation_config.stop_sequences", f"must have at most {_MOST_STOPS} entries.")
    kind = config.get("responseMimeType", "text/plain")
    if kind not in _JSON_TYPES | {"text/plain"}:
        raise _wrong(
            "generation_config.response_mime_type",
            "allowed mimetypes are `text/plain`, `application/json`, `text/x.enum`.",
        )
    for name in ("responseSchema", "responseJsonSchema"):
        if name in config and kind not in _JSON_TYPES:
            raise _wrong("generation_config.response_schema", "only allowed with response_mime_type application/json.")
    if "responseSchema" in config and "responseJsonSchema" in config:
        raise _wrong("generation_config", "only one of response_schema and response_json_schema may be set.")
    if kind in _JSON_TYPES and functions and not facts.combines:
        raise invalid(f"Function calling with a response mime type: '{kind}' is unsupported")
    _check_thinking(config.get("thinkingConfig") or {}, facts)


def _check_thinking(config: _Json, facts: ModelFacts) -> None:
    budget = config.get("thinkingBudget")
    if budget is not None and "thinkingLevel" in config:
        raise invalid("You can only set only one of thinking budget and thinking level.")
    if "thinkingLevel" in config and not facts.levels:
        raise invalid("Thinking level is not supported for this model.")
    if budget is None:
        return
    if facts.budget is None:
        raise invalid("Thinking budget is not supported for this model.")
    if budget == 0 and not facts.off:
        raise invalid("Budget 0 is invalid. This model only works in thinking mode.")
    least, most = facts.budget
    if budget not in {-1, 0} and not least <= budget <= most:
        message = f"The thinking budget {budget} is invalid. Please choose a value between {least} and {most}."
        raise invalid(message)


def check_generation(document: _Json, facts: ModelFacts, seed: int) -> None:
    """Raise Google's error unless the model can answer the request; `document` is one that `read` gave."""
    contents = document.get("contents") or []
    _check_contents(contents)
    _check_turns(contents)
    if contents[-1].get("role") == "model" and not facts.prefill:
        raise invalid(
            "Requests ending with a model turn are not supported unless the last part is a function response."
        )
    _check_signatures(contents, facts, seed)
    declared = _check_tools(document, facts)
    _check_calling(document, declared)
    _check_generation(document.get("generationConfig") or {}, facts, functions=bool(declared))
