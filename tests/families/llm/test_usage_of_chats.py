"""The quick way through of Chat Completions learns all that a price depends on."""

import json

import pytest

from families.llm.support import CODEC, DONE, END, ROLE, SECRET, call, candidate, chunk, event
from segue.core.outcome import Usage
from segue.families.llm.formats.openai_stream import ChatStreamReader

TOLD = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 7},
}
MEANT = Usage(
    100, 50, cached_tokens=60, audio_input_tokens=5, reasoning_tokens=30, audio_output_tokens=7, service_tier="flex"
)


def whole(**more: object) -> bytes:
    message = {"role": "assistant", "content": "x"}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **more}).encode()


def test_a_whole_answer_tells_cached_tokens_sound_thinking_and_the_service_tier() -> None:
    body = whole(usage=TOLD, service_tier="flex")
    outcome = CODEC.decode(call(), candidate(), 200, {}, body)
    assert outcome.usage == MEANT
    assert outcome.answer == body


def test_a_stream_tells_the_same_in_its_last_chunk() -> None:
    reader = ChatStreamReader(call(stream=True).request, SECRET)
    reader.feed(ROLE + chunk("x") + END + event({"choices": [], "usage": TOLD, "service_tier": "flex"}) + DONE)
    assert reader.finished
    assert reader.usage == MEANT


@pytest.mark.parametrize("tier", [None, 5, ["priority"], {}])
def test_a_service_tier_that_is_no_word_spoils_no_answer(tier: object) -> None:
    outcome = CODEC.decode(call(), candidate(), 200, {}, whole(usage=TOLD, service_tier=tier))
    assert outcome.failure is None
    assert outcome.usage is not None
    assert outcome.usage.service_tier == ""


def test_details_that_are_no_numbers_spoil_no_answer() -> None:
    outcome = CODEC.decode(
        call(), candidate(), 200, {}, whole(usage={**TOLD, "prompt_tokens_details": {"cached_tokens": "many"}})
    )
    assert outcome.failure is None
    assert outcome.answer is not None
