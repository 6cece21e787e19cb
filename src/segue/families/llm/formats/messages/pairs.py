"""Calls of tools and their results in a client's request: each call is answered in the very next turn of the user's.

Anthropic refuses anything else, and so do most other vendors, in words that would not name the field. What holds
blocks that only Anthropic understands is left to Anthropic: they may pair with anything.
"""

from typing import Final

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.messages.invalid import invalid
from segue.families.llm.ir.blocks import Content, ServerItem, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Message

_PAIRED: Final = frozenset({"tool_use", "tool_result", "compaction"})


def check_pairs(messages: list[Message]) -> None:
    """See that calls and results belong together.

    Raises:
        RequestInvalid: a call without a result, a result without a call, or two of one name.
    """
    try:
        _check(messages)
    except RequestInvalid:
        if not any(
            isinstance(block, ServerItem) and block.type in _PAIRED for message in messages for block in message.content
        ):
            raise


def _check(messages: list[Message]) -> None:
    waiting: dict[str, int] = {}  # calls without a result, and the turns that they are in
    answered: set[str] = set()
    last = ""
    for number, message in enumerate(messages):
        role = message.role
        if role == "assistant":
            if last == "user":
                if waiting:
                    raise _unanswered(waiting)
                answered.clear()
            for block in message.content:
                if isinstance(block, ToolUse):
                    if block.id in waiting:
                        where = f"messages.{number}.content.{_place(message, block)}.tool_use.id"
                        raise invalid(where, "`tool_use` ids must be unique")
                    waiting[block.id] = number
        elif role == "user":
            for block in message.content:
                if isinstance(block, ToolResult):
                    if waiting.pop(block.id, None) is None:
                        raise _uncalled(block.id, number, _place(message, block), twice=block.id in answered)
                    answered.add(block.id)
        else:
            continue
        last = role
    if waiting and last == "user":
        raise _unanswered(waiting)


def _place(message: Message, block: Content) -> int:
    return next(place for place, each in enumerate(message.content) if each is block)


def _uncalled(name: str, number: int, place: int, *, twice: bool) -> RequestInvalid:
    where = f"messages.{number}.content.{place}.tool_result.tool_use_id"
    if twice:
        return invalid(where, f"a second result for the call {name[:64]!r}")
    return invalid(where, f"no `tool_use` block of the turn before has the id {name[:64]!r}")


def _unanswered(waiting: dict[str, int]) -> RequestInvalid:
    name, number = next(iter(waiting.items()))
    return invalid(f"messages.{number}", f"the call {name[:64]!r} has no `tool_result` block in the turn after it")
