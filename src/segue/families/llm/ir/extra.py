"""Fields of a request that no type of ours knows: how they are told.

They go to a provider of the caller's own format where they can be put back, and everywhere else the caller hears of
them. A history of a thousand turns may hold the same field a thousand times, and a name may be as long as the request;
so each field is named once, at the first place where it stands, and few of them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Raw

MAX_KEPT: Final = 256
"""Fields within messages, tools and settings that are kept of one request; one that has more is told as well."""

_MOST_TOLD: Final = 16
_LONGEST: Final = 96
_PLACE: Final = re.compile(r"\[\d*\]|\.\d+(?=\.)")


def keep(extra: dict[str, Raw], path: str, value: Raw) -> None:
    """Note a field within the request by its path, unless there are too many already."""
    if len(extra) < MAX_KEPT:
        extra[path] = value


def named(extra: Iterable[str]) -> str:
    """The paths of unknown fields, for people: each field once, at its first place, and no more than fit a line."""
    fields: dict[str, str] = {}
    for path in extra:
        fields.setdefault(_PLACE.sub("[]", path), path)
    told = [path if len(path) <= _LONGEST else f"{path[: _LONGEST - 1]}…" for path in sorted(fields.values())]
    more = len(told) - _MOST_TOLD
    return ", ".join(told[:_MOST_TOLD]) + (f" and {more} more" if more > 0 else "")


def within(extra: Mapping[str, Raw]) -> list[str]:
    """The paths that lead into the request, as against names of settings."""
    return [path for path in extra if "[" in path or "." in path]
