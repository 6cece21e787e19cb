"""Vendors that speak OpenAI's formats: each is a few lines of data.

What differs between them is the address, the name of the variable that holds the key, which of the formats they
speak, and a few habits. All of that is written in one file for each vendor under `providers/`; none of it is code.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from segue.config.fields import REFERENCE, Section
from segue.config.problems import Unusable, did_you_mean, kind_of, shown
from segue.core.ports import CannotServe, Codec, ProviderSpec, WireRequest
from segue.families.llm.asked import split_top
from segue.families.llm.codec import ChatCodec
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.formats.openai_chat import OpenAIChat, bearer
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.habits import NO_HABITS, Habits
from segue.families.llm.history import ANYTHING
from segue.families.llm.ir.format import ProviderFormat
from segue.families.llm.ir.losses import Losses
from segue.families.llm.other.vendors import codecs_for
from segue.families.llm.passthrough import PASSTHROUGH, PassthroughCodec
from segue.families.llm.prefill import Prefill
from segue.families.llm.request import ChatRequest
from segue.families.llm.stops import refuses_stops
from segue.families.llm.vendor import Account

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

FORMATS: Final[Mapping[str, ProviderFormat]] = {"chat": CHAT, "responses": RESPONSES}
PATHS: Final[Mapping[str, str]] = {"chat": "/chat/completions", "responses": "/responses"}
"""What follows the base URL, by the format's name."""

Url = Callable[[str, bool], str]
Headers = Callable[[str], dict[str, str]]

OPENAI_MODELS: Final = (
    *("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "o3", "o4-mini", "gpt-5", "gpt-5-mini"),
    *("gpt-5-nano", "gpt-5.1", "gpt-5.2", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.5"),
    *("gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna"),
)
"""The catalogue of OpenAI's own models (platform.openai.com/docs/models; as genai-prices has them on 2026-08-21)."""

LIMIT_IS_MAX_TOKENS: Final[Mapping[str, str]] = {"max_completion_tokens": "max_tokens"}
"""The limit's older name. Most imitators know only this one, and several ignore the newer one in silence."""


def _formats(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise Unusable(f"must be a list such as [chat], not {kind_of(value)}")
    for one in value:
        if one not in FORMATS:
            hint = did_you_mean(one, FORMATS) if isinstance(one, str) else f"choose among {', '.join(FORMATS)}"
            raise Unusable(f"unknown format {shown(one)}: {hint}")
    return tuple(dict.fromkeys(str(one) for one in value))


class FormatsOptions(Section):
    """Settings of vendors that speak more than one of OpenAI's formats."""

    formats: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(_formats),
        WithJsonSchema({"type": "array", "minItems": 1, "items": {"anyOf": [{"enum": [*FORMATS]}, REFERENCE]}}),
    ] = None
    """The formats that it speaks at this address, the preferred one first: `[chat]`, `[responses, chat]`. Without it:
    those of the vendor."""


@dataclass(frozen=True, slots=True)
class ShapedChat(OpenAIChat):
    """Chat Completions that pass through to a vendor with habits, or with the model's name in its URL.

    Attributes:
        url_of: the address by the vendor's name of the model.
        name_of: the vendor's name of a model, from the one in the configuration.
        habits: what the vendor calls things and refuses.
    """

    url_of: Callable[[str], str] | None = None
    name_of: Callable[[str], str] = str
    habits: Habits = NO_HABITS

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """The caller's body with the provider's name of the model, and with its words for settings."""
        request: ChatRequest = call.request
        model = self.name_of(candidate.model)
        warnings: list[str] = []
        fields = self.habits.of(model).edited(request.fields, candidate.name, warnings)
        if warnings:
            request.warnings[candidate.name] = warnings
        if fields is not request.fields:
            # Another one: the request belongs to the call, and other candidates must see it as it came.
            request = ChatRequest(dict(fields), request.size)
        url = self.url if self.url_of is None else self.url_of(model)
        body = request.body(model, ask_usage=self.stream_usage)
        return WireRequest("POST", url, self.headers(candidate.key.secret), body)

    def example(self, candidate: "Candidate") -> WireRequest:
        """See `ExpressCodec.example`."""
        url = self.url if self.url_of is None else self.url_of(self.name_of(candidate.model))
        return WireRequest("POST", url, self.headers(candidate.key.secret), b"{}")

    def body(self, body: bytes, model: str, candidate: "Candidate") -> bytes | None:  # noqa: ARG002 - the parent's own shape
        """See `ExpressCodec.body`; `None` where the vendor has other words for a setting, or refuses one."""
        name = self.name_of(candidate.model)
        fields, warnings = split_top(body), list[str]()
        try:
            edited = self.habits.of(name).edited(fields, candidate.name, warnings)
        except CannotServe:
            return None
        if edited is not fields or warnings:
            return None
        return msgspec.json.encode({**fields, "model": name})


@dataclass(frozen=True, slots=True)
class OpenAICompatible:
    """A vendor whose wire formats are OpenAI's.

    Attributes:
        id: the adapter's id in the configuration.
        base_url: where its API begins, without the final slash.
        environment: variables in which a key is looked for when there is no configuration.
        models: the catalogue for a configuration that lists no models; empty: any name is passed on.
        needs_key: whether it refuses requests without one.
        stream_usage: whether it knows `stream_options.include_usage`.
        operations: what it offers: `chat`, and of `other/vendors.PATHS` what its documentation lists.
        other_habits: what it calls settings of these, and which it refuses, by the operation's id.
        local: whether it usually runs on this machine: then private addresses are its normal place.
        priority: its place among vendors that were found in the environment; lower is tried earlier.
        formats: those of OpenAI's formats in which it is asked, the preferred one first.
        more_formats: those that it speaks, too, but not well enough to be asked in them unless that is configured
            (a Responses endpoint without memory, in beta): Segue's own translation does better.
        habits: what it calls settings of Chat Completions, and which it refuses.
        responses_habits: the same of Responses.
        flags: habits that the writers of the formats know (see `formats/chat/request_out.py`).
        losses: what it cannot do although its format can.
        history: what it takes back in the earlier turns of Chat Completions (see `history.py`).
        elsewhere: the same at a `base_url` of somebody else's, who speaks as this vendor does but may be less strict;
            `None`: the same as `history`.
        tools: tools that it runs by itself, by their types in OpenAI's formats; `openrouter:` means all that begin so.
        headers: headers that it wants besides.
        prefill: how it goes on with an answer that was begun, in Chat Completions; `None` where it does not.
        extra: what it needs besides a key when there is no configuration, as setting → variable.
        sources: where its documentation says this, and of what day the copy was (empty: it does not tell).
        unsaid: what its documentation does not say, for the page of the providers.
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
    formats: tuple[str, ...] = ("chat",)
    more_formats: tuple[str, ...] = ()
    habits: Habits = NO_HABITS
    responses_habits: Habits = NO_HABITS
    flags: frozenset[str] = frozenset()
    losses: Losses = field(default_factory=lambda: COMPATIBLE)
    history: frozenset[str] = ANYTHING
    elsewhere: frozenset[str] | None = None
    tools: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    prefill: Prefill | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    other_habits: Mapping[str, Habits] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()

    @property
    def options(self) -> type[BaseModel] | None:
        """The model of its own settings."""
        return FormatsOptions if len(self.formats) + len(self.more_formats) > 1 else None

    def build(self, spec: ProviderSpec) -> Account:
        """The adapter for one configured account."""
        formats = _chosen(spec) or self.formats
        base = (spec.base_url or self.base_url).rstrip("/")
        private = spec.allow_private or (self.local and spec.base_url is None)
        headers = headers_with(self.headers)
        codecs = {
            "chat": self._at(base).chat(base, formats, headers, fetches=spec.fetches),
            **self.others(base, headers),
            PASSTHROUGH.id: PassthroughCodec(base, headers),
        }
        return Account(codecs, private)

    def _at(self, base: str) -> "OpenAICompatible":
        """The vendor as it is at an address."""
        if self.elsewhere is None:
            return self
        own = (urlsplit(self.base_url).hostname or "").partition(".")[2]
        host = urlsplit(base).hostname or ""
        return self if host.endswith(f".{own}") else replace(self, history=self.elsewhere)

    def others(self, base: str, headers: Headers) -> Mapping[str, Codec]:
        """The codecs of what it offers beside `chat`."""
        return codecs_for(base, headers, self.operations, habits=self.other_habits, stream_usage=self.stream_usage)

    def chat(
        self,
        base: str,
        formats: tuple[str, ...],
        headers: Headers,
        *,
        url: Callable[[str, str], str] | None = None,
        name: Callable[[str], str] = str,
        fetches: bool = True,
    ) -> Codec:
        """The codec of `chat`.

        Args:
            base: where the API begins.
            formats: what is spoken there, the preferred one first.
            headers: from a key's secret.
            url: the address from a format's name and the vendor's name of a model, where the model is part of it.
            name: the vendor's name of a model.
            fetches: see `Endpoint`.
        """
        flags = self.flags if self.stream_usage else self.flags | {"no_stream_usage"}

        def endpoint(format_: str) -> Endpoint:
            address = _url_of(format_, base, url, name)
            habits = self.habits if format_ == "chat" else self.responses_habits
            finish = habits.finish if habits else None
            return Endpoint(
                FORMATS[format_],
                address,
                headers,
                flags=flags,
                losses=self.losses,
                model=name,
                finish=finish,
                prefill=self.prefill if format_ == "chat" else None,
                fetches=fetches,
                stopless=lambda model: refuses_stops(model) or habits.refuse("stop", model),
            )

        direct: OpenAIChat | None = None
        if "chat" in formats:
            plain = base + PATHS["chat"]
            if self.habits or url is not None:
                of = None if url is None else (lambda model: url("chat", model))
                direct = ShapedChat(plain, headers, self.stream_usage, of, name, self.habits)
            else:
                direct = OpenAIChat(plain, headers, self.stream_usage)
        return ChatCodec(
            [endpoint(one) for one in formats],
            direct,
            imitates=bool(self.losses),
            history=self.history,
            tools=self.tools,
        )


def _chosen(spec: ProviderSpec) -> tuple[str, ...] | None:
    given = spec.options.get("formats")
    return None if given is None else _formats(given)


def _url_of(format_: str, base: str, url: Callable[[str, str], str] | None, name: Callable[[str], str]) -> Url:
    if url is not None:
        return lambda model, _stream: url(format_, name(model))
    address = base + PATHS[format_]
    return lambda _model, _stream: address


def headers_with(more: Mapping[str, str]) -> Headers:
    """The usual headers and a vendor's own."""
    if not more:
        return bearer
    fixed: dict[str, Any] = dict(more)
    return lambda secret: {**bearer(secret), **fixed}
