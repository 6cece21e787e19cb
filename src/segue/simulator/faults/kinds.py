"""Kinds of fault have to be addable one by one, so each is one entry: a name, its options and one rewriting function.

This module holds what the groups of kinds share; the groups themselves are the neighbouring modules.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Generic, Literal, TypeAlias, TypeVar

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Head, Script, Send, Step
from segue.simulator.vendors import Vendor

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Scope: TypeAlias = Literal["any", "success", "stream"]


class Options(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The options of a kind; a kind without any uses this class itself."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rewriting function may look at beside the script."""

    exchange: Exchange
    vendor: Vendor
    chance: random.Random


OptionsT = TypeVar("OptionsT", bound=Options)


@dataclass(frozen=True, slots=True)
class Kind(Generic[OptionsT]):
    """One kind of fault.

    Attributes:
        name: How it is asked for.
        options: The type of its options.
        rewrite: Turns the script of an answer into that of the faulty one.
        scope: Which answers it can spoil: `any`, those that the vendor would have given gladly (`success`), and of
            these only streams (`stream`).
        timing: Whether it only delays; delays add up, while of all other faults one at a time is applied.
    """

    name: str
    options: type[OptionsT]
    rewrite: Callable[[Script, OptionsT, Situation], Script]
    scope: Scope = "any"
    timing: bool = False

    def applies_to(self, script: Script) -> bool:
        """Whether this kind can spoil the answer at all."""
        return self.scope == "any" or (script.succeeded and (self.scope == "success" or script.streams))


def retold(script: Script, steps: tuple[Step, ...]) -> Script:
    """The same script with other steps."""
    return Script(steps, script.tokens)


def upto_content(script: Script, count: int) -> tuple[Step, ...]:
    """The steps up to and including content event number `count`; of a document, the head and half of the body.

    A count beyond the last content event keeps them all, and cuts what follows (the finish, usage, the terminator).
    """
    kept: list[Step] = []
    seen = 0
    for step in script.steps:
        if isinstance(step, Send):
            if step.part == "body":
                kept.append(Send(step.data[: len(step.data) // 2], "body"))
                break
            if (step.part == "content" and seen == count) or step.part not in {"content", "role"}:
                break
            seen += step.part == "content"
        kept.append(step)
    return tuple(kept)


def document_instead(script: Script, body: bytes, content_type: str | None = None, status: int | None = None) -> Script:
    """One document in place of what the script sends; the remaining headers and all waits before them are kept."""
    lead: list[Step] = []
    for step in script.steps:
        if isinstance(step, Head):
            headers = step.headers
            if content_type is not None:
                others = tuple(pair for pair in headers if pair[0].lower() != "content-type")
                headers = (("Content-Type", content_type), *others)
            lead.append(Head(status or step.status, headers, len(body)))
            break
        lead.append(step)
    return retold(script, (*lead, Send(body, "body")) if body else tuple(lead))
