"""Embeddings and rankings, for clients and at providers that speak alike or otherwise."""

import base64
import struct
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
import openai
import pytest
from google.genai import types

from segue.core.ports import Codec
from segue.families.llm.other.embeddings import gemini_embeddings
from segue.families.llm.other.reading import COHERE_RERANK, READINGS
from segue.families.llm.other.vendors import cohere_codecs, ollama_codecs
from segue.simulator import Simulator
from support.operations import CLAUDE, DOCUMENTS, GOOGLE, MODELS, PROVIDERS, RANKER, SMALL, google
from support.service import CALM, Serving, serving


@pytest.fixture
async def served() -> AsyncIterator[Serving]:
    async with serving(providers=PROVIDERS, models=MODELS, policies=CALM) as made:
        yield made


@pytest.mark.parametrize(("model", "size"), [(SMALL, 1536), (GOOGLE, 3072)])
async def test_embeddings_of_one_text_and_of_many_are_the_same_in_the_order_of_the_texts(
    served: Serving, model: str, size: int
) -> None:
    async with served.sdk() as sdk:
        many = await sdk.embeddings.create(model=model, input=["one", "two", "three"])
        alone = [(await sdk.embeddings.create(model=model, input=text)).data[0] for text in ("one", "two", "three")]
    assert [datum.index for datum in many.data] == [0, 1, 2]
    for datum, single in zip(many.data, alone, strict=True):
        assert len(datum.embedding) == size
        assert datum.embedding == pytest.approx(single.embedding, abs=1e-6)
    assert many.data[0].embedding != many.data[1].embedding
    assert many.model.endswith(model)


@pytest.mark.parametrize("model", [SMALL, GOOGLE])
async def test_embeddings_in_base64_are_the_floats_as_32_bits_with_the_low_byte_first(
    served: Serving, model: str
) -> None:
    async with served.sdk() as sdk:
        raw = await sdk.embeddings.create(model=model, input="x", encoding_format="base64")
        floats = await sdk.embeddings.create(model=model, input="x", encoding_format="float")
    packed: Any = raw.data[0].embedding
    assert isinstance(packed, str)
    data = base64.b64decode(packed, validate=True)
    assert list(struct.unpack(f"<{len(data) // 4}f", data)) == pytest.approx(floats.data[0].embedding, abs=1e-6)


@pytest.mark.parametrize("model", [SMALL, GOOGLE])
async def test_embeddings_have_the_dimensions_that_were_asked_for(served: Serving, model: str) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.embeddings.create(model=model, input=["a", "b"], dimensions=256)
    assert [len(datum.embedding) for datum in answer.data] == [256, 256]


async def test_what_is_lost_at_a_provider_of_another_shape_is_named_in_a_header(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.embeddings.with_raw_response.create(model=GOOGLE, input="a", user="u-1")
    assert "'user' left out" in answer.headers["x-segue-warnings"]
    assert "u-1" not in str(served.sim.seen("gemini")[-1].body)


@pytest.mark.parametrize("model", [SMALL, GOOGLE])
async def test_googles_client_embeds_at_either_provider(served: Serving, model: str) -> None:
    config = types.EmbedContentConfig(output_dimensionality=64)
    async with google(served) as sdk:
        made = await sdk.embed_content(model=model, contents=["hello", "world"], config=config)
    assert made.embeddings is not None
    assert [len(one.values or ()) for one in made.embeddings] == [64, 64]
    assert made.embeddings[0].values != made.embeddings[1].values


@pytest.mark.parametrize("model", [SMALL, GOOGLE])
async def test_embed_content_answers_with_one_vector_and_batch_with_a_list(served: Serving, model: str) -> None:
    content = {"content": {"parts": [{"text": "hello"}]}}
    path = f"/v1beta/models/{model}"
    single = await served.ask("POST", f"{path}:embedContent", json=content)
    batch = await served.ask("POST", f"{path}:batchEmbedContents", json={"requests": [content, content]})
    assert (single.status, batch.status) == (200, 200)
    first, second = (one["values"] for one in batch.json["embeddings"])
    assert single.json["embedding"]["values"] == first == second


async def test_tokens_instead_of_texts_go_to_a_provider_that_reads_them_and_are_refused_by_another(
    served: Serving,
) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.embeddings.create(model=SMALL, input=[[1, 2, 3], [4]])
        assert len(answer.data) == 2
        with pytest.raises(openai.BadRequestError) as raised:
            await sdk.embeddings.create(model=GOOGLE, input=[[1, 2, 3]])
    assert raised.value.param == "input"


async def test_more_texts_than_a_provider_takes_at_once_are_refused_with_its_limit(served: Serving) -> None:
    async with served.sdk() as sdk:
        with pytest.raises(openai.BadRequestError, match="at most 100 texts"):
            await sdk.embeddings.create(model=GOOGLE, input=["x"] * 101)


@pytest.mark.parametrize("fault", [{"kind": "status", "code": 503}, {"kind": "empty_body"}, {"kind": "html"}])
async def test_embeddings_fail_over_to_a_provider_of_another_shape(served: Serving, fault: dict) -> None:
    options = dict(fault)
    served.sim.fault("o", options.pop("kind"), **options)
    async with served.sdk() as sdk:
        raw = await sdk.embeddings.with_raw_response.create(model="vectors", input=["a", "b"])
    assert raw.headers["x-segue-provider"] == "g"
    assert [len(datum.embedding) for datum in raw.parse().data] == [3072, 3072]
    async with google(served) as other:
        made = await other.embed_content(model="vectors", contents=["a"])
    assert len((made.embeddings or [])[0].values or ()) == 3072


async def test_a_ranking_in_jinas_shape_has_the_documents_with_it_unless_told_otherwise(served: Serving) -> None:
    fields = {"model": RANKER, "query": "cat sea", "documents": DOCUMENTS, "top_n": 2}
    full = await served.ask("POST", "/v1/rerank", json=fields)
    bare = await served.ask("POST", "/v1/rerank", json={**fields, "return_documents": False})
    assert (full.status, bare.status) == (200, 200), full.body
    assert full.json["results"][0]["index"] == 2
    assert len(full.json["results"]) == 2
    assert full.json["results"][0]["document"] == {"text": DOCUMENTS[2]}
    assert all("document" not in one for one in bare.json["results"])


async def test_a_ranking_in_coheres_shape_is_served_by_a_provider_of_jinas(served: Serving) -> None:
    fields = {"model": RANKER, "query": "cat sea", "documents": DOCUMENTS, "top_n": 2, "priority": 1}
    answer = await served.ask("POST", "/v2/rerank", json=fields)
    assert answer.status == 200, answer.body
    assert answer.json["results"][0]["index"] == 2
    assert all(set(one) == {"index", "relevance_score"} for one in answer.json["results"])
    assert answer.json["meta"]["billed_units"] == {"search_units": 1}
    refused = await served.ask("POST", "/v2/rerank", json={**fields, "max_tokens_per_doc": 10})
    assert refused.status == 400
    assert "max_tokens_per_doc" in refused.json["message"]


async def test_a_model_that_chats_only_does_not_embed(served: Serving) -> None:
    async with served.sdk() as sdk:
        with pytest.raises(openai.APIStatusError) as raised:
            await sdk.embeddings.create(model=CLAUDE, input="a")
    assert raised.value.status_code in {400, 404}


async def through(codec: Codec, task: Any, model: str) -> Any:
    """The outcome of a request at the simulator by a codec alone, for shapes that no provider is configured with."""
    call: Any = SimpleNamespace(request=task, id="call_1")
    candidate: Any = SimpleNamespace(model=model, name="c", key=SimpleNamespace(secret="c-secret-000006"))
    request = codec.encode(call, candidate)
    headers = dict(request.headers)
    async with aiohttp.ClientSession() as web, web.post(request.url, data=request.body, headers=headers) as answer:
        return codec.decode(call, candidate, answer.status, answer.headers, await answer.read())


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}", "content-type": "application/json"}


async def test_coheres_own_ranking_serves_clients_of_both_shapes() -> None:
    fields = {"model": "x", "query": "cat sea", "documents": DOCUMENTS, "top_n": 2}
    async with Simulator() as sim:
        codec = cohere_codecs(f"{sim.url}/cohere", bearer)["rerank"]
        own = await through(codec, COHERE_RERANK.parse(msgspec.json.encode(fields)), "rerank-v3.5")
        texts = {**fields, "documents": [{"text": text} for text in DOCUMENTS], "truncation": True}
        jina = await through(codec, READINGS["rerank"].parse(msgspec.json.encode(texts)), "rerank-v3.5")
    first, second = (msgspec.json.decode(one.answer) for one in (own, jina))
    assert first["meta"]["billed_units"] == {"search_units": 1}
    assert [one["index"] for one in first["results"]] == [one["index"] for one in second["results"]]
    assert second["results"][0]["document"] == {"text": DOCUMENTS[2]}
    assert (own.usage.requests, jina.usage.requests) == (1, 1)


@pytest.mark.parametrize(
    ("account", "codecs", "model"),
    [("cohere", cohere_codecs, "embed-v4.0"), ("ollama", ollama_codecs, "nomic-embed-text")],
)
async def test_embeddings_in_a_vendors_own_shape_come_back_in_the_clients(
    account: str, codecs: Any, model: str
) -> None:
    body = msgspec.json.encode({"model": "x", "input": ["one", "two"], "encoding_format": "float"})
    async with Simulator() as sim:
        codec = codecs(f"{sim.url}/{account}", bearer)["embeddings"]
        outcome = await through(codec, READINGS["embeddings"].parse(body), model)
        content = b'{"content":{"parts":[{"text":"two"}]}}'
        again = await through(codec, gemini_embeddings(content, "x", batch=False), model)
    assert outcome.failure is None, outcome.failure
    answer = msgspec.json.decode(outcome.answer)
    assert [datum["index"] for datum in answer["data"]] == [0, 1]
    assert answer["usage"]["prompt_tokens"] == outcome.usage.input_tokens > 0
    assert msgspec.json.decode(again.answer)["embedding"]["values"] == answer["data"][1]["embedding"]
