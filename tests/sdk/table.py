"""What the matrix expects of each cell; a cell that is not named here just works."""

from enum import Enum
from typing import Final

DRIVERS: Final = ("openai-chat", "openai-responses", "anthropic", "google-genai", "langchain-openai", "boto3")


class Verdict(Enum):
    """What happens in a cell."""

    WORKS = "✓"
    REFUSED = "refused"  # by the declared policy: 400 in the SDK's own class
    NONE = "-"  # there is nothing to be shown: the client has no word for it, or the vendor does not show it


NO_WORD: Final = {
    ("stop sequence", "openai-responses"): "the Responses have no stop sequences",
    ("no tool allowed", "boto3"): "Converse offers tools or does not",
    ("image by URL", "boto3"): "Converse has images as bytes or in S3",
}
"""What a client's format cannot ask for."""

REFUSED: Final = {
    "any tool demanded": {"ollama", "ollama-native"},
    "demanded tool": {"ollama", "ollama-native"},
    "image by data": {"deepseek", "groq", "yandex"},
    "image by URL": {"deepseek", "groq", "yandex"},
    "output by schema": {"deepseek", "groq"},
    "output by schema, streamed": {"deepseek", "groq"},
}
"""What a provider's format, or its model in the matrix, cannot do."""

NOT_THERE: Final = {
    "temperature and top_p": {"yandex"},  # left out with a warning: it has no top_p
    "thoughts": {"chat", "azure", "ollama", "mistral", "yandex"},
    "thoughts, streamed": {"chat", "azure", "ollama", "mistral", "yandex"},
    "thoughts and tools, continued": {"mistral", "yandex"},
    # Claude caches what is marked, and these behaviours mark nothing; the small Gemini and two others do not cache.
    "cached tokens": {"anthropic", "bedrock", "vertex", "gemini", "yandex", "ollama-native"},
}
"""What a provider does not have: OpenAI's Chat Completions show no thoughts, two vendors have no such model here."""

UNASKED: Final = {
    ("thoughts", "openai-chat"): {"responses", "gemini"},
    ("thoughts, streamed", "openai-chat"): {"responses", "gemini"},
}
"""An effort alone does not ask for thoughts to be shown, and Chat Completions have no word for that."""


PASSED_ON: Final = {("openai-chat", "deepseek"), ("langchain-openai", "deepseek")}
"""Where the bytes go through and the vendor decides; the simulated one takes what a translation would not send."""

FETCHED: Final = {"bedrock", "ollama", "ollama-native"}
"""Who takes images as data only: for these Segue fetches what lies at an address."""


def verdict(behaviour: str, driver: str, column: str) -> Verdict:
    """What is expected of a cell."""
    if (behaviour, driver) in NO_WORD or column in UNASKED.get((behaviour, driver), ()):
        return Verdict.NONE
    if column in NOT_THERE.get(behaviour, ()):
        return Verdict.NONE
    refused = column in REFUSED.get(behaviour, ()) and (driver, column) not in PASSED_ON
    return Verdict.REFUSED if refused else Verdict.WORKS
