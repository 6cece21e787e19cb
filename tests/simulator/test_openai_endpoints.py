"""Embeddings, completions, moderations, pictures, sound and rerankers, through the SDK where it has them."""

import base64
import io
import json
import wave

import aiohttp
import openai
import pytest

from simulator.wire import KEY, hear, request_bytes

PNG = base64.b64decode("iVBORw0KGgo=")


async def test_embeddings_are_unit_vectors_that_the_text_decides(client):
    """The same text has the same vector in both encodings; `dimensions` is honoured; tokens are inputs, too."""
    answer = await client.embeddings.create(model="text-embedding-3-small", input=["a b", "c"], dimensions=8)
    plain = await client.embeddings.create(
        model="text-embedding-3-small", input="a b", dimensions=8, encoding_format="float"
    )
    assert [entry.index for entry in answer.data] == [0, 1]
    assert answer.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)
    assert sum(value**2 for value in plain.data[0].embedding) == pytest.approx(1)
    assert answer.usage.prompt_tokens == 3
    large = await client.embeddings.create(model="text-embedding-3-large", input=[[1, 2], [3]])
    assert [len(entry.embedding) for entry in large.data] == [3072, 3072]


async def test_a_legacy_completion_stops_after_sixteen_tokens(client):
    """max_tokens is 16 by default; a stream says the same, and usage comes when asked for."""
    whole = await client.completions.create(model="gpt-3.5-turbo-instruct", prompt="in 40 words")
    assert (whole.choices[0].finish_reason, whole.usage.completion_tokens) == ("length", 16)
    stream = await client.completions.create(
        model="gpt-3.5-turbo-instruct", prompt="in 40 words", stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text
    assert chunks[-1].usage == whole.usage
    echoed = await client.completions.create(
        model="gpt-3.5-turbo-instruct", prompt=["one", "two"], echo=True, n=2, logprobs=1, stop="said"
    )
    assert [choice.text for choice in echoed.choices] == ["oneYou ", "oneYou ", "twoYou ", "twoYou "]
    assert echoed.choices[0].logprobs.text_offset == [0, 3, 6]


async def test_moderation_flags_the_category_that_a_text_names(client):
    """One result for each text; the categories have the SDK's names."""
    answer = await client.moderations.create(input=["peace", "violence!"])
    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].categories.violence is True
    assert answer.results[1].category_scores.violence > 0.9


async def test_pictures_are_real(client):
    """Generate gives PNG in base64 or an address, by the model; edit reads the uploaded file."""
    made = await client.images.generate(model="gpt-image-1", prompt="a cat", n=2)
    assert base64.b64decode(made.data[0].b64_json).startswith(b"\x89PNG\r\n\x1a\n")
    assert (len(made.data), made.usage.output_tokens) == (2, 544)
    assert (await client.images.generate(model="dall-e-3", prompt="a cat")).data[0].url.startswith("https://")
    edited = await client.images.edit(model="gpt-image-1", image=("a.png", PNG, "image/png"), prompt="brighter")
    assert edited.usage.input_tokens_details.image_tokens == 272
    with pytest.raises(openai.BadRequestError) as caught:
        await client.images.edit(model="gpt-image-1", image=("a.txt", b"x", "text/plain"), prompt="x")
    assert caught.value.code == "unsupported_file_mimetype"


async def test_a_picture_can_be_streamed(client):
    """Partial pictures first, then the completed one with usage."""
    stream = await client.images.generate(model="gpt-image-1", prompt="a cat", stream=True, partial_images=2)
    events = [event.type async for event in stream]
    assert events == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]


async def test_a_transcription_tells_which_file_came(client):
    """Name, size and type of the file and the fields of the form were understood, in each format."""
    asked = {"model": "whisper-1", "file": ("talk.mp3", b"12345", "audio/mpeg"), "language": "de"}
    plain = await client.audio.transcriptions.create(**asked)
    assert plain.text == "I heard talk.mp3 in de, 5 bytes of audio/mpeg."
    assert (await client.audio.transcriptions.create(**asked, response_format="text")).startswith("I heard talk.mp3")
    assert (await client.audio.transcriptions.create(**asked, response_format="vtt")).startswith("WEBVTT")
    verbose = await client.audio.transcriptions.create(
        **asked, response_format="verbose_json", timestamp_granularities=["segment"]
    )
    assert verbose.segments[0].text == plain.text


async def test_a_translation_reads_the_same_form(web):
    """The endpoint that the SDK calls deprecated answers still."""
    form = aiohttp.FormData({"model": "whisper-1"})
    form.add_field("file", b"1", filename="a.wav", content_type="audio/wav")
    headers = {"Authorization": f"Bearer {KEY}"}
    async with web.post("/primary/v1/audio/translations", data=form, headers=headers) as answer:
        assert (await answer.json())["text"] == "I translated a.wav, 1 bytes of audio/wav."


async def test_a_transcription_can_be_streamed(client):
    """Deltas, then the whole text."""
    stream = await client.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=("talk.mp3", b"12345", "audio/mpeg"), stream=True
    )
    events = [event async for event in stream]
    assert "".join(event.delta for event in events[:-1]) == events[-1].text
    assert events[-1].type == "transcript.text.done"


async def test_speech_is_sound(client):
    """A WAVE file that can be read, and the documented limit on the text."""
    sound = await client.audio.speech.create(model="tts-1", voice="alloy", input="hello", response_format="wav")
    with wave.open(io.BytesIO(sound.content)) as file:
        assert (file.getframerate(), file.getnframes()) == (24000, 12000)
    with pytest.raises(openai.BadRequestError) as caught:
        await client.audio.speech.create(model="tts-1", voice="alloy", input="x" * 4097)
    assert (caught.value.param, caught.value.code) == ("input", "string_above_max_length")


async def post(web, path, body):
    async with web.post(path, json=body, headers={"Authorization": f"Bearer {KEY}"}) as answer:
        return answer.status, await answer.json()


async def test_rerankers_have_two_shapes(web):
    """Cohere's and Jina's, with the same order: by the share of the query's words."""
    asked = {"model": "rerank-v3.5", "query": "capital of France", "documents": ["a cat", "Paris, capital of France."]}
    status, cohere = await post(web, "/c/v2/rerank", {**asked, "top_n": 1})
    assert (status, [result["index"] for result in cohere["results"]]) == (200, [1])
    assert cohere["meta"]["billed_units"] == {"search_units": 1}
    status, jina = await post(web, "/jina/v1/rerank", asked)
    assert status == 200
    assert [result["index"] for result in jina["results"]] == [1, 0]
    assert jina["results"][0]["document"] == {"text": "Paris, capital of France."}
    assert jina["results"][0]["relevance_score"] == cohere["results"][0]["relevance_score"]
    assert await post(web, "/c/v2/rerank", {"model": "m", "query": "q"}) == (
        400, {"message": "Missing required parameter: 'documents'."}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "param", "code"),
    [
        ("embeddings", {"model": "m"}, "input", "missing_required_parameter"),
        ("embeddings", {"model": "m", "input": ""}, "input", "invalid_value"),
        ("embeddings", {"model": "m", "input": []}, "input", "empty_array"),
        ("embeddings", {"model": "m", "input": "x", "dimensions": 0}, "dimensions", "integer_below_min_value"),
        ("embeddings", {"model": "m", "input": "x", "top_k": 1}, "top_k", "unknown_parameter"),
        ("completions", {"model": "m", "messages": []}, "messages", "unknown_parameter"),
        ("completions", {"model": "m"}, "prompt", "missing_required_parameter"),
        ("completions", {"model": "m", "prompt": "x", "logprobs": 6}, "logprobs", "integer_above_max_value"),
        ("moderations", {}, "input", "missing_required_parameter"),
        ("images/generations", {"prompt": "x", "n": 11}, "n", "integer_above_max_value"),
        ("images/generations", {"prompt": "x", "size": "9x9"}, "size", "invalid_value"),
        ("images/generations", {"prompt": "x", "response_format": "url"}, "response_format", "unknown_parameter"),
        ("images/edits", {"prompt": "x"}, None, "unsupported_content_type"),
        ("audio/transcriptions", {"model": "m"}, None, "unsupported_content_type"),
        ("audio/speech", {"model": "m", "input": "x"}, "voice", "missing_required_parameter"),
        ("rerank", {"model": "m", "query": "q", "documents": []}, "documents", "empty_array"),
    ],
)
async def test_wrong_requests_are_refused_by_name(web, path, body, param, code):
    """400 with the parameter and the vendor's code."""
    status, answer = await post(web, f"/primary/v1/{path}", body)
    assert (status, answer["error"]["param"], answer["error"]["code"]) == (400, param, code)


@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\nContent-Disposition: form-data; name=model\r\n\r\nm",
        b"--other\r\n\r\n--other--",
        b"",
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n',
    ],
)
async def test_a_broken_form_is_refused(web, body):
    """A form without its last boundary, or with another, is no form."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "multipart/form-data; boundary=b"}
    async with web.post("/primary/v1/audio/transcriptions", data=body, headers=headers) as answer:
        assert answer.status == 400


async def test_a_fault_knows_the_model_of_a_form(sim, client):
    """`match` by model, and faults by the model's name, work for uploads as for any request."""
    sim.fault("primary", "status", code=503, match={"model": "whisper-1"})
    with pytest.raises(openai.InternalServerError):
        await client.audio.transcriptions.create(model="whisper-1", file=("a.mp3", b"1", "audio/mpeg"))
    with pytest.raises(openai.RateLimitError):
        await client.audio.transcriptions.create(model="sim-quota", file=("a.mp3", b"1", "audio/mpeg"))


@pytest.mark.parametrize("path", ["embeddings", "completions", "moderations", "rerank", "responses"])
async def test_every_endpoint_needs_a_key_and_a_known_model(sim, path):
    """401 without a right key; 404 for a model that is not there; 405 for another method."""
    bodies = {"completions": {"prompt": "x"}, "rerank": {"query": "q", "documents": ["d"]}}
    body = json.dumps({"model": "missing-1", **bodies.get(path, {"input": "x"})}).encode()
    wrong = request_bytes("POST", f"/primary/v1/{path}", body).replace(KEY.encode(), b"invalid-key")
    assert (await hear(sim.port, wrong)).status == 401
    assert (await hear(sim.port, request_bytes("POST", f"/primary/v1/{path}", body))).status == 404
    assert (await hear(sim.port, request_bytes("GET", f"/primary/v1/{path}"))).status == 405
