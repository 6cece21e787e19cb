"""Completions, verdicts, pictures and sound, asked for by the official SDK."""

import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from support.operations import MODELS, PNG, PROVIDERS, WAVE
from support.service import CALM, Serving, eventually, serving


@pytest.fixture
async def served() -> AsyncIterator[Serving]:
    async with serving(providers=PROVIDERS, models=MODELS, policies=CALM) as made:
        yield made


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


async def test_stream_options_that_are_none_are_the_providers_to_refuse(served: Serving) -> None:
    async with served.sdk() as sdk:
        wrong: Any = 3
        with pytest.raises(openai.BadRequestError):
            await sdk.completions.create(model="gpt-3.5-turbo-instruct", prompt="a", stream=True, stream_options=wrong)


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
