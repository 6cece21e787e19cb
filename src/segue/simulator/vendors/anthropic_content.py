"""What a conversation in Anthropic's blocks asks, and the blocks in which the simulated model answers it.

What it says is decided for all vendors in `scripting`; here are only those things that Anthropic alone has: thoughts
with signatures, server tools, citations, turns that pause. The last user message steers them: `search the web` uses
the web search tool, `run the code` the code execution tool, `pause the turn` ends a turn with server tools early. Two
documented texts make a refusal and redacted thoughts, `ANTHROPIC_MAGIC_STRING_TRIGGER_REFUSAL` and
`ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING`; whatever follows them is ignored.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.vendors.anthropic_conversation import REDACTED, THOUGHT, blocks_of, merged
from segue.simulator.vendors.anthropic_models import ModelFacts
from segue.simulator.vendors.anthropic_requests import thinking_of
from segue.simulator.vendors.anthropic_server_tools import cited, execution_blocks, search_blocks
from segue.simulator.vendors.scripting import Ask, Attachment, Reply, Tool, ToolResult, digest, reply
from segue.simulator.vendors.signing import sealed, signed

_REFUSE: Final = "ANTHROPIC_MAGIC_STRING_TRIGGER_REFUSAL"
_REDACT: Final = "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING"
_STOPS: Final = {
    "end": "end_turn",
    "length": "max_tokens",
    "tools": "tool_use",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
}
_Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer, before it is rendered.

    Attributes:
        blocks: The content.
        pieces: For each block, the pieces in which a stream sends its text, thoughts or input.
        stop: The `stop_reason`.
        sequence: The stop sequence that was met.
        tokens: The tokens of the answer.
        thinking_tokens: Those of them that are thoughts.
        searches: How often the web was searched.
        executes: Whether a container ran code.
    """

    blocks: tuple[_Json, ...]
    pieces: tuple[tuple[str, ...], ...]
    stop: str
    sequence: str | None
    tokens: int
    thinking_tokens: int
    searches: int = 0
    executes: bool = False


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return " ".join(block["text"] for block in blocks if block["type"] == "text")


def _size(data: str) -> int:
    try:
        return len(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return 0


def _attachment(block: _Json) -> Attachment:
    source = block["source"]
    fallback = "image" if block["type"] == "image" else "document"
    match source["type"]:
        case "base64":
            return Attachment(source["media_type"], _size(source["data"]))
        case "text":
            return Attachment(source["media_type"], len(source["data"].encode("utf-8", "replace")))
        case "content":
            return Attachment("text/plain", len(_text_of(source["content"]).encode("utf-8", "replace")))
        case _:
            return Attachment(fallback, None, source.get("url") or source.get("file_id") or "")


def _words_in(block: _Json) -> str:
    """All text of one block that counts as tokens."""
    match block["type"]:
        case "text":
            return str(block["text"])
        case "tool_use" | "server_tool_use":
            return f"{block['name']} {msgspec.json.encode(block['input']).decode()}"
        case "tool_result":
            return _text_of(block.get("content"))
        case "document" if block["source"]["type"] == "text":
            return str(block["source"]["data"])
        case _:
            return ""


def texts_of(document: _Json) -> tuple[str, ...]:
    """Every text of a request in the order in which the prompt is put together: tools, system, messages."""
    tools = [msgspec.json.encode(tool).decode() for tool in document.get("tools") or ()]
    blocks = [_words_in(block) for message in document["messages"] for block in blocks_of(message)]
    return (*tools, _text_of(document.get("system")), *blocks)


def _question(document: _Json) -> str:
    """The text of the last user message that says anything beside giving tools' results."""
    for message in reversed(document["messages"]):
        text = _text_of(message["content"])
        if message["role"] == "user" and text:
            return text
    return ""


def _results(document: _Json) -> tuple[ToolResult, ...]:
    """The results that came after the last words of the user."""
    found: list[ToolResult] = []
    for message in reversed(document["messages"]):
        if message["role"] == "user" and _text_of(message["content"]):
            break
        blocks = [block for block in blocks_of(message) if block["type"] == "tool_result"]
        found = [ToolResult(one["tool_use_id"], _text_of(one.get("content"))) for one in blocks] + found
    last = blocks_of(document["messages"][-1])
    # Words may come after the results in the same message.
    together = [
        ToolResult(one["tool_use_id"], _text_of(one.get("content"))) for one in last if one["type"] == "tool_result"
    ]
    return tuple(found or together)


def ask_of(document: _Json, facts: ModelFacts) -> Ask:
    """A request as the scripting of all vendors understands it."""
    every = [block for message in document["messages"] for block in blocks_of(message)]
    inside = [one for block in every if isinstance(block.get("content"), list) for one in block["content"]]
    files = [block for block in (*every, *inside) if block.get("type") in {"image", "document"}]
    tools = [tool for tool in document.get("tools") or () if "input_schema" in tool]
    chosen = document.get("tool_choice") or {"type": "auto"}
    choice = {"any": "required", "tool": chosen.get("name", "")}.get(chosen["type"], chosen["type"])
    structured = (document.get("output_config") or {}).get("format") or document.get("output_format")
    return Ask(
        question=_question(document),
        system=_text_of(document.get("system")),
        context=texts_of(document),
        images=tuple(_attachment(block) for block in files if block["type"] == "image"),
        documents=tuple(_attachment(block) for block in files if block["type"] == "document"),
        tools=tuple(Tool(tool["name"], tool["input_schema"]) for tool in tools),
        choice=choice,
        parallel=not chosen.get("disable_parallel_tool_use", False),
        results=_results(document),
        schema=structured["schema"] if structured else None,
        maximum=document.get("max_tokens"),
        stop=tuple(document.get("stop_sequences") or ()),
        reasoning=thinking_of(document, facts) in {"enabled", "adaptive"},
        prefill=_prefill(document["messages"]),
    )


def _prefill(messages: list[_Json]) -> str:
    """The beginning of the answer: the texts of a last turn of the assistant's that has nothing else."""
    _, role, blocks = merged(messages)[-1]
    if role != "assistant" or any(block["type"] != "text" for block in blocks):
        return ""
    return "".join(block["text"] for block in blocks)


def _thinking_blocks(
    document: _Json, facts: ModelFacts, thoughts: Reply, seed: int
) -> list[tuple[_Json, tuple[str, ...]]]:
    if not thoughts.reasoning:
        return []
    if _REDACT in _question(document):
        return [({"type": "redacted_thinking", "data": sealed(seed, REDACTED, thoughts.thoughts)}, ())]
    display = (document.get("thinking") or {}).get("display") or ("summarized" if facts.summarized else "omitted")
    shown = thoughts.reasoning if display == "summarized" else ()
    text = "".join(shown)
    return [({"type": "thinking", "thinking": text, "signature": signed(seed, THOUGHT, text)}, shown)]


def answer_to(exchange: Exchange, document: _Json, facts: ModelFacts) -> Answer:
    """What the simulated model answers to an accepted request."""
    ask = ask_of(document, facts)
    seed = exchange.seed
    said = reply(ask, seed)
    stop, sequence = _STOPS[said.stop], said.sequence
    made = _thinking_blocks(document, facts, said, seed)
    names = {tool["name"]: tool.get("type") or "custom" for tool in document.get("tools") or ()}
    question = ask.question.lower()
    searches, executes = 0, False
    if _REFUSE in ask.question:
        return Answer((), (), "refusal", None, 0, 0)
    last = merged(document["messages"])[-1]
    served = last[1] == "assistant" and any(block["type"] == "server_tool_use" for block in last[2])
    if not served and "search the web" in question and names.get("web_search", "custom") != "custom":
        made += [(block, ()) for block in search_blocks(seed, ask.question)]
        searches = 1
    if not served and "run the code" in question and names.get("code_execution", "custom") != "custom":
        made += [(block, ()) for block in execution_blocks(seed, ask.question, names["code_execution"])]
        executes = True
    if "pause the turn" in question and (searches or executes):
        stop, sequence = "pause_turn", None
    elif said.pieces:
        citations = cited(document, made, said.text)
        block: _Json = {"type": "text", "text": said.text}
        made.append((block | ({"citations": citations} if citations else {}), said.pieces))
    for call in said.calls:
        arguments = msgspec.json.decode(call.arguments)
        use = {"type": "tool_use", "id": f"toolu_01{call.identifier[:22]}", "name": call.name, "input": arguments}
        made.append((use, call.fragments))
    return Answer(
        tuple(block for block, _ in made),
        tuple(pieces for _, pieces in made),
        stop,
        sequence,
        max(1, said.tokens),
        said.reasoning_tokens,
        searches,
        executes,
    )


def message_id(exchange: Exchange, prefix: str) -> str:
    """The identifier of an answer."""
    return f"msg_{prefix}01{digest(exchange.seed, exchange.number, 'message', length=22)}"
