"""The table of the wall: faults, and what each leads to whatever the client and the provider speak.

A row says of a fault as what kind of failure it is seen, and whether before the first content or after it. Everything
else follows from `segue.core.failure.TREATMENTS`: the status, the SDK's exception, and whether the fallback answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from faults.callers import CALLERS
from segue.core.failure import Kind
from segue.simulator import KINDS

SECRET: Final = "sk-secret-that-nobody-may-see"


@dataclass(frozen=True)
class Speaker:
    """A provider's format: how it is configured, and who stands in for it.

    Attributes:
        first: the number of the event in which a stream's first word comes.
    """

    name: str
    model: str
    first: int
    fallback: str
    settings: Mapping[str, Any]

    def at(self, account: str) -> dict[str, Any]:
        """The configuration of one provider of this format."""
        key = {"access_token": SECRET} if self.name == "vertex" else {"key": SECRET}
        path = self.settings.get("path", "")
        settings = {name: value for name, value in self.settings.items() if name != "path"}
        return {**settings, **key, "base_url": f"{{sim}}/{account}{path}", "models": [self.model]}


SPEAKERS: Final = {
    speaker.name: speaker
    for speaker in (
        Speaker("chat", "gpt-4o", 2, "messages", {"adapter": "openai", "formats": ["chat"], "path": "/v1"}),
        Speaker("responses", "gpt-4o", 5, "gemini", {"adapter": "openai-responses", "path": "/v1"}),
        Speaker("messages", "claude-haiku-4-5", 4, "bedrock", {"adapter": "anthropic"}),
        Speaker("gemini", "gemini-2.5-flash", 1, "chat", {"adapter": "gemini"}),
        Speaker("bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", 2, "vertex",
                {"adapter": "bedrock", "region": "us-east-1"}),
        Speaker("vertex", "gemini-2.5-flash", 1, "responses",
                {"adapter": "vertex", "project": "my-project", "location": "us-central1"}),
    )
}  # fmt: skip
GOOGLE: Final = ("gemini", "vertex")


@dataclass(frozen=True)
class Fine:
    """The provider's whole answer."""


@dataclass(frozen=True)
class Fails:
    """A failure before the first content."""

    kind: Kind
    retry_after: str | None = None


@dataclass(frozen=True)
class Breaks:
    """A failure after so many words; `None` where the clock decides how many."""

    kind: Kind = Kind.STREAM_CUT
    words: int | None = 3


@dataclass(frozen=True)
class Safe:
    """Whatever it is, it is one of the three above: nothing that is broken passes for a whole answer."""


@dataclass(frozen=True)
class Ends:
    """The provider's answer, but ended early: for its length, or by its filter."""

    reason: str
    words: int = 12


What = Fine | Fails | Breaks | Ends | Safe


@dataclass(frozen=True)
class Fault:
    """One row.

    Attributes:
        kind, options: for the simulator; an option `event` counts from the first word.
        plain, stream: what it leads to.
        but: where a provider's format tells it otherwise, by its name.
        also: further faults beside it.
        apart: whether each cell needs a provider of its own, because the failure holds it back.
        waits: whether a limit of time ends it.
        telling: whether the whole product is part of every run.
    """

    name: str
    kind: str
    plain: What
    stream: What
    options: Mapping[str, Any] = field(default_factory=dict)
    but: Mapping[str, tuple[What, What]] = field(default_factory=dict)
    also: Sequence[tuple[str, Mapping[str, Any]]] = ()
    apart: bool = False
    waits: bool = False
    telling: bool = True

    def leads_to(self, speaker: str, *, stream: bool) -> What:
        """What is expected."""
        plain, streamed = self.but.get(speaker, (self.plain, self.stream))
        return streamed if stream else plain


def same(what: What, *speakers: str) -> dict[str, tuple[What, What]]:
    """The same for several formats, plain and streaming."""
    return dict.fromkeys(speakers, (what, what))


def status(
    name: str, kind: Kind, *, told: str | None = None, apart: bool = False, but: Any = None, **options: Any
) -> Fault:
    """An error instead of an answer."""
    what = Fails(kind, told)
    return Fault(name, "status", what, what, options, but or {}, apart=apart)


def streaming(
    name: str, kind: str, plain: What, stream: What, *, but: Any = None, waits: bool = False, **options: Any
) -> Fault:
    """A fault whose words come one by one, so that what comes before it is on its way when it strikes."""
    return Fault(name, kind, plain, stream, options, but or {}, PACED, waits=waits)


PACED: Final = (("pace", {"first_token_delay": 0.01, "token_delay": 0.01}),)
LOST, CUT, BAD = Fails(Kind.CONNECTION_LOST), Fails(Kind.STREAM_CUT), Fails(Kind.BAD_RESPONSE)
SERVER, BUSY, SILENT = Fails(Kind.SERVER_ERROR), Fails(Kind.OVERLOADED), Fails(Kind.TIMEOUT)
AFTER = Breaks()

REASONS: Final = {
    "length": {"chat": "length", "responses": "max_output_tokens", "gemini": "max_tokens", "vertex": "max_tokens",
               "messages": "max_tokens", "bedrock": "max_tokens"},
    "filter": {"chat": "content_filter", "responses": "content_filter", "gemini": "safety", "vertex": "safety",
               "messages": "refusal", "bedrock": "content_filtered"},
}  # fmt: skip
"""The vendors' words for the ends of answers."""


def ending(name: str, reason: str) -> Fault:
    """An answer that says itself that it is not whole."""
    return streaming(name, "finish_reason", Ends(reason), Ends(reason, 3), reason=reason, after=3)


TELLING: Final = (
    status("status 400", Kind.INVALID_REQUEST, code=400),
    status("status 429", Kind.RATE_LIMITED, code=429, apart=True),
    status("status 429, Retry-After 7", Kind.RATE_LIMITED, told="7", code=429, retry_after=7, apart=True,
           but=same(Fails(Kind.RATE_LIMITED, "1"), *GOOGLE)),  # Google tells in the body, too, and that is read first
    status("status 500", Kind.SERVER_ERROR, code=500),
    status("status 500, Retry-After 7", Kind.SERVER_ERROR, told="7", code=500, retry_after=7, apart=True),
    status("status 529", Kind.OVERLOADED, code=529, but=same(SERVER, "bedrock", *GOOGLE)),
    status("a bad key", Kind.AUTH, error="invalid_api_key", apart=True),
    status("no money left", Kind.QUOTA, error="insufficient_quota", apart=True,
           but=same(Fails(Kind.RATE_LIMITED), *GOOGLE)),
    status("no such model", Kind.MODEL_MISSING, error="model_not_found"),
    status("context length", Kind.CONTEXT_LENGTH, error="context_length_exceeded"),
    # Google has no such error: it answers a refused prompt with 200 and a reason, see `test_formats.py`.
    status("content filter", Kind.CONTENT_FILTER, error="content_filter",
           but=same(Fails(Kind.INVALID_REQUEST), *GOOGLE)),
    status("the key repeated in the message", Kind.SERVER_ERROR, code=500, message=f"what is {SECRET}?"),
    Fault("error in 200", "error_in_200", SERVER, SERVER, {"code": 500}),
    Fault("HTML with 200", "html", BAD, BAD),
    Fault("empty body", "empty_body", BAD, CUT, but={"bedrock": (BAD, BAD)}),
    Fault("wrong content type", "wrong_type", Fine(), BAD),
    Fault("wrong types of fields", "wrong_type", BAD, BAD, {"part": "body"}, dict.fromkeys(GOOGLE, (BAD, Safe()))),
    Fault("reset before headers", "refuse", LOST, LOST),
    Fault("reset after 20 bytes", "reset_after", LOST, CUT, {"bytes": 20}),
    streaming("cut before content", "cut", LOST, CUT, after=0),
    streaming("cut after 3 words", "cut", LOST, AFTER, after=3),
    streaming("half an event after 3 words", "malformed", BAD, AFTER, event=4),
    streaming("garbage after 3 words", "malformed", BAD, Safe(), event=4, variant="garbage"),
    streaming("error event before content", "error_event", Fine(), SERVER),
    streaming("error event after 3 words", "error_event", Fine(), Breaks(Kind.SERVER_ERROR), after=3),
    streaming("no terminator, ended after the finish reason", "end_without_done", Fine(), Fine(),
              but={"responses": (Fine(), Breaks(words=12))}),
    streaming("no terminator, ended before the finish reason", "end_without_done", Fine(), Breaks(words=12),
              variant="before_finish"),
    ending("ended by its length", "length"),
    ending("ended by a filter", "filter"),
    streaming("stall after 3 words", "stall", SILENT, AFTER, after=3, waits=True),
    Fault("silence", "silence", SILENT, SILENT, waits=True),
)  # fmt: skip

LIMITS: Final = {"concurrency", "rate_limit"}
WORDED: Final = {"finish_reason"}
"""Kinds whose example is a word of one vendor's: the rows above have each vendor's own."""
EXAMPLES: Final = tuple(
    Fault(f"`{name}`", name, Safe(), Safe(), kind.example, apart=name in LIMITS, waits=True, telling=False)
    for name, kind in KINDS.items()
    if name not in WORDED
)
"""Every other kind of fault that the simulator knows, as its own example has it."""

FAULTS: Final = (*TELLING, *EXAMPLES)
BY_NAME: Final = {fault.name: fault for fault in FAULTS}


@dataclass(frozen=True)
class Cell:
    """One call."""

    fault: str
    caller: str
    speaker: str
    stream: bool
    backed: bool

    @property
    def number(self) -> int:
        return [fault.name for fault in FAULTS].index(self.fault)

    @property
    def provider(self) -> str:
        """The provider's id, and its account at the simulator."""
        name = f"f{self.number}-{self.speaker}"
        if BY_NAME[self.fault].apart:
            name += f"-{self.caller.replace(' ', '-')}-{'s' if self.stream else 'p'}{'b' if self.backed else 'a'}"
        return name

    @property
    def model(self) -> str:
        """What the caller asks for."""
        return f"{self.provider}-{'backed' if self.backed else 'alone'}"

    @property
    def expected(self) -> What:
        return BY_NAME[self.fault].leads_to(self.speaker, stream=self.stream)

    def __str__(self) -> str:
        mode = "streaming" if self.stream else "plain"
        return f"{self.caller} to {self.speaker}, {mode}, {'with a fallback' if self.backed else 'alone'}"


def cells(fault: Fault) -> Iterator[Cell]:
    """The whole product for one fault."""
    for caller in CALLERS:
        for speaker in SPEAKERS:
            for stream in caller.modes:
                for backed in (False, True):
                    yield Cell(fault.name, caller.name, speaker, stream, backed)


def is_a_pair(cell: Cell) -> bool:
    """Whether a cell stands for the others: the client's own format, and one that is foreign to it."""
    own = cell.caller.partition(" ")[0]
    return cell.speaker in {own, SPEAKERS[own].fallback}
