"""Events that differ from one before in nothing but the words of the answer.

A provider writes every event of a stream by one pattern, and only the text between two quotation marks is new. To
decode each of them is the dearest part of a chunk. But where one event was decoded, and another has the same bytes
around a text that is a valid JSON string, then the other is valid too and means the same, without being decoded. What
differs anywhere else (a finish reason, usage, an error, a broken event) is none of these.
"""

import re
from typing import Final

# The inside of a JSON string, RFC 8259 section 7, without surrogates, which may be unpaired. Whether bytes beyond ASCII
# are UTF-8 is seen apart. Possessive, so that no text can make the search slow.
_TEXT: Final = re.compile(
    rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u(?:[0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}))[^"\\\x00-\x1f]*+)*+'
)
# In valid JSON the quotation mark at the end of these can only begin a value.
_WORDS: Final = re.compile(rb'"(?:content|arguments|reasoning_content|reasoning)": ?"')
_PADDING: Final = re.compile(rb'"(?:obfuscation|p)": ?"')  # of OpenAI and Mistral: of random length, against listeners


class Familiar:
    """The pattern of one event that was decoded.

    Args:
        before: everything up to the words.
        between: everything from behind the words up to the padding, or to the end where there is none.
        after: everything behind the padding; empty where there is none.
    """

    __slots__ = ("_after", "_before", "_between", "_start")

    def __init__(self, before: bytes, between: bytes, after: bytes) -> None:
        self._before = before
        self._start = len(before)
        self._between = between
        self._after = after

    def count(self, events: bytes) -> int:
        """How many events these bytes are, each the same but for its words and its padding; 0 when any is not."""
        before, between, after = self._before, self._between, self._after
        length, found, at = len(events), 0, 0
        while True:  # nearly always once: more come in one piece only where we are slower than the provider
            if not events.startswith(before, at):
                return 0
            end = _TEXT.match(events, at + self._start).end()  # type: ignore[union-attr]  # it matches nothing at least
            if not events.startswith(between, end):
                return 0
            at = end + len(between)
            if after:
                end = _TEXT.match(events, at).end()  # type: ignore[union-attr]  # it matches nothing at least
                if not events.startswith(after, end):
                    return 0
                at = end + len(after)
            found += 1
            if at == length:
                return found if events.isascii() or _is_text(events) else 0


def pattern_of(event: bytes) -> Familiar | None:
    """The pattern of a valid event; `None` when it has no words, or writes them in a way of its own."""
    found = _WORDS.search(event)
    if found is None:
        return None
    start = found.end()
    end = _TEXT.match(event, start).end()  # type: ignore[union-attr]  # it matches nothing at least
    if event[end : end + 1] != b'"':
        return None
    padding = _PADDING.search(event, end)
    if padding is None:
        return Familiar(event[:start], event[end:], b"")
    last = _TEXT.match(event, padding.end()).end()  # type: ignore[union-attr]  # it matches nothing at least
    if event[last : last + 1] != b'"':
        return None
    return Familiar(event[:start], event[end : padding.end()], event[last:])


def _is_text(event: bytes) -> bool:
    try:
        event.decode()
    except UnicodeDecodeError:
        return False
    return True
