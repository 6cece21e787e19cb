"""What all vendors of language models share, whatever their format: an account, its address and its settings."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, BeforeValidator

from segue.config.problems import Unusable, kind_of, shown
from segue.core.failure import Failure
from segue.core.outcome import Outcome
from segue.core.ports import Authoriser, Codec, Meter, ProviderSpec, StreamReader, WireRequest
from segue.families.llm.allowance import METER
from segue.families.llm.asked import Asked
from segue.families.llm.codec import ChatCodec
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.passthrough import PASSTHROUGH, PassthroughCodec

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

Options = TypeVar("Options", bound=BaseModel)

JSON: Final[Mapping[str, str]] = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
}
"""The headers of every request with a body in JSON."""


@dataclass(frozen=True, slots=True)
class Account:
    """One configured account of a vendor; see `segue.core.ports.WireAdapter`.

    Attributes:
        authoriser: what signs its requests; `None` where a header with the key is enough.
        meter: what reads the vendor's rate limits from its answers.
    """

    codecs: Mapping[str, Codec]
    allow_private: bool = False
    authoriser: Authoriser | None = None
    meter: Meter = METER


def _nothing(_base: str) -> Mapping[str, Codec]:
    """What a vendor offers beside chat when its file does not say."""
    return {}


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor with one format of its own, a key in a header, and no settings.

    Attributes:
        id: the adapter's id in the configuration.
        base_url: where its API begins, without the final slash.
        endpoint: how it is spoken to at a base URL.
        environment: variables in which a key is looked for when there is no configuration.
        models: the catalogue for a configuration that lists no models; empty: any name is passed on.
        needs_key: whether it refuses requests without one.
        priority: its place among vendors that were found in the environment; lower is tried earlier.
        others: the codecs of what it offers beside chat, from its base URL.
    """

    id: str
    base_url: str
    endpoint: Callable[[str], Endpoint]
    environment: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    needs_key: bool = True
    priority: int = 1
    operations: frozenset[str] = frozenset({"chat"})
    others: Callable[[str], Mapping[str, Codec]] = _nothing

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats in which it is asked."""
        return (self.endpoint(self.base_url).format.id,)

    def build(self, spec: ProviderSpec) -> Account:
        """The adapter for one configured account."""
        base = (spec.base_url or self.base_url).rstrip("/")
        endpoint = self.endpoint(base)
        codecs: dict[str, Codec] = {
            "chat": ChatCodec([endpoint]),
            **self.others(base),
            PASSTHROUGH.id: PassthroughCodec(base, endpoint.headers),
        }
        return Account(codecs, spec.allow_private)


class ByModel:
    """Chooses the codec by the model, for vendors that speak several makers' formats at one address."""

    __slots__ = ("_choose",)

    def __init__(self, choose: Callable[[str], Codec]) -> None:
        self._choose = choose

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        return self._choose(candidate.model).encode(call, candidate)

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """See `Codec.decode`."""
        return self._choose(candidate.model).decode(call, candidate, status, headers, body)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """See `Codec.reader`."""
        return self._choose(candidate.model).reader(call, candidate, headers)

    def wants_stream(self, call: "Call") -> bool:
        """See `Codec.wants_stream`."""
        request: Asked = call.request
        return request.stream

    def formats(self, model: str) -> frozenset[str]:
        """See `ChatCodec.formats`."""
        return formats_of(self._choose(model), model)

    def carries(self, need: str, model: str) -> bool:
        """See `ChatCodec.carries`."""
        codec = self._choose(model)
        return not isinstance(codec, (ChatCodec, ByModel)) or codec.carries(need, model)


def formats_of(codec: Codec, model: str) -> frozenset[str]:
    """The wire formats in which a codec can ask a model; none where it does not tell."""
    return codec.formats(model) if isinstance(codec, (ChatCodec, ByModel)) else frozenset()


def options_of(model: type[Options], spec: ProviderSpec) -> Options:
    """The settings of an adapter's own, typed. The configuration has checked them before."""
    given: dict[str, Any] = dict(spec.options)
    if "base_url" in model.model_fields:
        given["base_url"] = spec.base_url
    # What was not given stands there as nothing, which is a default and no value that somebody wrote.
    return model.model_validate({name: value for name, value in given.items() if value is not None})


def with_version(base: str, version: str, versions: tuple[str, ...] = ()) -> str:
    """A base URL that ends with the version of the API: people write it with and without.

    Args:
        base: the address, without a slash at its end.
        version: what is added where the address has none, e.g. `v1`.
        versions: other versions that may stand in its place.
    """
    last = urlsplit(base).path.rpartition("/")[2]
    return base if last in {version, *versions} else f"{base}/{version}"


def word(pattern: str, example: str) -> Any:
    """A validator for a short text of a certain form, which becomes part of an address.

    Args:
        pattern: the whole text matches it.
        example: shown when another thing was given.
    """
    form = re.compile(pattern, re.ASCII)

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise Unusable(f"must be text such as {example}, not {kind_of(value)}")
        if not form.fullmatch(value):
            raise Unusable(f"must look like {example}, not {shown(value)}")
        return value

    return BeforeValidator(check)


def segment(text: str) -> str:
    """A name as one segment of a URL's path."""
    return quote(text, safe="")
