"""A block of a stream that has begun and not ended.

Its pieces are passed on and not kept. Steps of Anthropic's own tools are the exception: they are given out whole,
because only a whole one means anything to the client.
"""

from typing import Final

import msgspec

from segue.families.llm.formats.messages.answer_in import kind_of
from segue.families.llm.formats.messages.wire import Raw
from segue.families.llm.formats.messages.wire_answer import Delta
from segue.families.llm.ir.blocks import ANTHROPIC, ServerItem

_fields: Final = msgspec.json.Decoder(dict[str, Raw])
_encode: Final = msgspec.json.encode

MAX_OWN: Final = 4 * 1024 * 1024
"""Bytes of one step of Anthropic's own tools that are kept until it is whole."""


class Unusable(ValueError):
    """A step of Anthropic's own tools that cannot be given out."""


class OpenBlock:
    """What is known of an open block.

    Attributes:
        number: in the order of beginnings.
        what: what its pieces are: `text`, `thinking`, `arguments`, `json` (arguments that are the answer's text), or
            `own` for steps of Anthropic's own tools.
    """

    __slots__ = ("_fields", "_pieces", "_size", "number", "what")

    def __init__(self, number: int, what: str) -> None:
        self.number = number
        self.what = what
        self._fields: dict[str, Raw] = {}
        self._pieces: list[str] = []
        self._size = 0

    def begin_own(self, raw: bytes) -> None:
        """What a step of Anthropic's own begins with."""
        self._fields = _fields.decode(raw)

    def keep(self, delta: Delta, data: bytes) -> None:
        """A piece of a step of Anthropic's own: of its input, or fields that replace earlier ones.

        Raises:
            Unusable: it grows beyond `MAX_OWN` bytes.
        """
        self._size += len(data)
        if self._size > MAX_OWN:
            raise Unusable(f"a step of a server tool of more than {MAX_OWN} bytes")
        if delta.type == "input_json_delta":
            if delta.partial_json:
                self._pieces.append(delta.partial_json)
            return
        told = _fields.decode(_fields.decode(data)["delta"])
        told.pop("type", None)
        self._fields.update(told)

    def whole(self) -> ServerItem:
        """The step of Anthropic's own, with all of its input.

        Raises:
            Unusable: its input is no JSON object.
        """
        if self._pieces:
            try:
                self._fields["input"] = Raw(_encode(_fields.decode("".join(self._pieces).encode())))
            except (msgspec.DecodeError, RecursionError):
                raise Unusable("the input of a server tool is not valid JSON") from None
        raw = _encode(self._fields)
        return ServerItem(ANTHROPIC, kind_of(raw), raw)
