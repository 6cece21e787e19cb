"""What OpenAI's reasoning models refuse of sampling is left out for callers of other vendors' formats, and told."""

import json
from typing import Any

import pytest

from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.openai_sampling import taken_sampling
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.blocks import Text
from segue.families.llm.ir.conversation import Conversation, Message, Sampling
from segue.families.llm.ir.format import Target

WISH = Sampling(temperature=0.7, top_p=0.5, presence_penalty=0.1, frequency_penalty=0.0, seed=3)


@pytest.mark.parametrize(
    "model",
    [
        "o1",
        "o3",
        "o3-mini",
        "o4-mini-2025-04-16",
        "openai/o3",
        "gpt-5",
        "gpt-5-mini",
        "gpt-5-2025-08-07",
        "gpt-5-codex",
    ],
)
def test_a_model_that_draws_by_itself_is_told_nothing_but_a_seed(model: str) -> None:
    assert taken_sampling(WISH, model) == (
        Sampling(seed=3), f"temperature, top_p, presence_penalty left out: {model} draws by itself",
    )  # fmt: skip


@pytest.mark.parametrize(
    "model", ["gpt-4o", "gpt-5-chat-latest", "gpt-5.1", "gpt-5.2-pro", "gpt-50", "o365", "solo3", "gpt-oss-120b"]
)
def test_any_other_is_told_everything(model: str) -> None:
    assert taken_sampling(WISH, model) == (WISH, "")


def test_what_is_the_models_own_habit_is_left_out_without_a_word() -> None:
    assert taken_sampling(Sampling(temperature=1.0, top_p=1), "o3") == (Sampling(), "")
    assert taken_sampling(Sampling(top_k=3), "o3") == (Sampling(top_k=3), "")


@pytest.mark.parametrize("provider", [CHAT, RESPONSES], ids=lambda provider: provider.id)
def test_both_formats_of_openais_leave_it_out(provider: Any) -> None:
    wish = Conversation(messages=[Message("user", [Text("Hi")])], sampling=WISH)
    written = provider.write_request(wish, Target("o3"))
    assert not {"temperature", "top_p", "presence_penalty"} & json.loads(written.body).keys()
    assert any("draws by itself" in warning for warning in written.warnings)
    assert json.loads(provider.write_request(wish, Target("gpt-4o")).body)["temperature"] == 0.7
