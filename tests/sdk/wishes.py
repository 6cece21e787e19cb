"""What a test wants of a model and what it heard, in words of no SDK; drivers put both into their SDK's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol


@dataclass(frozen=True)
class Tool:
    """A function that is offered."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """A PNG by its data (base64) or its address."""

    data: str = ""
    url: str = ""


@dataclass(frozen=True)
class User:
    """What the user says."""

    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Call:
    """A call of a tool, as the SDK's user sees it; `arguments` are parsed."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What a tool gave back."""

    call: Call
    content: str
    error: bool = False


@dataclass(frozen=True)
class Results:
    """Results of tools, in the order in which the application has them."""

    results: tuple[Result, ...]


@dataclass(frozen=True)
class Counts:
    """Usage in the SDK's own numbers."""

    input: int
    output: int
    cached: int


@dataclass
class Heard:
    """An answer.

    Attributes:
        pieces: its text as it came.
        stop: the reason in the SDK's own word.
        native: the turn of the assistant, for sending it back exactly as this SDK's users do.
    """

    pieces: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    stop: str = ""
    usage: Counts | None = None
    thoughts: str = ""
    native: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def warnings(self) -> str:
        return self.headers.get("x-segue-warnings", "")


Turn = User | Heard | Results


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A request. `thinking` asks for thoughts; `raw` are arguments of the SDK's own, added as they are."""

    model: str
    turns: tuple[Turn, ...]
    system: str = ""
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    tools: tuple[Tool, ...] = ()
    choice: str = ""
    schema: Mapping[str, Any] | None = None
    thinking: bool = False
    count: bool = True
    raw: Mapping[str, Any] = field(default_factory=dict)


class Driver(Protocol):
    """One SDK.

    Attributes:
        stops: its words for `end`, `length`, `sequence` and `tools`.
        errors: its exception classes by HTTP status.
        broken: what it raises when a stream breaks.
        lacks: behaviours that it has no words for.
    """

    name: str
    stops: Mapping[str, str]
    errors: Mapping[int, type[Exception]]
    broken: type[Exception]
    lacks: frozenset[str]

    async def ask(self, wish: Wish, *, stream: bool = False) -> Heard: ...

    async def close(self) -> None: ...


WEATHER: Final = Tool(
    "weather",
    {
        "type": "object",
        "properties": {"place": {"type": "string"}},
        "required": ["place"],
        "additionalProperties": False,
    },
)
CLOCK: Final = Tool(
    "clock",
    {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"], "additionalProperties": False},
)
