"""Kinds of fault have to be addable one by one, so each is one entry: a name, its options and one rewriting function.

This module holds what the groups of kinds share; the groups themselves are the neighbouring modules.
"""

import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Generic, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Head, Script, Send, Step
from segue.simulator.vendors import Vendor

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Volume: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]
ErrorStatus: TypeAlias = Annotated[int, msgspec.Meta(ge=400, le=599)]
HeaderValues: TypeAlias = dict[str, str]
Scope: TypeAlias = Literal["any", "success", "document", "stream"]
Stage: TypeAlias = Literal["limit", "fault", "timing", "shape"]
Door: TypeAlias = Literal["open", "closed", "unaccepted", "full"]
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.!#$%&'*+^`|~-]{1,200}")


class Options(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The options of a kind; a kind without any uses this class itself."""


class Lease(Protocol):
    """Something that a request waits for before anything else, and holds until it has been answered."""

    async def come(self) -> None:
        """Return when the request has it."""

    def close(self) -> None:
        """Give it back; a second call does nothing."""


@dataclass(slots=True)
class Situation:
    """What a rewriting function may look at beside the script, and what it may leave behind.

    Attributes:
        exchange: The request.
        vendor: Who would answer it.
        chance: The dice of this fault.
        moment: Seconds since the simulator started.
        state: What the kind's `state` made for this fault; None for most kinds.
        leases: What this request holds; closed when it has been answered.
        spoilt: Whether the request was hit at all. A limit that lets a request pass sets it to False.
    """

    exchange: Exchange
    vendor: Vendor
    chance: random.Random
    moment: float = 0.0
    state: Any = None
    leases: list[Lease] = field(default_factory=list)
    spoilt: bool = True


OptionsT = TypeVar("OptionsT", bound=Options)


def always_open(_options: Any) -> Door:
    """The door of an account that a fault leaves open."""
    return "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[OptionsT]):
    """One kind of fault.

    Attributes:
        name: How it is asked for.
        summary: What happens, in one line.
        options: The type of its options.
        rewrite: Turns the script of an answer into that of the faulty one.
        scope: Which answers it can spoil: `any`, those that the vendor would have given gladly (`success`), and of
            these only whole ones (`document`), or only streams (`stream`).
        stage: Who it gets along with. All that apply of `timing` (delays, which add up) and of `shape` (the same
            answer in other bytes) are applied, but only one `fault`. A `limit` looks at how many requests there are,
            and comes before all others.
        example: Options that show it without a long wait; all that are required are among them.
        state: Makes what the fault has to remember from request to request, given its options.
        before_body: Whether it answers before the request's body was read.
        door: What becomes of the account's own listener while the fault is in force, given its options.
        ends_connections: Whether the account's open connections are reset when it begins.
    """

    name: str
    summary: str
    options: type[OptionsT]
    rewrite: Callable[[Script, OptionsT, Situation], Script]
    scope: Scope = "any"
    stage: Stage = "fault"
    example: Mapping[str, object] = field(default_factory=dict)
    state: Callable[[OptionsT], object] | None = None
    before_body: bool = False
    door: Callable[[OptionsT], Door] = always_open
    ends_connections: bool = False

    def applies_to(self, script: Script) -> bool:
        """Whether this kind can spoil the answer at all."""
        if self.scope == "any":
            return True
        wanted = {"success": True, "document": not script.streams, "stream": script.streams}[self.scope]
        return script.succeeded and wanted


def retold(script: Script, steps: tuple[Step, ...]) -> Script:
    """The same script with other steps."""
    return Script(steps, script.tokens)


def with_headers(
    script: Script, extra: tuple[tuple[str, str], ...], without: frozenset[str] = frozenset(), status: int | None = None
) -> Script:
    """The same script with other headers (names in `without` are in lower case), or another status."""
    steps: tuple[Step, ...] = tuple(
        Head(
            status or step.status,
            (*(pair for pair in step.headers if pair[0].lower() not in without), *extra),
            step.length,
        )
        if isinstance(step, Head)
        else step
        for step in script.steps
    )
    return retold(script, steps)


def check_headers(names: Iterable[str]) -> None:
    """Refuse the headers that frame an answer: a wrong one would break the simulator's own transfer."""
    for name in names:
        if name.lower() in {"content-length", "transfer-encoding", "connection"}:
            raise ValueError(f"headers: {name} cannot be set; use the kinds short_body or malformed_http for that")
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"headers: {name!r} is not the name of a header; use letters, digits and hyphens")


def header_pairs(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Headers as given, but for what would end a header line: that is the one thing that cannot be rendered."""
    return tuple((_one_line(name), _one_line(value)) for name, value in headers.items())


def _one_line(text: str) -> str:
    return " ".join(text.replace("\x00", " ").splitlines())


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


def mapped(script: Script, change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> Script:
    """The script with each `Send` exchanged for another, and an announced length that is as true as it was.

    `change` gets the data of all sends and gives as many back. Everything between them stays where it is.
    """
    before = tuple(step.data for step in script.steps if isinstance(step, Send))
    after = iter(changed := change(before))
    grown = sum(map(len, changed)) - sum(map(len, before))
    steps: list[Step] = []
    for step in script.steps:
        if isinstance(step, Send):
            steps.append(Send(next(after), step.part, step.events))
        elif isinstance(step, Head) and step.length is not None:
            steps.append(Head(step.status, step.headers, step.length + grown))
        else:
            steps.append(step)
    return retold(script, tuple(steps))


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
