"""Groups of tools (`namespace`), which only OpenAI's Responses have, as plain functions for everybody else, and back.

Codex declares the tools of each MCP server as one group, and expects calls to name the group apart from the tool. To
all other formats a tool is a name. So each tool of a group gets a name of its own, made of both; the conversation
remembers what it stands for, and the answer for the client, its settings and a request to OpenAI name both again.
Source: OpenAI's SDK, `NamespaceTool` and `ResponseFunctionToolCall.namespace`; github.com/openai/codex, codex-rs/tools.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec

from segue.families.llm.formats.responses import wire
from segue.families.llm.ir.blocks import ToolUse
from segue.families.llm.ir.conversation import Namespaces

Raw = msgspec.Raw

NAMESPACE: Final = "namespace"
MARK: Final = b'"namespace"'
LONGEST_NAME: Final = 64
"""Characters of a tool's name that OpenAI, Bedrock and Google take (their API references)."""
LONGEST_DESCRIPTION: Final = 1024
"""Characters of a function's description that OpenAI's Chat Completions took when it was last documented."""

_REFUSED: Final = re.compile(r"[^a-zA-Z0-9_-]")
_FIRST: Final = re.compile(r"[a-zA-Z_]")  # Google's rule for the first character
_DIGEST: Final = 8


class Group(wire.Strict, kw_only=True):
    """A group of tools."""

    type: str
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    description: str | None = None
    tools: list[Raw]


group_decoder: Final = msgspec.json.Decoder(Group)


class FlatNames:
    """Makes the names of one request.

    Args:
        plain: names of functions that stand in no group: they stay what they are.

    Attributes:
        found: what the names that were made stand for.
    """

    __slots__ = ("_made", "_taken", "found")

    def __init__(self, plain: Iterable[str] = ()) -> None:
        self._taken = set(plain)
        self._made: dict[tuple[str, str], str] = {}
        self.found = Namespaces({}, {})

    def name(self, group: str, tool: str) -> str:
        """The name of a tool of a group: the same whenever it is asked for, and nobody else's."""
        made = self._made.get((group, tool))
        if made is None:
            made = self._new(group, tool)
            self._made[group, tool] = made
            self._taken.add(made)
            self.found.names[made] = (group, tool)
        return made

    def chosen(self, name: str) -> str:
        """The name of the tool that a choice means: a plain one, else the only one of this name in any group."""
        meant = [made for (_, tool), made in self._made.items() if tool == name]
        return name if len(meant) != 1 or name in self._taken else meant[0]

    def of_group(self, group: str) -> list[str]:
        """The names of all tools of a group."""
        return [made for (one, _), made in self._made.items() if one == group]

    def _new(self, group: str, tool: str) -> str:
        whole = f"{group.rstrip('_')}__{tool}"
        name = _REFUSED.sub("_", whole)
        if not _FIRST.match(name):
            name = f"_{name}"
        if name == whole and len(name) <= LONGEST_NAME and name not in self._taken:
            return name
        for attempt in range(len(self._taken) + 1):  # one of them is free
            told = f"{group}\0{tool}\0{attempt or ''}".encode("utf-8", "surrogatepass")
            digest = hashlib.sha256(told).hexdigest()[:_DIGEST]
            made = f"{name[: LONGEST_NAME - _DIGEST - 1]}_{digest}"
            if made not in self._taken:
                return made
        raise AssertionError(name)  # there are more attempts than names


def with_group(block: ToolUse, namespaces: Namespaces | None) -> ToolUse:
    """A call as a client of Responses reads it: the group apart from the tool."""
    place = None if namespaces is None else namespaces.names.get(block.name)
    if place is None or block.namespace:
        return block
    return msgspec.structs.replace(block, namespace=place[0], name=place[1])


def described(tool: str, group: str | None, name: str) -> str | None:
    """The description of a tool with that of its group, which has no other place; `None` where both are too long.

    Args:
        tool: the tool's own.
        group: the group's.
        name: the group's.
    """
    if not group:
        return tool
    whole = f"{tool}\n\n{name}: {group}" if tool else f"{name}: {group}"
    return whole if len(whole) <= LONGEST_DESCRIPTION else None


def functions_of(group: Group) -> list[Any] | None:
    """The declarations of a group's tools; `None` where one is no function, which only OpenAI can have called."""
    declared = [msgspec.json.decode(raw, type=_Kind) for raw in group.tools]
    return group.tools if declared and all(one.type == "function" for one in declared) else None


class _Kind(msgspec.Struct, gc=False):
    type: str = ""
