"""Google's Gemini API (ai.google.dev/api/generate-content); Vertex AI is an adapter of its own."""

from typing import Final
from urllib.parse import quote

from segue.core.ports import Codec
from segue.families.llm import prefill
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.other.vendors import gemini_codecs
from segue.families.llm.vendor import JSON, Vendor, with_version

_COLLECTIONS: Final = ("models/", "tunedModels/")


def _headers(secret: str) -> dict[str, str]:
    return {**JSON, **({"x-goog-api-key": secret} if secret else {})}


def _endpoint(base: str) -> Endpoint:
    root = with_version(base, "v1beta", ("v1", "v1alpha"))

    def url(model: str, stream: bool) -> str:
        name = model if model.startswith(_COLLECTIONS) else f"models/{model}"
        return f"{root}/{quote(name)}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"

    return Endpoint(GEMINI, url, _headers, prefill=prefill.GEMINI)


def _others(base: str) -> dict[str, Codec]:
    return gemini_codecs(with_version(base, "v1beta", ("v1", "v1alpha")), _headers)


ADAPTER = Vendor(
    id="gemini",
    operations=frozenset({"chat", "embeddings", "count_tokens"}),
    others=_others,
    base_url="https://generativelanguage.googleapis.com/v1beta",
    endpoint=_endpoint,
    environment=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    # ai.google.dev/gemini-api/docs/models, as genai-prices has them on 2026-08-21
    models=(
        "gemini-3.7-flash",
        "gemini-3.6-flash",
        "gemini-3.5-flash",
        "gemini-3.5-flash-lite",
        "gemini-3.1-pro-preview",
        "gemini-3.1-flash-lite",
        "gemini-3-pro-preview",
        "gemini-2.5-pro",
        "gemini-2.5-flash",
        "gemini-2.5-flash-lite",
        "gemini-embedding-001",
    ),
)
