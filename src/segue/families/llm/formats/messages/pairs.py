"""Calls of tools and their results in a client's request: each call is answered in the very next turn of the user's.

Anthropic refuses anything else, and so do most other vendors, in words that would not name the field. What holds
blocks that only Anthropic understands is left to Anthropic: they may pair with anything.
"""

from typing import Final

from segue.families.llm.formats.messages.invalid import invalid
from segue.families.llm.ir.blocks import ServerItem, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Message

_PAIRED: Final = frozenset({"tool_use", "tool_result", "compaction"})


def check_pairs(messages: list[Message]) -> None:
    """See that calls and results belong together.

    Raises:
        RequestInvalid: a call without a result, a result without a call, or two of one name.
    """
    kinds = {type(block) for message in messages for block in message.content}
    if ToolUse not in kinds and ToolResult not in kinds:
        return
    if ServerItem in kinds and any(
        isinstance(block, ServerItem) and block.type in _PAIRED for message in messages for block in message.content
    ):
        return
    waiting: dict[str, str] = {}
    answered: set[str] = set()
    role = ""
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        if message.role == "system":
            continue
        if message.role == "assistant" and role == "user":
            _all_answered(waiting)
            waiting, answered = {}, set()
        role = message.role
        for place, block in enumerate(message.content):
            if isinstance(block, ToolUse):
                if block.id in waiting:
                    raise invalid(f"{where}.content.{place}.tool_use.id", "`tool_use` ids must be unique")
                waiting[block.id] = where
            elif isinstance(block, ToolResult):
                _take(waiting, answered, block.id, f"{where}.content.{place}.tool_result.tool_use_id")
    if role == "user":
        _all_answered(waiting)


def _take(waiting: dict[str, str], answered: set[str], name: str, where: str) -> None:
    if name in answered:
        raise invalid(where, f"a second result for the call {name[:64]!r}")
    if waiting.pop(name, None) is None:
        raise invalid(where, f"no `tool_use` block of the turn before has the id {name[:64]!r}")
    answered.add(name)


def _all_answered(waiting: dict[str, str]) -> None:
    for name, where in waiting.items():
        raise invalid(where, f"the call {name[:64]!r} has no `tool_result` block in the turn after it")
