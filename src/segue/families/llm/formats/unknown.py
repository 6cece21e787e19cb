"""Fields inside of a request that its types do not know: found out, set apart, and told.

A decoder passes over what it does not know, or refuses it; the first loses things in silence, the second refuses what
works elsewhere. So requests are decoded into types that refuse unknown fields, which costs the usual request nothing,
and only where one refuses is the request taken apart here, by the types themselves: what they know stays byte by byte
as it came, and what they do not know is kept by its path.

SDKs echo an answer whole in the next request (`message.model_dump()`), with everything that an answer has. What means
nothing in a request is left out without a word: names of things, states, places in a list, and whatever is empty.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeVar

import msgspec

from segue.families.llm.ir.extra import keep

Raw = msgspec.Raw
_Struct = TypeVar("_Struct", bound=msgspec.Struct)

UNKNOWN_FIELD: Final = "Object contains unknown field"
"""How the complaint of a decoder begins that was given a field which its type does not know."""

_ECHOED: Final = frozenset({
    "annotations", "created_at", "created_by", "finish_reason", "id", "index", "logprobs", "object", "parsed",
    "parsed_arguments", "status",
})  # fmt: skip
"""Fields of answers that mean nothing when they come back (the types of OpenAI's SDK for answers)."""
_EMPTY: Final = frozenset({b"null", b'""', b"[]", b"{}"})
_DIRECT: Final = frozenset({b'{"type":"direct"}', b'{"type": "direct"}'})
"""Who called a tool: the model itself, as everywhere else."""

_object: Final = msgspec.json.Decoder(dict[str, Raw])
_list: Final = msgspec.json.Decoder(list[Raw])
_any: Final = msgspec.json.Decoder()
_encode: Final = msgspec.json.encode


class Shape:
    """What may stand in one place of a request, as far as its fields are known by their types.

    Attributes:
        items: of a list there.
        kinds: of an object there, by the value of `tag`; by "" where there is only one kind.
    """

    __slots__ = ("items", "kinds", "tag")

    def __init__(self) -> None:
        self.items: Shape | None = None
        self.kinds: dict[str, Mapping[str, Shape | None]] = {}
        self.tag = ""


def decode(decoder: "msgspec.json.Decoder[_Struct]", raw: bytes | Raw, where: str, extra: dict[str, Raw]) -> _Struct:
    """A value as its struct, without the fields that this does not know.

    Args:
        decoder: of a struct that refuses unknown fields.
        raw: JSON.
        where: the value's path in the request; empty for the request itself.
        extra: gets what is set apart, by its path.

    Raises:
        msgspec.DecodeError: it is no JSON, or something else is wrong with it.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        if not str(error).startswith(UNKNOWN_FIELD):
            raise
    shape = _shape_of(decoder.type)
    if where:
        return decoder.decode(_apart(raw if isinstance(raw, Raw) else Raw(raw), shape, where, extra))
    known = shape.kinds[""]
    usual: dict[str, Raw] = {}
    for name, value in _object.decode(raw).items():
        if name in known:
            usual[name] = value
        elif bytes(value) != b"null":
            extra[name] = value
    try:
        # Most requests with unknown fields have them at the top alone: then nothing else has to be taken apart.
        return decoder.decode(_encode(usual))
    except msgspec.ValidationError as error:
        if not str(error).startswith(UNKNOWN_FIELD):
            raise
    return decoder.decode(_encode(_known_of(usual, known, "", extra)))


def _apart(raw: Raw, shape: Shape, where: str, extra: dict[str, Raw]) -> Raw:
    first = bytes(memoryview(raw)[:1])
    if first == b"[" and shape.items is not None:
        items = _list.decode(raw)
        new = [_apart(item, shape.items, f"{where}[{place}]", extra) for place, item in enumerate(items)]
        return raw if all(map(_same, items, new)) else Raw(_encode(new))
    if first != b"{" or not shape.kinds:
        return raw
    fields = _object.decode(raw)
    known = shape.kinds.get(_tag(fields.get(shape.tag)) if shape.tag else "")
    if known is None:
        return raw  # the decoder names the kinds that there are
    kept = _known_of(fields, known, where, extra, shape.tag)
    return raw if kept is fields else Raw(_encode(kept))


def _known_of(
    fields: dict[str, Raw], known: Mapping[str, Shape | None], where: str, extra: dict[str, Raw], tag: str = ""
) -> dict[str, Raw]:
    """The fields that are known, themselves looked into; the same object where nothing had to be set apart."""
    kept: dict[str, Raw] = {}
    changed = False
    for name, value in fields.items():
        path = f"{where}.{name}" if where else name
        if name not in known:
            if name == tag:
                kept[name] = value
                continue
            changed = True
            if not _says_nothing(name, value):
                keep(extra, path, value)
            continue
        shape = known[name]
        new = value if shape is None else _apart(value, shape, path, extra)
        changed = changed or new is not value
        kept[name] = new
    return kept if changed else fields


def _says_nothing(name: str, value: Raw) -> bool:
    said = bytes(value)
    return name in _ECHOED or said in _EMPTY or (name == "caller" and said in _DIRECT)


def _same(one: Raw, other: Raw) -> bool:
    return one is other


def _tag(raw: Raw | None) -> str:
    """The value of a tag; "" where it is no text."""
    if raw is None:
        return ""
    told = _any.decode(raw)
    return told if isinstance(told, str) else ""


@cache
def _shape_of(kind: type[msgspec.Struct]) -> Shape:
    """The shape of a type; worked out when it is first needed, which is seldom."""
    import msgspec.inspect

    return _shape(msgspec.inspect.type_info(kind)) or Shape()


def _shape(kind: Any) -> Shape | None:
    """The shape of a type as msgspec describes it; `None` where there is nothing to be looked into."""
    from msgspec import inspect

    shape = Shape()
    options = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for option in options:
        if isinstance(option, inspect.StructType):
            shape.tag = option.tag_field or ""
            names = {field.encode_name: _shape(field.type) for field in option.fields}
            shape.kinds[str(option.tag) if option.tag_field else ""] = names
        elif isinstance(option, inspect.ListType):
            shape.items = _shape(option.item_type)
    return shape if shape.kinds or shape.items is not None else None
