"""A test has to steer what a simulated model says, in the same words whichever vendor's format carries the answer.

A vendor translates a request into an `Ask` and renders the `Reply`; all that is decided about the content is decided
here. The rules, of which the last user message (the question) is the steering wheel:

- A number before `words`, as in `in 40 words`, makes an answer of exactly so many words, each of them one token.
- `use the tool` calls the tool that the question names, else the first; with `parallel` in it, all that are offered.
- `please refuse` makes a refusal.
- An answer that was begun for it goes on with what it would have said anyway, where that has this beginning.
- Otherwise the answer repeats the question, and states in brackets what else was understood: the system prompt, the
  attached files, the results of tools.
"""

import hashlib
import random
import re
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import msgspec

from segue.simulator.vendors.openai_schema import example

Stop: TypeAlias = Literal["end", "length", "tools", "stop_sequence", "refusal"]

_VOCABULARY: Final = (
    "the river carries small boats past quiet houses while someone counts lights along a distant shore and every "
    "answer begins with a question that nobody asked twice because morning came early over fields of barley"
)
_WORDS: Final = tuple(_VOCABULARY.split())
_WORD_COUNT: Final = re.compile(r"\b(\d{1,4}) words\b")
_ECHO_LIMIT: Final = 200
_FRAGMENT: Final = 6
_REFUSAL: Final = "I am sorry, but I cannot help with that."
# What OpenAI counts for an image of low detail; the simulator counts it for every attached file.
ATTACHMENT_TOKENS: Final = 85


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in the conversation: its media type and size in bytes, or where it lies (`size` is then None)."""

    media_type: str
    size: int | None = None
    source: str = ""

    def described(self) -> str:
        """The file as an answer names it: `image/png, 68 bytes`, or its address."""
        return f"{self.media_type}, {self.size} bytes" if self.size is not None else self.source[:_ECHO_LIMIT]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the caller offers; `schema` is the JSON schema of its arguments, None when there is none."""

    name: str
    schema: object = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back for the call `identifier`."""

    identifier: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request to a model, without its vendor's format.

    Attributes:
        question: The text of the last user message.
        system: The system (or developer) prompt.
        context: Every text of the conversation in order, for counting tokens and finding a cached prefix.
        images: The images of the whole conversation; `audio` and `documents` likewise.
        tools: The functions that may be called.
        choice: `auto`, `none`, `required`, or the name of the function that must be called.
        parallel: Whether several calls may be made at once.
        results: The results that came after the last user message; with any of them the model calls no more tools
            of its own accord.
        schema: The JSON schema that the answer has to fit.
        json: Whether the answer has to be some JSON object, when there is no schema.
        maximum: The most tokens of the answer, reasoning included; None for no limit.
        stop: The texts before which the answer ends.
        reasoning: Whether the model thinks aloud before it answers.
        prefill: The beginning of the answer, where the vendor lets the model go on with one.
        echoes: Whether the answer then begins with that.
    """

    question: str
    system: str = ""
    context: tuple[str, ...] = ()
    images: tuple[Attachment, ...] = ()
    audio: tuple[Attachment, ...] = ()
    documents: tuple[Attachment, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    parallel: bool = True
    results: tuple[ToolResult, ...] = ()
    schema: dict[str, object] | None = None
    json: bool = False
    maximum: int | None = None
    stop: tuple[str, ...] = ()
    reasoning: bool = False
    prefill: str = ""
    echoes: bool = False

    @property
    def tokens(self) -> int:
        """A plausible count: the words of each text, four tokens to mark its borders, and 85 for each file."""
        files = len(self.images) + len(self.audio) + len(self.documents)
        return 3 + sum(4 + words(text) for text in self.context) + ATTACHMENT_TOKENS * files


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one function; `fragments` joined are its arguments as JSON. `identifier` bears no vendor's prefix."""

    identifier: str
    name: str
    fragments: tuple[str, ...]

    @property
    def arguments(self) -> str:
        """The arguments as JSON text."""
        return "".join(self.fragments)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says: pieces of text, each of them one token, or calls of tools instead.

    Attributes:
        pieces: The text (of a refusal, when `stop` is `refusal`) in the pieces of a stream.
        stop: Why it ended; `tools` when there are calls.
        calls: The calls of tools.
        reasoning: What was thought before, in pieces.
        sequence: The stop sequence that was met.
    """

    pieces: tuple[str, ...]
    stop: Stop
    calls: tuple[ToolCall, ...] = ()
    reasoning: tuple[str, ...] = field(default=())
    sequence: str | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)

    @property
    def thoughts(self) -> str:
        """The whole reasoning."""
        return "".join(self.reasoning)

    @property
    def reasoning_tokens(self) -> int:
        """How many tokens the reasoning counts."""
        return len(self.reasoning)

    @property
    def tokens(self) -> int:
        """How many tokens the reply counts, reasoning included."""
        return len(self.reasoning) + len(self.pieces) + sum(len(call.fragments) + 1 for call in self.calls)


def digest(*values: object, length: int = 24) -> str:
    """A short name that is the same for the same values, at most 64 characters long."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:length]


def words(text: str) -> int:
    """How many tokens a text counts."""
    return len(text.split())


def pieces_of(text: str) -> tuple[str, ...]:
    """A text as the tokens of a stream: each word with the space before it."""
    return tuple(re.findall(r"\s*\S+|\s+", text))


def fragments_of(text: str) -> tuple[str, ...]:
    """JSON as the tokens of a stream: six characters each, wherever that cuts."""
    return tuple(text[start : start + _FRAGMENT] for start in range(0, len(text), _FRAGMENT))


def _short(text: str) -> str:
    return " ".join(text.split())[:_ECHO_LIMIT].rstrip()


def _facts(ask: Ask) -> str:
    facts = [f"system: {_short(ask.system)}"] if ask.system.strip() else []
    for name, files in (("images", ask.images), ("audio", ask.audio), ("documents", ask.documents)):
        if files:
            facts.append(f"{name}: {len(files)} ({' | '.join(file.described() for file in files)})")
    if ask.results:
        facts.append(f"tool results: {' | '.join(_short(result.content) for result in ask.results)}")
    return f" [{'; '.join(facts)}]" if facts else ""


def prose(ask: Ask, seed: int, index: int) -> str:
    """The answer as plain text."""
    chance = random.Random(f"{seed}|{index}|{ask.question}")
    wanted = _WORD_COUNT.search(ask.question)
    if wanted is not None:
        return " ".join(chance.choice(_WORDS) for _ in range(max(1, int(wanted[1]))))
    rest = " ".join(chance.choice(_WORDS) for _ in range(chance.randint(8, 16)))
    return f"You said: {_short(ask.question) or 'nothing'} - {rest}.{_facts(ask)}"


def _called(ask: Ask) -> tuple[Tool, ...]:
    """The tools that the simulated model decides to call, if it decides to call any."""
    question = ask.question.lower()
    if not ask.tools or ask.choice == "none":
        return ()
    if ask.choice not in {"auto", "required"}:
        return tuple(tool for tool in ask.tools if tool.name == ask.choice)[:1]
    asked = "use the tool" in question
    if ask.choice == "auto" and (ask.results or not asked):
        return ()
    if asked and ask.parallel and "parallel" in question:
        return ask.tools
    named = tuple(tool for tool in ask.tools if tool.name.lower() in question)
    return (named or ask.tools)[:1]


def _call(tool: Tool, ask: Ask, *place: object) -> ToolCall:
    arguments = msgspec.json.encode(example(tool.schema or {"type": "object"}, "text")).decode()
    identifier = digest(ask.question, tool.name, len(ask.results), *place)
    return ToolCall(identifier, tool.name, fragments_of(arguments))


def _full_text(ask: Ask, seed: int, index: int) -> str:
    if ask.schema is not None:
        return msgspec.json.encode(example(ask.schema, ask.question[:_ECHO_LIMIT] or "text")).decode()
    if ask.json:
        return msgspec.json.encode({"reply": prose(ask, seed, index)}).decode()
    return prose(ask, seed, index)


def _before_stop(text: str, sequences: tuple[str, ...]) -> tuple[str, str | None]:
    """The text before whichever sequence comes first, and that sequence."""
    found = [(text.find(sequence), sequence) for sequence in sequences if sequence and sequence in text]
    if not found:
        return text, None
    place, sequence = min(found)
    return text[:place], sequence


def _thoughts(ask: Ask, seed: int, index: int) -> tuple[str, ...]:
    if not ask.reasoning:
        return ()
    chance = random.Random(f"{seed}|{index}|thoughts|{ask.question}")
    rest = " ".join(chance.choice(_WORDS) for _ in range(6))
    return pieces_of(f"The user asks: {_short(ask.question) or 'nothing'} - so I consider {rest}.")


def reply(ask: Ask, seed: int, index: int = 0) -> Reply:
    """What the model answers; the same for the same ask and seed, and another for each further `index`.

    Calls of tools are always whole: `maximum` and `stop` concern reasoning and text alone.
    """
    thoughts = _thoughts(ask, seed, index)
    tools = () if ask.prefill else _called(ask)
    if tools:
        calls = tuple(_call(tool, ask, seed, index, position) for position, tool in enumerate(tools))
        return Reply((), "tools", calls, thoughts)
    if "please refuse" in ask.question.lower():
        return _limited(Reply(pieces_of(_REFUSAL), "refusal", (), thoughts), ask.maximum)
    text, sequence = _before_stop(_gone_on(_full_text(ask, seed, index), ask), ask.stop)
    pieces = fragments_of(text) if ask.json or ask.schema is not None else pieces_of(text)
    stop: Stop = "end" if sequence is None else "stop_sequence"
    return _limited(Reply(pieces, stop, (), thoughts, sequence), ask.maximum)


def _gone_on(text: str, ask: Ask) -> str:
    """What is said when the answer was begun."""
    if not ask.prefill:
        return text
    rest = text.removeprefix(ask.prefill) if text.startswith(ask.prefill) else f" {text}"
    return ask.prefill + rest if ask.echoes else rest


def _limited(whole: Reply, maximum: int | None) -> Reply:
    """The reply, cut at so many tokens."""
    if maximum is None or whole.tokens <= maximum:
        return whole
    thoughts = whole.reasoning[:maximum]
    return Reply(whole.pieces[: maximum - len(thoughts)], "length", (), thoughts)
