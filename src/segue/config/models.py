"""What a configuration is: the sections, their keys, and what each means.

The docstring under a key is the one source of its description: `segue schema` and editors show it, and a test holds
the reference in the documentation against it. Only what works is here; any other key is refused as unknown.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, PrivateAttr, SecretStr, WithJsonSchema

from segue.config.addresses import BaseUrl, CorsOrigin, StoreUrl
from segue.config.fields import (
    REFERENCE,
    BodySize,
    Flag,
    Grace,
    Held,
    Rest,
    Secret,
    Section,
    Share,
    Wait,
    WhenCut,
    choice,
    list_of,
    text,
    whole,
    whole_schema,
)
from segue.config.listed import Listed, ModelSettings, Tiers
from segue.config.mapping import Forwarded, Keyed, KeySettings, ModelMap, Overrides, Tags
from segue.config.pricing import Prices

MOST_KEYS = 1000
MOST_FORWARDED = 32


class Cors(Section):
    """Which web pages may call Segue from a browser."""

    origins: Annotated[tuple[CorsOrigin, ...], list_of("origins", most=100)] = Field(json_schema_extra={"minItems": 1})
    """Origins such as `https://app.example.com`, or `"*"` for every page."""
    max_age: Wait = Field(default=600.0, json_schema_extra={"default": "10m"})
    """How long a browser may remember the answer."""


class Fetch(Section):
    """What Segue fetches itself: images and documents by their address, for providers that take them as data only."""

    enabled: Flag = True
    """Whether it does. If not, such a request is refused, unless another provider takes the address itself."""
    allow_private_network: Flag = False
    """Whether addresses on this machine and in private networks may be fetched, too. Callers can then find out what
    answers there."""
    proxy: Flag = False
    """Whether what goes through a proxy of the environment may be fetched. A proxy resolves names itself, so it is then
    the proxy that must keep callers away from private addresses."""
    timeout: Wait = Field(default=10.0, json_schema_extra={"default": "10s"})
    """For all that one attempt needs; half of the attempt's own time at most."""
    size: BodySize = Field(default=32 * 1024 * 1024, json_schema_extra={"default": "32MiB"})
    """For all that one call needs. Of a single one a provider takes less."""


class Server(Section):
    """Where Segue listens and what it takes on."""

    host: Annotated[str, text("127.0.0.1", longest=253)] = "127.0.0.1"
    """The address to listen on. `0.0.0.0` is every address of the machine."""
    port: Annotated[int, whole(0, 65535), whole_schema(0, 65535)] = 3002
    """The TCP port; 0 takes any free one."""
    body_limit: BodySize = Field(default=32 * 1024 * 1024, json_schema_extra={"default": "32MiB"})
    """The largest request body; a larger one is answered with 413."""
    shutdown_timeout: Grace = Field(default=30.0, json_schema_extra={"default": "30s"})
    """How long calls under way may take to finish when Segue stops."""
    max_calls: Annotated[int, whole(1, 1_000_000), whole_schema(1, 1_000_000)] = 10_000
    """Calls under way at once; the next one is answered with 503."""
    cors: Cors | None = None
    """Which web pages may call Segue from a browser; without it none may."""
    fetch: Fetch | None = None
    """What Segue fetches by itself when a provider takes images or documents as data only; without it by the defaults
    below."""

    @property
    def fetching(self) -> Fetch:
        """`fetch`, or its defaults."""
        return self.fetch or Fetch()


class Auth(Section):
    """Who may call."""

    mode: Annotated[str, choice("keys", "open"), WithJsonSchema({"anyOf": [{"enum": ["keys", "open"]}, REFERENCE]})] = (
        "keys"
    )
    """`keys`: callers show a key made with `segue keys create`. `open`: anybody may call, on loopback only."""
    force: Flag = False
    """With `mode: open`, listen on other addresses than loopback too. Whoever reaches the port spends your money."""


class Provider(Section):
    """One account or source that can serve calls. Further keys are those of its adapter."""

    adapter: Annotated[str, text("openai")]
    """How the provider is spoken to: the id of an adapter."""
    base_url: BaseUrl | None = None
    """The address up to the paths of the API, when it is not the adapter's own."""
    key: Secret | None = None
    """The provider's key: `"${NAME}"` from the environment, or `file:/path`."""
    keys: Annotated[tuple[Keyed, ...] | None, list_of("keys", most=MOST_KEYS)] = Field(
        default=None, json_schema_extra={"minItems": 1}
    )
    """Several keys that take turns, each with its own health; one of which more is to be said is a mapping. Not
    together with `key`."""
    models: Listed | None = None
    """The models that it serves: a list of names, or a mapping from names to what is known of them. `"*"` serves any
    name asked for as `provider/name`. Without it: the adapter's catalogue."""
    tags: Tags = ()
    """Words by which selectors and `x-segue-only: tag:…` choose all of its models."""
    model_map: ModelMap = Field(default_factory=dict)
    """What the provider itself calls models: names, or patterns with one `*`, and its own name for each."""
    overrides: Overrides = Field(default_factory=Overrides)
    """What is changed in every request to it."""
    forward_headers: Annotated[tuple[Forwarded, ...], list_of("headers", most=MOST_FORWARDED, least=0)] = ()
    """Headers of the client's that are sent on to it, such as `x-trace-id`."""
    priority: Annotated[int, whole(0, 1_000_000), whole_schema(0, 1_000_000)] = 1
    """Lower is tried earlier."""
    weight: Annotated[int, whole(1, 1_000_000), whole_schema(1, 1_000_000)] = 1
    """The share among providers of equal priority."""
    enabled: Flag = True
    """Whether it takes part."""
    allow_private_network: Flag = False
    """Whether its address may be on this machine or in a private network."""
    catch_all: Flag = False
    """Whether it also serves bare names that nobody lists. Needs `models: ["*"]`."""

    _options: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def options(self) -> Mapping[str, Any]:
        """The adapter's own settings, validated by its model."""
        return self._options

    def with_options(self, options: Mapping[str, Any]) -> Self:
        """A copy with the settings of its adapter."""
        copy = self.model_copy()
        copy._options = options
        return copy

    @property
    def all_keys(self) -> tuple[SecretStr, ...]:
        """`key` or `keys`; empty when there are none."""
        return tuple(one.key for one in self.key_settings)

    @property
    def key_settings(self) -> tuple[KeySettings, ...]:
        """The same with what is said of each."""
        return self.keys or ((KeySettings(key=self.key),) if self.key is not None else ())

    @property
    def wildcard(self) -> bool:
        """Whether it serves any model asked for by `provider/name`."""
        return self.models is not None and "*" in self.models

    @property
    def listed(self) -> Mapping[str, ModelSettings] | None:
        """The models it lists, without the wildcard; `None` when the adapter's catalogue counts."""
        return None if self.models is None else {name: info for name, info in self.models.items() if name != "*"}


class Alias(Section):
    """A name that callers use. In the file its tiers may stand alone in its place."""

    tiers: Tiers
    """The tiers of `provider/model` behind the name, tried in order."""
    hold: Held | None = None
    """How much of a stream asked for by this name is kept back; without it what the policy says."""
    on_cut: WhenCut | None = None
    """What follows when a stream asked for by this name breaks after it was shown; without it what the policy says."""


class Timeouts(Section):
    """How long the phases of one attempt may take."""

    connect: Wait | None = None
    """Until a connection stands, TLS included."""
    total: Wait | None = None
    """Until an answer that is not streamed is whole."""
    first_byte: Wait | None = None
    """Until a stream's headers came."""
    first_content: Wait | None = None
    """Until a stream's first content came, from the start of the attempt."""
    idle: Wait | None = None
    """Between two chunks of a stream."""
    stream: Wait | None = None
    """For a stream as a whole."""


class Breaker(Section):
    """When a provider is left alone, and how it comes back."""

    failures: Annotated[int | None, whole(1, 10_000), whole_schema(1, 10_000)] = None
    """Consecutive failures that open the breaker."""
    rate: Share | None = None
    """Share of failures within `window` that opens it."""
    window: Wait | None = None
    """Over which the share is taken."""
    min_calls: Annotated[int | None, whole(1, 1_000_000), whole_schema(1, 1_000_000)] = None
    """Attempts within `window` below which the share means nothing."""
    open_for: Rest | None = None
    """How long it stays open before a probe is let through."""
    successes: Annotated[int | None, whole(1, 1000), whole_schema(1, 1000)] = None
    """Probes that must succeed before it closes."""


_STEP_SCHEMA = WithJsonSchema({"anyOf": [{"enum": ["stop", "elsewhere"]}, REFERENCE]})


class OnFailure(Section):
    """What to do after failures of which it is a matter of opinion: `stop` and tell the caller, or ask `elsewhere`."""

    content_filter: Annotated[str | None, choice("stop", "elsewhere"), _STEP_SCHEMA] = None
    """A provider refused for the content."""
    not_found: Annotated[str | None, choice("stop", "elsewhere"), _STEP_SCHEMA] = None
    """A valid question that this provider has no answer to: no such place."""


class Policy(Section):
    """The numbers for some operations; what is not given comes from the less specific policy."""

    strategy: Annotated[str | None, text("priority")] = None
    """How providers of equal rank are ordered: the id of a strategy."""
    retries: Annotated[int | None, whole(0, 20), whole_schema(0, 20)] = None
    """Further tries of the same candidate after a failure that a retry may mend."""
    max_attempts: Annotated[int | None, whole(1, 100), whole_schema(1, 100)] = None
    """All attempts of one call, at all candidates together."""
    deadline: Wait | None = None
    """For the whole call; for a stream until its first content."""
    timeouts: Timeouts | None = None
    """How long the phases of one attempt may take."""
    hold: Held | None = None
    """How much of a stream is kept back, so that a failure before it is repaired unseen."""
    on_cut: WhenCut | None = None
    """What follows when a stream breaks after it was shown: an `error`, or another attempt that goes on with it."""
    breaker: Breaker | None = None
    """When a provider is left alone, and how it comes back."""
    on_failure: OnFailure | None = None
    """What to do after failures of which it is a matter of opinion."""


class Settings(Section):
    """A whole configuration.

    `model_fields_set` names the sections that were given: a library that was given no `store` writes no file.
    """

    server: Server = Field(default_factory=Server)
    """Where Segue listens and what it takes on."""
    store: StoreUrl = "sqlite:///segue.db"
    """Where keys and records are kept: `sqlite:///relative.db`, `sqlite:////absolute/path.db`, or `sqlite://` for
    memory only."""
    state: Annotated[str, choice("memory"), WithJsonSchema({"anyOf": [{"const": "memory"}, REFERENCE]})] = "memory"
    """Where breakers and counters live: `memory` is this process."""
    auth: Auth = Field(default_factory=Auth)
    """Who may call."""
    providers: Mapping[str, Provider] = Field(default_factory=dict)
    """The accounts and sources that serve calls, by an id of your choice."""
    models: Mapping[str, Alias] = Field(default_factory=dict)
    """Names that callers use, and the tiers of `provider/model` behind each, tried in order."""
    policies: Mapping[str, Policy] = Field(default_factory=dict)
    """The numbers by `default`, family, operation, or a pattern of operations such as `weather.*`."""
    prices: Prices = Field(default_factory=Prices)
    """Where prices come from, and those of your own."""
