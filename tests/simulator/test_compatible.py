"""Azure and the vendors that speak OpenAI's format: each differs where its documentation says so."""

import json

import openai
import pytest

from segue.simulator.vendors.compatible_flavours import FLAVOURS
from simulator.wire import KEY, hear, request_bytes

QUESTION = [{"role": "user", "content": "hello"}]


@pytest.fixture
async def azure(sim):
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=f"{sim.url}/east", api_key=KEY, api_version="2024-10-21", max_retries=0
    ) as client:
        yield client


async def told(sim, account, path="/v1/chat/completions", **fields):
    """What a vendor answers: the status, and the chunks of a stream or the document."""
    body = json.dumps({"model": "m", "messages": QUESTION, **fields}).encode()
    heard = await hear(sim.port, request_bytes("POST", f"/{account}{path}", body))
    if b"text/event-stream" not in heard.head:
        return heard.status, json.loads(heard.body)
    blocks = [block for block in heard.body.decode().split("\n\n") if block]
    return heard.status, [json.loads(b[6:]) if b.startswith("data: {") else b for b in blocks]


async def test_azure_filters_prompt_and_answer(azure):
    """The deployment is the model; the first chunk judges the prompt and has no choices."""
    whole = await azure.chat.completions.create(model="my-gpt", messages=QUESTION)
    assert whole.model == "my-gpt"
    assert whole.choices[0].content_filter_results["hate"] == {"filtered": False, "severity": "safe"}
    stream = await azure.chat.completions.create(model="my-gpt", messages=QUESTION, stream=True)
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices == []
    assert chunks[0].prompt_filter_results[0]["content_filter_results"]["jailbreak"]["filtered"] is False
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[1:])
    assert text == whole.choices[0].message.content


async def test_azure_has_its_own_paths(sim, azure, web):
    """`/openai/v1` needs no version and no deployment; everything else without a version is not found."""
    assert (await azure.embeddings.create(model="emb", input="x")).model == "emb"
    assert (await azure.responses.create(model="my-gpt", input="hello")).output_text.startswith("You said: hello")
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/east/openai/v1", api_key=KEY) as client:
        assert (await client.chat.completions.create(model="d", messages=QUESTION)).choices[0].finish_reason == "stop"
    path = "/east/openai/deployments/d/chat/completions"
    async with web.post(path, json={"messages": QUESTION}, headers={"api-key": KEY}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "404")
    async with web.post(f"{path}?api-version=1", json={"messages": QUESTION}, headers={"api-key": KEY}) as answer:
        assert answer.status == 200
    assert sim.seen("east")[-1].headers["api-key"] == "...7890"


async def test_azures_content_filter_names_what_it_filtered(sim, azure):
    """The refusal has the inner error; other refusals have a code and a message."""
    sim.fault("east", "status", error="content_filter", times=1)
    with pytest.raises(openai.BadRequestError) as caught:
        await azure.chat.completions.create(model="d", messages=QUESTION)
    error = caught.value.body
    assert error["innererror"]["code"] == "ResponsibleAIPolicyViolation"
    assert error["innererror"]["content_filter_result"]["violence"] == {"filtered": True, "severity": "high"}
    with pytest.raises(openai.NotFoundError) as missing:
        await azure.chat.completions.create(model="missing-d", messages=QUESTION)
    assert missing.value.code == "DeploymentNotFound"
    sim.fault("east", "status", code=429)
    with pytest.raises(openai.RateLimitError):
        await azure.chat.completions.create(model="d", messages=QUESTION)


async def test_groq_has_usage_in_its_own_field(sim):
    """x_groq of the last chunk, under its own root; unsupported fields are refused; errors have no param."""
    _, chunks = await told(sim, "groq", "/openai/v1/chat/completions", stream=True, model="openai/gpt-oss-120b")
    assert chunks[-2]["x_groq"]["usage"]["completion_tokens"] > 0
    assert "usage" not in chunks[-2]
    assert any(chunk["choices"][0]["delta"].get("reasoning") for chunk in chunks[:-1])
    for fields in ({"logprobs": True}, {"n": 2}, {"messages": [{**QUESTION[0], "name": "n"}]}):
        status, answer = await told(sim, "groq", **fields)
        assert status == 400
        assert set(answer["error"]) == {"message", "type"}


async def test_openrouter_comments_and_breaks_in_its_own_way(sim):
    """A comment first, usage in a last chunk always, and an error as a chunk that ends for the reason `error`."""
    _, chunks = await told(sim, "openrouter", "/api/v1/chat/completions", stream=True, unknown=1)
    assert chunks[0] == ": OPENROUTER PROCESSING"
    assert (chunks[-2]["choices"], chunks[-2]["provider"]) == ([], "OpenAI")
    assert chunks[-2]["usage"]["total_tokens"] > 0
    sim.fault("openrouter", "error_event", code=502, after=1)
    _, chunks = await told(sim, "openrouter", stream=True)
    assert chunks[-1]["error"]["code"] == 502
    assert chunks[-1]["choices"][0]["finish_reason"] == "error"


async def test_mistral_is_strict(sim):
    """An unknown field, and stream_options as well, is 422 with its place; usage comes with the finish."""
    status, answer = await told(sim, "mistral", stream=True, stream_options={"include_usage": True})
    assert status == 422
    detail = answer["message"]["detail"][0]
    assert (detail["type"], detail["loc"]) == ("extra_forbidden", ["body", "stream_options"])
    assert detail["input"] == {"include_usage": True}
    status, chunks = await told(sim, "mistral", stream=True, random_seed=1)
    assert (status, chunks[-2]["choices"][0]["finish_reason"]) == (200, "stop")
    assert chunks[-2]["usage"]["total_tokens"] > 0


async def test_deepseek_thinks_aloud_and_counts_its_cache(sim):
    """reasoning_content before content, two further fields of usage, 402 for an empty balance."""
    _, whole = await told(sim, "deepseek", "/chat/completions", model="deepseek-reasoner")
    assert whole["choices"][0]["message"]["reasoning_content"]
    usage = whole["usage"]
    assert usage["prompt_cache_hit_tokens"] + usage["prompt_cache_miss_tokens"] == usage["prompt_tokens"]
    _, chunks = await told(sim, "deepseek", model="deepseek-reasoner", stream=True)
    kinds = [
        next((k for k in ("reasoning_content", "content") if c["choices"][0]["delta"].get(k)), "") for c in chunks[:-1]
    ]
    assert kinds == sorted(kinds, key=["", "reasoning_content", "content"].index) or kinds[-1] == ""
    assert kinds.index("reasoning_content") < kinds.index("content")
    sim.fault("deepseek", "status", error="insufficient_quota")
    assert await told(sim, "deepseek") == (
        402,
        {
            "error": {
                "message": "Insufficient Balance",
                "type": "unknown_error",
                "param": None,
                "code": "invalid_request_error",
            }
        },
    )


async def test_perplexity_has_responses_and_no_chat_completions_any_more(sim):
    """Sonar's Chat Completions ended on 2026-09-27."""
    body = json.dumps({"model": "perplexity/sonar", "input": "hello"}).encode()
    heard = await hear(sim.port, request_bytes("POST", "/perplexity/v1/responses", body))
    assert (heard.status, json.loads(heard.body)["status"]) == (200, "completed")
    assert (await told(sim, "perplexity"))[0] == 404


OPENAIS = [*QUESTION, {"role": "assistant", "content": "a", "refusal": None, "annotations": []}, *QUESTION]


@pytest.mark.parametrize(
    ("account", "status", "fields"),
    [
        ("groq", 400, {"messages": OPENAIS}),
        ("groq", 400, {"service_tier": "priority"}),
        ("groq", 400, {"reasoning_effort": "xhigh"}),
        ("mistral", 422, {"messages": OPENAIS}),
        ("mistral", 422, {"messages": [{"role": "developer", "content": "a"}, *QUESTION]}),
        ("mistral", 422, {"service_tier": "auto"}),
        ("mistral", 200, {"metadata": {"a": "b"}, "prompt_cache_key": "k", "reasoning_effort": "minimal"}),
        ("cerebras", 400, {"messages": OPENAIS}),
        ("cerebras", 400, {"frequency_penalty": 1}),
        ("cerebras", 200, {"service_tier": "auto", "n": 2}),
        ("xai", 400, {"model": "grok-4.5", "stop": "x"}),
        ("xai", 400, {"model": "grok-3-mini", "presence_penalty": 1}),
        ("xai", 200, {"model": "grok-4-fast-non-reasoning", "stop": "x", "presence_penalty": 1}),
        ("openrouter", 200, {"messages": OPENAIS}),
    ],
)
async def test_a_vendor_refuses_what_its_reference_does(sim, account, status, fields):
    """Each with the status that it documents."""
    assert (await told(sim, account, **fields))[0] == status


async def test_groks_tokens_of_reasoning_come_beside_those_of_the_completion(sim):
    """The total is the sum of all three."""
    _, whole = await told(sim, "xai", model="grok-4.5")
    usage = whole["usage"]
    reasoned = usage["completion_tokens_details"]["reasoning_tokens"]
    assert reasoned
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] + reasoned


async def test_mistrals_vectors_have_a_word_of_their_own_for_their_length(sim):
    """`output_dimension`; OpenAI's word is refused."""
    for name, status in (("output_dimension", 200), ("dimensions", 400), ("user", 400)):
        body = json.dumps({"model": "mistral-embed", "input": "a", name: "me" if name == "user" else 8}).encode()
        heard = await hear(sim.port, request_bytes("POST", "/mistral/v1/embeddings", body))
        assert heard.status == status
        if status == 200:
            assert len(json.loads(heard.body)["data"][0]["embedding"]) == 8


@pytest.mark.parametrize(
    ("account", "body"),
    [
        ("xai", {"code": "server_error", "error": "gone"}),
        ("cerebras", {"message": "gone", "type": "server_error", "param": None, "code": None}),
        ("nvidia", {"type": "about:blank", "status": 503, "title": "Service Unavailable", "detail": "gone"}),
        ("huggingface", {"error": "gone"}),
        ("tgi", {"error": "gone", "error_type": "generation"}),
        ("vllm", {"error": {"message": "gone", "type": "InternalServerError", "param": None, "code": 503}}),
        ("fireworks", {"error": {"object": "error", "type": "server_error", "message": "gone"}}),
        ("openrouter", {"error": {"code": 503, "message": "gone"}}),
        ("groq", {"error": {"message": "gone", "type": "server_error"}}),
    ],
)
async def test_each_vendor_words_an_error_in_its_shape(sim, account, body):
    """The fault `status` speaks the vendor's language."""
    sim.fault(account, "status", code=503, message="gone")
    assert await told(sim, account) == (503, body)


@pytest.mark.parametrize("account", sorted(set(FLAVOURS) - {"jina", "perplexity"}))
async def test_the_sdk_understands_every_vendor(sim, account):
    """A second account of each vendor answers, whole and streamed, and lists its models where it has a list."""
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/{account}-2/v1", api_key=KEY, max_retries=0) as client:
        whole = await client.chat.completions.create(model="m", messages=QUESTION)
        stream = await client.chat.completions.create(model="m", messages=QUESTION, stream=True)
        text = "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
        assert text == whole.choices[0].message.content
        if FLAVOURS[account].offers("models"):
            assert tuple([model.id async for model in client.models.list()]) == FLAVOURS[account].models
        else:
            with pytest.raises(openai.NotFoundError):
                await client.models.list()


async def test_what_a_vendor_does_not_offer_is_not_found(sim):
    """Groq has no embeddings; a local server needs no key."""
    assert (await told(sim, "groq", "/v1/embeddings"))[0] == 404
    body = json.dumps({"model": "m", "messages": QUESTION}).encode()
    request = request_bytes("POST", "/vllm/v1/chat/completions", body)
    open_door = request.replace(f"Authorization: Bearer {KEY}\r\n".encode(), b"")
    assert (await hear(sim.port, open_door)).status == 200
