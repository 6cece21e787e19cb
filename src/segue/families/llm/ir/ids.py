"""Names of tool calls that every vendor accepts.

A conversation moves, and its calls of tools keep the names that their first vendor gave them. Anthropic and Bedrock
accept letters, digits, `_` and `-`; Bedrock 64 of them, OpenAI 40 of any; Mistral exactly nine letters and digits. A
name that does not fit is replaced by one made from it: the same one for the call and for its result, in every turn.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class IdRule:
    """What a vendor accepts: `pattern` for the whole name; names that are made have `length` characters."""

    pattern: re.Pattern[str]
    length: int = 32

    def fit(self, name: str) -> str:
        """The name itself where it is accepted, else one made from it."""
        if self.pattern.fullmatch(name):
            return name
        number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest(), "big")
        made = []
        for _ in range(self.length):
            number, digit = divmod(number, len(_ALPHABET))
            made.append(_ALPHABET[digit])
        return "".join(made)


ANYTHING: Final = IdRule(re.compile(r"[^\x00]{1,64}"))
OPENAI: Final = IdRule(re.compile(r".{1,40}"))
ANTHROPIC: Final = IdRule(re.compile(r"[a-zA-Z0-9_-]{1,256}"))
BEDROCK: Final = IdRule(re.compile(r"[a-zA-Z0-9_-]{1,64}"))
MISTRAL: Final = IdRule(re.compile(r"[a-zA-Z0-9]{9}"), 9)
