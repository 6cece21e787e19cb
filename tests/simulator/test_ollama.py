"""Ollama's own interface, by plain HTTP."""

import base64
import json

import pytest

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}


def body(text: str = "hello", **more) -> dict:
    return {"model": "llama3.2", "messages": [{"role": "user", "content": text}], **more}


@pytest.fixture
def call(web):
    """Post to one path and return status and all lines of the answer."""

    async def run(document: dict, path: str = "chat") -> tuple[int, list[dict]]:
        async with web.post(f"/ollama/api/{path}", json=document) as answer:
            return answer.status, [json.loads(line) for line in (await answer.text()).splitlines()]

    return run


async def test_a_stream_is_the_default(call):
    """Line by line, and the last has the counts."""
    _, lines = await call(body("in 4 words"))
    assert [line["done"] for line in lines] == [False] * 4 + [True]
    _, (whole,) = await call(body("in 4 words", stream=False))
    assert "".join(line["message"]["content"] for line in lines) == whole["message"]["content"]
    assert (lines[-1]["eval_count"], lines[-1]["done_reason"]) == (4, "stop")
    assert whole["prompt_eval_count"] == lines[-1]["prompt_eval_count"]


async def test_a_prompt_is_completed(call):
    """By `generate`, in `response`."""
    _, (answer,) = await call({"model": "llama3.2", "prompt": "barley", "stream": False}, "generate")
    assert "barley" in answer["response"]
    _, (short,) = await call(
        {"model": "llama3.2", "prompt": "barley", "stream": False, "options": {"num_predict": 2}}, "generate"
    )
    assert (short["done_reason"], short["eval_count"]) == ("length", 2)


async def test_tools_thoughts_images_and_schemas(call):
    """Calls have their arguments as objects; models that cannot do something say so."""
    _, lines = await call(body("use the tool", tools=[TOOL]))
    assert lines[0]["message"]["tool_calls"][0]["function"]["arguments"] == {}
    _, (thought,) = await call(body(stream=False) | {"model": "qwen3:8b"})
    assert "hello" in thought["message"]["thinking"]
    image = base64.b64encode(b"123").decode()
    _, (seen,) = await call({"model": "llava", "prompt": "look", "images": [image], "stream": False}, "generate")
    assert "images: 1 (image, 3 bytes)" in seen["response"]
    schema = {"type": "object", "properties": {"warm": {"type": "boolean"}}, "required": ["warm"]}
    _, (fitting,) = await call(body(stream=False, format=schema))
    assert json.loads(fitting["message"]["content"]) == {"warm": True}
    assert (await call(body(think=True)))[0] == 400
    assert "does not support tools" in (await call(body(tools=[TOOL]) | {"model": "gemma2"}))[1][0]["error"]


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"model": "missing-model", "messages": []}, 404),
        ({"messages": []}, 400),
        ({"model": "m", "messages": "hello"}, 400),
        ({"model": "m", "messages": [{"role": "robot", "content": "a"}]}, 400),
        ({"model": "m", "messages": [{"role": "user", "content": "a"}], "options": {"stop": "a"}}, 400),
    ],
)
async def test_a_wrong_request_is_refused(call, document, status):
    """With a text and nothing else."""
    found, (answer,) = await call(document)
    assert found == status
    assert list(answer) == ["error"]


async def test_texts_are_embedded_and_models_listed(call, web):
    """One vector for each text."""
    _, (answer,) = await call({"model": "nomic-embed-text", "input": ["one two", "three"]}, "embed")
    assert [len(vector) for vector in answer["embeddings"]] == [768, 768]
    assert answer["prompt_eval_count"] == 3
    async with web.get("/ollama/api/tags") as listed:
        assert (await listed.json())["models"][0]["name"] == "llama3.2:latest"


async def test_faults_keep_the_form_of_lines(sim, call):
    """An error is a line, and usage and reason can be changed within theirs."""
    sim.fault("ollama", "error_event", after=2, message="no more", times=1)
    assert (await call(body("in 4 words")))[1][-1] == {"error": "no more"}
    sim.fault("ollama", "usage", times=1)
    assert "eval_count" not in (await call(body("in 4 words")))[1][-1]
    sim.fault("ollama", "finish_reason", reason="load", times=1)
    assert (await call(body("in 4 words")))[1][-1]["done_reason"] == "load"
    sim.fault("ollama", "unknown_events", data='{"novelty":1}', times=1)
    assert (await call(body("in 4 words")))[1][0] == {"novelty": 1}
