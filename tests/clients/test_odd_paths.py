"""What clients do to addresses and requests that no vendor documents, one by one and without the clients."""

import pytest

from clients.conftest import FORMATS
from support.service import HELLO, Serving

CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hello in 12 words"}]}]}


@pytest.mark.parametrize("path", ["/v1beta/chat/gpt-4o", "/gemini/v1beta/chat/gpt-4o", "/v1beta/models/chat/gpt-4o"])
async def test_a_name_with_a_slash_needs_no_models_before_it(served: Serving, path: str) -> None:
    """The AI SDK leaves `models/` out where a name has a slash."""
    answer = await served.ask("POST", f"{path}:generateContent", json=CONTENTS)
    assert answer.status == 200
    assert answer.headers["x-segue-provider"] == "chat"


@pytest.mark.parametrize("path", ["/v1beta/nothing", "/v1beta/nothing:atAll"])
async def test_what_gemini_does_not_have_is_not_found_in_its_own_shape(served: Serving, path: str) -> None:
    answer = await served.ask("POST", path, json=CONTENTS)
    assert (answer.status, answer.error["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("model", FORMATS)
async def test_tokens_are_counted_for_clients_of_anthropic_and_gemini(served: Serving, model: str) -> None:
    counted = await served.ask("POST", "/v1/messages/count_tokens?beta=true", json={"model": model, "messages": HELLO})
    assert counted.json["input_tokens"] > 0
    counted = await served.ask("POST", f"/v1beta/models/{model}:countTokens", json=CONTENTS)
    assert counted.json["totalTokens"] > 0


async def test_an_effort_is_left_out_for_a_model_of_responses_that_does_not_reason(served: Serving) -> None:
    """Claude Code asks an unknown name for adaptive thinking and an effort."""
    body = {
        "model": "speaks-responses", "messages": HELLO, "max_tokens": 2000, "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
    }  # fmt: skip
    answer = await served.ask("POST", "/v1/messages?beta=true", json=body)
    assert answer.status == 200
    assert "gpt-4o does not reason" in answer.headers["x-segue-warnings"]
