"""Arguments of a call that come in pieces, each with the place of its value.

Vertex AI streams them so where a client asks for it (`streamFunctionCallArguments`): the first part of a call has its
name, the next ones have values by JSONPath, the last one may be empty. Other formats know arguments only as one text
from its beginning to its end, so they are gathered.
Source: message PartialArg of google/cloud/aiplatform/v1beta1/content.proto.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final

import msgspec

from segue.families.llm.formats.gemini.wire import PartialArg
from segue.families.llm.ir.answer import ArgumentsMore, BlockBegan, BlockEnded, Event
from segue.families.llm.ir.blocks import ToolUse

_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d{1,6})\]|\['([^']*)'\]")
MAX_DEPTH: Final = 64
"""Steps of one path; JSON that a model writes is never so deep."""


MAX_SIZE: Final = 16 * 1024 * 1024
"""Characters of one call with its paths, as many as one event may have bytes."""


class Misplaced(ValueError):
    """A piece whose place makes no sense."""


class Pieces:
    """One call, as far as it has come.

    Args:
        index: of its block.
        call: it, without its arguments.
    """

    __slots__ = ("_arguments", "_call", "_index", "_size")

    def __init__(self, index: int, call: ToolUse) -> None:
        self._index = index
        self._call = call
        self._arguments: dict[str, Any] = {}
        self._size = 0

    def add(self, pieces: Iterable[PartialArg]) -> None:
        """Take pieces; texts of one place are added up.

        Raises:
            Misplaced: a path cannot be followed, or there is too much.
        """
        for piece in pieces:
            self._add(piece)

    def _add(self, piece: PartialArg) -> None:
        self._size += len(piece.json_path or "") + len(piece.string_value or "")
        if self._size > MAX_SIZE:
            raise Misplaced
        steps = _steps(piece.json_path or "")
        holder: Any = self._arguments
        for step, after in pairwise(steps):
            holder = _child(holder, step, [] if isinstance(after, int) else {})
        last = steps[-1]
        if piece.string_value is not None:
            before = _child(holder, last, "")
            _put(holder, last, (before if isinstance(before, str) else "") + piece.string_value)
        else:
            _put(holder, last, piece.number_value if piece.number_value is not None else piece.bool_value)

    @property
    def events(self) -> list[Event]:
        """The whole call."""
        text = msgspec.json.encode(self._arguments).decode() if self._arguments else ""
        said: list[Event] = [ArgumentsMore(self._index, text)] if text else []
        return [BlockBegan(self._index, self._call), *said, BlockEnded(self._index)]


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    at = 1
    while (found := _STEP.match(path, at)) is not None and len(steps) < MAX_DEPTH:
        name, number, quoted = found.groups()
        steps.append(int(number) if number is not None else name if name is not None else quoted)
        at = found.end()
    if not path.startswith("$") or at != len(path) or not steps:
        raise Misplaced
    return steps


def _child(holder: Any, step: str | int, new: Any) -> Any:
    """What stands at a step; `new` where nothing does."""
    if isinstance(step, str) and isinstance(holder, dict):
        return holder.setdefault(step, new)
    if isinstance(step, int) and isinstance(holder, list) and step <= len(holder):
        if step == len(holder):
            holder.append(new)
        return holder[step]
    raise Misplaced


def _put(holder: Any, step: str | int, value: Any) -> None:
    _child(holder, step, None)
    holder[step] = value
