"""A table of faults that is written by hand is soon wrong, so documents and tools get theirs from the kinds themselves.

`catalogue` is for machines, `table` for the documentation, which a test compares with it.
"""

from typing import Any

import msgspec
from msgspec import inspect

from segue.simulator.faults.catalogue import KINDS
from segue.simulator.faults.kinds import Options

_NAMES = {
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.NoneType: "null",
    inspect.DictType: "an object of texts",
    inspect.VarTupleType: "a list of texts",
}


def _numbers(described: inspect.IntType | inspect.FloatType) -> str:
    kind = "integer" if isinstance(described, inspect.IntType) else "number"
    low = f"{described.ge:,.13g}" if described.ge is not None else ""
    if described.gt is not None:
        low = f"above {described.gt:,.12g}"
    high = f"{described.le:,.13g}" if described.le is not None else ""
    return f"{kind} {low}..{high}" if low or high else kind


def _described(described: inspect.Type) -> str:
    """A type in words."""
    match described:
        case inspect.IntType() | inspect.FloatType():
            return _numbers(described)
        case inspect.LiteralType():
            return " or ".join(str(value) for value in described.values)
        case inspect.UnionType():
            words = [_described(one) for one in described.types if not isinstance(one, inspect.NoneType)]
            # An integer is a number, and a list that names both reads as if it were not.
            return " or ".join(word for word in words if word != "integer" or "number" not in words)
        case _:
            return _NAMES.get(type(described), type(described).__name__)


def _options(options: type[Options]) -> dict[str, dict[str, Any]]:
    described = inspect.type_info(options)
    if not isinstance(described, inspect.StructType):
        raise TypeError(f"{options} is not a struct.")
    found: dict[str, dict[str, Any]] = {}
    for field in described.fields:
        entry: dict[str, Any] = {"type": _described(field.type), "required": field.required}
        if field.default is not msgspec.NODEFAULT:
            entry["default"] = field.default
        elif field.default_factory is not msgspec.NODEFAULT:
            entry["default"] = field.default_factory()
        found[field.encode_name] = entry
    return found


def catalogue() -> list[dict[str, Any]]:
    """All kinds, in order: `name`, `summary`, `scope`, `stage`, `options` and an `example` of these.

    An option has `type` (in words), `required`, and `default` unless it is required. An example holds all that are
    required, and shows the kind without a long wait.
    """
    return [
        {
            "name": kind.name,
            "summary": kind.summary,
            "scope": kind.scope,
            "stage": kind.stage,
            "options": _options(kind.options),
            "example": dict(kind.example),
        }
        for kind in KINDS.values()
    ]


def _option(name: str, entry: dict[str, Any]) -> str:
    default = entry.get("default")
    if isinstance(default, bool):
        default = str(default).lower()
    shown = f"`{name}` {entry['type']}"
    if entry["required"]:
        return f"{shown}, required"
    return shown if default in (None, {}, ()) else f"{shown} (`{default}`)"


def table() -> str:
    """The table of all kinds in Markdown."""
    lines = ["| Kind | What happens | Options (default) |", "|---|---|---|"]
    for entry in catalogue():
        options = "; ".join(_option(name, option) for name, option in entry["options"].items())
        name = f"`{entry['name']}`"
        summary = entry["summary"].replace("|", "\\|")
        lines.append(f"| {name} | {summary} | {options or 'none'} |")
    return "\n".join(lines) + "\n"
