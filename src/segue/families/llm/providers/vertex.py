"""Google's Vertex AI: Gemini and Claude under one roof (cloud.google.com/vertex-ai/generative-ai/docs/reference/rest).

Whose model it is is told by its name: `claude-…` is Anthropic's, everything else Google's. Claude is asked in
Anthropic's format, but its model stands in the URL and the version of the format in the body
(docs: "Use Anthropic's Claude models", Vertex AI).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec
from pydantic import BeforeValidator, WithJsonSchema

from segue.config.fields import REFERENCE, Secret, Section
from segue.config.problems import Unusable, kind_of
from segue.core.ports import Codec, ProviderSpec
from segue.families.llm import prefill
from segue.families.llm.asked import split_top
from segue.families.llm.auth.google import GoogleAuthoriser, GoogleFile, GoogleTokens, WrongFile, read_credentials
from segue.families.llm.claude import claude_flags
from segue.families.llm.codec import ChatCodec
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.messages.threads import THREAD, continued
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.losses import cannot
from segue.families.llm.other.counting import CountCodec
from segue.families.llm.other.embeddings import EmbeddingsCodec
from segue.families.llm.other.vertex import VertexEmbedContent, VertexPredict, embeds_content
from segue.families.llm.vendor import JSON, Account, ByModel, options_of, segment, with_version, word

ANTHROPIC_VERSION: Final = msgspec.Raw(b'"vertex-2023-10-16"')
_WIDE: Final = frozenset({"us", "eu"})
"""Places that are several regions; they have hosts of another form."""


def _credentials(value: object) -> GoogleFile:
    if isinstance(value, GoogleFile):
        return value
    if isinstance(value, Mapping):
        value = msgspec.json.encode(dict(value)).decode()
    if not isinstance(value, str):
        raise Unusable(f"must be file:/path/to/key.json, or the content of such a file, not {kind_of(value)}")
    try:
        return read_credentials(value)
    except WrongFile as wrong:
        raise Unusable(str(wrong)) from None


class VertexOptions(Section):
    """Settings of Vertex AI's own."""

    project: Annotated[str, word(r"[a-z0-9][a-z0-9.:-]{3,100}", "my-project")]
    """The id of the Google Cloud project."""
    location: Annotated[str, word(r"[a-z]{2,20}(-[a-z]{2,20}\d{1,2})?", "europe-west1")] = "global"
    """The region, such as `europe-west1`; `us` or `eu` for several, `global` for any."""
    credentials: Annotated[
        Any,
        BeforeValidator(_credentials),
        WithJsonSchema({"anyOf": [{"type": "object"}, REFERENCE, {"type": "string"}]}),
    ] = None
    """The key of a service account, or the credentials of a user: `file:/path/to/key.json`, or its content. Without
    it: GOOGLE_APPLICATION_CREDENTIALS, what `gcloud` has stored, or the machine's own."""
    access_token: Secret | None = None
    """An access token that somebody else renews, instead of `credentials`. A `key` means the same."""


@dataclass(frozen=True, slots=True)
class Vertex:
    """Vertex AI.

    Attributes:
        environ: the variables of the process, in which credentials are looked for when a call needs them.
    """

    id: str = "vertex"
    environment: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    needs_key: bool = False
    priority: int = 1
    operations: frozenset[str] = frozenset({"chat", "embeddings", "count_tokens"})
    formats: tuple[str, ...] = ("gemini", "messages")
    sources: Mapping[str, str] = field(
        default_factory=lambda: {
            "github.com/googleapis/googleapis, cloud/aiplatform/v1/prediction_service.proto": "2026-08-22",
            "embeddings as google-genai 3.4.0 asks for them": "",
        }
    )
    unsaid: tuple[str, ...] = ("how many texts `batchEmbedContents` takes there",)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def options(self) -> type[VertexOptions]:
        """The model of its own settings."""
        return VertexOptions

    def build(self, spec: ProviderSpec) -> Account:
        """The adapter for one configured account."""
        options = options_of(VertexOptions, spec)
        base = with_version((spec.base_url or _host(options.location)).rstrip("/"), "v1", ("v1beta1",))
        root = f"{base}/projects/{options.project}/locations/{options.location}/publishers"
        codecs = {"google": ChatCodec([_google(root)]), "anthropic": ChatCodec([_anthropic(root)])}
        tokens = GoogleTokens(options.credentials, self.environ, allow_private=spec.allow_private)
        given = "" if options.access_token is None else options.access_token.get_secret_value()
        chat = ByModel(lambda model: codecs[publisher(model)])
        counts = {"google": _google_count(root), "anthropic": _anthropic_count(root)}
        count = ByModel(lambda model: counts[publisher(model)])
        vectors = ByModel(_embeddings(root))
        codecs_of = {"chat": chat, "count_tokens": count, "embeddings": vectors}
        return Account(codecs_of, spec.allow_private, GoogleAuthoriser(tokens, given))


def publisher(model: str) -> str:
    """Who made a model, by its name."""
    return "anthropic" if model.startswith("claude") else "google"


def _host(location: str) -> str:
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in _WIDE:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def _google(root: str) -> Endpoint:
    def url(model: str, stream: bool) -> str:
        name = segment(model.removeprefix("models/"))
        return f"{root}/google/models/{name}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"

    return Endpoint(GEMINI, url, _headers, flags=frozenset({"labels"}), prefill=prefill.GEMINI)


def _anthropic(root: str) -> Endpoint:
    def url(model: str, stream: bool) -> str:
        return f"{root}/anthropic/models/{segment(model)}:{'streamRawPredict' if stream else 'rawPredict'}"

    return Endpoint(MESSAGES, url, _headers, model_flags=claude_flags, finish=_as_vertex, prefill=prefill.CLAUDE)


def _google_count(root: str) -> CountCodec:
    def url(model: str) -> str:
        return f"{root}/google/models/{segment(model.removeprefix('models/'))}:countTokens"

    return CountCodec(GEMINI.id, url, _headers, whole=False)


def _embeddings(root: str) -> Callable[[str], Codec]:
    def action(what: str) -> Callable[[str], str]:
        return lambda model: f"{root}/google/models/{segment(model.removeprefix('models/'))}:{what}"

    gemini = EmbeddingsCodec(VertexEmbedContent(), action("embedContent"), _headers)
    older = EmbeddingsCodec(VertexPredict(), action("predict"), _headers)
    return lambda model: gemini if embeds_content(model) else older


def _anthropic_count(root: str) -> CountCodec:
    url = f"{root}/anthropic/models/count-tokens:rawPredict"
    return CountCodec(MESSAGES.id, lambda _model: url, _headers, finish=_with_version)


def _with_version(body: bytes, _target: str, _warnings: list[str]) -> bytes:
    """Whose tokens are counted stands in the body, as it does at Anthropic."""
    return msgspec.json.encode({"anthropic_version": ANTHROPIC_VERSION, **split_top(body)})


def _headers(_secret: str) -> dict[str, str]:
    return dict(JSON)


def _as_vertex(body: bytes, target: str, warnings: list[str]) -> bytes:
    fields = split_top(body)
    del fields["model"]
    if THREAD in fields:  # known to Anthropic's own endpoints only
        if continued(fields.pop(THREAD)):
            needs = f"{MESSAGES.id}.{Field.THREAD}"
            raise cannot(target, f"{THREAD!r}: lies with its vendor", needs=needs, param=THREAD)
        warnings.append(f"{THREAD} left out for {target}")
    fields.setdefault("anthropic_version", ANTHROPIC_VERSION)
    return msgspec.json.encode(fields)


ADAPTER = Vertex()
