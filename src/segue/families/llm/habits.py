"""Vendors that speak one format differ in what they call a setting and in what they refuse.

A setting that a vendor does not know is one of four things: known by another name, without meaning there, a loss that
the caller should hear of, or something without which the answer would be another. Which of these is written as data;
it holds for requests that pass through and for requests that were translated, because both end in the same body.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.ports import CannotServe
from segue.families.llm.asked import split_top

Raw = msgspec.Raw
_NOTHING: Final = frozenset({b"null", b"false", b"0", b"0.0", b"[]", b"{}", b'""'})
"""Values with which a setting asks for nothing; such a setting may always be left out."""
_DEVELOPER: Final = re.compile(rb'(?<!\\)"role"(\s*):(\s*)"developer"')
"""Inside of a text the quotes would be escaped, so this is the role of a message and nothing else."""


class Habits:
    """What one vendor does with settings at the top level of a request.

    Args:
        renames: its own names of settings; where both names are given, its own one counts.
        drops: left out without a word: they change nothing that the caller could see.
        warns: left out with a warning.
        refuses: the request cannot be served with them, but perhaps elsewhere.
        developer: whether it knows the role `developer`; else such a message becomes one of `system`.
    """

    __slots__ = ("_affected", "_developer", "_drops", "_refuses", "_renames", "_warns")

    def __init__(
        self,
        *,
        renames: Mapping[str, str] | None = None,
        drops: Iterable[str] = (),
        warns: Iterable[str] = (),
        refuses: Iterable[str] = (),
        developer: bool = True,
    ) -> None:
        self._renames = dict(renames or {})
        self._drops = frozenset(drops)
        self._warns = frozenset(warns)
        self._refuses = frozenset(refuses)
        self._developer = developer
        self._affected = self._renames.keys() | self._drops | self._warns | self._refuses

    def __bool__(self) -> bool:
        """Whether there is anything to do for any request."""
        return bool(self._affected) or not self._developer

    @property
    def told(self) -> str:
        """The habits in a few words, for the documentation."""
        parts = [f"`{old}` is `{new}`" for old, new in sorted(self._renames.items())]
        for names, what in ((self._drops | self._warns, "left out"), (self._refuses, "not served")):
            if names:
                parts.append(f"{what}: {', '.join(f'`{name}`' for name in sorted(names))}")
        if not self._developer:
            parts.append("`developer` is `system`")
        return "; ".join(parts)

    def edited(self, fields: Mapping[str, Raw], target: str, warnings: list[str]) -> Mapping[str, Raw]:
        """The fields as this vendor wants them; the same object where nothing was to be done.

        Args:
            fields: the top level of a request.
            target: the candidate's name, for messages.
            warnings: gets one sentence for each loss.

        Raises:
            CannotServe: a setting that this vendor lacks would change the answer.
        """
        out = fields
        found = self._affected & fields.keys()
        if found:
            out = self._settings(fields, found, target, warnings)
        if not self._developer:
            messages = bytes(out.get("messages", b""))
            if b'"developer"' in messages:
                out = {**out, "messages": Raw(_DEVELOPER.sub(rb'"role"\1:\2"system"', messages))}
        return out

    def finish(self, body: bytes, target: str, warnings: list[str]) -> bytes:
        """A whole body as this vendor wants it; see `Endpoint.finish`."""
        fields = split_top(body)
        edited = self.edited(fields, target, warnings)
        return body if edited is fields else msgspec.json.encode(edited)

    def _settings(
        self, fields: Mapping[str, Raw], found: Iterable[str], target: str, warnings: list[str]
    ) -> dict[str, Raw]:
        out = dict(fields)
        for name in sorted(found):
            value = bytes(out.pop(name))
            own = self._renames.get(name)
            if own is not None:
                if value != b"null":
                    out.setdefault(own, Raw(value))
            elif name in self._drops or value in _NOTHING or (name == "n" and value == b"1"):
                continue
            elif name in self._refuses:
                raise CannotServe(_refusal(name, target))
            else:
                warnings.append(f"{name!r} left out for {target}")
        return out


NO_HABITS: Final = Habits()


def _refusal(name: str, target: str) -> Failure:
    return Failure(
        Kind.UNSUPPORTED,
        f"{target} does not know {name!r}",
        executed=Executed.NO,
        scope=Scope.REQUEST,
        needs=name,
        param=name,
    )
