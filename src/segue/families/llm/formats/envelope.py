"""A list, a word or a number by schema, from vendors whose answers by schema are objects only.

Google's clients ask for `list[Recipe]` as the first example of their guide does; OpenAI refuses every schema whose root
is not an object ("Structured model outputs", section "Root objects must not be anyOf and must be an object"). So the
schema goes there as the one property of an object, and what comes back is taken out of it again: piece by piece in a
stream, whose last brace is kept back until its end. What is not in such an envelope (an answer that was cut at its
limit, a model that did not obey) is given as it came.
"""

import re
from functools import lru_cache
from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.families.llm.ir.answer import Answer, BlockBegan, BlockEnded, Event, Stopped, TextMore
from segue.families.llm.ir.blocks import Text
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import EventWriter

PROPERTY: Final = "value"
_START: Final = f'{{"{PROPERTY}":'
_OPENING: Final = re.compile(rf'\s*\{{\s*"{PROPERTY}"\s*:\s*')
_CLOSING: Final = re.compile(r"\s*\}?\s*\Z")
_SPACE: Final = re.compile(r"\s+")
_OUTSIDE: Final = re.compile(r'["{}\[\]]')
_INSIDE: Final = re.compile(r'["\\]')
_SHARED: Final = ("$defs", "definitions", "$schema")
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@lru_cache(maxsize=256)
def enveloped(schema: bytes) -> bytes | None:
    """A schema as the one property of an object; `None` where its root is one, or where nothing can be told of it."""
    try:
        root: dict[str, Any] = msgspec.json.decode(schema, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    kind = root.get("type")
    if kind == "object" or "properties" in root or "$ref" in root or not ({"type", "anyOf", "enum"} & root.keys()):
        return None
    shared = {name: root.pop(name) for name in _SHARED if name in root}
    envelope = {"type": "object", "properties": {PROPERTY: root}, "required": [PROPERTY], "additionalProperties": False}
    return msgspec.json.encode({**envelope, **shared})


def in_envelope(conversation: Conversation) -> Conversation:
    """The conversation with its schema in an envelope, where that is needed."""
    output = conversation.output
    schema = enveloped(output.schema) if output is not None and output.schema else None
    if output is None or schema is None:
        return conversation
    return msgspec.structs.replace(conversation, output=msgspec.structs.replace(output, schema=schema))


def needs_envelope(conversation: Conversation) -> bool:
    """Whether its answer comes in an envelope."""
    output = conversation.output
    return output is not None and bool(output.schema) and enveloped(output.schema) is not None


def take_out(answer: Answer) -> None:
    """Take each text of a whole answer out of its envelope."""
    for block in answer.content:
        if not isinstance(block, Text):
            continue
        try:
            fields = _fields.decode(block.text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            continue
        if fields.keys() == {PROPERTY}:
            block.text = bytes(fields[PROPERTY]).decode()


class Nesting:
    """How deep in lists, objects and strings a JSON value stands that has come as far as this.

    Attributes:
        whole: whether it stands in none: what follows is behind the value.
    """

    __slots__ = ("_depth", "_escaped", "_quoted")

    def __init__(self) -> None:
        self._depth = 0
        self._quoted = False
        self._escaped = False

    @property
    def whole(self) -> bool:
        """See the class."""
        return not self._quoted and self._depth == 0

    def feed(self, text: str) -> None:
        """Take one more piece."""
        at = 0
        if self._escaped and text:
            at, self._escaped = 1, False
        while (found := (_INSIDE if self._quoted else _OUTSIDE).search(text, at)) is not None:
            mark, at = found.group(), found.end()
            if mark == '"':
                self._quoted = not self._quoted
            elif mark == "\\":
                self._escaped = at == len(text)
                at += 1
            else:
                self._depth += 1 if mark in "{[" else -1


class EnvelopeWriter:
    """Takes the texts of a stream out of their envelopes on their way to a writer."""

    __slots__ = ("_inside", "_kept", "_nesting", "_writer")

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer
        self._inside: dict[int, bool] = {}  # of blocks of which it is known: whether they are in an envelope
        self._kept: dict[int, str] = {}
        self._nesting: dict[int, Nesting] = {}

    def write(self, event: Event) -> bytes:
        """See `EventWriter.write`."""
        if isinstance(event, TextMore):
            text = self._next(event.index, event.text)
            return self._writer.write(TextMore(event.index, text)) if text else b""
        if isinstance(event, BlockBegan) and isinstance(event.block, Text):
            first = self._next(event.index, event.block.text)
            return self._writer.write(BlockBegan(event.index, msgspec.structs.replace(event.block, text=first)))
        if isinstance(event, BlockEnded):
            return self._close(event.index) + self._writer.write(event)
        if isinstance(event, Stopped):
            return b"".join([self._close(index) for index in list(self._kept)]) + self._writer.write(event)
        return self._writer.write(event)

    def broken(self, failure: Failure) -> bytes:
        """See `EventWriter.broken`."""
        return self._writer.broken(failure)

    def _next(self, index: int, text: str) -> str:
        """What is certain of a text after one more piece; the rest is kept."""
        inside = self._inside.get(index)
        if inside is False:
            return text
        text = self._kept.pop(index, "") + text
        if inside is None:
            opening = _OPENING.match(text)
            if opening is None:
                if _START.startswith(_SPACE.sub("", text)):
                    self._kept[index] = text
                    return ""
                self._inside[index] = False
                return text
            self._inside[index] = True
            self._nesting[index] = Nesting()
            text = text[opening.end() :]
        closing = _CLOSING.search(text)
        end = len(text) if closing is None else closing.start()
        self._kept[index] = text[end:]
        self._nesting[index].feed(text[:end])
        return text[:end]

    def _close(self, index: int) -> bytes:
        """The rest of a text that ends; of an envelope that is whole it is the last brace, which goes."""
        rest = self._kept.pop(index, "")
        nesting = self._nesting.get(index)
        if not rest or (nesting is not None and nesting.whole and rest.strip() == "}"):
            return b""
        return self._writer.write(TextMore(index, rest))
