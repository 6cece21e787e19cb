"""Claude's generations refuse different things, wherever they run; the name of a model tells its generation.

Sources: Anthropic's models overview and the pages "What's new", "Effort", "Extended thinking", "Adaptive thinking" and
"Structured outputs" (platform.claude.com/docs). What the flags mean is written where they are read:
`formats/messages/request_out.py`, `thinking_out.py` and `blocks_out.py`.
"""

import re
from functools import lru_cache
from typing import Final

# claude-3-7-sonnet-…, claude-sonnet-4-5-…, claude-opus-4@2025…: the version before or behind the name of the size.
_VERSION: Final = re.compile(r"claude-(?:([a-z]+)-)?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")
_NEWEST: Final = (99, 0)
_ALWAYS_THINK: Final = re.compile(r"claude-(?:mythos|fable)|claude-(?:opus|sonnet)-5-5")
"""Models whose thinking cannot be switched off."""


@lru_cache(maxsize=1024)
def claude_flags(model: str) -> frozenset[str]:
    """The habits of a Claude; one whose name tells no version is taken for the newest."""
    found = _VERSION.search(model)
    size = (found[1] or "") if found else ""
    version = (int(found[2]), int(found[3] or 0)) if found else _NEWEST
    flags = set()
    if version < (4, 6):
        flags |= {"no_adaptive"}
        if (size, version) == ("opus", (4, 5)):
            flags |= {"no_xhigh", "no_max"}
        else:
            flags |= {"no_effort"}
    else:
        flags |= {"no_prefill"}
    if version < (4, 5) and (size, version) != ("opus", (4, 1)):
        flags |= {"json_by_tool"}
    if version < (4, 1):
        flags |= {"both_samplings"}
    if version == (4, 6):
        flags |= {"no_xhigh"}
    if version >= (4, 7):
        flags |= {"no_sampling", "adaptive_only" if _ALWAYS_THINK.search(model) else "no_budgets"}
    if version >= (4, 8) and size == "opus":
        flags |= {"system_inside"}
    return frozenset(flags)
