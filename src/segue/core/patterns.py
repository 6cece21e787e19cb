"""Regular expressions that take linear time, whoever wrote them.

Python's own `re` goes back and tries again, so `(a|a)*b` can hold a start up for years. What a configuration needs is
little: letters, classes, groups, alternatives and repetitions. So it is matched the way Thompson described ("Regular
Expression Search Algorithm", CACM 11, 1968): all ways at once, one step for each character, never back.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

LONGEST_PATTERN = 200
"""Characters of a pattern; a longer one is a list of names that should be written as such."""
LONGEST_MATCHED = 512
"""Characters of a name; a longer one matches nothing."""
MOST_STEPS = 2000
"""Steps of a compiled pattern: `(a{99}){99}` would be 9801."""
DEEPEST = 20
"""Groups inside of groups."""

_COUNT = re.compile(r"\{(\d{1,3})(?:(,)(\d{1,3})?)?\}", re.ASCII)
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]")
_DOUBTFUL = re.compile(r"(?<!\\)\[|--|&&|\|\||~~")
"""What Python means to read otherwise one day, and warns of."""
_ESCAPES = frozenset("dDwWsS")

Test = Callable[[str], object]
Step = tuple[Test | None, tuple[int, ...]]
"""What a character must pass and where to go then; without a test, the places to go to at once."""


class BadPattern(ValueError):
    """A pattern that cannot be used; the message says why."""


class Pattern:
    """A compiled pattern; make it with `compile_pattern`."""

    __slots__ = ("_steps", "text")

    def __init__(self, text: str, steps: tuple[Step, ...]) -> None:
        self.text = text
        self._steps = steps

    def fits(self, name: str) -> bool:
        """Whether the whole name matches."""
        if len(name) > LONGEST_MATCHED:
            return False
        steps = self._steps
        end = len(steps)
        now = self._spread((0,))
        for character in name:
            ways: list[int] = []
            for place in now:
                if place != end:
                    test, onward = steps[place]
                    if test is not None and test(character):
                        ways += onward
            if not ways:
                return False
            now = self._spread(ways)
        return end in now

    def _spread(self, places: Iterable[int]) -> set[int]:
        """Every place that is reached without taking a character."""
        seen: set[int] = set()
        waiting = list(places)
        while waiting:
            place = waiting.pop()
            if place not in seen:
                seen.add(place)
                if place < len(self._steps):
                    test, onward = self._steps[place]
                    if test is None:
                        waiting += onward
        return seen


@lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Pattern:
    r"""A pattern from its text.

    Args:
        text: letters, `.`, `[classes]`, `\d \w \s`, `(groups)`, `a|b`, and `* + ? {2,5}`; the whole name must match.

    Raises:
        BadPattern: it is none, too long, or uses what cannot be matched in linear time.
    """
    if not text or len(text) > LONGEST_PATTERN:
        raise BadPattern(f"must have 1 to {LONGEST_PATTERN} characters")
    reader = _Reader(text)
    steps = reader.alternatives(0)
    if reader.place < len(text):
        raise BadPattern(f"has a ')' too many at character {reader.place + 1}")
    return Pattern(text, tuple(steps))


class _Reader:
    """Reads a pattern; every part becomes steps whose places count from the part's own beginning."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.place = 0

    def alternatives(self, depth: int) -> list[Step]:
        if depth > DEEPEST:
            raise BadPattern(f"has more than {DEEPEST} groups inside of each other")
        out = self._sequence(depth)
        while self._at("|"):
            self.place += 1
            other = self._sequence(depth)
            # fork to one or the other; the first ends with a jump over the second
            jump: Step = (None, (len(out) + 2 + len(other),))
            out = [(None, (1, len(out) + 2)), *_moved(out, 1), jump, *_moved(other, len(out) + 2)]
            _bounded(out)
        return out

    def _sequence(self, depth: int) -> list[Step]:
        out: list[Step] = []
        while self.place < len(self._text) and not self._at("|") and not self._at(")"):
            part = self._repeated(self._atom(depth))
            out += _moved(part, len(out))
            _bounded(out)
        return out

    def _atom(self, depth: int) -> list[Step]:
        start = self.place
        character = self._text[start]
        self.place += 1
        if character == "(":
            return self._group(depth)
        if character in "*+?{":
            raise BadPattern(f"has nothing to repeat before {character!r} at character {start + 1}")
        if character in "^$":
            raise BadPattern(f"has a {character!r}: leave it out, the whole name is matched anyway")
        if character == ".":
            return [(_anything, (1,))]
        if character == "[":
            return [(self._class(start), (1,))]
        if character == "\\":
            return [(self._escaped(), (1,))]
        return [(character.__eq__, (1,))]

    def _group(self, depth: int) -> list[Step]:
        if self._at("?"):
            if not self._text.startswith("?:", self.place):
                raise BadPattern("uses '(?…', which is not known here: write plain groups")
            self.place += 2
        inner = self.alternatives(depth + 1)
        if not self._at(")"):
            raise BadPattern("has a '(' that is never closed")
        self.place += 1
        return inner

    def _class(self, start: int) -> Test:
        found = _CLASS.match(self._text, start)
        if found is None:
            raise BadPattern("has a '[' that is never closed")
        self.place = found.end()
        text = found.group()
        if _DOUBTFUL.search(text, 1):
            raise BadPattern(f"has a class {text!r} with a '[' or a doubled sign: put a backslash before it")
        try:
            # One character is all that it is ever tried on: there is nothing to go back over.
            return re.compile(text, re.DOTALL).fullmatch
        except re.error as error:
            raise BadPattern(f"has a class {text!r} that cannot be read: {error}") from None

    def _escaped(self) -> Test:
        if self.place >= len(self._text):
            raise BadPattern("ends with a backslash")
        character = self._text[self.place]
        self.place += 1
        if character in _ESCAPES:
            return re.compile(f"\\{character}").fullmatch
        if character.isalnum():
            raise BadPattern(f"uses '\\{character}', which is not known here: there are \\d \\w \\s and escaped signs")
        return character.__eq__

    def _repeated(self, part: list[Step]) -> list[Step]:
        if self._at("{"):
            found = _COUNT.match(self._text, self.place)
            if found is None:
                raise BadPattern("has a '{' that is no repetition such as {2,5}: write \\{ for the sign itself")
            self.place = found.end()
            least = int(found[1])
            most = least if found[2] is None else None if found[3] is None else int(found[3])
        elif self._at("*") or self._at("+") or self._at("?"):
            sign = self._text[self.place]
            self.place += 1
            least, most = (1 if sign == "+" else 0), (1 if sign == "?" else None)
        else:
            return part
        if any(self._at(sign) for sign in "*+?{"):
            raise BadPattern("repeats a repetition: put the first one into a group")
        if most is not None and most < least:
            raise BadPattern("has a repetition whose upper bound is below its lower one")
        return _times(part, least, most)

    def _at(self, character: str) -> bool:
        return self._text.startswith(character, self.place)


def _times(part: list[Step], least: int, most: int | None) -> list[Step]:
    size = len(part)
    if size * max(least, most or 0) > MOST_STEPS:
        raise BadPattern(f"is too large: more than {MOST_STEPS} steps")
    out: list[Step] = []
    for _ in range(least):
        out += _moved(part, len(out))
    if most is None:
        start = len(out)
        out += [(None, (start + 1, start + size + 2)), *_moved(part, start + 1), (None, (start,))]
    else:
        end = len(out) + (most - least) * (size + 1)
        for _ in range(most - least):
            out += [(None, (len(out) + 1, end)), *_moved(part, len(out) + 1)]
    return out


def _moved(steps: list[Step], by: int) -> list[Step]:
    return [(test, tuple(place + by for place in onward)) for test, onward in steps]


def _anything(_character: str) -> bool:
    return True


def _bounded(steps: list[Step]) -> None:
    if len(steps) > MOST_STEPS:
        raise BadPattern(f"is too large: more than {MOST_STEPS} steps")
