"""A YAML file as plain data that remembers where everything stood.

People mend a configuration by line, so every value keeps its place. The file is untrusted as well: a few lines of
aliases can grow to gigabytes, and deep nesting can exhaust the stack. So the parser's events are read one by one,
with a limit on everything, and only plain data can come out: no tags, no objects, no dates. Scalars are read by the
core schema of YAML 1.2 (section 10.3): `yes`, `on` and `2024-01-01` are text.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segue.config import problems
from segue.core.errors import ConfigError

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes."""
MOST_VALUES = 200_000
"""Values in one file, counted after aliases are followed."""
DEEPEST = 32
"""Levels of nesting; a configuration needs six."""

_INTEGER = re.compile(r"[-+]?[0-9]{1,100}|0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
# The parser takes quadratic time for a long tag, and tags are refused anyway.
_LONG_TAG = re.compile(r"(?<![^\s\[\]{},:-])!\S{1000}")
_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}

# What ruamel's parser says, and what helps. Its own words may repeat a part of the file, and so of a secret.
_REMEDIES = (
    ("'\\t'", "a tab cannot indent YAML: use spaces"),
    ("mapping values are not allowed", "a second ': ' where none can be: check the indentation, or quote the value"),
    ("but found '<document end>'", "something follows the end of the document: keep one document in the file"),
    ("block end", "the indentation does not match the lines above: line this up with its neighbours"),
    ("could not find expected ':'", "a key without its colon: write 'key: value'"),
    ("expected ',' or", "a comma or a closing bracket is missing before this in {…} or […]"),
    ("unexpected end of stream", "a quote or a bracket is opened and never closed"),
    ("did not find expected", "a bracket is opened and never closed"),
    ("but found '<stream end>'", "a bracket is opened and never closed"),
    ("cannot start any token", "a value that begins with this character must be in quotes"),
    ("escape", "an unknown escape after a backslash: use single quotes, or double the backslash"),
    ("special characters", "a control character: remove it"),
)
_ANYTHING_ELSE = "this is no valid YAML: check quotes, brackets and indentation around here"


@dataclass(slots=True)
class Node:
    """A value and its place.

    Attributes:
        value: a scalar, a list of nodes, or a mapping from text to nodes. Nodes may be shared, never circular.
        line, column: counted from 1.
        keys: where each key of a mapping stands.
        weight: how many values it holds when aliases are followed, itself included.
        height: levels below it, itself included.
    """

    value: Any
    line: int
    column: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    weight: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds.

    Attributes:
        name: the file's name as messages show it.
        root: the outermost mapping.
    """

    name: str
    root: Node

    def plain(self) -> dict[str, Any]:
        """The data without places."""
        data: dict[str, Any] = _plain(self.root)
        return data

    def position(self, path: problems.Place) -> tuple[str, int, int]:
        """File, line and column of a path: of its key, or of the deepest part of it that exists."""
        node, line, column = self.root, self.root.line, self.root.column
        for part in path:
            if isinstance(node.value, dict) and part in node.value:
                line, column = node.keys[str(part)]
                node = node.value[part]
            elif isinstance(node.value, list) and isinstance(part, int) and 0 <= part < len(node.value):
                node = node.value[part]
                line, column = node.line, node.column
            else:
                break
        return self.name, line, column


def read_document(path: Path) -> Document:
    """Read a file.

    Raises:
        ConfigError: it cannot be read or is no configuration; the one problem names the line and the remedy.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file: check the path, or run without --config"]) from None
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'a bad path'}"]) from None
    return parse_document(content, str(path))


def parse_document(content: bytes | str, name: str) -> Document:
    """Parse the content of a file; JSON is YAML, too.

    Raises:
        ConfigError: as `read_document`.
    """
    if len(content) > LARGEST_FILE:
        raise ConfigError(
            [f"{name}: is larger than {LARGEST_FILE // 1024**2} MiB: split it or remove what is generated"]
        )
    text = content if isinstance(content, str) else _decode(content, name)
    if long := _LONG_TAG.search(text):
        line = text.count("\n", 0, long.start()) + 1
        raise ConfigError([f"{name}:{line}: a very long word that begins with '!': remove it, or quote the text"])
    reader = _Reader(name)
    try:
        root = reader.read(_events(text))
    except _Bad as bad:
        raise ConfigError([f"{name}:{bad.line}: {bad.message}"]) from None
    except Exception as error:  # noqa: BLE001 - the parser raises what it likes on odd input; all of it is the file's fault
        raise ConfigError([_explain(error, text, name)]) from None
    if root is None or root.value is None or root.value == {}:
        raise ConfigError([f"{name}:1: the file is empty: it needs at least one of the sections, such as 'providers:'"])
    if not isinstance(root.value, dict):
        found = problems.kind_of(root.value)
        raise ConfigError([f"{name}:{root.line}: the file holds {found}: write sections, such as 'providers:'"])
    return Document(name, root)


class _Bad(Exception):
    def __init__(self, event: Any, message: str) -> None:
        super().__init__(message)
        self.line = event.start_mark.line + 1
        self.message = message


class _Open:
    """A collection that is being read."""

    __slots__ = ("anchor", "is_map", "key", "key_place", "merges", "node")

    def __init__(self, node: Node, anchor: str | None, *, is_map: bool) -> None:
        self.node = node
        self.anchor = anchor
        self.is_map = is_map
        self.key: str | None = None
        self.key_place = (0, 0)
        self.merges: list[Node] = []


class _Reader:
    """Turns a parser's events into nodes, without recursion."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._anchors: dict[str, Node] = {}
        self._open: list[_Open] = []
        self._root: Node | None = None

    def read(self, events: Iterator[Any]) -> Node | None:
        documents = 0
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise _Bad(event, "a second document begins here: keep one in the file, without '---' between")
            elif kind == "AliasEvent":
                node = self._anchors.get(event.anchor)
                if node is None:
                    raise _Bad(
                        event, "an alias (*name) without its anchor (&name) before it: quote text that begins with *"
                    )
                self._put(node, event, None)
            elif kind == "ScalarEvent":
                self._scalar(event)
            elif kind in {"SequenceStartEvent", "MappingStartEvent"}:
                self._begin(event, is_map=kind == "MappingStartEvent")
            elif kind in {"SequenceEndEvent", "MappingEndEvent"}:
                self._end(event)
        return self._root

    def _scalar(self, event: Any) -> None:
        _refuse_tag(event)
        plain = event.style in {None, ""}
        opened = self._open[-1] if self._open else None
        if opened is not None and opened.is_map and opened.key is None:
            self._key(opened, event, is_merge=plain and event.value == "<<")
            return
        value = _resolve(event.value) if plain else event.value
        if isinstance(value, str):
            value = _whole_text(value, event)
        self._put(Node(value, event.start_mark.line + 1, event.start_mark.column + 1), event, event.anchor)

    def _key(self, opened: _Open, event: Any, *, is_merge: bool) -> None:
        key = "<<" if is_merge else _whole_text(event.value, event)
        if not is_merge and key in opened.node.value:
            first = opened.node.keys[key][0]
            raise _Bad(
                event, f"the key {problems.shown_key(key)!r} stands here twice (first in line {first}): remove one"
            )
        opened.key = "\0<<" if is_merge else key
        opened.key_place = (event.start_mark.line + 1, event.start_mark.column + 1)

    def _begin(self, event: Any, *, is_map: bool) -> None:
        _refuse_tag(event)
        if len(self._open) >= DEEPEST:
            raise _Bad(event, f"more than {DEEPEST} levels of nesting")
        if self._open and self._open[-1].is_map and self._open[-1].key is None:
            raise _Bad(event, "a list or a mapping cannot be a key: write 'key: value', and quote text in brackets")
        node = Node({} if is_map else [], event.start_mark.line + 1, event.start_mark.column + 1)
        self._open.append(_Open(node, event.anchor, is_map=is_map))

    def _end(self, event: Any) -> None:
        opened = self._open.pop()
        for merged in opened.merges:
            for key, node in merged.value.items():
                if key not in opened.node.value:
                    opened.node.value[key] = node
                    opened.node.keys[key] = merged.keys[key]
                    opened.node.weight += node.weight
        self._put(opened.node, event, opened.anchor)

    def _put(self, node: Node, event: Any, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self._root = node
            return
        opened = self._open[-1]
        parent = opened.node
        if not opened.is_map:
            parent.value.append(node)
        elif opened.key is None:
            raise _Bad(event, "an alias cannot be a key: write the key's name")
        elif opened.key == "\0<<":
            opened.merges.extend(_merged(node, event))
            opened.key = None
        else:
            parent.value[opened.key] = node
            parent.keys[opened.key] = opened.key_place
            opened.key = None
        parent.weight += node.weight
        parent.height = max(parent.height, node.height + 1)
        if parent.weight > MOST_VALUES:
            raise _Bad(event, f"more than {MOST_VALUES} values, counted with aliases followed")
        if parent.height + len(self._open) - 1 > DEEPEST:
            raise _Bad(event, f"more than {DEEPEST} levels of nesting, counted with aliases followed")


def _merged(node: Node, event: Any) -> list[Node]:
    nodes = node.value if isinstance(node.value, list) else [node]
    if not all(isinstance(one.value, dict) for one in nodes):
        raise _Bad(event, "'<<' takes in a mapping, or a list of mappings")
    return list(nodes)


def _refuse_tag(event: Any) -> None:
    tag = event.tag
    if tag is not None and str(tag) != "!":
        raise _Bad(event, "tags (words that begin with '!') are not used here: remove it, or quote the text")


def _resolve(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if len(text) <= 100 and _FLOAT.fullmatch(text):  # noqa: PLR2004 - as many digits as an integer may have
        return float(text)
    return text


def _whole_text(text: str, event: Any) -> str:
    # JSON writes characters beyond the first plane as two escapes; the parser leaves them apart.
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _Bad(event, r"half of a character (\ud800 to \udfff alone): write the whole one") from None


def _events(text: str) -> Iterator[Any]:
    from ruamel.yaml import YAML

    events: Iterator[Any] = YAML(typ="safe", pure=True).parse(_without_tabs(text))
    return events


def _without_tabs(text: str) -> str:
    # JSON may be indented by tabs, which the YAML parser refuses; in valid JSON a tab is never part of a value.
    if "\t" not in text or not text.lstrip().startswith("{"):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{name}:{line}: is not UTF-8 text: save the file in UTF-8"]) from None


def _explain(error: Exception, text: str, name: str) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 1
    else:
        line = mark.line + 1
    lines = text.split("\n")
    around = lines[line - 1] if line <= len(lines) else ""
    said = " ".join(str(getattr(error, name, None) or "") for name in ("problem", "context", "reason"))
    remedy = next((remedy for sign, remedy in _REMEDIES if sign in said), _ANYTHING_ELSE)
    if "${" in around and "expected ',' or" in said:
        remedy = 'put ${NAME} in quotes inside {…} and […]: "${NAME}"'
    return f"{name}:{line}: {remedy}"


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(value) for key, value in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(value) for value in node.value]
    return node.value
