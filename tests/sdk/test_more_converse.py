"""boto3 beyond the matrix: broken streams, what only Bedrock knows, counts; and whose keys are good."""

import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any, Final

import anthropic
import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from sdk.bedrock import BODY, HELLO, TURNS, anthropics, apart, model_of
from sdk.columns import BY_NAME
from sdk.drivers.converse import client
from segue.families.llm.formats.eventstream import FrameSplitter
from support.service import CALM, Serving, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def boto(everyone: Serving) -> Iterator[Any]:
    made = client(everyone.url)
    yield made
    made.close()


@pytest.mark.parametrize("column", ["chat", "anthropic", "gemini", "bedrock"])
async def test_a_stream_of_converses_that_is_cut_raises(everyone: Serving, boto: Any, column: str) -> None:
    everyone.sim.fault(column, "cut", after=3)
    heard: list[Any] = []

    def listen() -> None:
        with closing(boto.converse_stream(modelId=model_of(column), messages=TURNS)["stream"]) as events:
            for event in events:
                heard.append(event)  # noqa: PERF402 - what had come before the error stays

    with pytest.raises(EventStreamError, match=r"modelStreamErrorException.*broke off"):
        await apart(listen)
    assert "messageStart" in heard[0]
    assert not any("messageStop" in event for event in heard)


GOING_ON: Final = {**CALM, "chat": {"on_cut": "continue"}}


@pytest.mark.parametrize("first", ["chat", "bedrock"])
async def test_a_stream_that_is_gone_on_with_is_one_answer_that_tells_its_seam(first: str) -> None:
    providers = {name: BY_NAME[name].settings for name in (first, "anthropic")}
    models = {"smart": [model_of(first), model_of("anthropic")]}
    async with serving(providers=providers, models=models, policies=GOING_ON) as served, anthropics(served.url) as sdk:
        boto = client(served.url)

        def listen() -> list[Any]:
            with closing(boto.converse_stream(modelId="smart", messages=TURNS)["stream"]) as events:
                return list(events)

        whole = (await sdk.messages.create(model="smart", max_tokens=50, messages=HELLO)).content[-1].text
        served.sim.fault(first, "cut", after=3, reset=False)
        served.sim.fault(first, "pace", token_delay=0.005)
        events = await apart(listen)
        text = "".join(event.get("contentBlockDelta", {}).get("delta", {}).get("text", "") for event in events)
        assert text.split() == whole.split()
        assert [next(iter(event)) for event in events[-2:]] == ["messageStop", "metadata"]
        async with sdk.messages.stream(model="smart", max_tokens=50, messages=HELLO) as stream:
            final = await stream.get_final_message()
        assert final.content[-1].text.split() == whole.split()
        path = "/model/smart/converse-stream"
        frames = FrameSplitter().feed((await served.ask("POST", path, json={"messages": TURNS})).body)
        (seam,) = json.loads(frames[-1].payload)["segue"]["continued"]
        assert seam["provider"] == "anthropic"
        boto.close()


async def test_bedrock_gets_the_bytes_of_its_own_clients(everyone: Serving, boto: Any) -> None:
    """What nobody here knows goes there as it came, and is named in a warning elsewhere."""
    asked: dict[str, Any] = {
        "messages": TURNS,
        "additionalModelRequestFields": {"top_k": 5},
        "performanceConfig": {"latency": "standard"},
    }
    await apart(lambda: boto.converse(modelId=model_of("bedrock"), **asked))
    assert everyone.sim.seen("bedrock")[-1].body == asked
    asked["additionalModelRequestFields"] = {"of_tomorrow": 1}
    with pytest.raises(boto.exceptions.ValidationException, match="of_tomorrow: Extra inputs"):
        await apart(lambda: boto.converse(modelId=model_of("bedrock"), **asked))
    answer = await apart(lambda: boto.converse(modelId=model_of("chat"), **asked))
    warned = answer["ResponseMetadata"]["HTTPHeaders"]["x-segue-warnings"]
    assert "additionalModelRequestFields.of_tomorrow, performanceConfig left out" in warned


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": []}]}, "content"),
        ({"messages": TURNS, "inferenceConfig": {"temperature": 2.0}}, "inferenceConfig.temperature"),
        ({"messages": TURNS, "serviceTier": {"type": "platinum"}}, "serviceTier.type"),
        ({"messages": [{"role": "assistant", "content": [{"toolResult": {"toolUseId": "x", "content": []}}]}]}, "user"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_mistake_is_told_by_its_field(boto: Any, asked: Any, named: str) -> None:
    with pytest.raises(boto.exceptions.ValidationException, match=named):
        await apart(lambda: boto.converse(modelId=model_of("chat"), **asked))


async def test_what_bedrock_has_and_segue_does_not_is_said_in_its_words(everyone: Serving, boto: Any) -> None:
    before = {
        lambda: boto.apply_guardrail(
            guardrailIdentifier="g", guardrailVersion="1", source="INPUT", content=[{"text": {"text": "x"}}]
        ): 404,
    }
    for work, status in before.items():
        with pytest.raises(ClientError) as raised:
            await apart(work)
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    for path in ("/model/x/invoke-with-bidirectional-stream", "/bedrock/async-invoke", "/model/invoke"):
        answer = await everyone.ask("POST", path, json={})
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (501, "UnknownOperationException"), path
        assert "converse-stream" in answer.json["message"]
    answer = await everyone.ask("GET", "/model/x/converse")
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (405, "UnknownOperationException")


# Counts


@pytest.mark.parametrize("column", ["anthropic", "gemini", "bedrock", "chat"])
async def test_tokens_are_counted_in_both_ways_of_asking(boto: Any, column: str) -> None:
    spoken = {"converse": {"messages": TURNS, "system": [{"text": "be brief"}]}}
    invoked_ = {"invokeModel": {"body": json.dumps(BODY | {"system": "be brief"}).encode()}}
    counts = []
    for given in (spoken, invoked_):
        told = await apart(lambda given=given: boto.count_tokens(modelId=model_of(column), input=given))
        counts.append(told["inputTokens"])
        estimated = told["ResponseMetadata"]["HTTPHeaders"].get("x-segue-warnings") == "estimated"
        assert estimated == (column == "chat")
    assert counts[0] == counts[1] > 5


@pytest.mark.parametrize(
    "given", [{}, {"converse": {"messages": []}}, {"invokeModel": {"body": "!"}}, {"invokeModel": {"body": "e30="}}]
)
async def test_a_count_of_nothing_is_refused_in_bedrocks_words(everyone: Serving, given: Any) -> None:
    answer = await everyone.ask("POST", "/model/chat%2Fgpt-4o/count-tokens", json={"input": given})
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert answer.json["segue"]["code"] == "invalid_request"


# Keys


def signing(url: str, key: str) -> Any:
    """boto3 as people have it: it signs. The id of its access key is a good key of Segue's, which helps nobody."""
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=key, region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1})
    return session.client("bedrock-runtime", endpoint_url=url, config=config)


async def test_a_key_of_segues_is_a_bedrock_api_key_and_a_signature_is_none() -> None:
    providers = {"chat": BY_NAME["chat"].settings}
    async with serving(providers=providers, policies=CALM) as served:
        key, _ = await served.service.running.key_store.create("one")
        await served.service.running.reload_keys()
        asked: dict[str, Any] = {"model": "chat/gpt-4o", "max_tokens": 50, "messages": HELLO}
        async with anthropics(served.url, key) as sdk:
            assert (await sdk.messages.create(**asked)).content
            assert served.calls[-1].call.caller.name == "one"
            assert served.calls[-1].call.surface == "bedrock"
        async with anthropics(served.url, "wrong") as sdk:
            with pytest.raises(anthropic.PermissionDeniedError, match="not known here"):
                await sdk.messages.create(**asked)
        signed = {"api_key": None, "aws_access_key": key, "aws_secret_key": key}
        async with anthropics(served.url, **signed) as sdk:
            with pytest.raises(anthropic.PermissionDeniedError, match="AWS_BEARER_TOKEN_BEDROCK") as raised:
                await sdk.messages.create(**asked)
        assert raised.value.response.headers["x-amzn-errortype"] == "AccessDeniedException"
        assert key not in raised.value.response.text
        boto = client(served.url, key)
        assert (await apart(lambda: boto.converse(modelId="chat/gpt-4o", messages=TURNS)))["stopReason"] == "end_turn"
        boto.close()
        for refused, why in ((client(served.url, "wrong"), "not known here"), (signing(served.url, key), "API key")):
            for work in (
                partial(refused.converse, modelId="chat/gpt-4o", messages=TURNS),
                partial(refused.count_tokens, modelId="chat/gpt-4o", input={"converse": {"messages": TURNS}}),
            ):
                with pytest.raises(refused.exceptions.AccessDeniedException, match=why):
                    await apart(work)
            refused.close()
        assert len(served.sim.seen("chat")) == 2


async def test_while_the_service_is_open_a_signature_is_not_looked_at(everyone: Serving) -> None:
    signed = {"api_key": None, "aws_access_key": "AKIDEXAMPLE", "aws_secret_key": "secret"}
    async with anthropics(everyone.url, **signed) as sdk:
        assert (await sdk.messages.create(model=model_of("chat"), max_tokens=50, messages=HELLO)).content
