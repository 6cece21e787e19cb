"""Turns in an order that strict providers accept.

They want the results of tools right after their calls, no empty text, and some (Bedrock) turns that alternate, a user
to begin. Conversations that come from elsewhere have several turns of one role, results in another order or turns
later, and instructions in the middle. Nothing is lost on the way; what changes is told.
"""

from typing import Final

from segue.families.llm.ir.blocks import Content, Text, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation

OPENING: Final = "."
"""What the user says where a conversation begins without one: a blank text would be refused."""

NO_RESULT: Final = "(no result)"

Turn = tuple[str, list[Content]]

_Waiting = dict[str, list[tuple[int, ToolResult]]]  # results by the name of their call, with the turns that they are in


class Turns:
    """The turns of a conversation in order.

    Args:
        conversation: the request; it stays as it is.
        warnings: gets what is changed.
        alternate: whether roles must alternate, a user first; then instructions in the middle move to the front.

    Attributes:
        system: instructions before the conversation, and those out of the middle where turns alternate.
        turns: roles (`user`, `assistant`, and `system` where turns need not alternate) and their blocks.
        calls: the names of all tools that were called, in order.
    """

    __slots__ = ("_are_placed", "_has_gaps", "_waiting", "calls", "system", "turns")

    def __init__(self, conversation: Conversation, warnings: list[str], *, alternate: bool) -> None:
        self.system = list(conversation.system)
        self.turns: list[Turn] = []
        self.calls: dict[str, None] = {}
        self._waiting: list[str] = []  # calls of the message before
        self._are_placed = True
        self._has_gaps = False
        turns = self.turns
        blocks: list[Content] = []
        last = ""
        for message in conversation.messages:
            role, content = message.role, message.content
            if role == "system" and alternate:
                self.system += [block for block in content if isinstance(block, Text)]
                continue
            if role != last or not alternate:
                blocks = []
                turns.append((role, blocks))
                last = role
            only_text = True
            for block in content:
                if not isinstance(block, Text):
                    only_text = False
                    blocks.append(block)
                elif block.text and not block.text.isspace():  # a blank text is refused
                    blocks.append(block)
            if not only_text:
                self._note_tools(role, content)
            elif self._waiting:
                self._are_placed = False
            if not blocks:
                self._has_gaps = True
        if not self._are_placed:
            self._place_results(warnings)
        if self._has_gaps:
            self.turns = _joined(self.turns) if alternate else [turn for turn in self.turns if turn[1]]
        if alternate and (not self.turns or self.turns[0][0] != "user"):
            self.turns.insert(0, ("user", [Text(OPENING)]))
            warnings.append("a user's turn was put before the conversation: the provider wants a user to begin")

    def _note_tools(self, role: str, content: list[Content]) -> None:
        """See whether results stand where they belong: right behind their calls, in a turn of their own."""
        results: list[str] = []
        uses: list[str] = []
        for block in content:
            if isinstance(block, ToolUse):
                uses.append(block.id)
                self.calls[block.name] = None
            elif isinstance(block, ToolResult):
                results.append(block.id)
        if results != self._waiting or (results and len(results) < len(content)):
            self._are_placed = False
        self._waiting = uses if role == "assistant" else []

    def _place_results(self, warnings: list[str]) -> None:
        """Put results right behind their calls, in the order of the calls; whatever has no call becomes text."""
        self._has_gaps = True  # turns that held nothing but results
        waiting: _Waiting = {}
        for number, (_, content) in enumerate(self.turns):
            for block in content:
                if isinstance(block, ToolResult):
                    waiting.setdefault(block.id, []).append((number, block))
        last = len(self.turns) - 1
        answers: dict[int, list[Content]] = {}
        for number, (role, content) in enumerate(self.turns):
            if role != "assistant":
                continue
            calls = [block for block in content if isinstance(block, ToolUse)]
            found = [_taken(waiting, call.id, number) for call in calls]
            if not calls or (number == last and not any(found)):
                continue
            answers[number] = []
            for call, result in zip(calls, found, strict=True):
                if result is None:
                    warnings.append(f"the call of the tool {call.name!r} has no result: {NO_RESULT!r} is sent")
                answers[number].append(result or ToolResult(call.id, (Text(NO_RESULT),), error=True))
        strays = {id(result) for results in waiting.values() for _, result in results}
        if strays:
            warnings.append("results of tools that nobody called became plain text")
        placed: list[Turn] = []
        for number, (role, content) in enumerate(self.turns):
            if role == "user":
                content = _without_results(content, strays)  # noqa: PLW2901 - what is left of it
            placed.append((role, content))
            if number in answers:
                placed.append(("user", answers[number]))
        self.turns = placed


def _without_results(content: list[Content], strays: set[int]) -> list[Content]:
    """A user's turn without results of tools; of those that nobody called the parts stay."""
    kept: list[Content] = []
    for block in content:
        if not isinstance(block, ToolResult):
            kept.append(block)
        elif id(block) in strays:
            kept += [part for part in block.content if not isinstance(part, Text) or part.text.strip()]
    return kept


def _taken(waiting: _Waiting, call: str, turn: int) -> ToolResult | None:
    """The result of a call that was made in turn number `turn`: the first that came in a later one."""
    results = waiting.get(call, [])
    for place, (came, result) in enumerate(results):
        if came > turn:
            del results[place]
            return result
    return None


def _joined(turns: list[Turn]) -> list[Turn]:
    """Turns without empty ones, neighbours of one role as one."""
    joined: list[Turn] = []
    for role, content in turns:
        if not content:
            continue
        if joined and joined[-1][0] == role:
            joined[-1][1].extend(content)
        else:
            joined.append((role, content))
    return joined
