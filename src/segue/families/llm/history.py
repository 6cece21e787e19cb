"""Earlier turns hold what one vendor wrote and the next one refuses, although both speak Chat Completions.

An application sends an answer back as it got it. Thoughts have three names among the vendors that imitate OpenAI;
OpenAI itself answers an unknown field of a message with 400, and so does Groq for other vendors' names. Mistral
wants names of calls to have nine letters and digits. A request that holds something of this kind passes through only
to vendors that take it; for the others it is written anew, and what is lost is told.
"""

import re
from typing import Final

REASONING: Final = "reasoning"
REASONING_CONTENT: Final = "reasoning_content"
REASONING_DETAILS: Final = "reasoning_details"
LONG_IDS: Final = "long_ids"
"""Names of calls that are not nine letters and digits."""

ANYTHING: Final = frozenset({REASONING, REASONING_CONTENT, REASONING_DETAILS, LONG_IDS})

# Inside of a text the quotes would be escaped, and a setting or a schema of that name has an object as its value.
_THOUGHTS: Final = re.compile(rb'(?<!\\)"(reasoning|reasoning_content|reasoning_details)"\s*:\s*["\[]')
_LONG_ID: Final = re.compile(rb'(?<!\\)"tool_call_id"\s*:\s*"(?![A-Za-z0-9]{9}")')

_NOTHING: Final[frozenset[str]] = frozenset()


def history_of(body: bytes) -> frozenset[str]:
    """Which of these things a request in Chat Completions holds."""
    # Most requests have neither, and to find a few bytes is quicker than to search for a pattern.
    thoughts, calls = b'"reasoning' in body, b'"tool_call_id"' in body
    if not thoughts and not calls:
        return _NOTHING
    found: set[str] = set()
    if thoughts:
        found.update(name.decode() for name in _THOUGHTS.findall(body))
    if calls and _LONG_ID.search(body):
        found.add(LONG_IDS)
    return frozenset(found)
