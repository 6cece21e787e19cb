"""What LangChain's guides show beyond the matrix, and how its classes gather a stream, before foreign formats."""

from typing import Any, Final

import pytest
from anthropic import AsyncAnthropic
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI
from pydantic import BaseModel, Field

from sdk.columns import BY_NAME
from support.service import Serving

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

FORMATS: Final = ("chat", "responses", "anthropic", "gemini", "bedrock", "ollama-native")


@tool
def weather(place: str) -> str:
    """Tell the weather of a place."""
    return f"sunny in {place}"


class Joke(BaseModel):
    """A joke."""

    setup: str = Field(description="how it begins")
    rating: int | None = Field(default=None, description="1 to 10")


def _chat(served: Serving, column: str, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model=BY_NAME[column].model_of("text"),
        base_url=f"{served.url}/v1",
        api_key="none",
        max_retries=0,
        **options,
    )


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
@pytest.mark.parametrize("column", ["chat", "responses", "anthropic", "gemini", "bedrock"])
async def test_output_is_structured_by_every_method(
    everyone: Serving, column: str, method: Any, responses: bool
) -> None:
    model = _chat(everyone, column, use_responses_api=responses).with_structured_output(Joke, method=method)
    assert isinstance(await model.ainvoke("use the tool"), Joke)


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
@pytest.mark.parametrize("column", FORMATS)
async def test_a_turn_that_was_gathered_from_a_stream_goes_on(everyone: Serving, column: str, responses: bool) -> None:
    model = _chat(everyone, column, use_responses_api=responses).bind_tools([weather])
    asked: list[Any] = [HumanMessage("use the tool")]
    gathered: AIMessageChunk | None = None
    async for piece in model.astream(asked):
        gathered = piece if gathered is None else gathered + piece
    assert gathered is not None
    results = [
        ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"], name="weather")
        for call in gathered.tool_calls
    ]
    assert "sunny in text" in (await model.ainvoke([*asked, gathered, *results])).text


@pytest.mark.parametrize("column", ["responses", "anthropic", "gemini", "bedrock", "ollama-native"])
async def test_a_streamed_call_begins_with_no_content_and_a_text_with_an_empty_one(
    everyone: Serving, column: str
) -> None:
    """As at OpenAI: the AI SDK opens a text where the content is "", and so it does before every call else."""
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    model = BY_NAME[column].model_of("text")
    async with AsyncOpenAI(base_url=f"{everyone.url}/v1", api_key="none", max_retries=0) as sdk:
        for text, content in (("use the tool", None), ("hello in 5 words", "")):
            asked: Any = [{"role": "user", "content": text}]
            stream = await sdk.chat.completions.create(model=model, messages=asked, tools=tools, stream=True)
            deltas = [piece.choices[0].delta async for piece in stream if piece.choices]
            assert [delta.role for delta in deltas if delta.role] == ["assistant"]
            assert (deltas[0].role, deltas[0].content) == ("assistant", content)
            assert bool(deltas[0].tool_calls) is (content is None)


@pytest.mark.parametrize("column", ["anthropic", "gemini", "bedrock", "deepseek"])
async def test_a_thought_that_was_gathered_from_its_deltas_goes_back(everyone: Serving, column: str) -> None:
    """LangChain keeps of a thought what its deltas say, and not what its beginning says: that is a signature, too."""
    model = BY_NAME[column].model_of("thoughts")
    tools: Any = [{"name": "weather", "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}}}]
    wish: dict[str, Any] = {
        "model": model, "max_tokens": 5000, "tools": tools, "thinking": {"type": "enabled", "budget_tokens": 2000},
    }  # fmt: skip
    asked: Any = [{"role": "user", "content": "use the tool"}]
    blocks: dict[int, dict[str, Any]] = {}
    async with AsyncAnthropic(base_url=everyone.url, api_key="none", max_retries=0) as sdk:
        async for event in await sdk.messages.create(messages=asked, stream=True, **wish):
            if event.type == "content_block_start":
                begun = event.content_block.model_dump(exclude_none=True)
                blocks[event.index] = {"type": "thinking"} if begun["type"] == "thinking" else begun
            elif event.type == "content_block_delta":
                delta = event.delta.model_dump()
                if delta["type"] in {"thinking_delta", "signature_delta"}:
                    name = delta["type"].removesuffix("_delta")
                    blocks[event.index][name] = blocks[event.index].get(name, "") + delta[name]
        turn = [block if block["type"] != "thinking" else {"thinking": "", **block} for block in blocks.values()]
        assert all("signature" in block for block in turn if block["type"] == "thinking")
        call = next(block for block in turn if block["type"] == "tool_use")
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": "sunny"}
        messages: Any = [*asked, {"role": "assistant", "content": turn}, {"role": "user", "content": [result]}]
        answer = await sdk.messages.create(messages=messages, **wish)
    assert "sunny" in answer.content[-1].text
