"""Amazon Bedrock by its Converse API (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).

With a `key` (a Bedrock API key) it goes as a bearer's token; without one requests are signed with AWS credentials.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator

from segue.config.fields import REFERENCE, Secret, Section, text
from segue.config.problems import Unusable, did_you_mean, kind_of
from segue.core.ports import Codec, ProviderSpec
from segue.families.llm.auth.aws_credentials import AwsChain, AwsSettings
from segue.families.llm.auth.bedrock import BedrockAuthoriser
from segue.families.llm.codec import ChatCodec
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.formats.converse.format import CONVERSE, CONVERSE_OF_CLAUDE, Converse, format_of, path
from segue.families.llm.formats.converse.models import MAKER_FLAG
from segue.families.llm.formats.openai_chat import bearer
from segue.families.llm.linked import takes_of
from segue.families.llm.other.bedrock_count import BedrockCount
from segue.families.llm.other.vendors import bedrock_embeddings
from segue.families.llm.prefill import CLAUDE
from segue.families.llm.vendor import Account, ByModel, options_of, word

_MAKERS: Final = ("anthropic", "nova", "mistral", "cohere", "openai")


def _makers(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Unusable(f"must be a mapping such as {{my-profile-arn: anthropic}}, not {kind_of(value)}")
    for maker in value.values():
        if maker not in _MAKERS:
            raise Unusable(f"must map names of models to their makers: {did_you_mean(str(maker), _MAKERS)}")
    return {str(model): str(maker) for model, maker in value.items()}


class BedrockOptions(Section):
    """Settings of Bedrock's own."""

    region: Annotated[str, word(r"[a-z]{2}(-[a-z]{1,20}){1,3}-\d{1,2}", "eu-central-1")]
    """The AWS region, such as `eu-central-1`."""
    access_key_id: Annotated[str | None, text("${AWS_ACCESS_KEY_ID}", longest=200)] = None
    """An AWS access key, where it is not to come from the environment, a file or the machine."""
    secret_access_key: Secret | None = None
    """The secret of `access_key_id`."""
    session_token: Secret | None = None
    """The session token, when `access_key_id` is a temporary one."""
    profile: Annotated[str | None, text("default", longest=200)] = None
    """A profile of AWS's shared files, instead of the environment."""
    role_arn: Annotated[str | None, text("arn:aws:iam::123456789012:role/segue", longest=2048)] = None
    """A role that is taken on by way of the credentials that were found."""
    external_id: Annotated[str | None, text("acme-1", longest=1224)] = None
    """The external id that the owner of `role_arn` demands."""
    makers: Annotated[
        Mapping[str, str],
        BeforeValidator(_makers),
        WithJsonSchema({"type": "object", "additionalProperties": {"anyOf": [{"enum": [*_MAKERS]}, REFERENCE]}}),
    ] = Field(default_factory=dict)
    """Who made a model whose id does not tell, such as the ARN of an application profile: `{arn:…: anthropic}`."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise Unusable("'access_key_id' and 'secret_access_key' belong together: give both, or neither")
        return self


@dataclass(frozen=True, slots=True)
class Bedrock:
    """Amazon Bedrock.

    Attributes:
        environ: the variables of the process, in which credentials are looked for when a call needs them.
    """

    id: str = "bedrock"
    environment: tuple[str, ...] = ("AWS_BEARER_TOKEN_BEDROCK",)
    extra: Mapping[str, str] = field(default_factory=lambda: {"region": "AWS_REGION"})
    models: tuple[str, ...] = ()
    needs_key: bool = False
    priority: int = 1
    operations: frozenset[str] = frozenset({"chat", "embeddings", "count_tokens"})
    formats: tuple[str, ...] = ("converse",)
    sources: Mapping[str, str] = field(
        default_factory=lambda: {"the service model of Bedrock Runtime in botocore 1.44.5 (CountTokens, Converse)": ""}
    )
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def options(self) -> type[BedrockOptions]:
        """The model of its own settings."""
        return BedrockOptions

    def build(self, spec: ProviderSpec) -> Account:
        """The adapter for one configured account."""
        options = options_of(BedrockOptions, spec)
        region = options.region
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        base = (spec.base_url or f"https://bedrock-runtime.{region}.{suffix}").rstrip("/")
        settings = AwsSettings(
            region,
            options.access_key_id or "",
            _revealed(options.secret_access_key),
            _revealed(options.session_token),
            options.profile,
            options.role_arn or "",
            options.external_id or "",
            allow_private=spec.allow_private,
        )
        authoriser = BedrockAuthoriser(region, AwsChain(settings, self.environ))
        flags = _flags_by(options.makers)
        codecs: dict[str, Codec] = {
            "chat": _codec(base, flags, fetches=spec.fetches),
            "embeddings": ByModel(bedrock_embeddings(base, bearer)),
            "count_tokens": BedrockCount(base, bearer, flags, takes_of(CONVERSE.losses) if spec.fetches else {}),
        }
        return Account(codecs, spec.allow_private, authoriser)


def _flags_by(makers: Mapping[str, str]) -> Callable[[str], frozenset[str]]:
    def flags(model: str) -> frozenset[str]:
        maker = makers.get(model)
        return frozenset() if maker is None else frozenset({MAKER_FLAG + maker})

    return flags


def _codec(base: str, flags: Callable[[str], frozenset[str]], *, fetches: bool) -> ByModel:
    def url(model: str, stream: bool) -> str:
        return base + path(model, stream=stream)

    def codec(format_: Converse) -> ChatCodec:
        return ChatCodec([Endpoint(format_, url, bearer, model_flags=flags, prefill=CLAUDE, fetches=fetches)])

    forms = {CONVERSE: codec(CONVERSE), CONVERSE_OF_CLAUDE: codec(CONVERSE_OF_CLAUDE)}
    return ByModel(lambda model: forms[format_of(model, flags(model))])


def _revealed(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()


ADAPTER = Bedrock()
