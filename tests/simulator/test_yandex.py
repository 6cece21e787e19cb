"""Yandex's own interface to its models, by plain HTTP."""

import json
from itertools import pairwise

import pytest

URI = "gpt://folder/yandexgpt/latest"
HEADERS = {"Authorization": "Api-Key key", "x-folder-id": "folder"}
FUNCTION = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
FUNCTION["parameters"]["required"] = ["city"]


def body(text: str = "hello", **more) -> dict:
    return {"modelUri": URI, "messages": [{"role": "user", "text": text}], **more}


@pytest.fixture
def call(web):
    """Post to one method and return status and answer."""

    async def run(document: object, method: str = "completion", headers: dict | None = None) -> tuple[int, dict]:
        address = f"/yandex/foundationModels/v1/{method}"
        async with web.post(address, json=document, headers=HEADERS if headers is None else headers) as answer:
            return answer.status, await answer.json()

    return run


async def test_a_question_is_answered(call):
    """In `result`, with numbers as strings that add up."""
    status, answer = await call(body("is it raining", completionOptions={"maxTokens": "100", "temperature": 0.3}))
    result = answer["result"]
    alternative = result["alternatives"][0]
    assert status == 200
    assert alternative["status"] == "ALTERNATIVE_STATUS_FINAL"
    assert "is it raining" in alternative["message"]["text"]
    usage = result["usage"]
    assert int(usage["totalTokens"]) == int(usage["inputTextTokens"]) + int(usage["completionTokens"])
    assert isinstance(usage["completionTokensDetails"]["reasoningTokens"], str)


async def test_each_line_of_a_stream_repeats_the_text_so_far(web):
    """The last line is that of the whole answer."""
    asked = body("in 4 words", completionOptions={"stream": True})
    async with web.post("/yandex/foundationModels/v1/completion", json=asked, headers=HEADERS) as answer:
        lines = [json.loads(line)["result"] for line in (await answer.text()).splitlines()]
    texts = [line["alternatives"][0]["message"]["text"] for line in lines]
    assert [len(text.split()) for text in texts] == [1, 2, 3, 4, 4]
    assert all(after.startswith(before) for before, after in pairwise(texts))
    statuses = [line["alternatives"][0]["status"] for line in lines]
    assert statuses == ["ALTERNATIVE_STATUS_PARTIAL"] * 4 + ["ALTERNATIVE_STATUS_FINAL"]


async def test_a_tool_is_called_and_its_result_is_understood(call):
    """Arguments are an object; the result names the function."""
    tools = [{"function": FUNCTION}]
    _, called = await call(body("use the tool", tools=tools))
    alternative = called["result"]["alternatives"][0]
    assert alternative["status"] == "ALTERNATIVE_STATUS_TOOL_CALLS"
    calls = alternative["message"]["toolCallList"]
    assert calls == {"toolCalls": [{"functionCall": {"name": "get_weather", "arguments": {"city": "text"}}}]}
    messages = [
        {"role": "user", "text": "use the tool"},
        {"role": "assistant", "toolCallList": calls},
        {
            "role": "user",
            "toolResultList": {"toolResults": [{"functionResult": {"name": "get_weather", "content": "18"}}]},
        },
    ]
    _, answered = await call({"modelUri": URI, "messages": messages, "tools": tools})
    assert "tool results: 18" in answered["result"]["alternatives"][0]["message"]["text"]
    status, refused = await call({"modelUri": URI, "messages": messages[:2], "tools": tools})
    assert (status, refused["error"]["grpcCode"]) == (400, 3)


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("hello", {"maxTokens": "2"}, "TRUNCATED_FINAL"),
        ("hello", {"maxTokens": 2}, "TRUNCATED_FINAL"),
        ("please refuse", {}, "CONTENT_FILTER"),
    ],
)
async def test_the_reasons_for_an_end(call, text, options, expected):
    """A limit, as string or as number, and the filter."""
    _, answer = await call(body(text, completionOptions=options))
    assert answer["result"]["alternatives"][0]["status"] == f"ALTERNATIVE_STATUS_{expected}"


@pytest.mark.parametrize(
    "change",
    [
        {"modelUri": "yandexgpt"},
        {"modelUri": "gpt://other/yandexgpt"},
        {"modelUri": "emb://folder/text-search-doc"},
        {"messages": []},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "text": "a", "colour": "b"}]},
        {"messages": [{"role": "tool", "text": "a"}]},
        {"completionOptions": {"temperature": 2}},
        {"completionOptions": {"maxTokens": "many"}},
        {"toolChoice": {"functionName": "unknown"}},
        {"jsonObject": True, "jsonSchema": {"schema": {}}},
        {"colour": "red"},
    ],
)
async def test_a_wrong_request_is_refused(call, change):
    """With both codes."""
    status, answer = await call(body() | change)
    assert status == 400
    assert (answer["error"]["grpcCode"], answer["error"]["httpStatus"]) == (3, "Bad Request")


@pytest.mark.parametrize("key", ["", "Basic key", "Api-Key invalid", "Bearer expired-token"])
async def test_a_key_or_a_token_is_needed(call, key):
    """An API key, or a token of IAM."""
    assert (await call(body(), headers={"Authorization": key}))[0] == 401
    assert (await call(body(), headers={"Authorization": "Bearer token"}))[0] == 200


async def test_a_text_is_embedded_and_tokens_are_counted(call):
    """Vectors of length 1; tokens are listed."""
    _, embedded = await call({"modelUri": "emb://folder/text-search-doc/latest", "text": "a b"}, "textEmbedding")
    assert len(embedded["embedding"]) == 256
    assert sum(value * value for value in embedded["embedding"]) == pytest.approx(1, abs=1e-4)
    assert embedded["numTokens"] == "2"
    _, counted = await call(body("three words here"), "tokenizeCompletion")
    assert len(counted["tokens"]) == 3


async def test_an_error_can_come_inside_a_stream(sim, web):
    """As a line in place of a result."""
    sim.fault("yandex", "error_event", after=1, code=503)
    asked = body("in 4 words", completionOptions={"stream": True})
    async with web.post("/yandex/foundationModels/v1/completion", json=asked, headers=HEADERS) as answer:
        lines = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert [list(line) for line in lines] == [["result"], ["error"]]
    assert lines[1]["error"]["grpcCode"] == 14
