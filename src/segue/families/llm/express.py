"""Which chats are plain: those of which routing needs to know nothing but the model's name.

A plain chat is a short conversation in text with the settings that every model has. What else there may be (streams,
tools, media, schemas, thoughts of earlier turns, Segue's own fields) sends the request the usual way, where each is
looked at with care. So it is told in one go, by decoding: into types that have no place for anything else.
"""

from typing import Annotated, Any, Final

import msgspec

from segue.families.llm.asked import BYTES_PER_TOKEN
from segue.families.llm.history import history_of
from segue.families.llm.ir.seals import SEALED
from segue.families.llm.marks import READERS
from segue.routing.plan import SMALLEST_WINDOW

MOST_BYTES: Final = SMALLEST_WINDOW * BYTES_PER_TOKEN
"""A longer request may not fit every model, so candidates would have to be compared."""


class _Message(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A turn that is told by its role and a text. What is typed `None` may be there as `null` only."""

    role: str
    content: str
    name: str | None = None
    refusal: None = None
    annotations: Annotated[list[Any], msgspec.Meta(max_length=0)] | None = None
    audio: None = None
    reasoning: None = None
    reasoning_content: None = None
    reasoning_details: None = None
    tool_calls: None = None
    tool_call_id: None = None
    function_call: None = None


_SPECIAL: Final = READERS["chat"][1] | {"stream", "stream_options", "n"}
_Plain: Final[Any] = msgspec.defstruct(
    "_Plain",
    [
        ("model", str),
        ("messages", list[_Message]),
        # Segue's own, never sent on, and wrong even where it is `null`.
        ("fallbacks", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET),
        *((name, None, None) for name in sorted(_SPECIAL)),
    ],
)
_plain: Final = msgspec.json.Decoder(_Plain)
_MODEL: Final = b'"model"'
_ESCAPED: Final = b"\\u006"
"""Letters from a to o that hide: a key that is written so would be one more `model` for some, and none for others."""


def plain_chat(body: bytes) -> str | None:
    """The name of the model in a plain request in Chat Completions; `None` of every other body.

    What is wrong with a body is for the usual way to say. The key `model` stands in it once, and is written as such.
    """
    if len(body) > MOST_BYTES or SEALED in body or body.count(_MODEL) != 1:
        return None
    try:
        if not body.isascii():
            body.decode()  # what is not decoded below would else not be looked at
        plain = _plain.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not plain.messages or plain.fallbacks is not msgspec.UNSET or history_of(body):
        return None
    if b"\\" in body and _ESCAPED in body:
        return None
    model: str = plain.model
    return model or None
