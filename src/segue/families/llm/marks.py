"""How each client's format marks media, files and settings, for whoever looks at a request's outside (`needs`)."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

MOST_MARKS: Final = 256
"""Places that are looked at in one body; whoever has that many marks has been understood."""


OFF: Final = frozenset({b"null", b"[]", b"{}", b'""', b"false", b'"none"'})
"""Values that ask for nothing."""
_DATED: Final = re.compile(r"(_preview)?([_-]?20\d{6}|_20\d\d_\d\d_\d\d)?$")
_UPPER: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


class _Tool(msgspec.Struct):
    type: str = "function"


_tools: Final = msgspec.json.Decoder(list[_Tool])
_listed: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Reader:
    """What one format calls things.

    Args:
        mark: bytes without which a conversation holds nothing but text.
        types: values of `type`, and what they need.
        keys: keys of objects, and what they need.
        settings: keys of the top level, and what reads their values.
    """

    def __init__(
        self,
        mark: bytes,
        types: Mapping[bytes, str],
        keys: Mapping[bytes, str],
        settings: Mapping[str, Callable[[bytes, set[str]], None]],
    ) -> None:
        self.mark = mark
        self._types = types
        self._keys = keys
        self.settings = settings

    def media(self, conversation: bytes, found: set[str]) -> None:
        """Add what the parts of a conversation need."""
        for mark, need in self._types.items():
            if need not in found and _is_type(conversation, mark):
                found.add(need)
        for mark, need in self._keys.items():
            if need not in found and _is_key(conversation, mark):
                found.add(need)


def _is_type(text: bytes, mark: bytes) -> bool:
    """Whether a quoted word is the value of a key `type`."""
    place = text.find(mark)
    for _ in range(MOST_MARKS):
        if place < 0:
            return False
        before = text[max(0, place - 24) : place].rstrip()
        if before.endswith(b":") and before[:-1].rstrip().endswith(b'"type"'):
            return True
        place = text.find(mark, place + 1)
    return False


def _is_key(text: bytes, mark: bytes) -> bool:
    """Whether a quoted word is a key."""
    place = text.find(mark)
    for _ in range(MOST_MARKS):
        if place < 0:
            return False
        end = place + len(mark)
        if text[end : end + 24].lstrip().startswith(b":"):
            return True
        place = text.find(mark, place + 1)
    return False


# Settings of the top level


def _function_tools(vendor: str, plain: Collection[str]) -> Callable[[bytes, set[str]], None]:
    """Reads a list of tools: those of the caller, and those that only the vendor has."""

    def read(value: bytes, found: set[str]) -> None:
        try:
            tools = _tools.decode(value)
        except msgspec.DecodeError:
            return  # whoever is asked will say what is wrong with them
        for tool in tools:
            found.add("tools" if tool.type in plain else f"{vendor}:{_DATED.sub('', tool.type)}")
            if tool.type == "namespace":
                found.add("tools")

    return read


def _gemini_tools(value: bytes, found: set[str]) -> None:
    try:
        tools = _listed.decode(value)
    except msgspec.DecodeError:
        return
    for name in {_snake(name) for tool in tools for name in tool}:
        found.add("tools" if name == "function_declarations" else f"google:{name}")


def _gemini_settings(value: bytes, found: set[str]) -> None:
    try:
        settings = {_snake(name): bytes(inner) for name, inner in _object.decode(value).items()}
    except msgspec.DecodeError:
        return
    for name in ("response_schema", "response_json_schema"):
        if settings.get(name, b"null") not in OFF:
            found.add("json_schema")
    thinking = settings.get("thinking_config", b"")
    if b"hinking" in thinking and not re.search(rb'"thinking_?[bB]udget"\s*:\s*0\b', thinking):
        found.add("reasoning")


def _holds(mark: bytes, need: str) -> Callable[[bytes, set[str]], None]:
    def read(value: bytes, found: set[str]) -> None:
        if mark in value:
            found.add(need)

    return read


def _always(need: str) -> Callable[[bytes, set[str]], None]:
    def read(_value: bytes, found: set[str]) -> None:
        found.add(need)

    return read


def _effort(value: bytes, found: set[str]) -> None:
    if b'"none"' not in value and b'"disabled"' not in value and b'"effort":null' not in value:
        found.add("reasoning")


def _converse_thinking(value: bytes, found: set[str]) -> None:
    if b'"thinking"' in value or b'"reasoning_' in value or b'"reasoningConfig"' in value:
        _effort(value, found)


def _responses_reasoning(value: bytes, found: set[str]) -> None:
    if b'"effort"' in value:  # a wish for summaries alone demands nothing
        _effort(value, found)


def _snake(name: str) -> str:
    return _UPPER.sub("_", name).lower()


_CHAT: Final = Reader(
    b'"type"',
    {b'"image_url"': "vision", b'"input_audio"': "audio", b'"file"': "documents"},
    {b'"file_id"': "files:openai"},
    {
        "tools": _function_tools("openai", {"function", "custom"}),
        "functions": _always("tools"),
        "response_format": _holds(b'"json_schema"', "json_schema"),
        "reasoning_effort": _effort,
    },
)


class _MessagesReader(Reader):
    """A document that is given as a text needs no more than a text does."""

    def media(self, conversation: bytes, found: set[str]) -> None:
        """See `Reader.media`."""
        super().media(conversation, found)
        if "documents" in found and not any(mark in conversation for mark in _NO_TEXT):
            found.discard("documents")


_NO_TEXT: Final = (b'"application/pdf"', b'"url"', b'"file"')
_MESSAGES: Final = _MessagesReader(
    b'"source"',
    {b'"image"': "vision", b'"document"': "documents", b'"file"': "files:anthropic"},
    {},
    {
        "tools": _function_tools("anthropic", {"function", "custom"}),
        "mcp_servers": _always("anthropic:mcp"),
        "output_format": _holds(b'"json_schema"', "json_schema"),
        "output_config": _holds(b'"json_schema"', "json_schema"),
        "thinking": _effort,
    },
)
_RESPONSES: Final = Reader(
    b'"type"',
    {b'"input_image"': "vision", b'"input_audio"': "audio", b'"input_file"': "documents"},
    {b'"file_id"': "files:openai"},
    {
        "tools": _function_tools("openai", {"function", "custom"}),
        "text": _holds(b'"json_schema"', "json_schema"),
        "reasoning": _responses_reasoning,
    },
)


class _GeminiReader(Reader):
    """Gemini tells the kind of its media by their MIME types."""

    def media(self, conversation: bytes, found: set[str]) -> None:
        """See `Reader.media`."""
        for kind in set(_MIME.findall(conversation)):
            found.add(_KINDS.get(kind, "documents"))
        by_file = _is_key(conversation, b'"fileData"') or _is_key(conversation, b'"file_data"')
        if by_file and any(place in conversation for place in _FILES):
            found.add("files:google")


_MIME: Final = re.compile(rb'"mime_?[tT]ype"\s*:\s*"(image|audio|video|application)(?:/|\\/)')
_FILES: Final = (b'"gs://', b'"https://generativelanguage.googleapis.com/')
_KINDS: Final = {b"image": "vision", b"audio": "audio", b"video": "video"}
_GEMINI: Final = _GeminiReader(
    b'ata"',  # inlineData, inline_data, fileData, file_data
    {},
    {},
    {
        "tools": _gemini_tools,
        "generationConfig": _gemini_settings,
        "generation_config": _gemini_settings,
        "cachedContent": _always("cache:google"),
        "cached_content": _always("cache:google"),
    },
)


class _ConverseReader(Reader):
    """In Converse keys tell the kind of media; a document that is given as a text needs no more than a text does."""

    def media(self, conversation: bytes, found: set[str]) -> None:
        """See `Reader.media`."""
        super().media(conversation, found)
        if "documents" in found and not any(mark in conversation for mark in _BY_SOURCE):
            found.discard("documents")


def _converse_tools(value: bytes, found: set[str]) -> None:
    try:
        tools = _listed.decode(_object.decode(value).get("tools", _NO_TOOLS))
    except msgspec.DecodeError:
        return
    for tool in tools:
        if "toolSpec" in tool:
            found.add("tools")


_NO_TOOLS: Final = msgspec.Raw(b"[]")
_BY_SOURCE: Final = (b'"bytes"', b'"s3Location"')
_CONVERSE: Final = _ConverseReader(
    b'"source"',
    {},
    {
        b'"image"': "vision",
        b'"document"': "documents",
        b'"audio"': "audio",
        b'"video"': "video",
    },
    {
        "toolConfig": _converse_tools,
        "outputConfig": _holds(b'"json_schema"', "json_schema"),
        "additionalModelRequestFields": _converse_thinking,
    },
)

READERS: Final[Mapping[str, tuple[str, frozenset[str], Reader]]] = {
    format_: (conversation, frozenset(reader.settings), reader)
    for format_, conversation, reader in (
        ("chat", "messages", _CHAT),
        ("messages", "messages", _MESSAGES),
        ("responses", "input", _RESPONSES),
        ("gemini", "contents", _GEMINI),
        ("converse", "messages", _CONVERSE),
    )
}
"""For each format the key of its conversation, the keys of its settings, and what reads both."""
