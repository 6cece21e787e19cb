"""What a request needs of whoever is to serve it, told by looking at its outside.

Routing must know of images and tools before anybody is asked, and reading every request into the intermediate form
would cost more than all of Segue's own work. So only the top level's keys are looked at, the tools where there are
any, and the bytes of the conversation are searched for marks of media. A mark counts only where it is a key or a
type: inside of a text its quotes are escaped. It may be one of a tool's arguments, which few requests have; a
candidate is then passed over for nothing. What is lost in translation is decided later, exactly, by the codec.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

Fields = Mapping[str, msgspec.Raw]
Needs = frozenset[str]

NONE: Final[Needs] = frozenset()

WISHES: Final[Needs] = frozenset({"reasoning"})
"""Needs without which a request is still served, with a warning: other candidates only go first."""

LONG: Final = 16 * 1024
"""Bytes of a conversation below which nobody asks how much of it is base64."""
MOST_MARKS: Final = 256
"""Places that are looked at in one body; whoever has that many marks has been understood."""

_OFF: Final = frozenset({b"null", b"[]", b"{}", b'""', b"false", b'"none"'})
_KEY: Final = b'"data"'
_DATA: Final = (b";base64,", _KEY)
_NEAR: Final = 16  # bytes between a key and its value
_DATED: Final = re.compile(r"(_preview)?([_-]?20\d{6}|_20\d\d_\d\d_\d\d)?$")
_UPPER: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


class _Tool(msgspec.Struct):
    type: str = "function"


_tools: Final = msgspec.json.Decoder(list[_Tool])
_listed: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def needs_of(format_: str, fields: Fields) -> tuple[Needs, int]:
    """What a request needs, and how many bytes of it are data in base64.

    Args:
        format_: the id of the client's format.
        fields: the top level of its body.
    """
    read = _READERS.get(format_)
    if read is None:
        return NONE, 0
    conversation, keys, reader = read
    spoken = fields.get(conversation)
    text = b"" if spoken is None else bytes(spoken)
    # Media are parts of a list inside the conversation; looking for one byte is many times as fast as for a word.
    typed = text.find(b"[", 1) > 0 and reader.mark in text
    if not typed and keys.isdisjoint(fields):
        return NONE, 0
    found: set[str] = set()
    size = len(text)
    if typed:
        if size > LONG:
            text = without_data(text)
        reader.media(text, found)
    for key in keys & fields.keys():
        value = bytes(fields[key])
        if value not in _OFF:
            reader.settings[key](value, found)
    return (frozenset(found) if found else NONE), size - len(text)


def without_data(text: bytes) -> bytes:
    """A conversation without its data in base64: what stands behind `;base64,` and under `data`."""
    for mark in _DATA:
        place = text.find(mark)
        if place < 0:
            continue
        kept, done = [], 0
        for _ in range(MOST_MARKS):
            start = place + len(mark)
            if mark is _KEY:
                quote = text.find(b'"', start)
                if text[start : min(quote, start + _NEAR)].strip() != b":":  # an object, or no key at all
                    place = text.find(mark, start)
                    if place < 0:
                        break
                    continue
                start = quote + 1
            end = text.find(
                b'"', start
            )  # base64 has no quotes; looking for one byte is ten times as fast as for a word
            if end < 0:
                break
            kept.append(text[done:start])
            done = end
            place = text.find(mark, end)
            if place < 0:
                break
        text = b"".join((*kept, text[done:]))
    return text


def can_carry(need: str, vendors: Collection[str], formats: Collection[str]) -> bool:
    """Whether a need that is bound to a vendor can be sent.

    Args:
        need: `files:openai`, `cache:google`, or a vendor's own tool such as `anthropic:web_search`.
        vendors: those whose own formats are spoken.
        formats: the ids of the formats that are spoken.
    """
    before, _, after = need.partition(":")
    vendor = after if before in {"files", "cache"} else before
    if before == "openai":  # Chat Completions have no tools of the vendor's own
        return vendor in vendors and "responses" in formats
    return vendor in vendors


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
        if settings.get(name, b"null") not in _OFF:
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
_MESSAGES: Final = Reader(
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

_READERS: Final[Mapping[str, tuple[str, frozenset[str], Reader]]] = {
    format_: (conversation, frozenset(reader.settings), reader)
    for format_, conversation, reader in (
        ("chat", "messages", _CHAT),
        ("messages", "messages", _MESSAGES),
        ("responses", "input", _RESPONSES),
        ("gemini", "contents", _GEMINI),
    )
}
