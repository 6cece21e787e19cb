"""Anthropic names the exact place of a wrong value, and a gateway that builds wrong values must hear it.

These are the checks of single values. A check takes a value and its place, such as `messages.0.content.1.text.text`,
and raises the vendor's error when the value is wrong.
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from segue.simulator.vendors.anthropic_errors import AnthropicError, invalid

Check: TypeAlias = Callable[[object, str], None]


def wrong(place: str, what: str) -> AnthropicError:
    """The error about one place."""
    return invalid(f"{place}: {what}")


def string(value: object, place: str) -> None:
    """A string."""
    if not isinstance(value, str):
        raise wrong(place, "Input should be a valid string")


def filled(value: object, place: str) -> None:
    """A string that is not empty."""
    string(value, place)
    if value == "":
        raise wrong(place, "String should have at least 1 character")


def boolean(value: object, place: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(place, "Input should be a valid boolean")


def mapping(value: object, place: str) -> None:
    """An object."""
    if not isinstance(value, dict):
        raise wrong(place, "Input should be a valid dictionary")


def anything(_value: object, _place: str) -> None:
    """Any value."""


def nullable(check: Check) -> Check:
    """Null, or what `check` accepts."""

    def checked(value: object, place: str) -> None:
        if value is not None:
            check(value, place)

    return checked


def integer(least: int | None = None) -> Check:
    """An integer that is not below `least`."""

    def checked(value: object, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong(place, "Input should be a valid integer")
        if least is not None and value < least:
            raise wrong(place, f"Input should be greater than or equal to {least}")

    return checked


def number(least: float, most: float) -> Check:
    """A number within bounds."""

    def checked(value: object, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(place, "Input should be a valid number")
        if value < least:
            raise wrong(place, f"Input should be greater than or equal to {least:g}")
        if value > most:
            raise wrong(place, f"Input should be less than or equal to {most:g}")

    return checked


def _listed(choices: tuple[str, ...], last: str) -> str:
    quoted = [f"'{choice}'" for choice in choices]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])}{last}{quoted[-1]}"


def choice(*choices: str) -> Check:
    """One of several strings."""

    def checked(value: object, place: str) -> None:
        if not isinstance(value, str) or value not in choices:
            raise wrong(place, f"Input should be {_listed(choices, ' or ')}")

    return checked


def pattern(expression: str, longest: int | None = None) -> Check:
    """A string that matches a regular expression and is at most so long."""
    compiled = re.compile(expression)

    def checked(value: object, place: str) -> None:
        string(value, place)
        text = str(value)
        if longest is not None and len(text) > longest:
            raise wrong(place, f"String should have at most {longest} characters")
        if not compiled.fullmatch(text):
            raise wrong(place, f"String should match pattern '{expression}'")

    return checked


def many(check: Check, least: int = 0) -> Check:
    """A list of at least so many values, each of which `check` accepts."""

    def checked(value: object, place: str) -> None:
        if not isinstance(value, list):
            raise wrong(place, "Input should be a valid list")
        if len(value) < least:
            raise wrong(place, f"List should have at least {least} item{'s' if least > 1 else ''} after validation")
        for index, item in enumerate(value):
            check(item, f"{place}.{index}")

    return checked


def fields(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with exactly these fields; optional ones may be absent."""
    known = {**required, **(optional or {})}

    def checked(value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise wrong(place, "Input should be a valid dictionary or object to extract fields from")
        for name in required:
            if name not in value:
                raise wrong(f"{place}.{name}" if place else name, "Field required")
        for name, item in value.items():
            inner = f"{place}.{name}" if place else name
            if name not in known:
                raise wrong(inner, "Extra inputs are not permitted")
            known[name](item, inner)

    return checked


def tagged(variants: Mapping[str, Check], default: str | None = None) -> Check:
    """An object whose `type` says which check it has to pass; the tag becomes part of the place."""

    def checked(value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise wrong(place, "Input should be a valid dictionary or object to extract fields from")
        tag = value.get("type", default)
        if tag is None:
            raise wrong(place, "Unable to extract tag using discriminator 'type'")
        check = variants.get(tag) if isinstance(tag, str) else None
        if check is None:
            expected = _listed(tuple(variants), ", ")
            shown = tag if isinstance(tag, str) else "?"
            message = f"Input tag '{shown}' found using 'type' does not match any of the expected tags: {expected}"
            raise wrong(place, message)
        check(value, f"{place}.{tag}")

    return checked


def text_or(check: Check) -> Check:
    """A string, or what `check` accepts."""

    def checked(value: object, place: str) -> None:
        if not isinstance(value, str):
            check(value, place)

    return checked
