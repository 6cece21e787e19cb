"""What only some vendors can do is refused by declaration elsewhere, in the SDK's own class, with a way out."""

from typing import Any, Final

import pytest
from google.genai import types

from sdk.columns import BY_NAME
from sdk.wishes import Driver, User, Wish
from support.service import Serving

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

AUDIO: Final = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
SEARCH: Final = {"type": "web_search_20250305", "name": "web_search"}
RUN_CODE: Final = types.Tool(code_execution=types.ToolCodeExecution())
CASES: Final = (
    ("openai-chat", {"n": 2}, "n", ("anthropic", "gemini", "bedrock", "yandex")),
    ("openai-chat", {"logprobs": True, "top_logprobs": 2}, "logprobs", ("anthropic", "bedrock", "ollama-native")),
    ("openai-chat", {"logit_bias": {"50256": -100}}, "logit_bias", ("anthropic", "gemini", "responses")),
    ("openai-chat", AUDIO, "modalities", ("anthropic", "bedrock")),
    ("openai-chat", AUDIO, "audio", ("gemini",)),
    ("openai-responses", {"tools": [{"type": "web_search"}]}, "openai:web_search", ("chat", "anthropic", "gemini")),
    ("anthropic", {"tools": [SEARCH]}, "anthropic:web_search", ("chat", "responses", "gemini")),
    ("anthropic", {"tools": [SEARCH]}, "web_search_20250305", ("bedrock",)),
    ("google-genai", {"tools": [RUN_CODE]}, "google:code_execution", ("chat", "responses", "anthropic", "bedrock")),
)


@pytest.mark.parametrize(
    ("name", "raw", "field", "columns", "column"),
    [
        pytest.param(name, raw, field, columns, column, id=f"{field}-{name}-{column}")
        for name, raw, field, columns in CASES
        for column in columns
    ],
)
async def test_the_error_names_field_target_and_alternatives(
    everyone: Serving,
    drivers: dict[str, Driver],
    name: str,
    raw: dict[str, Any],
    field: str,
    columns: tuple[str, ...],
    column: str,
) -> None:
    driver, before = drivers[name], len(everyone.sim.seen(column))
    model = BY_NAME[column].model_of("text")
    for stream in (False, True):
        with pytest.raises(driver.errors[400]) as refused:
            await driver.ask(Wish(model=model, turns=(User("hello"),), raw=raw), stream=stream)
        message = str(refused.value)
        assert field in message
        assert model in message
        others = message.partition("these may: ")[2]
        assert others, "who may serve it instead"
        for unable in columns:
            assert BY_NAME[unable].model_of("text") not in others.split(", "), "who cannot either is no help"
    assert len(everyone.sim.seen(column)) == before, "nobody was asked"


@pytest.mark.parametrize("column", ["chat", "anthropic", "gemini", "bedrock", "yandex"])
async def test_a_stream_of_chat_completions_tells_its_usage_only_when_asked(
    everyone: Serving, drivers: dict[str, Driver], column: str
) -> None:
    wish: dict[str, Any] = {"model": BY_NAME[column].model_of("text"), "turns": (User("hello in 12 words"),)}
    driver = drivers["openai-chat"]
    assert (await driver.ask(Wish(**wish, count=False), stream=True)).usage is None
    told = (await driver.ask(Wish(**wish), stream=True)).usage
    assert told is not None
    assert told.output == 12
