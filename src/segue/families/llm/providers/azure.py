"""Azure OpenAI (learn.microsoft.com/azure/ai-foundry/openai/reference).

Since version v1 of its interface a resource speaks as OpenAI does under `/openai/v1`. With `api_version` the older
interface is used, where a deployment in the path stands for the model. Either way the model is the name of a
deployment; where that is another, `deployments` maps one to the other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from segue.config.addresses import BaseUrl
from segue.config.fields import REFERENCE, text
from segue.config.problems import Unusable, kind_of
from segue.core.ports import ProviderSpec
from segue.families.llm.compatible import PATHS, FormatsOptions, OpenAICompatible
from segue.families.llm.history import LONG_IDS
from segue.families.llm.other.vendors import OPENAI_OPERATIONS, codecs_for
from segue.families.llm.passthrough import PASSTHROUGH, PassthroughCodec
from segue.families.llm.vendor import JSON, Account, options_of, segment

_DEPLOYED: Final = "/openai/deployments/"
MOST_DEPLOYMENTS: Final = 1000


def _deployments(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Unusable(f"must be a mapping such as {{gpt-4o: my-deployment}}, not {kind_of(value)}")
    if len(value) > MOST_DEPLOYMENTS:
        raise Unusable(f"has {len(value)} entries, more than {MOST_DEPLOYMENTS}")
    for model, deployment in value.items():
        if not (isinstance(model, str) and isinstance(deployment, str) and deployment.strip()):
            raise Unusable("must map names of models to names of deployments: {gpt-4o: my-deployment}")
    return {str(model): str(deployment) for model, deployment in value.items()}


class AzureOptions(FormatsOptions):
    """Settings of Azure's own."""

    base_url: BaseUrl
    """The address of the resource, such as `https://acme.openai.azure.com`."""
    api_version: Annotated[str | None, text("2024-10-21", longest=40)] = None
    """The version of the older interface, by deployments in the path. Without it `/openai/v1` is used."""
    deployments: Annotated[
        Mapping[str, str],
        BeforeValidator(_deployments),
        WithJsonSchema({"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, REFERENCE]}}),
    ] = Field(default_factory=dict)
    """Names of deployments by the names of models, where they differ."""


def _headers(secret: str) -> dict[str, str]:
    return {**JSON, "api-key": secret} if secret else dict(JSON)


@dataclass(frozen=True, slots=True)
class Azure(OpenAICompatible):
    """Azure OpenAI."""

    @property
    def options(self) -> type[AzureOptions]:
        """The model of its own settings."""
        return AzureOptions

    def build(self, spec: ProviderSpec) -> Account:
        """The adapter for one configured account."""
        options = options_of(AzureOptions, spec)
        root = options.base_url.removesuffix("/v1").removesuffix("/openai")
        names = options.deployments
        codec = self.chat(
            f"{root}/openai/v1",
            options.formats or self.formats,
            _headers,
            url=None if options.api_version is None else _versioned(root, options.api_version),
            name=lambda model: names.get(model, model),
            fetches=spec.fetches,
        )
        others = codecs_for(
            f"{root}/openai/v1",
            _headers,
            self.operations,
            url=None if options.api_version is None else _deployed(root, options.api_version),
            name=lambda model: names.get(model, model),
        )
        through = PassthroughCodec(f"{root}/openai/v1", _headers)
        return Account({"chat": codec, **others, PASSTHROUGH.id: through}, spec.allow_private)


def _deployed(root: str, version: str) -> Callable[[str, str], str]:
    """Addresses of the older interface for everything beside chat."""
    query = f"?api-version={segment(version)}"
    return lambda path, deployment: f"{root}{_DEPLOYED}{segment(deployment)}{path}{query}"


def _versioned(root: str, version: str) -> Callable[[str, str], str]:
    """Addresses of the older interface; its Responses know the deployment by the body alone."""
    query = f"?api-version={segment(version)}"

    def url(format_: str, deployment: str) -> str:
        if format_ == "chat":
            return f"{root}{_DEPLOYED}{segment(deployment)}{PATHS[format_]}{query}"
        return f"{root}/openai{PATHS[format_]}{query}"

    return url


ADAPTER = Azure(
    id="azure",
    operations=OPENAI_OPERATIONS - {"moderations"} | {"chat"},
    base_url="",
    environment=("AZURE_OPENAI_API_KEY",),
    formats=("chat", "responses"),
    flags=frozenset({"allowed_tools"}),
    history=frozenset({LONG_IDS}),
    losses={},
    sources={"learn.microsoft.com/azure/foundry/openai/api-version-lifecycle": ""},
    unsaid=("which of OpenAI's newest settings a deployment takes: it depends on its model and version",),
    extra={"base_url": "AZURE_OPENAI_ENDPOINT"},
)
