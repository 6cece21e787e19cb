"""The leaf types of a configuration: each gives one sentence when it is wrong, and its part of the JSON Schema.

pydantic's own messages speak of types and repeat what was given; these speak of remedies and never show a secret.
Text may stand for a number or for true and false, because that is what an environment variable holds.
"""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, WithJsonSchema

from segue.config.problems import Unusable, did_you_mean, kind_of, shown
from segue.config.values import (
    DURATION_PATTERN,
    HOLD_PATTERN,
    SIZE_PATTERN,
    format_duration,
    format_size,
    parse_duration,
    parse_hold,
    parse_size,
)
from segue.core.call import Hold, OnCut

ELSEWHERE = r"\$\{|^file:"
REFERENCE = {"type": "string", "pattern": ELSEWHERE}
"""In the JSON Schema: a value that comes from the environment or a file, whatever it is to be."""

LONGEST_TEXT = 4096
"""Characters of any text in a configuration; the longest real one is a signed URL."""
LONGEST_SECRET = 64 * 1024
"""Characters of a secret; the longest real ones are service-account files."""
LONGEST_DURATION = 366 * 86400.0

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)


class Section(BaseModel):
    """The base of everything that users write: frozen, and strict about unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True, validate_default=False
    )


def text(example: str, *, longest: int = LONGEST_TEXT) -> Any:
    """A validator for text; `example` is shown when something else was given."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            quote = ": put it in quotes" if isinstance(value, int | float) else f", not {kind_of(value)}"
            raise Unusable(f"must be text such as {example}{quote}")
        if not value or value.isspace():
            raise Unusable(f"is empty: give it a value such as {example}")
        if len(value) > longest:
            raise Unusable(f"is longer than {longest} characters")
        if any(ord(character) < 32 or ord(character) == 127 for character in value):  # noqa: PLR2004 - ASCII controls
            raise Unusable("must not contain line breaks or control characters")
        return value

    return BeforeValidator(check)


def whole(minimum: int, maximum: int) -> Any:
    """A validator for whole numbers in a range."""

    def check(value: object) -> int:
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unusable(f"must be a whole number from {minimum} to {maximum}, not {_given(value)}")
        if not minimum <= value <= maximum:
            raise Unusable(f"must be from {minimum} to {maximum}, not {shown(value)}")
        return value

    return BeforeValidator(check)


def whole_schema(minimum: int, maximum: int) -> WithJsonSchema:
    """The JSON Schema of `whole`."""
    number = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": rf"{ELSEWHERE}|^[+-]?[0-9]{{1,18}}$"}]})


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    raise Unusable(f"must be true or false, not {_given(value)}")


def _share(value: object) -> float:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable(f"must be a share above 0 and up to 1, such as 0.5, not {_given(value)}")
    if not 0 < value <= 1:
        raise Unusable(f"must be above 0 and up to 1 (0.5 is half of the calls), not {shown(value)}")
    return float(value)


def duration(minimum: float, maximum: float) -> Any:
    """A validator for durations in a range of seconds."""

    def check(value: object) -> float:
        seconds = parse_duration(value)
        if not minimum <= seconds <= maximum:
            raise Unusable(f"must be from {format_duration(minimum)} to {format_duration(maximum)}, not {shown(value)}")
        return seconds

    return BeforeValidator(check)


def size(minimum: int, maximum: int) -> Any:
    """A validator for sizes in a range of bytes."""

    def check(value: object) -> int:
        count = parse_size(value)
        if not minimum <= count <= maximum:
            raise Unusable(f"must be from {format_size(minimum)} to {format_size(maximum)}, not {shown(value)}")
        return count

    return BeforeValidator(check)


def choice(*allowed: str) -> Any:
    """A validator for one of a few words."""

    def check(value: object) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        raise Unusable(f"must be one of {', '.join(allowed)}, not {_given(value)}; {_hint(value, allowed)}")

    return BeforeValidator(check)


def _secret(value: object) -> SecretStr:
    # Whatever is wrong with a secret, it is not shown.
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if not isinstance(value, str):
        remedy = ': put it in quotes, or use "${NAME}"' if isinstance(value, int | float) else ""
        raise Unusable(f'must be text such as "${{API_KEY}}", not {kind_of(value)}{remedy}')
    if not value.strip():
        raise Unusable('is empty: give a key, "${NAME}" or file:/path')
    if len(value) > LONGEST_SECRET:
        raise Unusable(f"is longer than {LONGEST_SECRET} characters")
    if any(ord(character) < 32 or ord(character) > 126 for character in value) or value != value.strip():  # noqa: PLR2004 - printable ASCII
        raise Unusable("must be printable ASCII without spaces around it, or it cannot be sent in a header")
    return SecretStr(str(value))


def list_of(what: str, *, most: int, least: int = 1) -> Any:
    """A validator for a list; `what` names its elements."""

    def check(value: object) -> object:
        if not isinstance(value, list | tuple):
            raise Unusable(f"must be a list of {what}, not {kind_of(value)}: write [a, b]")
        if len(value) < least:
            raise Unusable(f"is an empty list: name at least one of its {what}, or remove the line")
        if len(value) > most:
            raise Unusable(f"has {len(value)} {what}, more than {most}")
        return value

    return BeforeValidator(check)


def _given(value: object) -> str:
    return shown(value) if isinstance(value, str | bool | int | float) or value is None else kind_of(value)


def _hint(value: object, allowed: tuple[str, ...]) -> str:
    return did_you_mean(value, allowed) if isinstance(value, str) else "choose one of them"


_DURATION_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, REFERENCE], "examples": ["500ms", "30s", "1h30m"]}
)
_SIZE_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "string", "pattern": SIZE_PATTERN}, REFERENCE], "examples": ["512kB", "32MiB"]}
)

Flag = Annotated[
    bool,
    BeforeValidator(_flag),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}, REFERENCE]}),
]
Share = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                {"type": "string", "pattern": rf"{ELSEWHERE}|^[0-9]{{1,9}}(\.[0-9]{{1,9}})?$"},
            ]
        }
    ),
]
Secret = Annotated[
    SecretStr,
    BeforeValidator(_secret),
    WithJsonSchema({"type": "string", "minLength": 1, "examples": ["${API_KEY}", "file:/run/secrets/api_key"]}),
]
Wait = Annotated[float, duration(0.001, 86400.0), _DURATION_SCHEMA]
"""How long something may take: 1 ms to a day."""
Rest = Annotated[float, duration(0.001, 30 * 86400.0), _DURATION_SCHEMA]
"""How long something is left alone: 1 ms to 30 days."""
Grace = Annotated[float, duration(0.0, 3600.0), _DURATION_SCHEMA]
"""How long something is waited for at the end: up to an hour, also not at all."""
Held = Annotated[
    Hold,
    BeforeValidator(parse_hold),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": f"{HOLD_PATTERN}|{DURATION_PATTERN}"}, REFERENCE],
            "examples": ["none", "64 tokens", "2s", "all"],
        }
    ),
]
"""How much of a stream is kept back."""

_WHEN_CUT = tuple(one.value for one in OnCut)
WhenCut = Annotated[OnCut, choice(*_WHEN_CUT), WithJsonSchema({"anyOf": [{"enum": [*_WHEN_CUT]}, REFERENCE]})]
"""What follows when a stream breaks after it was shown."""
BodySize = Annotated[int, size(1024, 1024**3), _SIZE_SCHEMA]
"""1 KiB to 1 GiB."""
