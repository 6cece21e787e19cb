"""A conversation has more rules than a type can say: who may speak, in which parts, and in answer to what.

This is the check of `messages`, written from the reference of the chat completions interface.
"""

import re
from typing import Final

from segue.simulator.vendors.openai_checks import (
    entries,
    entry,
    missing,
    refusal,
    required_text,
    string,
    text,
    wrong_choice,
    wrong_type,
)

_INSTEAD_OF_CONTENT: Final = ("tool_calls", "function_call", "refusal", "audio")
ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
# Which kinds of content part each role may use; the field of a part is named as its kind.
_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "system": ("text",),
    "developer": ("text",),
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
}
_FIELDS: Final[dict[str, frozenset[str]]] = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset(
        {
            "role",
            "content",
            "name",
            "refusal",
            "audio",
            "tool_calls",
            "function_call",
            # The SDK sends an assistant message back as it received it, with this field.
            "annotations",
        }
    ),
    "tool": frozenset({"role", "content", "tool_call_id"}),
    "function": frozenset({"role", "content", "name"}),
}


def _part(value: object, role: str, param: str) -> None:
    part = entry(value, param)
    kind = required_text(part, "type", param)
    allowed = _PARTS.get(role, ())
    if kind not in allowed:
        raise wrong_choice(kind, f"{param}.type", allowed or ("text",))
    if kind in {"text", "refusal"}:
        required_text(part, kind, param)
        return
    if kind not in part:
        raise missing(f"{param}.{kind}")
    detail = entry(part[kind], f"{param}.{kind}")
    if kind == "image_url":
        required_text(detail, "url", f"{param}.image_url")
    if kind == "input_audio":
        required_text(detail, "data", f"{param}.input_audio")
        required_text(detail, "format", f"{param}.input_audio")


def _content(message: dict[str, object], role: str, param: str) -> None:
    place = f"{param}.content"
    # An assistant that called a tool or refused has nothing to say; a function may have returned nothing.
    silent = role == "assistant" and any(message.get(name) for name in _INSTEAD_OF_CONTENT)
    content = message.get("content")
    if content is None:
        if silent or (role == "function" and "content" in message):
            return
        if "content" not in message:
            raise missing(place)
        message_text = f"Invalid value for 'content': expected a string, got null. (param: {place})"
        raise refusal(message_text, place, "invalid_type")
    if isinstance(content, str):
        return
    if role == "function" or not isinstance(content, list):
        raise wrong_type(content, place, "one of a string or array of objects")
    for index, part in enumerate(entries(content, place, least=1)):
        _part(part, role, f"{place}[{index}]")


def _tool_calls(value: object, param: str) -> set[str]:
    identifiers: set[str] = set()
    for index, item in enumerate(entries(value, param, least=1)):
        place = f"{param}[{index}]"
        call = entry(item, place)
        identifiers.add(required_text(call, "id", place))
        kind = required_text(call, "type", place)
        if kind not in {"function", "custom"}:
            raise wrong_choice(kind, f"{place}.type", ("function", "custom"))
        if kind not in call:
            raise missing(f"{place}.{kind}")
        detail = entry(call[kind], f"{place}.{kind}")
        required_text(detail, "name", f"{place}.{kind}")
        required_text(detail, "arguments" if kind == "function" else "input", f"{place}.{kind}")
    return identifiers


def _role(message: dict[str, object], param: str, more: frozenset[str] | None) -> str:
    role = required_text(message, "role", param)
    if role not in ROLES:
        raise wrong_choice(role, f"{param}.role", ROLES)
    for name in message:
        known = name in _FIELDS[role] or (role == "assistant" and (more is None or name in more))
        if not known:
            place = f"{param}.{name}"
            raise refusal(f"Unknown parameter: '{place}'.", place, "unknown_parameter")
    return role


def check_messages(
    value: object, param: str = "messages", more: frozenset[str] | None = frozenset(), identifier: str = ""
) -> None:
    """Raise OpenAI's error unless `value` is a conversation that the interface accepts.

    Args:
        value: The messages.
        param: What they are called.
        more: Further fields that a message of the assistant may have; None for any.
        identifier: A pattern that the identifiers of calls match.
    """
    called: set[str] = set()
    for index, item in enumerate(entries(value, param, least=1)):
        place = f"{param}[{index}]"
        message = entry(item, place)
        role = _role(message, place, more)
        _content(message, role, place)
        if message.get("name") is not None:
            string(message["name"], f"{place}.name")
        if role == "function":
            required_text(message, "name", place)
        if role == "assistant" and message.get("tool_calls") is not None:
            made = _tool_calls(message["tool_calls"], f"{place}.tool_calls")
            wrong = sorted(one for one in made if identifier and not re.fullmatch(identifier, one))
            if wrong:
                told = f"Tool call id was {wrong[0]} but must be a-z, A-Z, 0-9, with a length of 9."
                raise refusal(told, f"{place}.tool_calls", "invalid_function_call")
            called |= made
        if role == "tool" and text(required_text(message, "tool_call_id", place), place) not in called:
            explanation = (
                f"Invalid parameter: messages with role 'tool' must be a response to a preceding message with "
                f"'tool_calls'. (message {index})"
            )
            raise refusal(explanation, f"{place}.role", "invalid_value")
