"""Each message may be right and the conversation wrong: tools unanswered, thoughts altered, turns in a bad order.

Source: https://platform.claude.com/docs/en/build-with-claude/working-with-messages, and the guides on tool use and
thinking beside it.
"""

from itertools import takewhile
from typing import Any, Final

from segue.simulator.vendors.anthropic_checks import wrong
from segue.simulator.vendors.anthropic_errors import invalid
from segue.simulator.vendors.anthropic_models import ModelFacts
from segue.simulator.vendors.signing import is_sealed, is_signed

THOUGHT: Final = "anthropic thinking"
REDACTED: Final = "anthropic redacted_thinking"
_Json = dict[str, Any]


def blocks_of(message: _Json) -> list[_Json]:
    """The content of a message as blocks; a string is one block of text."""
    content = message["content"]
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def _check_text(messages: list[_Json]) -> None:
    for index, message in enumerate(messages):
        final_answer = index == len(messages) - 1 and message["role"] == "assistant"
        if not message["content"] and not final_answer:
            raise invalid(
                f"messages.{index}: all messages must have non-empty content except for the optional final assistant "
                "message"
            )
        for block in blocks_of(message):
            if block["type"] == "text" and not block["text"] and not final_answer:
                raise invalid("messages: text content blocks must be non-empty")
            if block["type"] == "text" and not block["text"].strip() and not final_answer:
                raise invalid("messages: text content blocks must contain non-whitespace text")


def _check_thoughts(messages: list[_Json], seed: int) -> None:
    for index, message in enumerate(messages):
        for position, block in enumerate(blocks_of(message)):
            place = f"messages.{index}.content.{position}"
            if block["type"] == "thinking" and not is_signed(seed, THOUGHT, block["thinking"], block["signature"]):
                raise wrong(place, "Invalid `signature` in `thinking` block")
            if block["type"] == "redacted_thinking" and not is_sealed(seed, REDACTED, block["data"]):
                raise wrong(place, "Invalid `data` in `redacted_thinking` block")


def merged(messages: list[_Json]) -> list[tuple[int, str, list[_Json]]]:
    """The turns of a conversation: consecutive messages of one role are one turn, named by its first message.

    System messages in the middle belong to no turn.
    """
    turns: list[tuple[int, str, list[_Json]]] = []
    for index, message in enumerate(messages):
        if message["role"] == "system":
            continue
        if turns and turns[-1][1] == message["role"]:
            turns[-1][2].extend(blocks_of(message))
        else:
            turns.append((index, message["role"], list(blocks_of(message))))
    return turns


def _check_pairs(turns: list[tuple[int, str, list[_Json]]]) -> None:
    seen: set[str] = set()
    called: list[str] = []
    for place, (index, _role, blocks) in enumerate(turns):
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        for position, block in enumerate(blocks):
            if block["type"] == "tool_result" and block["tool_use_id"] not in called:
                raise wrong(
                    f"messages.{index}.content.{position}",
                    f"unexpected `tool_use_id` found in `tool_result` blocks: {block['tool_use_id']}. Each "
                    "`tool_result` block must have a corresponding `tool_use` block in the previous message.",
                )
        if len(set(results)) < len(results):
            double = next(one for one in results if results.count(one) > 1)
            message = "each tool_use must have a single result. Found multiple `tool_result` blocks with id:"
            raise invalid(f"messages.{index}: {message} {double}")
        # Results come first in their turn: one that follows a text does not count.
        leading = [block["tool_use_id"] for block in takewhile(lambda one: one["type"] == "tool_result", blocks)]
        missing = [identifier for identifier in called if identifier not in leading]
        if missing:
            raise invalid(_unanswered(turns[place - 1][0], missing))
        called = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if seen.intersection(called) or len(set(called)) < len(called):
            raise invalid("messages: `tool_use` ids must be unique")
        seen.update(called)
    if called:
        raise invalid(_unanswered(turns[-1][0], called))


def _unanswered(index: int, missing: list[str]) -> str:
    return (
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
        "message."
    )


def _check_prefill(turns: list[tuple[int, str, list[_Json]]], facts: ModelFacts, thinking: str) -> None:
    _, role, blocks = turns[-1]
    if role != "assistant":
        return
    # A turn that a server tool paused is sent back as it is, to be continued.
    if blocks and blocks[-1]["type"] not in {"text", "thinking", "redacted_thinking"}:
        return
    if not facts.prefill or thinking in {"enabled", "adaptive"}:
        message = (
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
        raise invalid(message)
    last = blocks[-1].get("text", "") if blocks else ""
    if last != last.rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")


def _check_thinking_first(turns: list[tuple[int, str, list[_Json]]]) -> None:
    """With manual thinking, the assistant's part of a tool loop that is under way has to begin with its thoughts."""
    for index, role, blocks in reversed(turns):
        if role == "user" and not any(block["type"] == "tool_result" for block in blocks):
            return
        if role == "assistant" and blocks and blocks[0]["type"] not in {"thinking", "redacted_thinking"}:
            raise wrong(
                f"messages.{index}.content.0.type",
                f"Expected `thinking` or `redacted_thinking`, but found `{blocks[0]['type']}`. When `thinking` is "
                "enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of "
                "`tool_use` and `tool_result` blocks). We recommend you include thinking blocks from previous turns. "
                "To avoid this requirement, disable `thinking`. Please consult our documentation at "
                "https://docs.claude.com/en/docs/build-with-claude/extended-thinking",
            )
        if role == "assistant":
            return


def check_conversation(messages: list[_Json], facts: ModelFacts, seed: int, *, thinking: str) -> None:
    """Raise Anthropic's error unless the messages are a conversation that the model can continue."""
    turns = merged(messages)
    if not turns or turns[0][1] != "user":
        raise invalid('messages: first message must use the "user" role')
    _check_text(messages)
    _check_thoughts(messages, seed)
    _check_prefill(turns, facts, thinking)
    _check_pairs(turns)
    if thinking == "enabled":
        _check_thinking_first(turns)
