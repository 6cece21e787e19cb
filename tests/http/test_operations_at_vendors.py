"""Embeddings, rankings and counts at vendors whose shapes are their own, for clients that know none of them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from segue.app.catalogue import ADAPTERS, operations
from segue.app.library import Segue
from segue.core.ports import ProviderSpec
from support.service import CALM, Serving, eventually, serving

KEYS = ("co-secret-000001", "ya-secret-000002", "br-secret-000003", "token-vertex-1", "mi-secret-000005")
PROVIDERS: dict[str, Any] = {
    "cohere": {
        "adapter": "cohere", "base_url": "{sim}/cohere/compatibility/v1", "key": KEYS[0],
        "models": ["embed-v4.0", "rerank-v3.5"],
    },
    "local": {
        "adapter": "ollama", "base_url": "{sim}/local/v1", "native": True, "models": ["nomic-embed-text"],
    },
    "yandex": {
        "adapter": "yandex", "base_url": "{sim}/yandex", "key": KEYS[1], "folder": "b1gfolder",
        "models": ["text-search-doc"],
    },
    "bedrock": {
        "adapter": "bedrock", "base_url": "{sim}/bedrock", "key": KEYS[2], "region": "eu-central-1",
        "models": ["amazon.titan-embed-text-v2:0", "cohere.embed-multilingual-v3",
                   "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-lite-v1:0"],
    },
    "vertex": {
        "adapter": "vertex", "base_url": "{sim}/vertex", "project": "my-project", "location": "europe-west1",
        "access_token": KEYS[3], "models": ["gemini-2.5-flash", "claude-sonnet-4-5", "text-embedding-005",
                                                 "gemini-embedding-001"],
    },
    "mistral": {
        "adapter": "mistral", "base_url": "{sim}/mistral/v1", "key": KEYS[4], "models": ["codestral-embed"],
    },
}  # fmt: skip
MODELS = {"vectors": ["cohere/embed-v4.0", "local/nomic-embed-text"]}
DOCUMENTS = ["the sea is deep", "a cat sleeps", "the cat sees the sea"]


@pytest.fixture
async def served() -> AsyncIterator[Serving]:
    async with serving(providers=PROVIDERS, models=MODELS, policies=CALM) as made:
        yield made


@pytest.mark.parametrize(
    "model",
    [
        "embed-v4.0",
        "nomic-embed-text",
        "text-search-doc",
        "amazon.titan-embed-text-v2:0",
        "cohere.embed-multilingual-v3",
        "text-embedding-005",
        "gemini-embedding-001",
    ],
)
async def test_both_encodings_hold_the_same_vector_and_its_tokens_are_known(served: Serving, model: str) -> None:
    async with served.sdk() as sdk:
        floats = await sdk.embeddings.create(model=model, input="hello there", encoding_format="float")
        packed = await sdk.embeddings.create(model=model, input=["hello there"])
    assert len(floats.data) == len(packed.data) == 1
    assert packed.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-6)
    assert floats.usage.prompt_tokens > 0
    await eventually(lambda: len(served.attempts) == 2)
    assert served.attempts[0].attempt.usage.input_tokens == floats.usage.prompt_tokens


@pytest.mark.parametrize(
    "model", ["embed-v4.0", "nomic-embed-text", "cohere.embed-multilingual-v3", "text-embedding-005"]
)
async def test_vectors_come_in_the_order_of_the_texts(served: Serving, model: str) -> None:
    async with served.sdk() as sdk:
        many = await sdk.embeddings.create(model=model, input=["one", "two", "three"])
        last = await sdk.embeddings.create(model=model, input="three")
    assert [datum.index for datum in many.data] == [0, 1, 2]
    assert many.data[2].embedding == pytest.approx(last.data[0].embedding, abs=1e-6)
    assert many.data[0].embedding != many.data[2].embedding


@pytest.mark.parametrize(
    ("model", "most"), [("text-search-doc", 1), ("amazon.titan-embed-text-v2:0", 1), ("gemini-embedding-001", 1)]
)
async def test_a_vendor_of_one_text_at_a_time_says_so(served: Serving, model: str, most: int) -> None:
    async with served.sdk() as sdk:
        with pytest.raises(openai.BadRequestError, match=f"at most {most} text in one request"):
            await sdk.embeddings.create(model=model, input=["one", "two"])


async def test_googles_client_has_its_purpose_told_to_cohere(served: Serving) -> None:
    wanted = {"content": {"parts": [{"text": "hello"}]}, "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 256}
    answer = await served.ask("POST", "/v1beta/models/embed-v4.0:embedContent", json=wanted)
    assert answer.status == 200, answer.body
    assert len(answer.json["embedding"]["values"]) == 256
    assert "x-segue-warnings" not in answer.headers
    assert served.sim.seen("cohere")[0].body["input_type"] == "search_query"


async def test_a_purpose_that_nobody_told_is_assumed_aloud(served: Serving) -> None:
    async with served.sdk() as sdk:
        raw = await sdk.embeddings.with_raw_response.create(model="embed-v4.0", input="a")
        told = await sdk.embeddings.with_raw_response.create(
            model="embed-v4.0", input="a", extra_body={"input_type": "query"}
        )
    assert "input_type 'search_document' assumed" in raw.headers["x-segue-warnings"]
    assert "x-segue-warnings" not in told.headers


@pytest.mark.parametrize("size", [256, 512])
async def test_dimensions_are_asked_for_in_each_vendors_word(served: Serving, size: int) -> None:
    async with served.sdk() as sdk:
        for model in (
            "embed-v4.0",
            "nomic-embed-text",
            "text-search-doc",
            "amazon.titan-embed-text-v2:0",
            "text-embedding-005",
            "gemini-embedding-001",
        ):
            answer = await sdk.embeddings.create(model=model, input="a", dimensions=size)
            assert len(answer.data[0].embedding) == size, model
        with pytest.raises(openai.BadRequestError) as raised:
            await sdk.embeddings.create(model="cohere.embed-multilingual-v3", input="a", dimensions=size)
    assert raised.value.param == "dimensions"


async def test_mistral_has_its_own_word_for_dimensions_and_no_end_users(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.embeddings.create(model="codestral-embed", input="a", dimensions=64, user="u-1")
    assert len(answer.data[0].embedding) == 64
    sent = served.sim.seen("mistral")[0].body
    assert sent["output_dimension"] == 64
    assert not {"dimensions", "user"} & sent.keys()


@pytest.mark.parametrize(
    ("model", "path", "sent"),
    [
        (
            "text-embedding-005",
            "predict",
            {
                "instances": [{"content": "hello", "task_type": "RETRIEVAL_DOCUMENT", "title": "A greeting"}],
                "parameters": {"autoTruncate": False, "outputDimensionality": 256},
            },
        ),
        (
            "gemini-embedding-001",
            "embedContent",
            {
                "content": {"role": "user", "parts": [{"text": "hello"}]},
                "embedContentConfig": {
                    "autoTruncate": False, "taskType": "RETRIEVAL_DOCUMENT", "title": "A greeting",
                    "outputDimensionality": 256,
                },
            },
        ),
    ],
)  # fmt: skip
async def test_vertex_is_asked_for_vectors_in_the_way_of_the_model(
    served: Serving, model: str, path: str, sent: dict
) -> None:
    wanted = {"content": {"parts": [{"text": "hello"}]}, "taskType": "RETRIEVAL_DOCUMENT", "title": "A greeting"}
    body = {**wanted, "outputDimensionality": 256}
    answer = await served.ask("POST", f"/v1beta/models/{model}:embedContent", json=body)
    assert answer.status == 200, answer.body
    assert len(answer.json["embedding"]["values"]) == 256
    assert "x-segue-warnings" not in answer.headers
    (seen,) = served.sim.seen("vertex")
    assert seen.path.endswith(f"/publishers/google/models/{model}:{path}")
    assert seen.body == sent


@pytest.mark.parametrize("fault", [{"kind": "status", "code": 500}, {"kind": "html"}, {"kind": "empty_body"}])
async def test_embeddings_fail_over_between_vendors_of_two_shapes(served: Serving, fault: dict) -> None:
    options = dict(fault)
    served.sim.fault("cohere", options.pop("kind"), **options)
    async with served.sdk() as sdk:
        raw = await sdk.embeddings.with_raw_response.create(model="vectors", input=["a", "b"])
    assert raw.headers["x-segue-provider"] == "local"
    assert len(raw.parse().data) == 2


async def test_a_wrong_key_is_our_trouble_and_is_never_shown(served: Serving) -> None:
    providers = {"cohere": {**PROVIDERS["cohere"], "key": "invalid-secret-123456"}}
    async with serving(providers=providers, policies=CALM) as broken:
        answer = await broken.ask("POST", "/v1/embeddings", json={"model": "embed-v4.0", "input": "a"})
    assert (answer.status, answer.json["segue"]["code"]) == (502, "provider_auth")
    assert b"invalid-secret-123456" not in answer.body


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
async def test_clients_of_both_shapes_rank_at_cohere(served: Serving, path: str) -> None:
    fields = {"model": "rerank-v3.5", "query": "cat sea", "documents": DOCUMENTS, "top_n": 2}
    answer = await served.ask("POST", path, json=fields)
    assert answer.status == 200, answer.body
    assert answer.json["results"][0]["index"] == 2
    assert len(answer.json["results"]) == 2
    documents = [one.get("document") for one in answer.json["results"]]
    assert documents[0] == ({"text": DOCUMENTS[2]} if path == "/v1/rerank" else None)
    assert served.sim.seen("cohere")[0].path == "/v2/rerank"


async def test_objects_with_a_text_are_texts_to_cohere_and_others_are_refused(served: Serving) -> None:
    fields: dict[str, Any] = {"model": "rerank-v3.5", "query": "cat", "documents": [{"text": "a cat"}, "a dog"]}
    answer = await served.ask("POST", "/v1/rerank", json=fields)
    assert answer.json["results"][0]["document"] == {"text": "a cat"}
    assert served.sim.seen("cohere")[0].body["documents"] == ["a cat", "a dog"]
    for more in ({"documents": [{"image": "x"}]}, {"truncation": False}):
        refused = await served.ask("POST", "/v1/rerank", json={**fields, **more})
        assert (refused.status, refused.error["param"]) == (400, next(iter(more)))


async def test_the_library_asks_for_any_operation_and_gets_its_bytes(served: Serving) -> None:
    async with Segue() as segue:
        segue.register_provider(
            "o", adapter="openai", base_url=f"{served.sim.url}/o/v1", key="sk-secret-1", allow_private_network=True,
            models=["tts-1", "whisper-1", "text-embedding-3-small"],
        )  # fmt: skip
        sound = await segue.call("audio.speech", model="tts-1", input="hi", voice="alloy", response_format="wav")
        heard = await segue.call("audio.transcribe", model="whisper-1", file=("talk.wav", sound))
        vectors = await segue.call("embeddings", model="text-embedding-3-small", input=["a", "b"])
    assert sound.startswith(b"RIFF")
    assert json.loads(heard)["text"].startswith("I heard talk.wav")
    assert len(json.loads(vectors)["data"]) == 2


async def test_speech_by_the_operations_name_has_its_content_type(served: Serving) -> None:
    providers = {"o": {"adapter": "openai", "base_url": "{sim}/o/v1", "key": "sk-secret-1", "models": ["tts-1"]}}
    async with serving(providers=providers, policies=CALM) as other:
        fields = {"model": "tts-1", "input": "hi", "voice": "alloy", "response_format": "wav"}
        answer = await other.ask("POST", "/v1/call/audio.speech", json=fields)
    assert (answer.status, answer.headers["content-type"]) == (200, "audio/wav")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.body.startswith(b"RIFF")


async def test_the_description_of_the_service_names_every_path(served: Serving) -> None:
    document = (await served.ask("GET", "/openapi.json")).json
    for path in ("/v1/embeddings", "/v1/audio/transcriptions", "/v1/images/edits", "/v2/rerank", "/v1/call/rerank"):
        assert "post" in document["paths"][path], path
    forms = document["paths"]["/v1/audio/transcriptions"]["post"]["requestBody"]["content"]
    assert list(forms) == ["multipart/form-data"]
    wanted = document["paths"]["/v1/call/rerank"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert wanted["required"] == ["model", "query", "documents"]


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "claude-sonnet-4-5"])
async def test_vertex_counts_for_clients_of_both_formats(served: Serving, model: str) -> None:
    content = {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}
    settings = {"safetySettings": [], "toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}
    whole = {"generateContentRequest": {"model": f"models/{model}", **content, **settings}}
    asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hello there"}]}
    counts = [await served.ask("POST", "/v1/messages/count_tokens", json=asked)]
    counts += [await served.ask("POST", f"/v1beta/models/{model}:countTokens", json=body) for body in (content, whole)]
    assert [answer.status for answer in counts] == [200] * 3, [answer.body for answer in counts]
    assert not any("x-segue-warnings" in answer.headers for answer in counts), "counted, not estimated"
    assert counts[0].json["input_tokens"] > 0
    assert counts[1].json["totalTokens"] == counts[2].json["totalTokens"] > 0


OPTIONS: dict[str, dict[str, Any]] = {
    "bedrock": {"region": "eu-central-1"},
    "vertex": {"project": "my-project"},
    "yandex": {"folder": "b1g"},
}
ADAPTED = [(name, OPTIONS.get(name, {})) for name in sorted(ADAPTERS.ids())]


@pytest.mark.parametrize(("adapter", "options"), [*ADAPTED, ("ollama", {"native": True})])
def test_an_adapter_has_a_codec_for_each_operation_that_it_names(adapter: str, options: dict[str, Any]) -> None:
    kind = ADAPTERS.get(adapter)
    address = "https://acme.example.com" if adapter == "azure" else None
    built: Any = kind.build(ProviderSpec("mine", adapter, address, options=options))
    assert kind.operations <= built.codecs.keys()
    assert kind.operations <= operations().keys()


def test_the_page_says_what_each_adapter_serves_beside_chats() -> None:
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    kinds = {name: ADAPTERS.get(name).operations - {"chat", "passthrough"} for name in ADAPTERS.ids()}
    own = {name: served for name, served in kinds.items() if "chat" in ADAPTERS.get(name).operations and served}
    rows = [f"| `{name}` | {', '.join(f'`{one}`' for one in sorted(served))} |" for name, served in own.items()]
    assert "\n".join(rows) in page


async def test_bedrock_counts_for_clients_of_both_formats_by_the_models_own_id(served: Serving) -> None:
    model = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    tools = [{"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}]
    asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hello there"}], "tools": tools}
    content = {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}
    counts = [
        await served.ask("POST", "/v1/messages/count_tokens", json=asked),
        await served.ask("POST", f"/v1beta/models/{model.replace(':', '%3A')}:countTokens", json=content),
    ]
    assert [answer.status for answer in counts] == [200, 200], [answer.body for answer in counts]
    assert not any("x-segue-warnings" in answer.headers for answer in counts), "counted, not estimated"
    assert counts[0].json["input_tokens"] > counts[1].json["totalTokens"] > 0
    seen = served.sim.seen("bedrock")[0]
    assert seen.path == "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/count-tokens"
    assert set(seen.body["input"]["converse"]) == {"messages", "toolConfig"}


async def test_what_bedrock_cannot_count_is_estimated(served: Serving) -> None:
    asked = {"model": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": "hello there"}]}
    answer = await served.ask("POST", "/v1/messages/count_tokens", json=asked)
    assert answer.status == 200, answer.body
    assert answer.json["input_tokens"] > 0
    assert "estimate" in answer.headers["x-segue-warnings"]
