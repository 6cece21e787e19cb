"""A vendor refuses a wrong value with a precise error, and a gateway that sends wrong values must hear it.

These are the checks of single values: each raises the error that OpenAI words for it, naming the parameter.
"""

from collections.abc import Callable
from typing import TypeAlias

from segue.simulator.vendors.openai_errors import OpenAIError

Check: TypeAlias = Callable[[object, str], None]


def type_name(value: object) -> str:
    """How OpenAI's messages call the type of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def refusal(message: str, param: str, code: str) -> OpenAIError:
    """The 400 error about one parameter."""
    return OpenAIError(400, message, "invalid_request_error", param, code)


def wrong_type(value: object, param: str, expected: str) -> OpenAIError:
    """The error for a value of another type."""
    message = f"Invalid type for '{param}': expected {expected}, but got {type_name(value)} instead."
    return refusal(message, param, "invalid_type")


def missing(param: str) -> OpenAIError:
    """The error for a required parameter that is absent."""
    return refusal(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def wrong_choice(value: str, param: str, choices: tuple[str, ...]) -> OpenAIError:
    """The error for a string that is none of the documented ones."""
    quoted = [f"'{choice}'" for choice in choices]
    listed = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])}, and {quoted[-1]}"
    message = f"Invalid value: '{value}'. Supported values are: {listed}."
    return refusal(message, param, "invalid_value")


def text(value: object, param: str) -> str:
    """The value, when it is a string."""
    if not isinstance(value, str):
        raise wrong_type(value, param, "a string")
    return value


def required_text(owner: dict[str, object], name: str, param: str) -> str:
    """The string `name` of an object that must have it; `param` is the object's own place."""
    place = f"{param}.{name}"
    if name not in owner:
        raise missing(place)
    return text(owner[name], place)


def entry(value: object, param: str) -> dict[str, object]:
    """The value, when it is an object."""
    if not isinstance(value, dict):
        raise wrong_type(value, param, "an object")
    return value


def entries(value: object, param: str, least: int = 0, most: int | None = None) -> list[object]:
    """The value, when it is an array of an allowed length."""
    if not isinstance(value, list):
        raise wrong_type(value, param, "an array")
    if not value and least:
        message = (
            f"Invalid '{param}': empty array. Expected an array with minimum length {least}, "
            "but got an empty array instead."
        )
        raise refusal(message, param, "empty_array")
    if most is not None and len(value) > most:
        message = (
            f"Invalid '{param}': array too long. Expected an array with maximum length {most}, "
            f"but got an array with length {len(value)} instead."
        )
        raise refusal(message, param, "array_above_max_length")
    return value


def boolean(value: object, param: str) -> None:
    """Accept true and false."""
    if not isinstance(value, bool):
        raise wrong_type(value, param, "a boolean")


def string(value: object, param: str) -> None:
    """Accept a string."""
    text(value, param)


def mapping(value: object, param: str) -> None:
    """Accept an object."""
    entry(value, param)


def array(value: object, param: str) -> None:
    """Accept an array."""
    entries(value, param)


def choice(*choices: str) -> Check:
    """Accept one of the given strings."""

    def check(value: object, param: str) -> None:
        if text(value, param) not in choices:
            raise wrong_choice(text(value, param), param, choices)

    return check


def _within(value: float, param: str, noun: str, least: float | None, most: float | None) -> None:
    if least is not None and value < least:
        bound = f"{noun} below minimum value. Expected a value >= {least}, but got {value} instead."
        raise refusal(f"Invalid '{param}': {bound}", param, f"{noun}_below_min_value")
    if most is not None and value > most:
        bound = f"{noun} above maximum value. Expected a value <= {most}, but got {value} instead."
        raise refusal(f"Invalid '{param}': {bound}", param, f"{noun}_above_max_value")


def integer(least: int | None = None, most: int | None = None) -> Check:
    """Accept a whole number between the bounds."""

    def check(value: object, param: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(value, param, "an integer")
        _within(value, param, "integer", least, most)

    return check


def number(least: float, most: float) -> Check:
    """Accept a number between the bounds."""

    def check(value: object, param: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(value, param, "a decimal")
        _within(value, param, "decimal", least, most)

    return check
