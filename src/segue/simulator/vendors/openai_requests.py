"""A simulator that accepts anything proves nothing: every parameter is checked as the vendor's reference states it.

`check_request` knows all documented parameters of a chat completion and refuses all others.
"""

from typing import Any, Final

from segue.simulator.vendors.openai_checks import (
    Check,
    array,
    boolean,
    choice,
    entries,
    entry,
    integer,
    mapping,
    missing,
    number,
    refusal,
    required_text,
    string,
    text,
    wrong_choice,
    wrong_type,
)
from segue.simulator.vendors.openai_errors import OpenAIError, UnknownField
from segue.simulator.vendors.openai_flavour import OPENAI, Flavour
from segue.simulator.vendors.openai_messages import check_messages

_LONGEST_NAME: Final = 64
_MOST_METADATA: Final = 16
_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def check_stop(value: object, param: str) -> None:
    """Raise the refusal of anything but a text or at most four texts."""
    if isinstance(value, str):
        return
    for index, item in enumerate(entries(value, param, most=4)):
        text(item, f"{param}[{index}]")


def check_function(value: object, param: str) -> None:
    """Raise the refusal of a function that has no proper name, or fields of the wrong types."""
    function = entry(value, param)
    name = required_text(function, "name", param)
    if not name or len(name) > _LONGEST_NAME or not _NAME_CHARACTERS.issuperset(name):
        message = (
            f"Invalid '{param}.name': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'."
        )
        raise refusal(message, f"{param}.name", "invalid_value")
    for field, check in (("description", string), ("parameters", mapping), ("strict", boolean)):
        if function.get(field) is not None:
            check(function[field], f"{param}.{field}")


def _tools(value: object, param: str) -> None:
    for index, item in enumerate(entries(value, param, least=1, most=128)):
        place = f"{param}[{index}]"
        tool = entry(item, place)
        kind = required_text(tool, "type", place)
        if kind not in {"function", "custom"}:
            raise wrong_choice(kind, f"{place}.type", ("function", "custom"))
        if kind not in tool:
            raise missing(f"{place}.{kind}")
        check_function(tool[kind], f"{place}.{kind}")


def _tool_choice(value: object, param: str) -> None:
    if isinstance(value, str):
        choice("none", "auto", "required")(value, param)
        return
    chosen = entry(value, param)
    kind = required_text(chosen, "type", param)
    if kind not in {"function", "allowed_tools", "custom"}:
        raise wrong_choice(kind, f"{param}.type", ("function", "allowed_tools", "custom"))
    if kind not in chosen:
        raise missing(f"{param}.{kind}")
    detail = entry(chosen[kind], f"{param}.{kind}")
    if kind != "allowed_tools":
        required_text(detail, "name", f"{param}.{kind}")


def _response_format(value: object, param: str) -> None:
    kind = required_text(entry(value, param), "type", param)
    if kind not in {"text", "json_object", "json_schema"}:
        raise wrong_choice(kind, f"{param}.type", ("json_object", "json_schema", "text"))
    if kind == "json_schema":
        document = entry(value, param)
        if "json_schema" not in document:
            raise missing(f"{param}.json_schema")
        schema = entry(document["json_schema"], f"{param}.json_schema")
        required_text(schema, "name", f"{param}.json_schema")
        if schema.get("schema") is not None:
            check_root(entry(schema["schema"], f"{param}.json_schema.schema"), param, schema["name"])


def check_root(schema: dict[str, object], param: str, name: object) -> None:
    """Raise the refusal of a schema for an answer that is no object."""
    kind = schema.get("type")
    if kind is not None and kind != "object":
        message = f"Invalid schema for response_format '{name}': schema must be a JSON Schema of 'type: \"object\"', "
        raise OpenAIError(400, f"{message}got 'type: \"{kind}\"'.", "invalid_request_error", param, None)


def _stream_options(value: object, param: str) -> None:
    for name, item in entry(value, param).items():
        if name not in {"include_usage", "include_obfuscation"}:
            raise refusal(f"Unknown parameter: '{param}.{name}'.", f"{param}.{name}", "unknown_parameter")
        boolean(item, f"{param}.{name}")


def check_metadata(value: object, param: str) -> None:
    """Raise the refusal of metadata that are no texts, or more than 16."""
    pairs = entry(value, param)
    if len(pairs) > _MOST_METADATA:
        message = (
            f"Invalid '{param}': too many properties. Expected an object with at most 16 properties, "
            f"but got an object with {len(pairs)} properties instead."
        )
        raise refusal(message, param, "object_above_max_properties")
    for name, item in pairs.items():
        text(item, f"{param}.{name}")


def _logit_bias(value: object, param: str) -> None:
    for name, item in entry(value, param).items():
        number(-100, 100)(item, f"{param}.{name}")


def _function_call(value: object, param: str) -> None:
    if isinstance(value, str):
        choice("none", "auto")(value, param)
        return
    required_text(entry(value, param), "name", param)


PARAMETERS: Final[dict[str, Check]] = {
    "model": string,
    "messages": check_messages,
    "audio": mapping,
    "frequency_penalty": number(-2, 2),
    "function_call": _function_call,
    "functions": array,
    "logit_bias": _logit_bias,
    "logprobs": boolean,
    "max_completion_tokens": integer(1),
    "max_tokens": integer(1),
    "metadata": check_metadata,
    "modalities": array,
    "moderation": mapping,
    "n": integer(1, 128),
    "parallel_tool_calls": boolean,
    "prediction": mapping,
    "presence_penalty": number(-2, 2),
    "prompt_cache_key": string,
    "prompt_cache_options": mapping,
    "prompt_cache_retention": choice("in_memory", "24h"),
    "reasoning_effort": choice("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "response_format": _response_format,
    "safety_identifier": string,
    "seed": integer(),
    "service_tier": choice("auto", "default", "flex", "scale", "priority", "fast"),
    "stop": check_stop,
    "store": boolean,
    "stream": boolean,
    "stream_options": _stream_options,
    "temperature": number(0, 2),
    "tool_choice": _tool_choice,
    "tools": _tools,
    "top_logprobs": integer(0, 20),
    "top_p": number(0, 1),
    "user": string,
    "verbosity": choice("low", "medium", "high"),
    "web_search_options": mapping,
}


def _check_combinations(document: dict[str, object]) -> None:
    if document.get("stream_options") is not None and document.get("stream") is not True:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise OpenAIError(400, message, "invalid_request_error", "stream_options")
    if document.get("tools") is None:
        for name in ("tool_choice", "parallel_tool_calls"):
            if document.get(name) is not None:
                message = f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."
                raise OpenAIError(400, message, "invalid_request_error", name)
    if document.get("max_tokens") is not None and document.get("max_completion_tokens") is not None:
        message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise OpenAIError(400, message, "invalid_request_error", None, "invalid_parameter_combination")
    if document.get("top_logprobs") is not None and document.get("logprobs") is not True:
        message = "Invalid value for 'top_logprobs': 'logprobs' must be set to true to use it."
        raise OpenAIError(400, message, "invalid_request_error", "top_logprobs")
    match document.get("tool_choice"), document.get("tools"):
        case {"function": {"name": name}}, list(tools):
            known = [tool["function"]["name"] for tool in tools if tool["type"] == "function"]
            if name not in known:
                message = f"Invalid value for 'tool_choice': function name '{name}' is not among the 'tools'."
                raise OpenAIError(400, message, "invalid_request_error", "tool_choice")
        case _:
            pass


def _unknown(name: str, value: object, flavour: Flavour) -> None:
    """Do with a parameter that the vendor does not know what that vendor does with it."""
    if flavour.unknown == "ignored" and name not in flavour.refused:
        return
    if flavour.unknown == "unprocessable":
        raise UnknownField(name, value)
    if name in flavour.refused:
        raise OpenAIError(400, f"property '{name}' is unsupported", "invalid_request_error", name)
    raise OpenAIError(400, f"Unrecognized request argument supplied: {name}")


def _check_barred(document: dict[str, Any], flavour: Flavour) -> None:
    if "n>1" in flavour.refused and (document.get("n") or 1) > 1:
        raise OpenAIError(400, "'n' : number must be at most 1", "invalid_request_error", "n")
    for index, message in enumerate(document["messages"]):
        role = message["role"]
        for field in flavour.refused_in_messages & message.keys():
            if field != "name" or role not in {"tool", "function"}:
                raise _unknown_field(f"messages.{index}.{field}", message[field], flavour)
        if role == "developer" and not flavour.developer:
            raise _unknown_field(f"messages.{index}.role", role, flavour)
    for name, values in flavour.values.items():
        if document.get(name) is not None and document[name] not in values:
            raise wrong_choice(document[name], name, values)
    if flavour.thinks(str(document["model"])):
        for name in flavour.thinkers_refuse & document.keys():
            if document[name] is not None:
                message = f"Model {document['model']} does not support parameter {name}."
                raise OpenAIError(400, message, "invalid_request_error", name)


def _unknown_field(place: str, value: object, flavour: Flavour) -> OpenAIError:
    """The refusal of a part of a message, as this vendor words it."""
    if flavour.unknown == "unprocessable":
        return UnknownField(place, value)
    return OpenAIError(400, f"property '{place}' is unsupported", "invalid_request_error", place)


def check_request(document: object, flavour: Flavour = OPENAI) -> dict[str, object]:
    """The request body, when the vendor would accept it; raises the vendor's error otherwise."""
    if not isinstance(document, dict):
        raise wrong_type(document, "body", "an object")
    for name, value in document.items():
        barred = name in flavour.refused and (value is not None or flavour.unknown == "unprocessable")
        if barred or (name not in PARAMETERS and name not in flavour.extra):
            _unknown(name, value, flavour)
    if not document.get("model"):
        raise OpenAIError(400, "you must provide a model parameter")
    if "messages" not in document:
        raise missing("messages")
    for name, check in PARAMETERS.items():
        value = document.get(name)
        # Optional parameters may be null, which means the same as leaving them out.
        if name in document and (value is not None or name in {"model", "messages"}):
            if name == "messages":
                check_messages(value, name, flavour.message_fields, flavour.identifier)
            else:
                check(value, name)
    _check_combinations(document)
    _check_barred(document, flavour)
    return document
