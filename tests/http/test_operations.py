"""The operations beside chat, asked for by the official SDKs, of providers that speak alike or otherwise."""

import base64
import io
import itertools
import math
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors as google_errors
from google.genai import types

from support.service import CALM, HELLO, Serving, eventually, serving

SMALL = "text-embedding-3-small"
GOOGLE = "gemini-embedding-001"
CLAUDE = "claude-sonnet-4-5"
RANKER = "ranker"
OPENAI_MODELS = [
    *("gpt-4o", "gpt-3.5-turbo-instruct", SMALL, "omni-moderation-latest", "gpt-image-1"),
    *("gpt-4o-transcribe", "whisper-1", "tts-1"),
]
PROVIDERS = {
    "o": {
        "adapter": "openai", "base_url": "{sim}/o/v1", "key": "sk-secret-of-primary-0001", "models": OPENAI_MODELS,
    },
    "g": {
        "adapter": "gemini", "base_url": "{sim}/gemini", "key": "g-secret-000001",
        "models": ["gemini-2.5-flash", GOOGLE],
    },
    "a": {"adapter": "anthropic", "base_url": "{sim}/a", "key": "sk-ant-secret-0003", "models": [CLAUDE]},
    "t": {"adapter": "together", "base_url": "{sim}/together/v1", "key": "t-secret-000004", "models": [RANKER]},
}  # fmt: skip
MODELS = {
    "vectors": [f"o/{SMALL}", f"g/{GOOGLE}"],
    "counted": ["o/gpt-4o", f"a/{CLAUDE}"],
}
PNG = b"\x89PNG\r\n\x1a\n--not-the-boundary\r\n\r\n" + bytes(range(256))
WAVE = b"RIFF" + bytes(range(256)) * 4
DOCUMENTS = ["the sea is deep", "a cat sleeps", "the cat sees the sea"]


@pytest.fixture
async def served() -> AsyncIterator[Serving]:
    async with serving(providers=PROVIDERS, models=MODELS, policies=CALM) as made:
        yield made


@asynccontextmanager
async def google(served: Serving) -> AsyncIterator[Any]:
    """The models of Google's SDK, without retries of its own."""
    async with httpx2.AsyncClient() as client:
        options = types.HttpOptions(
            base_url=served.url, httpx_async_client=client, retry_options=types.HttpRetryOptions(attempts=1)
        )
        yield genai.Client(api_key="not-needed", http_options=options).aio.models


def claude(served: Serving) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=served.url, api_key="not-needed", max_retries=0)


def length(vector: list[float]) -> float:
    return math.sqrt(sum(value * value for value in vector))


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


async def test_a_legacy_completion_goes_on_from_its_prompt(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once upon a time", max_tokens=20)
    assert answer.object == "text_completion"
    assert answer.choices[0].text
    assert answer.choices[0].finish_reason in {"stop", "length"}
    assert answer.usage is not None
    await eventually(lambda: served.attempts)
    assert served.attempts[0].attempt.usage.output_tokens == answer.usage.completion_tokens


async def test_a_streamed_completion_is_the_whole_one_in_pieces_and_its_usage_is_known_though_nobody_asked(
    served: Serving,
) -> None:
    fields: dict[str, Any] = {"model": "gpt-3.5-turbo-instruct", "prompt": "Once upon a time", "max_tokens": 20}
    async with served.sdk() as sdk:
        whole = await sdk.completions.create(**fields)
        pieces = [piece async for piece in await sdk.completions.create(**fields, stream=True)]
    assert "".join(piece.choices[0].text for piece in pieces) == whole.choices[0].text
    assert all(piece.choices for piece in pieces), "the event with nothing but the usage was not asked for"
    assert whole.usage is not None
    await eventually(lambda: len(served.attempts) == 2)
    assert served.attempts[1].attempt.usage.output_tokens == whole.usage.completion_tokens


async def test_a_completion_of_two_prompts_ends_when_both_have_and_shows_the_usage_that_was_asked_for(
    served: Serving,
) -> None:
    async with served.sdk() as sdk:
        stream = await sdk.completions.create(
            model="gpt-3.5-turbo-instruct", prompt=["a", "b"], stream=True, stream_options={"include_usage": True}
        )
        pieces = [piece async for piece in stream]
    ended = {choice.index for piece in pieces for choice in piece.choices if choice.finish_reason}
    assert ended == {0, 1}
    assert pieces[-1].usage is not None


@pytest.mark.parametrize("fault", [{"kind": "cut", "after": 2}, {"kind": "error_event", "after": 2, "code": 500}])
async def test_a_completion_that_breaks_off_raises_in_the_sdk(served: Serving, fault: dict) -> None:
    options = dict(fault)
    served.sim.fault("o", options.pop("kind"), **options)
    async with served.sdk() as sdk:
        with pytest.raises(openai.APIError):  # when asked, if it breaks off at once; or in the middle
            async for _piece in await sdk.completions.create(
                model="gpt-3.5-turbo-instruct", prompt="Tell me a long story in 40 words", stream=True
            ):
                pass
    await eventually(lambda: served.calls)
    assert served.calls[0].code != "ok"


async def test_moderations_have_a_verdict_for_each_text_and_a_model_by_default(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.moderations.create(input=["I love you", "I want to kill him"])
        named = await sdk.moderations.create(model="omni-moderation-latest", input="hello")
    assert len(answer.results) == 2
    assert all(isinstance(result.flagged, bool) for result in answer.results)
    assert len(named.results) == 1


async def test_pictures_are_made_and_come_as_base64(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.images.generate(model="gpt-image-1", prompt="a cat", n=2)
    assert answer.data is not None
    assert [base64.b64decode(one.b64_json or "")[:4] for one in answer.data] == [b"\x89PNG"] * 2
    await eventually(lambda: served.attempts)
    assert served.attempts[0].attempt.usage.output_tokens == 2 * 272


async def test_a_picture_that_is_streamed_comes_with_its_drafts(served: Serving) -> None:
    async with served.sdk() as sdk:
        stream = await sdk.images.generate(model="gpt-image-1", prompt="a cat", stream=True, partial_images=2)
        kinds = [event.type async for event in stream]
    assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]


async def test_a_picture_is_changed_and_its_bytes_arrive_untouched(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.images.edit(
            model="gpt-image-1", prompt="a hat on it", image=("cat.png", io.BytesIO(PNG), "image/png")
        )
        several = await sdk.images.edit(
            model="gpt-image-1", prompt="both", image=[("a.png", PNG, "image/png"), ("b.png", PNG, "image/png")]
        )
    assert answer.data
    assert several.usage is not None
    assert several.usage.input_tokens_details.image_tokens == 2 * 272
    seen = served.sim.seen("o")
    assert seen[0].raw_body.count(PNG) == 1
    assert seen[1].raw_body.count(PNG) == 2


async def test_sound_is_written_down_in_each_shape(served: Serving) -> None:
    file = ("talk.wav", WAVE, "audio/wav")
    expected = f"I heard talk.wav, {len(WAVE)} bytes of audio/wav."
    async with served.sdk() as sdk:
        plain = await sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=file)
        text: Any = await sdk.audio.transcriptions.create(model="whisper-1", file=file, response_format="text")
        subtitles: Any = await sdk.audio.transcriptions.create(model="whisper-1", file=file, response_format="vtt")
        verbose = await sdk.audio.transcriptions.create(model="whisper-1", file=file, response_format="verbose_json")
    assert plain.text == expected
    assert text.strip() == expected
    assert subtitles.startswith("WEBVTT")
    assert verbose.text == expected
    assert verbose.segments
    assert all(WAVE in record.raw_body for record in served.sim.seen("o"))


async def test_a_transcript_is_streamed_to_its_end_and_a_model_that_does_not_stream_answers_whole(
    served: Serving,
) -> None:
    file = ("talk.wav", WAVE, "audio/wav")
    async with served.sdk() as sdk:
        stream = await sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=file, stream=True)
        events: list[Any] = [event async for event in stream]
    assert events[-1].type == "transcript.text.done"
    assert "".join(event.delta for event in events[:-1]) == events[-1].text


async def test_a_cut_transcript_raises(served: Serving) -> None:
    served.sim.fault("o", "cut", after=2)
    async with served.sdk() as sdk:
        with pytest.raises(openai.APIError):
            async for _event in await sdk.audio.transcriptions.create(
                model="gpt-4o-transcribe", file=("talk.wav", WAVE, "audio/wav"), stream=True
            ):
                pass


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the SDK's word for its translations
async def test_sound_is_translated(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.audio.translations.create(model="whisper-1", file=("rede.wav", WAVE, "audio/wav"))
    assert answer.text.startswith("I translated rede.wav")


@pytest.mark.parametrize(("form", "media"), [("mp3", "audio/mpeg"), ("wav", "audio/wav")])
async def test_speech_comes_as_bytes_with_their_content_type(served: Serving, form: Any, media: str) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.audio.speech.create(model="tts-1", voice="alloy", input="hello", response_format=form)
        assert answer.response.headers["content-type"] == media
        assert len(answer.content) >= 24_000
    assert answer.content.startswith(b"RIFF") == (form == "wav")


async def test_speech_that_breaks_off_is_not_taken_for_a_whole_one(served: Serving) -> None:
    served.sim.fault("o", "reset_after", bytes=12_000)
    async with served.sdk() as sdk:
        with pytest.raises(openai.APIConnectionError):
            await sdk.audio.speech.create(model="tts-1", voice="alloy", input="hello", response_format="wav")


async def test_a_form_with_another_name_of_the_model_is_sent_on_with_the_providers_own() -> None:
    models = {"ears": ["o/whisper-1"]}
    async with serving(providers=PROVIDERS, models=models) as served, served.sdk() as sdk:
        await sdk.audio.transcriptions.create(model="ears", file=("talk.wav", WAVE, "audio/wav"), prompt="ears")
        record = served.sim.seen("o")[0]
    assert record.raw_body.count(b"whisper-1") == 1
    assert record.raw_body.count(b"ears") == 1, "only the model is replaced"
    assert WAVE in record.raw_body


async def test_forms_and_speech_fail_over_to_a_second_account_with_its_own_name_of_the_model() -> None:
    second = {**PROVIDERS["o"], "base_url": "{sim}/p/v1", "key": "sk-secret-of-second-0005", "priority": 2}
    providers = {"o": PROVIDERS["o"], "p": second}
    models = {"ears": ["o/gpt-4o-transcribe", "p/whisper-1"], "voice": ["o/tts-1", "p/tts-1"]}
    async with serving(providers=providers, models=models) as served, served.sdk() as sdk:
        served.sim.fault("o", "status", code=503)
        heard = await sdk.audio.transcriptions.create(model="ears", file=("talk.wav", WAVE, "audio/wav"))
        said = await sdk.audio.speech.create(model="voice", voice="alloy", input="hello")
        first, second_seen = (served.sim.seen(account) for account in ("o", "p"))
    assert heard.text.startswith("I heard talk.wav")
    assert said.response.headers["x-segue-provider"] == "p"
    assert said.content
    assert first[0].raw_body.replace(b"gpt-4o-transcribe", b"whisper-1") == second_seen[0].raw_body


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


async def test_a_model_that_chats_only_does_not_embed(served: Serving) -> None:
    async with served.sdk() as sdk:
        with pytest.raises(openai.APIStatusError) as raised:
            await sdk.embeddings.create(model=CLAUDE, input="a")
    assert raised.value.status_code in {400, 404}


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
