"""A client's choice among its tools, out of Chat Completions: a word, one tool, or some tools."""

from typing import Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.chat.wire import Strict
from segue.families.llm.formats.unknown import decode
from segue.families.llm.ir.conversation import ToolChoice

Raw = msgspec.Raw


class Named(Strict):
    """A tool by its name."""

    name: str | None = None


class Chosen(Strict):
    """One tool. The older `function_call`, and Responses' form that some send here, have the name outside."""

    type: str | None = None
    function: Named | None = None
    custom: Named | None = None
    name: str | None = None

    @property
    def tool(self) -> str:
        """Its name; "" where there is none."""
        for inner in (self.function, self.custom):
            if inner is not None and inner.name:
                return inner.name
        return self.name or ""


class Allowed(Strict):
    """Some tools."""

    mode: str | None = None
    tools: list[Chosen] | None = None


class Choice(Chosen):
    """One tool or some; the latter may stand one level flatter, as in Responses."""

    allowed_tools: Allowed | None = None
    mode: str | None = None
    tools: list[Chosen] | None = None


_word: Final = msgspec.json.Decoder(str)
_choice: Final = msgspec.json.Decoder(Choice)
_WORDS: Final = {"auto": "auto", "none": "none", "required": "required", "any": "required"}
"""What is chosen, by the caller's word for it; `any` is Mistral's."""


def read_choice(raw: Raw, where: str, extra: dict[str, Raw]) -> ToolChoice:
    """The choice.

    Args:
        raw: `tool_choice`, or `function_call` as it was called before.
        where: which of them.
        extra: gets fields of it that nobody knows, by their paths.

    Raises:
        RequestInvalid: it is none.
    """
    try:
        if bytes(memoryview(raw)[:1]) == b'"':
            word = _WORDS.get(_word.decode(raw))
            if word is not None:
                return ToolChoice(word)
        else:
            choice = decode(_choice, raw, where, extra)
            if choice.type == "allowed_tools":
                allowed = choice.allowed_tools or Allowed(choice.mode, choice.tools)
                names = tuple(tool.tool for tool in allowed.tools or ())
                if names and all(names):
                    return ToolChoice(allowed.mode or "auto", names)
            if choice.tool:
                return ToolChoice("required", (choice.tool,))
    except msgspec.DecodeError:  # of another shape
        pass
    raise RequestInvalid(
        "field 'tool_choice': expected 'auto', 'none', 'required' or an object that names a function",
        param="tool_choice",
    )
