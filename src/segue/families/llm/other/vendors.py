"""What a vendor's file under `providers/` says of the operations beside chat, made into codecs.

A vendor that imitates OpenAI names the operations that it has; what it does otherwise (another word for a setting,
another shape of a ranking) is data. `codecs_for` makes the rest of it.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final
from urllib.parse import quote

from segue.core.ports import Codec
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.habits import NO_HABITS, Habits
from segue.families.llm.other.counting import CountCodec
from segue.families.llm.other.dialects import (
    CohereEmbeddings,
    GeminiEmbeddings,
    OllamaEmbeddings,
    OpenAIEmbeddings,
    YandexEmbeddings,
)
from segue.families.llm.other.embeddings import EmbeddingsCodec
from segue.families.llm.other.invoke import CohereOnBedrock, TitanEmbeddings
from segue.families.llm.other.passing import Passing
from segue.families.llm.other.quantised import PerplexityEmbeddings
from segue.families.llm.other.rerank import COHERE, JINA, RerankCodec
from segue.families.llm.other.shaped import ShapedCodec
from segue.families.llm.other.shapes import MistralSpeech, OpenRouterTranscripts, XaiPictures

PATHS: Final[Mapping[str, str]] = {
    "embeddings": "/embeddings",
    "completions": "/completions",
    "moderations": "/moderations",
    "rerank": "/rerank",
    "images.generate": "/images/generations",
    "images.edit": "/images/edits",
    "audio.transcribe": "/audio/transcriptions",
    "audio.translate": "/audio/translations",
    "audio.speech": "/audio/speech",
}
"""What follows the base URL, by the operation's id; all but `rerank` are OpenAI's."""

OPENAI_OPERATIONS: Final = frozenset(PATHS) - {"rerank"}
"""What OpenAI itself offers beside chat."""

Headers = Callable[[str], Mapping[str, str]]
Url = Callable[[str, str], str]


def codecs_for(
    base_url: str,
    headers: Headers,
    operations: Collection[str],
    *,
    habits: Mapping[str, Habits] | None = None,
    stream_usage: bool = True,
    url: Url | None = None,
    name: Callable[[str], str] = str,
) -> dict[str, Codec]:
    """Codecs of a vendor that imitates OpenAI (and Jina, for rankings).

    Args:
        base_url: where its API begins, without the final slash.
        headers: from a key's secret.
        operations: those that it has; `chat` and others that are not in `PATHS` are passed over.
        habits: what it calls settings, and refuses, by the operation's id.
        stream_usage: whether it knows `stream_options.include_usage` in legacy completions.
        url: the address from an operation's path and the vendor's name of a model, where the model is part of it.
        name: the vendor's name of a model, from the one in the configuration.
    """
    codecs: dict[str, Codec] = {}
    for operation, path in PATHS.items():
        if operation not in operations:
            continue
        address = _address(base_url, path, url)
        own = (habits or {}).get(operation, NO_HABITS)
        passing = Passing(operation, address, headers, name, own, stream_usage)
        if operation == "embeddings":
            codecs[operation] = EmbeddingsCodec(OpenAIEmbeddings(own), address, headers, name, passing)
        elif operation == "rerank":
            codecs[operation] = RerankCodec(JINA, address, headers, name)
        else:
            codecs[operation] = passing
    return codecs


def cohere_codecs(root: str, headers: Headers) -> dict[str, Codec]:
    """Cohere's own `v2/embed` and `v2/rerank`. `root`: the address without a version."""
    return {
        "embeddings": EmbeddingsCodec(CohereEmbeddings(), _fixed(f"{root}/v2/embed"), headers),
        "rerank": RerankCodec(COHERE, _fixed(f"{root}/v2/rerank"), headers),
    }


def ollama_codecs(root: str, headers: Headers) -> dict[str, Codec]:
    """Ollama's own `/api/embed`. `root`: the address without `/v1`."""
    return {"embeddings": EmbeddingsCodec(OllamaEmbeddings(), _fixed(f"{root}/api/embed"), headers)}


def yandex_codecs(root: str, headers: Headers, name: Callable[[str], str]) -> dict[str, Codec]:
    """Yandex's `textEmbedding`. `name`: the address of a model."""
    url = _fixed(f"{root}/foundationModels/v1/textEmbedding")
    return {"embeddings": EmbeddingsCodec(YandexEmbeddings(), url, headers, name)}


def openrouter_codecs(base: str, headers: Headers) -> dict[str, Codec]:
    """OpenRouter's sound: transcripts in a shape of its own; speech in OpenAI's, whose usual form must be named."""
    speech = Passing(
        "audio.speech",
        _fixed(f"{base}/audio/speech"),
        headers,
        habits=Habits(warns=("instructions",), refuses=("stream_format",), only={"stream_format": ('"audio"',)}),
        defaults={"response_format": b'"mp3"'},
    )
    url = f"{base}/audio/transcriptions"
    return {"audio.speech": speech, "audio.transcribe": ShapedCodec(OpenRouterTranscripts(), url, headers)}


def mistral_codecs(base: str, headers: Headers) -> dict[str, Codec]:
    """Mistral's speech, in a shape of its own."""
    return {"audio.speech": ShapedCodec(MistralSpeech(), f"{base}/audio/speech", headers)}


def xai_codecs(base: str, headers: Headers) -> dict[str, Codec]:
    """The changed pictures of xAI, in a shape of their own."""
    return {"images.edit": ShapedCodec(XaiPictures(), f"{base}/images/edits", headers)}


def perplexity_codecs(base: str, headers: Headers) -> dict[str, Codec]:
    """Perplexity's embeddings, in a shape of their own."""
    return {"embeddings": EmbeddingsCodec(PerplexityEmbeddings(), _fixed(f"{base}/embeddings"), headers)}


def bedrock_embeddings(root: str, headers: Headers) -> Callable[[str], Codec]:
    """The codec of `embeddings` on Bedrock, by the model's id. `root`: the address of the runtime."""

    def url(model: str) -> str:
        return f"{root}/model/{quote(model, safe='')}/invoke"

    cohere = EmbeddingsCodec(CohereOnBedrock(), url, headers)
    titan = EmbeddingsCodec(TitanEmbeddings(), url, headers)
    return lambda model: cohere if "cohere" in model else titan


def gemini_codecs(root: str, headers: Headers) -> dict[str, Codec]:
    """The Gemini API's embeddings and counts. `root`: the address with its version."""

    def action(what: str) -> Callable[[str], str]:
        def url(model: str) -> str:
            name = model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
            return f"{root}/{quote(name)}:{what}"

        return url

    return {
        "embeddings": EmbeddingsCodec(GeminiEmbeddings(), action("batchEmbedContents"), headers),
        "count_tokens": CountCodec(GEMINI.id, action("countTokens"), headers),
    }


def anthropic_codecs(root: str, headers: Headers) -> dict[str, Codec]:
    """Anthropic's counts. `root`: the address with its version."""
    return {"count_tokens": CountCodec(MESSAGES.id, _fixed(f"{root}/messages/count_tokens"), headers)}


def _address(base_url: str, path: str, url: Url | None) -> Callable[[str], str]:
    if url is None:
        return _fixed(base_url + path)
    return lambda model: url(path, model)


def _fixed(address: str) -> Callable[[str], str]:
    return lambda _model: address
