"""One mistake should cost one reading: all problems of a configuration are collected, each with place and remedy.

A problem is found at a *path* (`providers`, `openai`, `key`); where that path stands in a file is looked up only when
the message is written, so that the checks work the same for a file and for a dictionary passed to the library.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Place = tuple[str | int, ...]

MOST_PROBLEMS = 100
"""Problems shown at most; somebody with more has a different trouble than the hundredth."""

_PLAIN_NAME = re.compile(r"[\w.*/@+-]{1,64}")
_LONGEST_SHOWN = 60
_MOST_NAMES_SHOWN = 12
_MOST_COMPARED = 1000


class Unusable(ValueError):
    """A value that cannot be used; the message says why and how to mend it. pydantic collects them."""


class Hidden(str):
    """Text that came from the environment or from a secret file: no message shows it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a path: what it is and how to mend it, on one line."""

    path: Place
    message: str


def dotted(path: Place) -> str:
    """A path as people write it: `providers.openai.keys[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + shown_key(part)
    return text


def shown_key(key: str) -> str:
    """The name of a key as it may be shown.

    A forgotten space (`{key:sk-…}`) makes a secret part of the key's name, so only what looks like a name is shown.
    """
    if _PLAIN_NAME.fullmatch(key):
        return key
    head = re.match(r"[\w.*/@+-]{0,40}", key)
    return f"{head.group() if head else ''}…"


def shown(value: object) -> str:
    """A value that is no secret, short enough for one line."""
    if isinstance(value, Hidden):
        return "the value from the environment"
    if isinstance(value, str):
        return repr(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…")
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        text = f"{value:g}" if isinstance(value, float) else _digits(value)
        return text[:_LONGEST_SHOWN]
    return kind_of(value)


def kind_of(value: object) -> str:
    """What sort of thing a value is, in the words of YAML."""
    if isinstance(value, Hidden):
        return "text from the environment"
    names = {bool: "true or false", str: "text", int: "a number", float: "a number", type(None): "nothing"}
    if type(value) in names:
        return names[type(value)]
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return type(value).__name__


def did_you_mean(word: str, among: Iterable[str]) -> str:
    """`did you mean 'x'?`, or what there is when nothing is near."""
    names = sorted(set(among))
    if not names:
        return "there are none"
    near = get_close_matches(word[:_LONGEST_SHOWN], names[:_MOST_COMPARED], n=2, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(shown(name) for name in near)}?"
    more = ", …" if len(names) > _MOST_NAMES_SHOWN else ""
    return f"there are: {', '.join(names[:_MOST_NAMES_SHOWN])}{more}"


def unknown_key(key: str, among: Iterable[str]) -> str:
    """The message for a key that means nothing here."""
    if ":" in key:
        return f"unknown key {shown_key(key)!r}: put a space after the colon"
    return f"unknown key {shown_key(key)!r}: {did_you_mean(key, among)}"


def _digits(value: int) -> str:
    # Python refuses to write integers of thousands of digits, and nobody wants to read them.
    return str(value) if value.bit_length() < 200 else "a huge number"  # noqa: PLR2004 - about 60 digits
