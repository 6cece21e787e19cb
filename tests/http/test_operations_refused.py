"""Tokens that are counted or estimated, and what is refused: each in the shape of the SDK that asks."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import openai
import pytest
from google.genai import errors as google_errors

from support.operations import CLAUDE, GOOGLE, MODELS, PNG, PROVIDERS, RANKER, SMALL, WAVE, claude, google
from support.service import CALM, HELLO, Serving, serving


@pytest.fixture
async def served() -> AsyncIterator[Serving]:
    async with serving(providers=PROVIDERS, models=MODELS, policies=CALM) as made:
        yield made


async def test_a_wrong_ranking_is_refused_with_the_name_of_the_field(served: Serving) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"documents": ["a"]}, "query"),
        ({"query": "a"}, "documents"),
        ({"query": "a", "documents": "a"}, "documents"),
        ({"query": ["a"], "documents": ["a"]}, "query"),
    ]
    for path, (fields, word) in itertools.product(("/v1/rerank", "/v2/rerank"), wrong):
        answer = await served.ask("POST", path, json={"model": RANKER, **fields})
        assert answer.status == 400, (path, fields)
        assert word in (answer.json["message"] if path.startswith("/v2") else answer.error["message"])
    assert not served.sim.seen("together")


async def test_tokens_are_counted_by_a_provider_that_counts(served: Serving) -> None:
    async with claude(served) as sdk:
        own = await sdk.messages.with_raw_response.count_tokens(
            model=CLAUDE, messages=[{"role": "user", "content": "hello there"}]
        )
        other = await sdk.messages.with_raw_response.count_tokens(
            model="gemini-2.5-flash", messages=[{"role": "user", "content": "hello there"}]
        )
    assert (await own.parse()).input_tokens > 0
    assert (await other.parse()).input_tokens > 0
    async with google(served) as models:
        for model in (CLAUDE, "gemini-2.5-flash"):
            assert (await models.count_tokens(model=model, contents="hello there")).total_tokens > 0
    assert all("x-segue-warnings" not in answer.headers for answer in (own, other))
    assert [record.path for record in served.sim.seen("a")] == ["/v1/messages/count_tokens"] * 2


async def test_tokens_are_estimated_where_no_provider_counts_and_the_answer_says_so(served: Serving) -> None:
    async with claude(served) as sdk:
        short = await sdk.messages.with_raw_response.count_tokens(
            model="gpt-4o", messages=[{"role": "user", "content": "hello"}]
        )
        long = await sdk.messages.count_tokens(
            model="gpt-4o", system="be brief " * 50, messages=[{"role": "user", "content": "hello " * 200}]
        )
    assert short.headers["x-segue-warnings"] == "estimated"
    assert 0 < (await short.parse()).input_tokens < long.input_tokens
    async with google(served) as models:
        count = await models.count_tokens(model="gpt-4o", contents="hello")
    assert count.total_tokens == (await short.parse()).input_tokens
    assert not served.sim.seen("o")


async def test_tokens_are_estimated_when_the_provider_that_counts_fails_and_another_serves_the_model(
    served: Serving,
) -> None:
    served.sim.fault("a", "status", code=500)
    async with claude(served) as sdk:
        raw = await sdk.messages.with_raw_response.count_tokens(model="counted", messages=[HELLO[0]])  # type: ignore[list-item]
        assert raw.headers["x-segue-warnings"] == "estimated"
        with pytest.raises(anthropic.InternalServerError):
            await sdk.messages.count_tokens(model=CLAUDE, messages=[{"role": "user", "content": "hi"}])


async def test_an_unknown_model_is_the_sdks_own_not_found(served: Serving) -> None:
    async with served.sdk() as sdk:
        asks: tuple[tuple[Any, dict[str, Any]], ...] = (
            (sdk.embeddings, {"input": "a"}),
            (sdk.completions, {"prompt": "a"}),
            (sdk.moderations, {"input": "a"}),
            (sdk.audio.transcriptions, {"file": ("a.wav", WAVE)}),
            (sdk.audio.speech, {"voice": "alloy", "input": "a"}),
        )
        makes: list[tuple[Any, dict[str, Any]]] = [(resource.create, fields) for resource, fields in asks]
        makes.append((sdk.images.generate, {"prompt": "a"}))
        makes.append((sdk.images.edit, {"prompt": "a", "image": ("a.png", PNG, "image/png")}))
        for make, fields in makes:
            with pytest.raises(openai.NotFoundError, match="nobody") as raised:
                await make(model="nobody", **fields)
            assert raised.value.code == "model_not_found"
    async with claude(served) as sdk_of_claude:
        with pytest.raises(anthropic.NotFoundError):
            await sdk_of_claude.messages.count_tokens(model="nobody", messages=[{"role": "user", "content": "a"}])
    async with google(served) as models:
        for ask in (models.embed_content, models.count_tokens):
            with pytest.raises(google_errors.ClientError) as missed:
                await ask(model="nobody", contents="a")
            assert missed.value.code == 404
    ranking = {"model": "nobody", "query": "a", "documents": ["a"]}
    assert (await served.ask("POST", "/v2/rerank", json=ranking)).status == 404


async def test_what_segue_does_not_offer_is_said_to_be_so(served: Serving) -> None:
    for path in ("/v1/realtime", "/v1/realtime/sessions", "/v1/videos", "/v1/fine_tuning/jobs"):
        for method, prefix in itertools.product(("GET", "POST"), ("", "/openai")):
            answer = await served.ask(method, prefix + path)
            assert (answer.status, answer.error["code"]) == (501, "not_offered"), (method, prefix, path)


async def test_the_sdk_raises_for_what_is_not_offered(served: Serving) -> None:
    async with served.sdk() as sdk:
        with pytest.raises(openai.InternalServerError) as raised:
            await sdk.fine_tuning.jobs.create(model="gpt-4o", training_file="file-1")
    assert raised.value.status_code == 501


async def test_a_wrong_request_is_refused_with_the_name_of_the_field(served: Serving) -> None:
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("/v1/embeddings", {}, "input"),
        ("/v1/embeddings", {"input": []}, "input"),
        ("/v1/embeddings", {"input": "a", "model": None}, "model"),
        ("/v1/embeddings", {"input": "a", "model": 3}, "model"),
        ("/v1/completions", {}, "prompt"),
        ("/v1/completions", {"prompt": "a", "stream": "yes"}, "stream"),
        ("/v1/completions", {"prompt": "a", "n": 0}, "n"),
        ("/v1/moderations", {}, "input"),
        ("/v1/images/generations", {}, "prompt"),
        ("/v1/audio/speech", {}, "input"),
    ]
    for path, fields, param in wrong:
        answer = await served.ask("POST", path, json={"model": SMALL, **fields})
        assert (answer.status, answer.error["param"]) == (400, param), (path, fields)
    # Where only a provider of another shape serves the model, the request is read further.
    further: list[tuple[dict[str, Any], str]] = [
        ({"input": ["a", ""]}, "input"),
        ({"input": 3}, "input"),
        ({"input": {"a": 1}}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": "many"}, "dimensions"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
    ]
    for fields, param in further:
        answer = await served.ask("POST", "/v1/embeddings", json={"model": GOOGLE, **fields})
        assert (answer.status, answer.error["param"]) == (400, param), fields
    assert not served.sim.seen()


async def test_a_wrong_request_in_googles_or_anthropics_shape_is_refused_in_it(served: Serving) -> None:
    for model, action, fields in (
        (SMALL, "embedContent", {}),
        (SMALL, "embedContent", {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}}),
        (SMALL, "batchEmbedContents", {"requests": []}),
        ("gpt-4o", "countTokens", {"contents": 3}),
        ("gpt-4o", "countTokens", {"contents": [], "generateContentRequest": {}}),
    ):
        answer = await served.ask("POST", f"/v1beta/models/{model}:{action}", json=fields)
        assert (answer.status, answer.error["status"]) == (400, "INVALID_ARGUMENT"), (action, fields)
    for body in (b"{", b"[]", b'{"model":"gpt-4o"}', b'{"model":"gpt-4o","messages":3}', b'{"messages":[]}'):
        answer = await served.ask("POST", "/v1/messages/count_tokens", data=body)
        assert (answer.status, answer.error["type"]) == (400, "invalid_request_error"), body
    assert not served.sim.seen()


async def test_json_where_a_form_belongs_is_an_unsupported_type(served: Serving) -> None:
    answer = await served.ask("POST", "/v1/audio/transcriptions", json={"model": "whisper-1"})
    assert answer.status == 415
