"""What a request needs of whoever is to serve it, told by looking at its outside.

Routing must know of images and tools before anybody is asked, and reading every request into the intermediate form
would cost more than all of Segue's own work. So only the top level's keys are looked at, the tools where there are
any, and the bytes of the conversation are searched for marks of media. A mark counts only where it is a key or a
type: inside of a text its quotes are escaped. It may be one of a tool's arguments, which few requests have; a
candidate is then passed over for nothing. What is lost in translation is decided later, exactly, by the codec.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from segue.families.llm.marks import MOST_MARKS, OFF, READERS

Fields = Mapping[str, msgspec.Raw]
Needs = frozenset[str]

NONE: Final[Needs] = frozenset()

WISHES: Final[Needs] = frozenset({"reasoning"})
"""Needs without which a request is still served, with a warning: other candidates only go first."""

GROUPS: Final = "openai:namespace"
"""The need of a request that has groups of tools: a vendor that is asked in Responses must know them."""

LONG: Final = 16 * 1024
"""Bytes of a conversation below which nobody asks how much of it is base64."""
_URL: Final = b";base64,"
_DATA: Final = (_URL, b'"data"', b'"bytes"')
_NEAR: Final = 16  # bytes between a key and its value


def needs_of(format_: str, fields: Fields) -> tuple[Needs, int]:
    """What a request needs, and how many bytes of it are data in base64.

    Args:
        format_: the id of the client's format.
        fields: the top level of its body.
    """
    read = READERS.get(format_)
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
        if value not in OFF:
            reader.settings[key](value, found)
    return (frozenset(found) if found else NONE), size - len(text)


def without_data(text: bytes) -> bytes:
    """A conversation without its data in base64: what stands behind `;base64,` and under `data` and `bytes`."""
    for mark in _DATA:
        place = text.find(mark)
        if place < 0:
            continue
        kept, done = [], 0
        for _ in range(MOST_MARKS):
            start = place + len(mark)
            if mark is not _URL:
                quote = text.find(b'"', start)
                if text[start : min(quote, start + _NEAR)].strip() != b":":  # an object, or no key at all
                    place = text.find(mark, start)
                    if place < 0:
                        break
                    continue
                start = quote + 1
            end = text.find(b'"', start)  # base64 has none; one byte is found ten times as fast as a word
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
