"""Who goes on with an answer that was begun, and how it is told to: facts of vendors, as data.

A conversation whose last turn is the assistant's means a beginning of the answer to some vendors (a "prefill"), an
earlier answer to others, and a mistake to the rest. Only what a vendor documents counts: to one that takes the turn
for an earlier answer, the text would be written anew, and the client's answer would have it twice.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from segue.families.llm.asked import split_top
from segue.families.llm.claude import claude_flags

Raw = msgspec.Raw
_messages: Final = msgspec.json.Decoder(list[Raw])
_message: Final = msgspec.json.Decoder(dict[str, Raw])
_encode: Final = msgspec.json.encode
_CHAT: Final = "/chat/completions"


def every_model(_model: str) -> bool:
    """All models of a vendor do."""
    return True


@dataclass(frozen=True, slots=True)
class Prefill:
    """How one vendor goes on with an answer that was begun.

    Attributes:
        models: whether a model does, by the vendor's name of it.
        message: what the last message has besides.
        body: what the request has besides.
        version: what stands in the place of `/v1` in the address; empty where that stays.
        echoes: whether its answers may begin with what it was given.
        needed: whether it refuses a last turn of the assistant's that is not marked so, whoever wrote it.
    """

    models: Callable[[str], bool] = every_model
    message: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    echoes: bool = False
    needed: bool = False

    def finish(self, body: bytes) -> bytes:
        """A whole body, whose last message is the beginning of the answer, as this vendor wants it."""
        if not self.message and not self.body:
            return body
        fields: dict[str, Any] = {**split_top(body), **self.body}
        if self.message:
            messages: list[Any] = _messages.decode(fields["messages"])
            messages[-1] = {**_message.decode(messages[-1]), **self.message}
            fields["messages"] = messages
        return _encode(fields)

    def url(self, url: str) -> str:
        """The address, from the usual one."""
        return f"{url.removesuffix(_CHAT).removesuffix('/v1')}{self.version}{_CHAT}" if self.version else url


def _older_claude(model: str) -> bool:
    return "no_prefill" not in claude_flags(model)


CLAUDE: Final = Prefill(_older_claude)
"""Claude before 4.6, and not while it thinks (platform.claude.com/docs, "Prefill Claude's response" and "What's new in
Claude 4.6"). It refuses a beginning that ends with white space, so none is sent to anybody."""

_GEMINI: Final = re.compile(r"gemini-(?:[12]\.|3-|3\.1-|3\.5-flash(?!-lite))")


def _older_gemini(model: str) -> bool:
    return _GEMINI.search(model) is not None


GEMINI: Final = Prefill(_older_gemini)
"""Gemini up to 3.5 Flash; 3.5 Flash-Lite, 3.6 and whatever comes after them refuse a last turn of the model's
(ai.google.dev/gemini-api/docs/whats-new-gemini-3.6)."""

_NOT_BEHIND_OPENROUTER: Final = ("openai/", "x-ai/", "perplexity/", "cohere/", "openrouter/")


def _behind_openrouter(model: str) -> bool:
    if model.startswith(_NOT_BEHIND_OPENROUTER):
        return False
    if "claude" in model:
        return _older_claude(model)
    return _older_gemini(model) if "gemini" in model else True


OPENROUTER: Final = Prefill(_behind_openrouter)
"""OpenRouter hands the beginning on (openrouter.ai/docs/api-reference/overview, "Assistant Prefill"); whether the
model goes on with it is its maker's matter."""
