"""Amazon's services describe every value by a shape, and say which constraint of it a wrong value failed.

These are the checks of single values. A check takes a value and its place, such as `messages.0.content.1.text`, and
raises the vendor's error when the value is wrong. The service itself ignores fields that it does not know; here they
are refused, which is stricter, because a gateway that sends them has misspelt something.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from segue.simulator.vendors.bedrock_errors import AwsError, invalid

Check: TypeAlias = Callable[[Any, str], None]
_SHOWN: Final = 100


def wrong_type(place: str, wanted: str) -> AwsError:
    """The error about a value that cannot even be read."""
    return AwsError(400, "SerializationException", f"{place or 'body'} can not be converted to {wanted}")


def failed(value: object, place: str, constraint: str) -> AwsError:
    """The error about a value that does not keep to its shape."""
    shown = "null" if value is None else f"'{value!s:.{_SHOWN}}'"
    return invalid(
        f"1 validation error detected: Value {shown} at '{place}' failed to satisfy constraint: {constraint}"
    )


def text(least: int = 0, most: int | None = None, pattern: str | None = None) -> Check:
    """A string of a length within bounds that matches a regular expression as a whole."""
    compiled = re.compile(pattern) if pattern else None

    def checked(value: Any, place: str) -> None:
        if not isinstance(value, str):
            raise wrong_type(place, "a String")
        if len(value) < least:
            raise failed(value, place, f"Member must have length greater than or equal to {least}")
        if most is not None and len(value) > most:
            raise failed(value, place, f"Member must have length less than or equal to {most}")
        if compiled and not compiled.fullmatch(value):
            raise failed(value, place, f"Member must satisfy regular expression pattern: {pattern}")

    return checked


def choice(*choices: str) -> Check:
    """One of several strings."""

    def checked(value: Any, place: str) -> None:
        text()(value, place)
        if value not in choices:
            raise failed(value, place, f"Member must satisfy enum value set: [{', '.join(choices)}]")

    return checked


def boolean(value: Any, place: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong_type(place, "a Boolean")


def integer(least: int) -> Check:
    """An integer of 32 bits that is not below `least`."""

    def checked(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 1 << 31:
            raise wrong_type(place, "an Integer")
        if value < least:
            raise failed(value, place, f"Member must have value greater than or equal to {least}")

    return checked


def fraction(value: Any, place: str) -> None:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(place, "a Float")
    if value < 0:
        raise failed(value, place, "Member must have value greater than or equal to 0")
    if value > 1:
        raise failed(value, place, "Member must have value less than or equal to 1")


def anything(_value: Any, _place: str) -> None:
    """Any JSON."""


def mapping(value: Any, place: str) -> None:
    """A JSON object."""
    if not isinstance(value, dict):
        raise wrong_type(place, "a Map")


def blob(value: Any, place: str) -> None:
    """At least one byte, in base64."""
    if not isinstance(value, str):
        raise wrong_type(place, "a Blob")
    try:
        found = base64.b64decode(value.encode("ascii", "replace"), validate=True)
    except (binascii.Error, ValueError):
        raise wrong_type(place, "a Blob: it is not base64") from None
    if not found:
        raise failed(value, place, "Member must have length greater than or equal to 1")


def many(check: Check, least: int = 0, most: int | None = None) -> Check:
    """A list of a length within bounds, each of whose values `check` accepts."""

    def checked(value: Any, place: str) -> None:
        if not isinstance(value, list):
            raise wrong_type(place, "a List")
        if len(value) < least:
            raise failed(value, place, f"Member must have length greater than or equal to {least}")
        if most is not None and len(value) > most:
            raise failed("[...]", place, f"Member must have length less than or equal to {most}")
        for index, item in enumerate(value):
            check(item, f"{place}.{index}")

    return checked


def structure(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields; optional ones may be absent, and null counts as absent."""
    known = {**required, **(optional or {})}

    def checked(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type(place, "a Structure")
        prefix = f"{place}." if place else ""
        for name in value:
            if name not in known:
                raise invalid(f"{prefix}{name}: extraneous key [{name}] is not permitted")
        for name in required:
            if value.get(name) is None:
                raise failed(None, f"{prefix}{name}", "Member must not be null")
        for name, item in value.items():
            if item is not None:
                known[name](item, f"{prefix}{name}")

    return checked


def union(variants: Mapping[str, Check]) -> Check:
    """An object with exactly one of these fields."""
    inner = structure({}, variants)

    def checked(value: Any, place: str) -> None:
        inner(value, place)
        if sum(item is not None for item in value.values()) != 1:
            listed = ", ".join(variants)
            raise invalid(f"{place}: exactly one of these members must be set: {listed}.")

    return checked
