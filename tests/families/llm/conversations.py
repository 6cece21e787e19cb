"""Conversations and answers out of nothing, and what of them must survive a translation, for tests of all formats."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from segue.core.outcome import Usage
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import Content, Media, Refusal, Text, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, FunctionTool, Message, Output, Sampling, ToolChoice

SCHEMA: Final = (
    b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}'
)
PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOLS: Final = ("weather", "clock", "look_up")

# What a model or a person writes: any script, quotes, line ends and signs that JSON and SSE care about.
_ALPHABET: Final = st.sampled_from("abc xyz\n\"\\{}[]:,'<>&é漢🙂\u2028")
TEXTS: Final = st.text(_ALPHABET, min_size=1, max_size=20).filter(lambda text: bool(text.strip()))
_ARGUMENTS: Final = st.fixed_dictionaries({"city": TEXTS}).map(lambda value: json.dumps(value, ensure_ascii=False))
_NUMBERS: Final = st.sampled_from([None, 0.0, 0.5, 1.0])


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """A conversation of the subset that every client's format has words for."""
    messages: list[Message] = []
    calls = 0
    for _ in range(draw(st.integers(0, 3))):
        messages.append(_user(draw))
        made = draw(st.lists(st.tuples(st.sampled_from(TOOLS), _ARGUMENTS), max_size=3))
        uses: list[Content] = [
            ToolUse(f"call_{calls + number}", name, arguments) for number, (name, arguments) in enumerate(made)
        ]
        calls += len(uses)
        if not uses or draw(st.booleans()):
            uses.insert(0, Text(draw(TEXTS)))
        messages.append(Message("assistant", uses))
        results: list[Content] = [
            ToolResult(use.id, (Text(draw(TEXTS)),), name=use.name) for use in uses if isinstance(use, ToolUse)
        ]
        if results:
            messages += [
                Message("user", draw(st.permutations(results))),
                Message("assistant", [Text(draw(TEXTS))]),
            ]
    messages.append(_user(draw))
    tools = [FunctionTool(name, draw(st.sampled_from(["", "what it does"])), SCHEMA) for name in TOOLS]
    choices = [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"), ToolChoice("required", TOOLS[:1])]
    return Conversation(
        model="model-1",
        system=[Text(text) for text in draw(st.lists(TEXTS, max_size=1))],
        messages=messages,
        tools=list(tools),
        tool_choice=draw(st.sampled_from(choices)),
        sampling=Sampling(temperature=draw(_NUMBERS), top_p=draw(_NUMBERS)),
        max_tokens=draw(st.sampled_from([64, 4096])),
        stop=draw(st.lists(st.sampled_from(["HALT", "###"]), max_size=2, unique=True)),
        output=draw(st.sampled_from([None, Output(SCHEMA, "answer")])),
        stream=draw(st.booleans()),
    )


def _user(draw: st.DrawFn) -> Message:
    content: list[Content] = [Text(draw(TEXTS))]
    if draw(st.integers(0, 3)) == 0:
        content.append(Media("image", "image/png", PIXEL))
    return Message("user", content)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """An answer as some vendor may give it: thoughts, then texts, then calls of tools."""
    content: list[Content] = []
    if draw(st.booleans()):
        content.append(Thinking(draw(TEXTS)))
    made = draw(st.lists(st.tuples(st.sampled_from(TOOLS), _ARGUMENTS), max_size=3))
    if not made or draw(st.booleans()):
        content.append(Text(draw(TEXTS)))
    content += [ToolUse(f"call_{number}", name, arguments) for number, (name, arguments) in enumerate(made)]
    stop = Stop.TOOLS if made else draw(st.sampled_from([Stop.END, Stop.LENGTH]))
    read, cached = draw(st.integers(0, 10_000)), draw(st.integers(0, 500))
    usage = Usage(read + cached, draw(st.integers(1, 5_000)), cached_tokens=cached)
    return Answer(id="answer-1", model="model-1", created=1_700_000_000, content=content, stop=stop, usage=usage)


def turns(conversation: Conversation) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """The turns as they must arrive: neighbours of one role joined, results told by the tool that was called."""
    names: dict[str, str] = {}
    found: list[tuple[str, list[tuple[Any, ...]]]] = []
    for message in conversation.messages:
        if not found or found[-1][0] != message.role:
            found.append((message.role, []))
        said = found[-1][1]
        for block in message.content:
            if isinstance(block, ToolUse):
                names[block.id] = f"{block.name} of call {len(names)}"
        said += essence(message.content, names)
    # Formats order results before what else the user says; which result belongs to which call is what matters.
    return [(role, _sorted(said) if role == "user" else said) for role, said in found]


def essence(content: Sequence[Content], names: dict[str, str]) -> Iterator[tuple[Any, ...]]:
    """What a turn says, in no vendor's words; thoughts are not compared here."""
    for block in content:
        match block:
            case Text() | Refusal():
                yield "text", block.text
            case Media():
                yield "media", block.kind, block.type, block.data or block.url
            case ToolUse():
                yield "call", block.name, json.loads(block.arguments or "{}")
            case ToolResult():
                text = "".join(part.text for part in block.content if isinstance(part, Text))
                yield "result", names[block.id], _unwrapped(text)
            case _:
                continue


def _unwrapped(text: str) -> str:
    """Google wants an object where others have a text, so `[1]` is `{"result":"[1]"}` there."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return str(value["result"]) if isinstance(value, dict) and list(value) == ["result"] else text


def _sorted(said: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    results = sorted(one for one in said if one[0] == "result")
    return results + [one for one in said if one[0] != "result"]
