"""Anthropic's SDK for Bedrock, and what is invoked by boto3: Messages in Bedrock's envelope."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import anthropic
import pytest
import pytest_asyncio
from anthropic import AnthropicBedrock, AnthropicBedrockMantle, AsyncAnthropicBedrock
from botocore.exceptions import ClientError

from sdk.bedrock import ALL, BODY, HELLO, TURNS, VERSION, anthropics, apart, invoked, model_of, streamed
from sdk.columns import BY_NAME
from sdk.drivers.converse import client
from segue.families.llm.formats.eventstream import FrameSplitter
from support.service import Serving, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOOL: Final[Any] = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}
PROFILE: Final = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
FOUNDATION: Final = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sdk(everyone: Serving) -> AsyncIterator[AsyncAnthropicBedrock]:
    async with anthropics(everyone.url) as made:
        yield made


@pytest.fixture(scope="module")
def boto(everyone: Serving) -> Iterator[Any]:
    made = client(everyone.url)
    yield made
    made.close()


# Anthropic's SDK for Bedrock


@pytest.mark.parametrize("column", ALL)
async def test_a_message_and_a_stream_are_the_same_whoever_answers(sdk: AsyncAnthropicBedrock, column: str) -> None:
    asked: dict[str, Any] = {"model": model_of(column), "max_tokens": 2000, "messages": HELLO}
    answer = await sdk.messages.create(**asked)
    assert len(answer.content[-1].text.split()) == 12
    async with sdk.messages.stream(**asked) as stream:
        pieces = [piece async for piece in stream.text_stream]
        final = await stream.get_final_message()
    assert len(pieces) > 1
    assert final.content[-1].text == answer.content[-1].text
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 12)


@pytest.mark.parametrize("column", ALL)
async def test_tools_go_there_and_back(sdk: AsyncAnthropicBedrock, column: str) -> None:
    asked: dict[str, Any] = {"model": model_of(column), "max_tokens": 2000, "tools": [TOOL]}
    question = {"role": "user", "content": "use the tool weather"}
    async with sdk.messages.stream(**asked, messages=[question]) as stream:
        called = await stream.get_final_message()
    assert called.stop_reason == "tool_use"
    use = called.content[-1]
    assert (use.name, use.input) == ("weather", {"place": "text"})
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "sunny"}
    turns: Any = [question, {"role": "assistant", "content": called.content}, {"role": "user", "content": [result]}]
    answer = await sdk.messages.create(**asked, messages=turns)
    assert "sunny" in answer.content[-1].text


async def test_the_client_that_blocks_works_as_well(everyone: Serving) -> None:
    with AnthropicBedrock(base_url=everyone.url, api_key="k", aws_region="us-east-1", max_retries=0) as made:

        def ask() -> tuple[str, str]:
            whole = made.messages.create(model=model_of("chat"), max_tokens=50, messages=HELLO)
            with made.messages.stream(model=model_of("chat"), max_tokens=50, messages=HELLO) as stream:
                return whole.content[-1].text, "".join(stream.text_stream)

        whole, pieces = await apart(ask)
    assert whole == pieces


async def test_the_client_for_bedrocks_other_endpoint_speaks_messages_and_works(everyone: Serving) -> None:
    address = f"{everyone.url}/anthropic"
    with AnthropicBedrockMantle(base_url=address, api_key="k", aws_region="us-east-1") as made:
        answer = await apart(lambda: made.messages.create(model=model_of("chat"), max_tokens=50, messages=HELLO))
    assert len(answer.content[-1].text.split()) == 12


async def test_beta_features_reach_whoever_knows_them(everyone: Serving, sdk: AsyncAnthropicBedrock) -> None:
    asked: dict[str, Any] = {"max_tokens": 50, "messages": HELLO, "betas": ["context-1m-2025-08-07"]}
    await sdk.beta.messages.create(model=model_of("anthropic"), **asked)
    seen = everyone.sim.seen("anthropic")[-1]
    assert seen.headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert not {"anthropic_version", "anthropic_beta"} & seen.body.keys(), "the envelope is taken off"
    await sdk.beta.messages.create(model=model_of("bedrock"), **asked)
    sent = everyone.sim.seen("bedrock")[-1].body
    assert sent["additionalModelRequestFields"]["anthropic_beta"] == ["context-1m-2025-08-07"]
    raw = await sdk.beta.messages.with_raw_response.create(model=model_of("chat"), **asked)
    assert "anthropic-beta left out" in raw.headers["x-segue-warnings"]


@pytest.mark.parametrize("column", ["anthropic", "chat", "bedrock"])
async def test_a_stream_that_is_cut_raises(everyone: Serving, sdk: AsyncAnthropicBedrock, column: str) -> None:
    everyone.sim.fault(column, "cut", after=3)
    heard: list[str] = []

    async def listen() -> None:
        async with sdk.messages.stream(model=model_of(column), max_tokens=50, messages=HELLO) as stream:
            async for piece in stream.text_stream:
                heard.append(piece)  # noqa: PERF401 - what had come before the error stays

    with pytest.raises(anthropic.APIStatusError) as raised:
        await listen()
    assert heard
    error: Any = raised.value.body
    assert error["error"]["type"] == "modelStreamErrorException"
    assert "broke off" in error["error"]["message"]


@pytest.mark.parametrize(
    ("fault", "raised", "name"),
    [
        ({"code": 429}, anthropic.RateLimitError, "ThrottlingException"),
        ({"code": 500}, anthropic.APIStatusError, "ModelErrorException"),
        ({"code": 503}, anthropic.APIStatusError, "ServiceUnavailableException"),
        ({"error": "invalid_api_key"}, anthropic.APIStatusError, "ModelErrorException"),
        ({"error": "context_length_exceeded"}, anthropic.BadRequestError, "ValidationException"),
        ({"error": "insufficient_quota"}, anthropic.BadRequestError, "ServiceQuotaExceededException"),
    ],
    ids=str,
)
async def test_failures_have_the_names_that_bedrock_gives_them(
    everyone: Serving, sdk: AsyncAnthropicBedrock, boto: Any, fault: Any, raised: Any, name: str
) -> None:
    everyone.sim.fault("chat", "status", **fault)
    with pytest.raises(raised) as error:
        await sdk.messages.create(model=model_of("chat"), max_tokens=50, messages=HELLO)
    assert error.value.response.headers["x-amzn-errortype"] == name
    assert error.value.response.headers["x-should-retry"] == "false"
    assert error.value.body["segue"]["attempts"][0]["provider"] == "chat"
    everyone.sim.clear()
    everyone.sim.fault("chat", "status", **fault)
    with pytest.raises(ClientError) as told:
        await apart(lambda: boto.converse(modelId=model_of("chat"), messages=TURNS))
    assert told.value.response["Error"]["Code"] == name
    assert told.value.response["ResponseMetadata"]["RequestId"].startswith("call_")


# boto3, invoking


@pytest.mark.parametrize("column", ALL)
async def test_what_is_invoked_says_what_it_took_in_headers_and_in_its_last_event(boto: Any, column: str) -> None:
    body = BODY | {"max_tokens": 2000}
    answer, headers = await apart(lambda: invoked(boto, model_of(column), body))
    assert answer["type"] == "message"
    assert headers["x-amzn-bedrock-output-token-count"] == "12"
    assert int(headers["x-amzn-bedrock-input-token-count"]) == answer["usage"]["input_tokens"]
    events = await apart(lambda: streamed(boto, model_of(column), body))
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
    texts = [event["delta"]["text"] for event in events if event.get("delta", {}).get("type") == "text_delta"]
    assert "".join(texts) == answer["content"][-1]["text"]
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["outputTokenCount"] == 12
    assert metrics["inputTokenCount"] == answer["usage"]["input_tokens"]


async def test_the_body_of_a_stream_is_frames_whose_checksums_are_right(everyone: Serving) -> None:
    path = "/model/chat%2Fgpt-4o/invoke-with-response-stream"
    answer = await everyone.ask("POST", path, json=BODY)
    assert answer.headers["content-type"] == "application/vnd.amazon.eventstream"
    frames = FrameSplitter().feed(answer.body)
    assert {frame.headers[":event-type"] for frame in frames} == {"chunk"}
    events = [json.loads(base64.b64decode(json.loads(frame.payload)["bytes"])) for frame in frames]
    assert events[-1]["type"] == "message_stop"


async def test_names_with_colons_and_slashes_are_models() -> None:
    models = {PROFILE: ["chat/gpt-4o"], FOUNDATION: ["chat/gpt-4o"]}
    providers = {"chat": BY_NAME["chat"].settings}
    async with serving(providers=providers, models=models) as served, anthropics(served.url) as sdk:
        boto = client(served.url)
        for model in (PROFILE, FOUNDATION, "chat/gpt-4o"):
            answer = await sdk.messages.create(model=model, max_tokens=50, messages=HELLO)
            assert answer.model == "gpt-4o"
            told = await apart(lambda model=model: boto.converse(modelId=model, messages=TURNS))
            assert told["stopReason"] == "end_turn"
        for prefix in ("", "/bedrock"):
            path = f"{prefix}/model/{FOUNDATION}/converse"
            assert (await served.ask("POST", path, json={"messages": TURNS})).status == 200
        boto.close()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"inputText": "hello"}, "anthropic_version"),
        ({"prompt": "hello", "max_gen_len": 5}, "anthropic_version"),
        (BODY | {"anthropic_version": 7}, "anthropic_version"),
        (BODY | {"anthropic_beta": "one"}, "anthropic_beta"),
        (BODY | {"anthropic_beta": ["a\r\nb"]}, "anthropic_beta"),
        (BODY | {"messages": []}, "messages"),
        ({"anthropic_version": VERSION, "messages": HELLO}, "max_tokens"),
    ],
    ids=str,
)
async def test_a_body_that_is_not_claudes_is_refused_with_a_way_out(boto: Any, body: Any, named: str) -> None:
    for ask in (invoked, streamed):
        with pytest.raises(boto.exceptions.ValidationException, match=named) as raised:
            await apart(lambda ask=ask: ask(boto, model_of("chat"), body))
        if "anthropic_version" not in body:
            assert "Converse" in str(raised.value)


async def test_a_guardrail_that_nobody_would_apply_is_refused(everyone: Serving, boto: Any) -> None:
    before = len(everyone.sim.seen("chat"))
    options = {"guardrailIdentifier": "g1", "guardrailVersion": "1"}
    with pytest.raises(boto.exceptions.ValidationException, match="guardrail"):
        await apart(lambda: invoked(boto, model_of("chat"), **options))
    config = {"guardrailIdentifier": "g1", "guardrailVersion": "1"}
    with pytest.raises(boto.exceptions.ValidationException, match="guardrailConfig"):
        await apart(lambda: boto.converse(modelId=model_of("chat"), messages=TURNS, guardrailConfig=config))
    assert len(everyone.sim.seen("chat")) == before
