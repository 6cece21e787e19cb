"""Typed values out of a client's JSON, with what is wrong named as OpenAI names it, and what is unknown set apart.

A field that we have no word for must not vanish. The usual request has none, so it is decoded straight into structs
that refuse unknown fields; only where one refuses is the value taken apart, and what is unknown kept by its path.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.parsing import mistake
from segue.families.llm.formats.responses import wire

Raw = msgspec.Raw
_Struct = TypeVar("_Struct", bound=msgspec.Struct)

_PLACE: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in |value in )?\$(?P<where>[^`]*)`)?$", re.DOTALL)
_UNKNOWN: Final = "Object contains unknown field"

_PARTS: Final[dict[str, type[msgspec.Struct]]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        wire.InputText,
        wire.InputImage,
        wire.InputFile,
        wire.InputAudio,
        wire.OutputText,
        wire.RefusalPart,
        wire.SummaryText,
        wire.ReasoningText,
    )
}

_INNER: Final[dict[tuple[type, str], type[msgspec.Struct] | Mapping[str, type[msgspec.Struct]]]] = {
    (wire.Request, "text"): wire.TextConfig,
    (wire.Request, "reasoning"): wire.ReasoningConfig,
    (wire.Request, "stream_options"): wire.StreamOptions,
    (wire.TextConfig, "format"): wire.TextFormat,
    (wire.InputText, "prompt_cache_breakpoint"): wire.Breakpoint,
    (wire.InputImage, "prompt_cache_breakpoint"): wire.Breakpoint,
    (wire.InputFile, "prompt_cache_breakpoint"): wire.Breakpoint,
    (wire.InputAudio, "input_audio"): wire.Sound,
    (wire.InputMessage, "content"): _PARTS,
    (wire.OutputMessage, "content"): _PARTS,
    (wire.CallOutput, "output"): _PARTS,
    (wire.ReasoningItem, "summary"): _PARTS,
    (wire.ReasoningItem, "content"): _PARTS,
}


def decode(
    decoder: "msgspec.json.Decoder[_Struct]", raw: bytes | Raw, kind: type[_Struct], where: str, extra: dict[str, Raw]
) -> _Struct:
    """A value as its struct.

    Args:
        decoder: of `kind`.
        raw: the value as JSON.
        kind: the struct.
        where: the value's path in the request; empty for the request itself.
        extra: gets the fields that `kind` does not know, by their paths.

    Raises:
        RequestInvalid: naming the field and what belongs there.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        if not str(error).startswith(_UNKNOWN):
            raise invalid(error, where) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(error, raw) from None
    try:
        value = msgspec.json.decode(raw)
        _set_apart(value, kind, where, extra)
        return decoder.decode(msgspec.json.encode(value))
    except msgspec.ValidationError as error:
        raise invalid(error, where) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
        raise not_json(error, raw) from None


def invalid(error: msgspec.ValidationError, where: str) -> RequestInvalid:
    """What msgspec found, with the field named as OpenAI does: `input[0].content[1].text`."""
    found = _PLACE.match(str(error))
    what, inner = (found["what"], found["where"] or "") if found else (str(error), "")
    missing = re.search(r"missing required field `([^`]*)`", what)
    if missing is not None:
        inner, what = f"{inner}.{missing[1]}", "it is missing"
    place = (where + inner).lstrip(".")
    if not place:
        return RequestInvalid(f"the body must be a JSON object: {what}")
    return RequestInvalid(f"field {place!r}: {what}", param=place)


def not_json(error: Exception, body: bytes | Raw) -> RequestInvalid:
    """The refusal of a body that is no JSON."""
    return RequestInvalid(f"the body {mistake(error, bytes(body))}")


def _set_apart(value: Any, kind: type[msgspec.Struct], where: str, extra: dict[str, Raw]) -> None:
    """Take the fields that `kind` does not know out of an object, and put them into `extra` by their paths."""
    if not isinstance(value, dict):
        return
    known = {*kind.__struct_encode_fields__, "type"}
    for name in list(value):
        path = f"{where}.{name}" if where else name
        if name not in known:
            unknown = value.pop(name)
            if unknown is not None:
                extra[path] = Raw(msgspec.json.encode(unknown))
            continue
        inner = _INNER.get((kind, name))
        if isinstance(inner, type):
            _set_apart(value[name], inner, path, extra)
        elif inner is not None and isinstance(value[name], list):
            for place, part in enumerate(value[name]):
                part_kind = inner.get(part.get("type", "")) if isinstance(part, dict) else None
                if part_kind is not None:
                    _set_apart(part, part_kind, f"{path}[{place}]", extra)
