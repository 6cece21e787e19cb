"""A prompt that was marked is billed as written once and as read afterwards, and a gateway has to count both right.

The rules are those of https://platform.claude.com/docs/en/build-with-claude/prompt-caching: up to a marked block, all
of the prompt (tools, system, messages, in this order) is one prefix; it lives for 5 minutes or an hour from its last
use; of a prompt the longest known prefix is read that ends at most 20 blocks before a marked one; prefixes that are too
short for the model are not cached, without an error.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.vendors.anthropic_conversation import blocks_of
from segue.simulator.vendors.anthropic_models import ModelFacts

_LIVES: Final = {"5m": 300.0, "1h": 3600.0}
_LOOK_BACK: Final = 20
_BORDER_TOKENS: Final = 4
_Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cached:
    """The tokens of a prompt that were read from the cache, and those that were written, by how long they live."""

    read: int = 0
    written_5m: int = 0
    written_1h: int = 0

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.read + self.written_5m + self.written_1h


def _parts(document: _Json) -> list[_Json]:
    """The blocks of the prompt in order; each carries what tells it from another block of the same content."""
    parts = [{"part": "tool", "block": tool} for tool in document.get("tools") or ()]
    system = document.get("system")
    if system:
        blocks = system if isinstance(system, list) else [{"type": "text", "text": system}]
        parts += [{"part": "system", "block": block} for block in blocks]
    for message in document["messages"]:
        parts += [{"part": message["role"], "block": block} for block in blocks_of(message)]
    return parts


def _without_mark(part: _Json) -> bytes:
    block = {name: value for name, value in part["block"].items() if name != "cache_control"}
    return msgspec.json.encode([part["part"], block])


def _weight(content: bytes) -> int:
    return len(content.split()) + _BORDER_TOKENS


def cached(exchange: Exchange, document: _Json, facts: ModelFacts, model: str) -> Cached:
    """What the cache of the account does for a request; what it writes is known to the next request."""
    parts = _parts(document)
    marks = {
        place: part["block"]["cache_control"] for place, part in enumerate(parts) if part["block"].get("cache_control")
    }
    if document.get("cache_control"):
        marks.setdefault(len(parts) - 1, document["cache_control"])
    if not marks:
        return Cached()
    shelf = exchange.memory.shelf(f"anthropic.cache.{model}")
    state = hashlib.sha256()
    keys: list[str] = []
    totals: list[int] = []
    for part in parts:
        content = _without_mark(part)
        state.update(content)
        keys.append(state.hexdigest())
        totals.append((totals[-1] if totals else 0) + _weight(content))

    def lives(place: int) -> bool:
        known = shelf.get(keys[place])
        return known is not None and known[0] > exchange.started

    reach = {place for mark in marks for place in range(max(0, mark - _LOOK_BACK + 1), mark + 1)}
    found = max((place for place in reach if lives(place)), default=-1)
    read = totals[found] if found >= 0 else 0
    written = {"5m": 0, "1h": 0}
    before = read
    for place in sorted(marks):
        ttl = marks[place].get("ttl", "5m")
        if totals[place] < facts.cacheable:
            continue
        shelf.put(keys[place], (exchange.started + _LIVES[ttl], ttl))
        if place > found:
            written[ttl] += totals[place] - before
            before = totals[place]
    if found >= 0:
        ttl = shelf.get(keys[found])[1]
        shelf.put(keys[found], (exchange.started + _LIVES[ttl], ttl))
    return Cached(read, written["5m"], written["1h"])
