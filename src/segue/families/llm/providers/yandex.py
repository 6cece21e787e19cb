"""Yandex Cloud's models (yandex.cloud/en/docs/foundation-models/api-ref/authentication).

A `key` is the API key of a service account, an `iam_token` lives for twelve hours; either way the folder is told in a
header. The models' addresses (`gpt://folder/model`) are made from the folder, unless the name is such an address.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from segue.config.fields import Secret, Section
from segue.core.ports import ProviderSpec
from segue.families.llm.codec import ChatCodec
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.formats.yandex.format import PATH, YANDEX
from segue.families.llm.other.vendors import yandex_codecs
from segue.families.llm.vendor import JSON, Account, options_of, word

BASE: Final = "https://llm.api.cloud.yandex.net"
_SCHEMES: Final = ("gpt://", "ds://", "cls://")


class YandexOptions(Section):
    """Settings of Yandex's own."""

    folder: Annotated[str, word(r"[a-z0-9][a-z0-9-]{1,60}", "b1g0123456789abcdefg")]
    """The id of the folder in Yandex Cloud."""
    iam_token: Secret | None = None
    """An IAM token that somebody else renews (they live for 12 hours), instead of a `key`."""


@dataclass(frozen=True, slots=True)
class Yandex:
    """Yandex Cloud."""

    id: str = "yandex"
    environment: tuple[str, ...] = ("YANDEX_API_KEY", "YC_API_KEY")
    extra: Mapping[str, str] = field(default_factory=lambda: {"folder": "YANDEX_FOLDER_ID"})
    models: tuple[str, ...] = ("yandexgpt", "yandexgpt-lite")
    needs_key: bool = False
    priority: int = 1
    operations: frozenset[str] = frozenset({"chat", "embeddings"})
    formats: tuple[str, ...] = ("yandex",)
    sources: Mapping[str, str] = field(
        default_factory=lambda: {"github.com/yandex-cloud/cloudapi, ai/foundation_models/v1/text_common.proto": ""}
    )
    unsaid: tuple[str, ...] = ("headers of rate limits",)

    @property
    def options(self) -> type[YandexOptions]:
        """The model of its own settings."""
        return YandexOptions

    def build(self, spec: ProviderSpec) -> Account:
        """The adapter for one configured account."""
        options = options_of(YandexOptions, spec)
        base = (spec.base_url or BASE).rstrip("/")
        url = f"{base}{PATH}"
        token = "" if options.iam_token is None else options.iam_token.get_secret_value()
        folder = options.folder
        headers = _headers(folder, token)
        endpoint = Endpoint(YANDEX, lambda _model, _stream: url, headers, model=lambda model: model_uri(folder, model))
        others = yandex_codecs(base, headers, lambda model: embedding_uri(folder, model))
        return Account({"chat": ChatCodec([endpoint]), **others}, spec.allow_private)


def model_uri(folder: str, model: str) -> str:
    """The address of a model: `yandexgpt` is `gpt://folder/yandexgpt`; `yandexgpt/rc` names a version."""
    return model if model.startswith(_SCHEMES) else f"gpt://{folder}/{model}"


def embedding_uri(folder: str, model: str) -> str:
    """The address of a model of embeddings: `text-search-doc` is `emb://folder/text-search-doc/latest`."""
    if model.startswith("emb://"):
        return model
    return f"emb://{folder}/{model if '/' in model else f'{model}/latest'}"


def _headers(folder: str, token: str) -> Callable[[str], dict[str, str]]:
    def headers(secret: str) -> dict[str, str]:
        if secret:
            return {**JSON, "authorization": f"Api-Key {secret}", "x-folder-id": folder}
        return {**JSON, "authorization": f"Bearer {token}", "x-folder-id": folder} if token else dict(JSON)

    return headers


ADAPTER = Yandex()
