"""Vendors that speak OpenAI's formats: each is a few lines of data.

What differs between them is the address, the name of the variable that holds the key, and a few habits. All of that
is written in one file for each vendor under `providers/`; none of it is code.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from segue.core.ports import Codec, ProviderSpec
from segue.families.llm.formats.openai_chat import OpenAIChat, bearer


@dataclass(frozen=True, slots=True)
class CompatibleAdapter:
    """One configured account of such a vendor."""

    codecs: Mapping[str, Codec]
    allow_private: bool


@dataclass(frozen=True, slots=True)
class OpenAICompatible:
    """A vendor whose wire format is OpenAI's.

    Attributes:
        id: the adapter's id in the configuration.
        base_url: where its API begins, without the final slash.
        environment: variables in which a key is looked for when there is no configuration.
        models: the catalogue for a configuration that lists no models; empty: any name is passed on.
        needs_key: whether it refuses requests without one.
        stream_usage: whether it knows `stream_options.include_usage`.
        priority: its place among vendors that were found in the environment; lower is tried earlier.
        local: whether it usually runs on this machine: then private addresses are its normal place.
    """

    id: str
    base_url: str
    environment: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    needs_key: bool = True
    stream_usage: bool = True
    local: bool = False
    priority: int = 1
    operations: frozenset[str] = frozenset({"chat"})

    def build(self, spec: ProviderSpec) -> CompatibleAdapter:
        """The adapter for one configured account."""
        base = (spec.base_url or self.base_url).rstrip("/")
        chat = OpenAIChat(f"{base}/chat/completions", bearer, stream_usage=self.stream_usage)
        return CompatibleAdapter({"chat": chat}, spec.allow_private or (self.local and spec.base_url is None))
