"""Two runs of a demonstration must show the same words, and two accounts the same answer to the same question.

What the simulated model says depends on the seed and on the last user message alone.
"""

import hashlib
import random
import re
from dataclasses import dataclass
from typing import Final

import msgspec

from segue.simulator.vendors.openai_schema import example

_VOCABULARY: Final = (
    "the river carries small boats past quiet houses while someone counts lights along a distant shore and every "
    "answer begins with a question that nobody asked twice because morning came early over fields of barley"
)
_WORDS: Final = tuple(_VOCABULARY.split())
_WORD_COUNT: Final = re.compile(r"\b(\d{1,4}) words\b")
_ECHO_LIMIT: Final = 200
_FRAGMENT: Final = 6


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one function; `fragments` joined are its arguments as JSON."""

    identifier: str
    name: str
    fragments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What one choice says: pieces of text, each counted as one token, or a tool call instead."""

    pieces: tuple[str, ...]
    finish: str
    call: ToolCall | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)

    @property
    def tokens(self) -> int:
        """How many tokens the reply counts."""
        return len(self.call.fragments) + 1 if self.call else len(self.pieces)


def digest(*values: object, length: int = 24) -> str:
    """A short name that is the same for the same values."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:length]


def spoken(message: object) -> str:
    """All text of one message, whatever form its content has."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def last_user_text(messages: list[dict[str, object]]) -> str:
    """The text of the newest user message; empty when there is none."""
    return next((spoken(message) for message in reversed(messages) if message["role"] == "user"), "")


def prompt_tokens(messages: list[dict[str, object]]) -> int:
    """A plausible count: the words of each message, and four tokens to mark its borders."""
    return 3 + sum(4 + len(spoken(message).split()) for message in messages)


def _prose(seed: int, question: str, index: int) -> str:
    chance = random.Random(f"{seed}|{index}|{question}")
    wanted = _WORD_COUNT.search(question)
    if wanted is not None:
        return " ".join(chance.choice(_WORDS) for _ in range(max(1, int(wanted[1]))))
    echo = " ".join(question.split())[:_ECHO_LIMIT].rstrip()
    rest = " ".join(chance.choice(_WORDS) for _ in range(chance.randint(8, 16)))
    return f"You said: {echo or 'nothing'} - {rest}."


def _fragments(text: str) -> tuple[str, ...]:
    return tuple(text[start : start + _FRAGMENT] for start in range(0, len(text), _FRAGMENT))


def _wanted_tool(document: dict[str, object], question: str, *, answered: bool) -> dict[str, object] | None:
    """The function that the simulated model decides to call, if it decides to call one."""
    tools = document.get("tools")
    functions = [tool["function"] for tool in tools if tool["type"] == "function"] if isinstance(tools, list) else []
    match document.get("tool_choice"):
        case "none":
            return None
        case {"function": {"name": name}}:
            return next((function for function in functions if function["name"] == name), None)
        case "required":
            pass
        case _ if answered or "use the tool" not in question.lower():
            return None
    named = (function for function in functions if function["name"].lower() in question.lower())
    return next(named, functions[0] if functions else None)


def _full_text(document: dict[str, object], seed: int, question: str, index: int) -> str:
    match document.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return msgspec.json.encode(example(schema, question[:_ECHO_LIMIT] or "text")).decode()
        case {"type": "json_object" | "json_schema"}:
            return msgspec.json.encode({"reply": _prose(seed, question, index)}).decode()
        case _:
            return _prose(seed, question, index)


def _before_stop(text: str, stop: object) -> str:
    sequences = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []
    for sequence in sequences:
        if sequence:
            text = text.split(sequence, 1)[0]
    return text


def reply(document: dict[str, object], messages: list[dict[str, object]], seed: int, index: int) -> Reply:
    """What choice number `index` of the answer says."""
    question = last_user_text(messages)
    function = _wanted_tool(document, question, answered=messages[-1]["role"] == "tool")
    if function is not None:
        arguments = msgspec.json.encode(example(function.get("parameters") or {"type": "object"}, "text")).decode()
        identifier = f"call_{digest(seed, question, function['name'], index)}"
        return Reply((), "tool_calls", ToolCall(identifier, str(function["name"]), _fragments(arguments)))
    text = _before_stop(_full_text(document, seed, question, index), document.get("stop"))
    pieces = _fragments(text) if document.get("response_format") else tuple(re.findall(r"\s*\S+|\s+", text))
    limit = document.get("max_completion_tokens") or document.get("max_tokens")
    if isinstance(limit, int) and len(pieces) > limit:
        return Reply(pieces[:limit], "length")
    return Reply(pieces, "stop")
