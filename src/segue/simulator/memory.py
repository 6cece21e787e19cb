"""Some interfaces remember: a stored response can be continued, a long prefix is billed as cached, a file is kept.

What an account remembers belongs to one simulator and one account, and is bounded: the oldest is forgotten first.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

MOST_ENTRIES: Final = 1_000
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_ACCOUNTS: Final = 1_000


class Shelf:
    """Things by name, at most 1,000 of them and 64 MiB together; the one used longest ago is forgotten first."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, name: str, value: object, size: int = 0) -> None:
        """Keep `value`, which takes about `size` bytes; one that is too large for the shelf is not kept."""
        self.drop(name)
        if size > MOST_BYTES:
            return
        self._entries[name] = (value, size)
        self._bytes += size
        while len(self._entries) > MOST_ENTRIES or self._bytes > MOST_BYTES:
            self.drop(next(iter(self._entries)))

    def get(self, name: str) -> Any:
        """What was kept under a name, or None."""
        if name not in self._entries:
            return None
        self._entries.move_to_end(name)
        return self._entries[name][0]

    def drop(self, name: str) -> bool:
        """Forget one; False when there was none."""
        found = self._entries.pop(name, None)
        self._bytes -= found[1] if found else 0
        return found is not None

    def names(self) -> list[str]:
        """All names, the one used longest ago first."""
        return list(self._entries)


@dataclass(slots=True)
class Memory:
    """What one account remembers, shelf by shelf; a vendor names its own shelves, as `openai.responses`."""

    _shelves: dict[str, Shelf] = field(default_factory=dict)

    def shelf(self, name: str) -> Shelf:
        """The shelf of that name, which is made when there is none."""
        return self._shelves.setdefault(name, Shelf())

    def cached_prefix(self, name: str, text: str, *, least: int = 1024, step: int = 128) -> int:
        """How many tokens at the start of `text` were sent before, and remember `text` for the next time.

        Only whole steps count, and nothing below `least` tokens, as OpenAI documents its prompt cache
        (https://platform.openai.com/docs/guides/prompt-caching). A token is a word.

        Args:
            name: The shelf, which is one cache: name the vendor and the model in it.
            text: The whole prompt.
            least: The shortest prefix that is cached, in tokens.
            step: The length of one further step, in tokens.
        """
        shelf = self.shelf(name)
        words = text.split()
        found = 0
        known = True
        state = hashlib.sha256()
        start = 0
        for end in range(least, len(words) + 1, step):
            state.update(" ".join(words[start:end]).encode("utf-8", "replace") + b" ")
            start = end
            key = state.hexdigest()
            known = known and key in shelf
            found = end if known else found
            shelf.put(key, end)
        return found


class Memories:
    """The memories of all accounts of a simulator, at most 1,000; the one used longest ago is forgotten first."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, Memory] = OrderedDict()

    def of(self, account: str) -> Memory:
        """The memory of an account."""
        memory = self._accounts.setdefault(account, Memory())
        self._accounts.move_to_end(account)
        if len(self._accounts) > MOST_ACCOUNTS:
            self._accounts.popitem(last=False)
        return memory
