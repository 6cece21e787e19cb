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
_DEFAULTS: Final[Mapping[str, frozenset[bytes]]] = {
    "n": frozenset({b"1"}),
    "parallel_tool_calls": frozenset({b"true"}),
    "tool_choice": frozenset({b'"auto"'}),
    "service_tier": frozenset({b'"auto"', b'"default"'}),
    "verbosity": frozenset({b'"medium"'}),
    "modalities": frozenset({b'["text"]', b"[]"}),
    "seed": frozenset(),
}
"""Settings whose values of nothing are others: OpenAI's defaults (API reference, "Create chat completion"). A seed of 0
is a seed, and `parallel_tool_calls: false` is a wish."""
_DEVELOPER: Final = re.compile(rb'(?<!\\)"role"(\s*):(\s*)"developer"')
"""Inside of a text the quotes would be escaped, so this is the role of a message and nothing else."""
_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""From the least to the most."""
_NAMED: Final = frozenset({b'"tool"', b'"function"'})
"""Roles of messages whose `name` is that of a tool, and not of who speaks."""
_EMPTY: Final = frozenset({b"null", b"[]", b'""'})

_messages: Final = msgspec.json.Decoder(list[dict[str, Raw]])


class Habits:
    """What one vendor does with settings at the top level of a request.

    Args:
        renames: its own names of settings; where both names are given, its own one counts.
        drops: left out without a word: they change nothing that the caller could see.
        warns: left out with a warning.
        refuses: the request cannot be served with them, but perhaps elsewhere.
        developer: whether it knows the role `developer`; else such a message becomes one of `system`.
        choice: whether it knows `tool_choice`; else `none` leaves the tools out, and a demand for one is refused.
        efforts: the words of `reasoning_effort` that it takes, of which the nearest is sent; empty: any.
        messages: fields of messages that it refuses even when they are empty, as they are in an answer of OpenAI's that
            is sent back; left out, with a warning where there was something in them.
        only: settings that it takes only with these values (as JSON); left out with a warning where they have others.
        undocumented: sent, with a warning that the vendor may pass them over: it takes settings that it does not know,
            and its documentation says nothing of these.
        off: what it wants besides where `reasoning_effort` is `none`, instead of it: a setting and its value.
        models: habits that some models have instead of these, by a pattern that their names match from the beginning;
            the first that fits counts.
    """

    __slots__ = (
        *(
            "_affected",
            "_choice",
            "_developer",
            "_drops",
            "_efforts",
            "_marks",
            "_messages",
            "_models",
            "_off",
            "_only",
        ),
        *("_refuses", "_renames", "_undocumented", "_warns"),
    )

    def __init__(
        self,
        *,
        renames: Mapping[str, str] | None = None,
        drops: Iterable[str] = (),
        warns: Iterable[str] = (),
        refuses: Iterable[str] = (),
        developer: bool = True,
        choice: bool = True,
        efforts: Iterable[str] = (),
        messages: Iterable[str] = (),
        only: Mapping[str, Iterable[str]] | None = None,
        undocumented: Iterable[str] = (),
        off: tuple[str, str] | None = None,
        models: Mapping[str, "Habits"] | None = None,
    ) -> None:
        self._renames = dict(renames or {})
        self._drops = frozenset(drops)
        self._warns = frozenset(warns)
        self._refuses = frozenset(refuses)
        self._developer = developer
        self._choice = choice
        self._efforts = tuple(word for word in _EFFORTS if word in set(efforts))
        self._messages = frozenset(messages)
        # To find a few bytes is quicker than to search for a pattern, and most requests have none of them.
        self._marks = tuple(b'"%s"' % name.encode() for name in sorted(self._messages))
        self._only = {name: frozenset(value.encode() for value in values) for name, values in (only or {}).items()}
        self._undocumented = frozenset(undocumented)
        self._off = off
        self._models = tuple((re.compile(pattern), habits) for pattern, habits in (models or {}).items())
        self._affected = (
            self._renames.keys() | self._drops | self._warns | self._refuses | self._only.keys() | self._undocumented
        )

    def __bool__(self) -> bool:
        """Whether there is anything to do for any request."""
        if not (self._developer and self._choice):
            return True
        return bool(self._affected or self._efforts or self._off or self._messages or self._models)

    @property
    def told(self) -> str:
        """The habits in a few words, for the documentation."""
        parts = [f"`{old}` is `{new}`" for old, new in sorted(self._renames.items())]
        for names, what in ((self._drops | self._warns, "left out"), (self._refuses, "not served")):
            if names:
                parts.append(f"{what}: {', '.join(f'`{name}`' for name in sorted(names))}")
        if self._efforts:
            parts.append(f"`reasoning_effort` is the nearest of {', '.join(f'`{word}`' for word in self._efforts)}")
        if not self._choice:
            parts.append("`tool_choice` as `auto` or `none` only")
        if not self._developer:
            parts.append("`developer` is `system`")
        for name, values in sorted(self._only.items()):
            parts.append(f"`{name}` only as {', '.join(f'`{value.decode()}`' for value in sorted(values))}")
        if self._undocumented:
            sent = ", ".join(f"`{name}`" for name in sorted(self._undocumented))
            parts.append(f"sent, though its documentation says nothing of it: {sent}")
        if self._off is not None:
            parts.append(f"`reasoning_effort: none` is `{self._off[0]}: {self._off[1]}`")
        if self._messages:
            parts.append(f"left out of messages: {', '.join(f'`{name}`' for name in sorted(self._messages))}")
        for pattern, habits in self._models:
            parts.append(f"models `{pattern.pattern}`: {habits.told or 'nothing of this'}")
        return "; ".join(parts)

    def of(self, model: str) -> "Habits":
        """The habits of one model, by the vendor's name of it."""
        for pattern, habits in self._models:
            if pattern.match(model):
                return habits
        return self

    def refuse(self, name: str, model: str) -> bool:
        """Whether a request with this setting is not served by a model."""
        return name in self.of(model)._refuses

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
        if not self._choice and "tool_choice" in fields:
            out = _unchosen(fields, target)
        found = self._affected & out.keys()
        if found:
            out = self._settings(out, found, target, warnings)
        if "reasoning_effort" in out and (self._efforts or self._off):
            out = self._effort(out, target, warnings)
        if not self._developer:
            messages = bytes(out.get("messages", b""))
            if b'"developer"' in messages:
                out = {**out, "messages": Raw(_DEVELOPER.sub(rb'"role"\1:\2"system"', messages))}
        if self._marks:
            messages = bytes(out.get("messages", b""))
            if any(mark in messages for mark in self._marks):
                out = self._tidied(out, target, warnings)
        return out

    def finish(self, body: bytes, target: str, warnings: list[str]) -> bytes:
        """A whole body as this vendor wants it; see `Endpoint.finish`."""
        fields = split_top(body)
        habits = self.of(msgspec.json.decode(fields["model"], type=str)) if self._models else self
        edited = habits.edited(fields, target, warnings)
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
            elif value in self._only.get(name, ()):
                out[name] = Raw(value)
            elif name in self._drops or _asks_nothing(name, value):
                continue
            elif name in self._undocumented:
                out[name] = Raw(value)
                warnings.append(f"{name!r} may be passed over by {target}: its documentation says nothing of it")
            elif name in self._refuses:
                raise CannotServe(_refusal(name, target))
            else:
                warnings.append(f"{name!r} left out for {target}")
        return out

    def _effort(self, fields: Mapping[str, Raw], target: str, warnings: list[str]) -> Mapping[str, Raw]:
        """The nearest word that the vendor takes; of two as near the greater. What is none of ours is its own word."""
        word = bytes(fields["reasoning_effort"]).strip(b'"').decode("utf-8", "replace")
        if word == "none" and self._off is not None:
            name, value = self._off
            return {**{one: fields[one] for one in fields if one != "reasoning_effort"}, name: Raw(value.encode())}
        if not self._efforts or word in self._efforts or word not in _EFFORTS:
            return fields
        place = _EFFORTS.index(word)
        nearest = min(reversed(self._efforts), key=lambda one: abs(_EFFORTS.index(one) - place))
        warnings.append(f"'reasoning_effort' {word!r} is {nearest!r} for {target}")
        return {**fields, "reasoning_effort": Raw(msgspec.json.encode(nearest))}

    def _tidied(self, fields: Mapping[str, Raw], target: str, warnings: list[str]) -> Mapping[str, Raw]:
        """The messages without the fields that it refuses."""
        try:
            messages = _messages.decode(fields["messages"])
        except msgspec.DecodeError:
            return fields  # the vendor says what is wrong with them
        lost: set[str] = set()
        found = False
        for message in messages:
            gone = self._messages & message.keys()
            if bytes(message.get("role", b"")) in _NAMED:
                gone -= {"name"}
            found = found or bool(gone)
            for name in gone:
                value = message.pop(name)
                if bytes(value) in _EMPTY:
                    continue
                if name == "refusal" and bytes(message.get("content", b"null")) in _EMPTY:
                    message["content"] = value  # what was said stays said
                else:
                    lost.add(name)
        if not found:
            return fields
        warnings += [f"'messages.{name}' left out for {target}" for name in sorted(lost)]
        return {**fields, "messages": Raw(msgspec.json.encode(messages))}


NO_HABITS: Final = Habits()


def _unchosen(fields: Mapping[str, Raw], target: str) -> Mapping[str, Raw]:
    """The fields for a vendor that lets its models call tools as they like; without tools there are no calls."""
    choice = bytes(fields["tool_choice"])
    if choice not in {b"null", b'"auto"', b'"none"'}:
        raise CannotServe(_refusal("tool_choice", target))
    without = {"tool_choice"} if choice != b'"none"' else {"tool_choice", "tools", "parallel_tool_calls"}
    return {name: value for name, value in fields.items() if name not in without}


def _asks_nothing(name: str, value: bytes) -> bool:
    own = _DEFAULTS.get(name)
    if own is None:
        return value in _NOTHING
    return value == b"null" or value.translate(None, b" \t\r\n") in own


def _refusal(name: str, target: str) -> Failure:
    return Failure(
        Kind.UNSUPPORTED,
        f"{target} does not know {name!r}",
        executed=Executed.NO,
        scope=Scope.REQUEST,
        needs=name,
        param=name,
    )
