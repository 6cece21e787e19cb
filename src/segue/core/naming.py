"""What a provider calls a model that callers know by another name.

A deployment at Azure, a profile at Bedrock, a quantised copy on one's own machine: the same model has many names.
Patterns have at most one `*`, so that they are matched by looking at both ends, and what the star took is known.
"""

from collections.abc import Iterable, Mapping


def fits(pattern: str, name: str) -> bool:
    """Whether a name is meant by a pattern with at most one `*`, which stands for any characters, also none."""
    return _taken(pattern, name) is not None


def matches(pattern: str, name: str) -> bool:
    """Whether a name is meant by a pattern with any number of stars, each for any characters. Takes linear time."""
    first, *rest = pattern.split("*")
    if not rest:
        return first == name
    *middle, last = rest
    if not name.startswith(first):
        return False
    place = len(first)
    for part in middle:  # the earliest place leaves the most to the parts behind it
        found = name.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return len(name) - place >= len(last) and name.endswith(last)


def _taken(pattern: str, name: str) -> str | None:
    """What the star took; "" where there is none; `None` where the pattern does not fit."""
    head, star, tail = pattern.partition("*")
    if not star:
        return "" if pattern == name else None
    if len(name) < len(head) + len(tail) or not name.startswith(head) or not name.endswith(tail):
        return None
    return name[len(head) : len(name) - len(tail)]


class ModelMap:
    """Names of models at one provider, the most specific pattern first: no star, then the longest.

    Args:
        layers: mappings from patterns to names; a later one goes before all earlier ones. A `*` in a name takes what
            the pattern's star took.
    """

    __slots__ = ("_ordered",)

    def __init__(self, *layers: Mapping[str, str]) -> None:
        self._ordered: list[tuple[str, str]] = []
        for layer in reversed(layers):
            self._ordered += sorted(layer.items(), key=lambda one: ("*" in one[0], -len(one[0])))

    def __bool__(self) -> bool:
        """Whether any name may be another one here."""
        return bool(self._ordered)

    def of(self, name: str) -> str:
        """The provider's own name; the same where nothing is said of it."""
        for pattern, target in self._ordered:
            taken = _taken(pattern, name)
            if taken is not None:
                return target.replace("*", taken)
        return name


def serves(allowed: Iterable[str] | None, name: str) -> bool:
    """Whether a list of patterns allows a name; no list allows all."""
    return allowed is None or any(fits(pattern, name) for pattern in allowed)
