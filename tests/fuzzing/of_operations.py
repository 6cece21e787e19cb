"""The parsers of the operations beside chat: their requests and their answers."""

from collections.abc import Iterator
from typing import Any, Final

from families.llm.test_multipart import FORM
from fuzzing import exchanges as given
from fuzzing import others
from fuzzing.mutations import Piece, body
from fuzzing.parser import Parser
from segue.families.llm.other import dialects
from segue.families.llm.other.bedrock_count import BedrockCount
from segue.families.llm.other.counting import CountCodec, count_gemini, count_messages
from segue.families.llm.other.embeddings import gemini_embeddings
from segue.families.llm.other.invoke import CohereOnBedrock, TitanEmbeddings
from segue.families.llm.other.multipart import write_form
from segue.families.llm.other.quantised import PerplexityEmbeddings
from segue.families.llm.other.reading import COHERE_RERANK, READINGS
from segue.families.llm.other.rerank import RerankCodec
from segue.families.llm.other.shaped import ShapedCodec
from segue.families.llm.other.shapes import MistralSpeech, OpenRouterTranscripts, XaiPictures
from segue.families.llm.other.task import Task
from segue.families.llm.other.vertex import VertexEmbedContent, VertexPredict

_VECTORS: Final = [[0.5, -1]]
_DIALECTS: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    "openai": (
        dialects.OpenAIEmbeddings(),
        {"data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 1}},
    ),
    "gemini": (dialects.GeminiEmbeddings(), {"embeddings": [{"values": [0.5]}], "usageMetadata": {}}),
    "cohere": (dialects.CohereEmbeddings(), {"embeddings": {"float": _VECTORS}, "meta": {"billed_units": {}}}),
    "cohere on bedrock": (CohereOnBedrock(), {"embeddings": {"float": _VECTORS}, "id": "a", "texts": ["a"]}),
    "ollama": (dialects.OllamaEmbeddings(), {"model": "m", "embeddings": _VECTORS, "prompt_eval_count": 3}),
    "yandex": (dialects.YandexEmbeddings(), {"embedding": [0.5, -1], "numTokens": "3", "modelVersion": "1"}),
    "vertex, predict": (
        VertexPredict(),
        {"predictions": [{"embeddings": {"values": [0.5], "statistics": {"token_count": 3, "truncated": False}}}]},
    ),
    "vertex, embedContent": (
        VertexEmbedContent(),
        {"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 3}, "truncated": False},
    ),
    "perplexity": (
        PerplexityEmbeddings(),
        {"data": [{"index": 0, "embedding": "AYD/"}], "usage": {"prompt_tokens": 3, "cost": {"total_cost": 0.1}}},
    ),
    "titan": (TitanEmbeddings(), {"embedding": [0.5, -1], "inputTextTokenCount": 3}),
}
_ASKED: Final = {"model": "m", "input": ["a", "b"], "dimensions": 5, "encoding_format": "base64", "user": "u"}
_BATCH: Final = {
    "requests": [{"model": "models/m", "content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_QUERY"}]
}
_RANK: Final = {"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": True}
_RANKED: Final = {
    "results": [{"index": 0, "relevance_score": 0.5, "document": {"text": "a"}}],
    "meta": {"billed_units": {"search_units": 1}},
    "usage": {"total_tokens": 3},
}
_PASSED: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "completions": (
        {"model": "m", "prompt": ["a"], "stream": True, "n": 2, "stream_options": {"include_usage": True}},
        {"id": "a", "choices": [{"text": "x", "index": 0}], "usage": {"prompt_tokens": 1}},
    ),
    "moderations": ({"model": "m", "input": "a"}, {"results": [{"flagged": False}]}),
    "images.generate": (
        {"model": "m", "prompt": "a", "n": 1, "size": "1024x1024"},
        {"created": 1, "data": [{"b64_json": "AAAA"}], "usage": {"input_tokens": 1}},
    ),
}


_WAVE: Final = b"RIFF    WAVE"
_SHAPED: Final[dict[str, tuple[Any, str, dict[str, Any], dict[str, Any] | None]]] = {
    "xai": (
        XaiPictures(),
        "images.edit",
        {"model": "m", "prompt": "a", "images": [{"image_url": "https://x.example/a"}], "n": 1, "quality": "low"},
        {"data": [{"url": "https://x.example/b"}], "usage": {"cost_in_usd_ticks": 5}},
    ),
    "mistral": (
        MistralSpeech(),
        "audio.speech",
        {"model": "m", "input": "a", "voice": {"id": "v"}, "response_format": "wav"},
        None,  # sound, whose reading is proven where the shapes are
    ),
}


def _embeddings() -> Iterator[Parser]:
    task = others.read_task("embeddings", model="m", input="a")
    for name, (dialect, answer) in _DIALECTS.items():
        codec = others.embeddings_of(dialect)
        request = others.task(READINGS["embeddings"].parse, others.encoded(codec))
        yield Parser(f"embeddings of {name}: request", [body(_ASKED), body({"model": "m", "input": "a"})], request)
        yield Parser(f"embeddings of {name}: answer", [body(answer)], others.decoded(codec, task))
    wide = others.encoded(others.embeddings_of(dialects.OpenAIEmbeddings()))
    batch = others.task(lambda data: gemini_embeddings(data, "m", batch=True), wide)
    yield Parser("embeddings: a client's of gemini", [body(_BATCH)], batch)


def _rankings() -> Iterator[Parser]:
    task = others.read_task("rerank", model="m", query="q", documents=["a", "b"])
    for shape, reading in (("jina", COHERE_RERANK), ("cohere", READINGS["rerank"])):
        codec = RerankCodec(shape, others.address, others.headers)
        request = others.task(reading.parse, others.encoded(codec))
        yield Parser(f"rerank of {shape}: request", [body(_RANK)], request)
        yield Parser(f"rerank of {shape}: answer", [body(_RANKED)], others.decoded(codec, task))


def _passed() -> Iterator[Parser]:
    for name, (asked, answer) in _PASSED.items():
        codec = others.passed(name)
        yield Parser(f"{name}: request", [body(asked)], others.task(READINGS[name].parse, others.encoded(codec)))
        yield Parser(f"{name}: answer", [body(answer)], others.decoded(codec, others.read_task(name, **asked)))


def _shaped() -> Iterator[Parser]:
    for name, (shape, operation, asked, answer) in _SHAPED.items():
        codec = ShapedCodec(shape, "https://x.example", others.headers)
        request = others.task(READINGS[operation].parse, others.encoded(codec))
        yield Parser(f"{operation} of {name}: request", [body(asked)], request)
        if answer is not None:
            answered = others.decoded(codec, others.read_task(operation, **asked))
            yield Parser(f"{operation} of {name}: answer", [body(answer)], answered)
    heard = ShapedCodec(OpenRouterTranscripts(), "https://x.example", others.headers)
    task: Task = READINGS["audio.transcribe"].parse(*write_form({"model": "m", "file": ("a.wav", _WAVE)}))
    told = {"text": "a", "usage": {"seconds": 1.5, "cost": 0.1}}
    yield Parser("audio.transcribe of openrouter: answer", [body(told)], others.decoded(heard, task))


def _counts() -> Iterator[Parser]:
    messages = CountCodec("messages", others.address, others.headers)
    gemini = CountCodec("gemini", others.address, others.headers)
    whole = body({"generateContentRequest": {"contents": []}})
    yield Parser(
        "counts of messages: request", given.REQUESTS["messages"], others.task(count_messages, others.encoded(gemini))
    )
    yield Parser(
        "counts of gemini: request",
        [*given.REQUESTS["gemini"], whole],
        others.task(lambda data: count_gemini(data, "m"), others.encoded(messages)),
    )
    asked = count_messages(b'{"model":"m","messages":[]}')
    yield Parser("counts of messages: answer", [body({"input_tokens": 5})], others.decoded(messages, asked))
    yield Parser("counts of gemini: answer", [body({"totalTokens": 5})], others.decoded(gemini, asked))
    bedrock = BedrockCount("https://bedrock.example.com", others.headers, lambda _model: frozenset())
    request = others.task(count_messages, others.encoded(bedrock))
    yield Parser("counts of bedrock: request", given.REQUESTS["messages"], request)
    yield Parser("counts of bedrock: answer", [body({"inputTokens": 5})], others.decoded(bedrock, asked))


OPERATIONS: Final = [
    *_embeddings(),
    *_rankings(),
    *_passed(),
    *_shaped(),
    *_counts(),
    Parser("forms: request", [[Piece(FORM)]], others.form, ("read", "refused")),
]
