"""Sound, pictures and vectors at vendors that OpenAI's SDK cannot be pointed at, asked for by that SDK."""

import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from support.operations import PNG, WAVE
from support.service import CALM, Serving, eventually, serving

PROVIDERS: dict[str, Any] = {
    "openrouter": {
        "adapter": "openrouter", "base_url": "{sim}/openrouter/api/v1", "key": "or-secret-000001",
        "models": {"openai/whisper-1": {}, "openai/tts": {"prices": {"input": 0, "character": 15}}},
    },
    "mistral": {
        "adapter": "mistral", "base_url": "{sim}/mistral/v1", "key": "mi-secret-000002",
        "models": {"voxtral-mini-tts-3-0": {"prices": {"input": 0, "character": 13}}},
    },
    "xai": {
        "adapter": "xai", "base_url": "{sim}/xai/v1", "key": "xa-secret-000003",
        "models": {"grok-imagine-image": {"prices": {"input": 0, "picture": "0.02"}}},
    },
    "perplexity": {
        "adapter": "perplexity", "base_url": "{sim}/perplexity/v1", "key": "pp-secret-000004",
        "models": {"pplx-embed-v1-0.6b": {"prices": {"input": "0.004"}}},
    },
    "o": {
        "adapter": "openai", "base_url": "{sim}/o/v1", "key": "sk-secret-000005", "priority": 2,
        "models": {"tts-1": {"prices": {"input": 0, "character": 15}}, "whisper-1": {}, "gpt-image-1": {},
                   "gpt-4o-mini-tts": {"prices": {"input": "0.6", "output": 12}},
                   "dall-e-3": {"prices": {"input": 0, "pictures": {"default": "0.04", "hd 1024x1792": "0.12"}}}},
    },
}  # fmt: skip
MODELS = {
    "ears": ["openrouter/openai/whisper-1", "o/whisper-1"],
    "voice": ["mistral/voxtral-mini-tts-3-0", "o/tts-1"],
    "brush": ["xai/grok-imagine-image", "o/gpt-image-1"],
}
TALK = ("talk.wav", WAVE[:4] + b"\0\0\0\0WAVE" + WAVE, "audio/wav")
CAT = ("cat.png", io.BytesIO(PNG), "image/png")


@pytest.fixture
async def served() -> AsyncIterator[Serving]:
    async with serving(providers=PROVIDERS, models=MODELS, policies=CALM) as made:
        yield made


async def cost_of(served: Serving, answer: Any) -> Any:
    """What the record of a call says that it cost."""
    call_id = answer.headers["x-segue-call-id"]
    await eventually(lambda: any(ended.call.id == call_id for ended in served.calls))
    return (await served.ask("GET", f"/v1/calls/{call_id}")).json["cost"]


# Transcripts at OpenRouter


async def test_a_file_of_sound_becomes_base64_with_its_kind(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.audio.transcriptions.create(
            model="openai/whisper-1", file=TALK, language="de", temperature=0.5
        )
    assert answer.text == f"I heard {len(TALK[1])} bytes of wav in de."
    sent = served.sim.seen("openrouter")[0].body
    assert base64.b64decode(sent["input_audio"].pop("data")) == TALK[1]
    assert sent == {
        "model": "openai/whisper-1", "language": "de", "temperature": 0.5, "input_audio": {"format": "wav"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "beginning", "kind"),
    [
        ("x.bin", b"ID3\x04", "mp3"),
        ("x.wav", b"\xff\xfb\x90\x00", "mp3"),
        ("x.aac", b"\xff\xf1\x50\x80", "aac"),
        ("x", b"fLaC", "flac"),
        ("x", b"OggS", "ogg"),
        ("x", b"\0\0\0\x20ftypM4A ", "m4a"),
        ("x", b"\x1aE\xdf\xa3", "webm"),
        ("x.mpga", b"nothing known", "mp3"),
        ("X.MP4", b"nothing known", "m4a"),
        ("x.flac", b"nothing known", "flac"),
    ],
)
async def test_what_a_sound_is_says_its_beginning_and_else_its_name(
    served: Serving, name: str, beginning: bytes, kind: str
) -> None:
    async with served.sdk() as sdk:
        await sdk.audio.transcriptions.create(model="openai/whisper-1", file=(name, beginning + bytes(20)))
    assert served.sim.seen("openrouter")[0].body["input_audio"]["format"] == kind


async def test_a_transcript_comes_in_the_forms_that_openrouter_makes_and_as_plain_text(served: Serving) -> None:
    async with served.sdk() as sdk:
        text: Any = await sdk.audio.transcriptions.create(model="openai/whisper-1", file=TALK, response_format="text")
        verbose = await sdk.audio.transcriptions.create(
            model="openai/whisper-1", file=TALK, response_format="verbose_json", timestamp_granularities=["word"]
        )
    assert text == f"I heard {len(TALK[1])} bytes of wav.\n"
    assert verbose.duration == 1.5
    sent = [seen.body for seen in served.sim.seen("openrouter")]
    assert [body["response_format"] for body in sent] == ["json", "verbose_json"]
    assert sent[1]["timestamp_granularities"] == ["word"]


async def test_a_transcript_that_was_to_be_streamed_comes_as_one_piece(served: Serving) -> None:
    async with served.sdk() as sdk:
        stream = await sdk.audio.transcriptions.create(model="openai/whisper-1", file=TALK, stream=True)
        events: list[Any] = [event async for event in stream]
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert events[0].delta == events[1].text


async def test_what_openrouter_says_that_a_transcript_took_is_known(served: Serving) -> None:
    async with served.sdk() as sdk:
        await sdk.audio.transcriptions.create(model="openai/whisper-1", file=TALK)
    await eventually(lambda: served.attempts)
    usage = served.attempts[0].attempt.usage
    assert (usage.billed, usage.audio_seconds) == (508_000, 2)


async def test_subtitles_are_made_by_the_next_and_a_prompt_is_left_out_aloud(served: Serving) -> None:
    async with served.sdk() as sdk:
        subtitles = await sdk.audio.transcriptions.with_raw_response.create(
            model="ears", file=TALK, response_format="vtt"
        )
        prompted = await sdk.audio.transcriptions.with_raw_response.create(model="ears", file=TALK, prompt="names")
        with pytest.raises(openai.BadRequestError, match="does not make 'srt': 'response_format' may be json"):
            await sdk.audio.transcriptions.create(model="openai/whisper-1", file=TALK, response_format="srt")
    assert subtitles.headers["x-segue-provider"] == "o"
    assert prompted.headers["x-segue-provider"] == "openrouter"
    assert "'prompt' left out" in prompted.headers["x-segue-warnings"]


async def test_a_sound_of_an_unknown_kind_is_refused_with_the_remedy(served: Serving) -> None:
    async with served.sdk() as sdk:
        with pytest.raises(openai.BadRequestError, match=r"name the file so, as talk\.wav") as raised:
            await sdk.audio.transcriptions.create(model="openai/whisper-1", file=("x.txt", b"what is this?"))
    assert raised.value.param == "file"


# Speech at OpenRouter, which has OpenAI's shape


async def test_speech_at_openrouter_is_asked_for_in_openais_usual_form(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.audio.speech.create(model="openai/tts", voice="alloy", input="hello")
        other = await sdk.audio.speech.create(
            model="openai/tts", voice="alloy", input="hello", response_format="pcm", instructions="softly"
        )
    assert answer.response.headers["content-type"] == "audio/mpeg"
    assert answer.content
    sent = [seen.body for seen in served.sim.seen("openrouter")]
    assert [body["response_format"] for body in sent] == ["mp3", "pcm"]
    assert "instructions" not in sent[1]
    assert "'instructions' left out" in other.response.headers["x-segue-warnings"]


# Speech at Mistral


@pytest.mark.parametrize(("form", "media"), [("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("flac", "audio/flac")])
async def test_speech_in_base64_comes_as_bytes(served: Serving, form: Any, media: str) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.audio.speech.create(
            model="voxtral-mini-tts-3-0", voice="voice_592", input="bonjour", response_format=form
        )
    assert answer.response.headers["content-type"] == media
    assert answer.response.headers["x-content-type-options"] == "nosniff"
    assert answer.content.startswith(b"RIFF") == (form == "wav")
    assert len(answer.content) >= 24_000
    assert served.sim.seen("mistral")[0].body == {
        "model": "voxtral-mini-tts-3-0", "voice_id": "voice_592", "input": "bonjour", "response_format": form,
    }  # fmt: skip


async def test_a_voice_may_be_named_as_openai_does_and_the_usual_form_is_openais(served: Serving) -> None:
    fields = {
        "model": "voxtral-mini-tts-3-0",
        "voice": {"id": "mine"},
        "input": "a",
        "speed": 2,
        "stream_format": "audio",
    }
    answer = await served.ask("POST", "/v1/audio/speech", json=fields)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "audio/mpeg"
    sent = served.sim.seen("mistral")[0].body
    assert (sent["voice_id"], sent["response_format"]) == ("mine", "mp3")
    assert not {"speed", "stream_format"} & sent.keys()
    assert "'speed' left out" in answer.headers["x-segue-warnings"]


@pytest.mark.parametrize("more", [{"response_format": "pcm"}, {"response_format": "aac"}, {"stream_format": "sse"}])
async def test_what_mistral_does_not_make_the_next_one_does(served: Serving, more: Any) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.audio.speech.create(model="voice", voice="alloy", input="hello", **more)
        with pytest.raises(openai.BadRequestError) as raised:
            await sdk.audio.speech.create(model="voxtral-mini-tts-3-0", voice="alloy", input="hello", **more)
    assert answer.response.headers["x-segue-provider"] == "o"
    assert raised.value.param == next(iter(more))
    assert served.sim.seen("mistral") == []


@pytest.mark.parametrize("fault", [{"kind": "status", "code": 503}, {"kind": "html"}, {"kind": "empty_body"}])
async def test_speech_fails_over_between_the_two_shapes(served: Serving, fault: dict) -> None:
    options = dict(fault)
    served.sim.fault("mistral", options.pop("kind"), **options)
    async with served.sdk() as sdk:
        answer = await sdk.audio.speech.create(model="voice", voice="alloy", input="hello", response_format="wav")
    assert answer.response.headers["x-segue-provider"] == "o"
    assert answer.content.startswith(b"RIFF")


async def test_the_vendors_refusal_of_speech_is_told(served: Serving) -> None:
    answer = await served.ask("POST", "/v1/audio/speech", json={"model": "voxtral-mini-tts-3-0", "input": "a"})
    assert answer.status in {400, 422}
    assert "voice_id" in json.dumps(answer.error)


# Pictures at xAI


async def test_files_of_pictures_become_data_and_one_is_no_list(served: Serving) -> None:
    async with served.sdk() as sdk:
        one = await sdk.images.edit(
            model="grok-imagine-image", prompt="a hat", image=CAT, n=2, response_format="b64_json"
        )
        await sdk.images.edit(
            model="grok-imagine-image", prompt="both", image=[CAT, ("b.bin", b"\xff\xd8\xff\xe0" * 9)]
        )
    assert one.data is not None
    assert [base64.b64decode(each.b64_json or "")[:4] for each in one.data] == [b"\x89PNG"] * 2
    first, second = (seen.body for seen in served.sim.seen("xai"))
    kind, _, data = first["image"]["url"].partition(",")
    assert (kind, base64.b64decode(data)) == ("data:image/png;base64", PNG)
    assert (first["image"]["type"], first["n"], first["prompt"]) == ("image_url", 2, "a hat")
    assert [one["url"][:22] for one in second["images"]] == ["data:image/png;base64,", "data:image/jpeg;base64"]
    assert "image" not in second


async def test_pictures_by_address_and_xais_own_fields_go_through(served: Serving) -> None:
    address = "https://pictures.example/cat.png"
    fields = {"model": "grok-imagine-image", "prompt": "a hat", "aspect_ratio": "1:1", "resolution": "2k"}
    given = [
        {"image": {"type": "image_url", "url": address}},
        {"image": address},
        {"images": [{"image_url": address}]},
        {"images": [{"image_url": address}, {"type": "image_url", "url": address}]},
    ]
    for more in given:
        answer = await served.ask("POST", "/v1/images/edits", json={**fields, **more})
        assert answer.status == 200, answer.body
    sent = [seen.body for seen in served.sim.seen("xai")]
    assert [body.get("image") for body in sent] == [{"type": "image_url", "url": address}] * 3 + [None]
    assert sent[3]["images"] == [{"type": "image_url", "url": address}] * 2
    assert all((body["aspect_ratio"], body["resolution"]) == ("1:1", "2k") for body in sent)


async def test_what_xai_cannot_do_with_pictures_is_told_or_done_by_the_next(served: Serving) -> None:
    async with served.sdk() as sdk:
        masked = await sdk.images.with_raw_response.edit(model="brush", prompt="a", image=CAT, mask=CAT)
        sized = await sdk.images.with_raw_response.edit(model="brush", prompt="a", image=CAT, size="1024x1024")
        streamed = await sdk.images.with_raw_response.edit(model="brush", prompt="a", image=CAT, stream=True)
    assert [one.headers["x-segue-provider"] for one in (masked, sized, streamed)] == ["o", "xai", "o"]
    assert "'size' left out" in sized.headers["x-segue-warnings"]
    assert "size" not in served.sim.seen("xai")[0].body


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (("a.png", b"no picture"), "as PNG, JPEG, WebP or GIF"),
        (("talk.wav", TALK[1]), "as PNG, JPEG, WebP or GIF"),
    ],
)
async def test_what_is_no_picture_is_refused(served: Serving, image: Any, says: str) -> None:
    async with served.sdk() as sdk:
        with pytest.raises(openai.BadRequestError, match=says):
            await sdk.images.edit(model="grok-imagine-image", prompt="a", image=image)


async def test_a_picture_by_the_id_of_a_file_is_not_xais(served: Serving) -> None:
    fields = {"model": "grok-imagine-image", "prompt": "a", "images": [{"file_id": "file-1"}]}
    answer = await served.ask("POST", "/v1/images/edits", json=fields)
    assert (answer.status, answer.error["param"]) == (400, "images")


# Vectors at Perplexity


async def test_vectors_of_whole_numbers_come_as_floats_in_both_encodings(served: Serving) -> None:
    async with served.sdk() as sdk:
        floats = await sdk.embeddings.create(
            model="pplx-embed-v1-0.6b", input=["one", "two"], encoding_format="float", dimensions=128
        )
        packed = await sdk.embeddings.create(model="pplx-embed-v1-0.6b", input="two", dimensions=128)
    assert [len(datum.embedding) for datum in floats.data] == [128, 128]
    assert packed.data[0].embedding == floats.data[1].embedding
    assert all(-128 <= number <= 127 and number == int(number) for number in floats.data[0].embedding)
    assert any(number < 0 for number in floats.data[0].embedding)
    assert floats.usage.prompt_tokens > 0
    assert served.sim.seen("perplexity")[0].body == {
        "model": "pplx-embed-v1-0.6b", "input": ["one", "two"], "encoding_format": "base64_int8", "dimensions": 128,
    }  # fmt: skip


async def test_more_texts_than_perplexity_takes_are_told_apart(served: Serving) -> None:
    async with served.sdk() as sdk:
        with pytest.raises(openai.BadRequestError, match="at most 512 texts in one request"):
            await sdk.embeddings.create(model="pplx-embed-v1-0.6b", input=["a"] * 513)


async def test_a_gemini_client_gets_perplexitys_vectors(served: Serving) -> None:
    wanted = {"content": {"parts": [{"text": "hello"}]}, "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 256}
    answer = await served.ask("POST", "/v1beta/models/pplx-embed-v1-0.6b:embedContent", json=wanted)
    assert answer.status == 200, answer.body
    assert len(answer.json["embedding"]["values"]) == 256
    assert "x-segue-warnings" not in answer.headers


@pytest.mark.parametrize("kind", ["half_json", "empty_body", "html"])
@pytest.mark.parametrize(
    ("vendor", "path", "fields"),
    [
        ("perplexity", "/v1/embeddings", {"model": "pplx-embed-v1-0.6b", "input": "a"}),
        ("mistral", "/v1/audio/speech", {"model": "voxtral-mini-tts-3-0", "input": "a", "voice": "v"}),
        (
            "xai",
            "/v1/images/edits",
            {"model": "grok-imagine-image", "prompt": "a", "image": "https://pictures.example/cat.png"},
        ),
    ],
)
async def test_an_answer_that_is_none_is_the_vendors_failure(
    served: Serving, vendor: str, path: str, fields: dict, kind: str
) -> None:
    served.sim.fault(vendor, kind)
    answer = await served.ask("POST", path, json=fields)
    assert (answer.status, answer.json["segue"]["code"]) == (502, "bad_response")


# What it costs


async def test_speech_costs_what_its_text_does_whole_streamed_or_left(served: Serving) -> None:
    async with served.sdk() as sdk:
        whole = await sdk.audio.speech.create(model="voxtral-mini-tts-3-0", voice="v", input="héllo")
        bytes_ = await sdk.audio.speech.create(model="tts-1", voice="alloy", input="héllo" * 100)
        unknown = await sdk.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="hello")
    assert whole.response.headers["x-segue-cost"] == "0.000065 USD"
    assert await cost_of(served, bytes_.response) == "0.0075 USD"
    assert await cost_of(served, unknown.response) is None, "its tokens are told by nobody"


async def test_speech_that_breaks_off_is_billed_for_its_whole_text(served: Serving) -> None:
    served.sim.fault("o", "reset_after", bytes=12_000)
    async with served.sdk() as sdk:
        with pytest.raises(openai.APIConnectionError):
            await sdk.audio.speech.create(model="tts-1", voice="alloy", input="x" * 1000)
    await eventually(lambda: served.calls)
    charge = served.attempts[-1].attempt.charge
    assert charge is not None
    assert (str(charge.cost), charge.estimated) == ("0.015 USD", False)


async def test_pictures_cost_what_a_price_of_ones_own_says_by_the_piece(served: Serving) -> None:
    async with served.sdk() as sdk:
        flat = await sdk.images.with_raw_response.edit(model="grok-imagine-image", prompt="a", image=CAT, n=2)
        usual = await sdk.images.with_raw_response.generate(model="dall-e-3", prompt="a")
        tall = await sdk.images.with_raw_response.generate(model="dall-e-3", prompt="a", quality="hd", size="1024x1792")
        other = await sdk.images.with_raw_response.generate(model="dall-e-3", prompt="a", quality="hd")
    costs = [one.headers.get("x-segue-cost") for one in (flat, usual, tall, other)]
    assert costs == ["0.04 USD", "0.04 USD", "0.12 USD", None]
