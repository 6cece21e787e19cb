"""Many vendors speak OpenAI's format with differences of their own, and a difference has to be one line of data.

A flavour states where a vendor departs from OpenAI; everything that it does not state is as OpenAI has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from segue.simulator.vendors.openai_errors import OpenAIError
from segue.simulator.vendors.openai_prefill import Prefill

Document: TypeAlias = dict[str, Any]
Usage: TypeAlias = Literal["asked", "last", "finish", "x_groq"]
LISTED_MODELS: Final = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "o4-mini")
CHAT: Final = frozenset({"chat", "models"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """What one vendor does otherwise.

    Attributes:
        name: The vendor's name, which is also that of the accounts that have this flavour.
        roots: Further beginnings of a path that mean `/v1`.
        models: The models that it lists.
        endpoints: What it offers (names in `openai_api`); None for all that OpenAI offers.
        unknown: What becomes of a parameter that it does not know: a refusal with 400 or 422, or nothing.
        extra: Parameters that it takes beside OpenAI's.
        refused: Parameters of OpenAI that it refuses; also `n>1`.
        refused_in_messages: Fields of messages that it refuses even when they are empty; the `name` of a tool or of
            a function is none of them.
        developer: Whether it knows the role `developer`.
        values: The only values of parameters that it takes.
        thinkers_refuse: Parameters that its reasoning models refuse.
        dimensions: What embeddings call their length.
        errors: The body of a refusal.
        error_event: The data of an error inside a stream, given the body of the refusal and the model;
            None when it is that body.
        thinkers: What the names of its reasoning models contain; empty for those of OpenAI.
        reasoning: The field that carries the reasoning; None when it stays hidden.
        identifier: A pattern that the identifiers of calls match; its own ones have nine characters then.
        usage: Where a stream has the usage: where OpenAI has it, when asked for; always in a last chunk; always in
            that of the finish reason; or there in `x_groq`.
        apart: Whether tokens of reasoning come beside those of the completion instead of among them.
        cache: How cached tokens are told: OpenAI's details, or two further fields of DeepSeek's.
        comment: A comment that is sent before the stream's first event.
        envelope: Further fields of each answer and chunk.
        headers: Headers in place of OpenAI's; None for OpenAI's own.
        key_header: Which header carries the key.
        open_door: Whether no key is needed.
        quota_status: The status of an exhausted balance.
        prefill: How it is told to go on with an answer that was begun (see `openai_prefill`).
        refusals: Whether a message has the field `refusal`.
        filters: Whether Azure's content filter annotates everything.
    """

    name: str = "openai"
    roots: tuple[str, ...] = ()
    models: tuple[str, ...] = LISTED_MODELS
    endpoints: frozenset[str] | None = None
    unknown: Literal["refused", "unprocessable", "ignored"] = "refused"
    extra: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    refused_in_messages: frozenset[str] = frozenset()
    developer: bool = True
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    thinkers_refuse: frozenset[str] = frozenset()
    dimensions: str = "dimensions"
    errors: Callable[[OpenAIError], Document] = OpenAIError.document
    error_event: Callable[[Document, str], Document] | None = None
    thinkers: tuple[str, ...] = ()
    reasoning: str | None = None
    identifier: str = ""
    usage: Usage = "asked"
    apart: bool = False
    cache: Literal["details", "deepseek"] = "details"
    comment: str | None = None
    envelope: Mapping[str, object] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] | None = None
    key_header: Literal["authorization", "api-key"] = "authorization"
    open_door: bool = False
    quota_status: int = 429
    prefill: Prefill = ""
    refusals: bool = False
    filters: bool = False

    def offers(self, endpoint: str) -> bool:
        """Whether the vendor has this endpoint at all."""
        return self.endpoints is None or endpoint in self.endpoints

    @property
    def message_fields(self) -> frozenset[str] | None:
        """What a message of the assistant may have beside OpenAI's fields; None for anything."""
        if self.unknown == "ignored":
            return None
        more = {self.reasoning} if self.reasoning else set()
        return frozenset(more | {"prefix"}) if self.prefill == "prefix" else frozenset(more)

    def call(self, identifier: str) -> str:
        """What it calls a call of a tool."""
        return identifier[:9] if self.identifier else f"call_{identifier}"

    def thinks(self, model: str) -> bool:
        """Whether a model reasons before it answers."""
        name = model.lower()
        if self.thinkers:
            return any(part in name for part in self.thinkers)
        own = name.rpartition("/")[2]
        return own.startswith(("o1", "o3", "o4", "gpt-5")) and not own.startswith("gpt-5-chat")


OPENAI: Final = Flavour(refusals=True)
