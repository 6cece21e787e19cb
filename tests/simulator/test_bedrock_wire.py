"""Amazon Bedrock's Converse interface as Amazon's own SDK sees it."""

import json
from collections.abc import AsyncIterator

import pytest

from segue.simulator import Simulator
from simulator.bedrock import CLAUDE, NOVA, SCHEMA, TOOLS, Sdk, sdk, user

PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(62)


@pytest.fixture
async def bedrock(sim: Simulator) -> AsyncIterator[Sdk]:
    """The SDK, speaking to the account `bedrock`."""
    async with sdk(f"{sim.url}/bedrock") as made:
        yield made


def texts(events: list[dict]) -> str:
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    return "".join(delta.get("text", "") for delta in deltas)


@pytest.mark.parametrize("model", [CLAUDE, NOVA, "arn:aws:bedrock:us-east-1:123456789012:inference-profile/" + CLAUDE])
async def test_a_conversation_is_answered(bedrock, model):
    """The question comes back, with usage and the reason for the end; a resource name is a model, too."""
    answer = await bedrock.converse(user("is it raining"), model=model, system=[{"text": "be brief"}])
    said = answer["output"]["message"]["content"][0]["text"]
    assert "is it raining" in said
    assert "system: be brief" in said
    usage = answer["usage"]
    assert answer["stopReason"] == "end_turn"
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert usage["outputTokens"] == len(said.split())


async def test_a_stream_makes_the_same_message(bedrock):
    """All events come in the documented order; a text is not announced; the usage is in the last event."""
    events = await bedrock.stream(user("say it in 3 words"))
    assert [next(iter(event)) for event in events] == [
        "messageStart",
        *["contentBlockDelta"] * 3,
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    whole = await bedrock.converse(user("say it in 3 words"))
    assert texts(events) == whole["output"]["message"]["content"][0]["text"]
    assert events[-1]["metadata"]["usage"] == whole["usage"]


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
async def test_a_tool_is_called_and_its_result_is_understood(bedrock, model):
    """The input fits the schema, streamed as well; the answer quotes the result."""
    asked = user("use the tool please")
    called = await bedrock.converse(asked, model=model, toolConfig=TOOLS)
    assert called["stopReason"] == "tool_use"
    use = called["output"]["message"]["content"][-1]["toolUse"]
    assert (use["name"], use["input"]) == ("get_weather", {"city": "text"})
    events = await bedrock.stream(asked, model=model, toolConfig=TOOLS)
    pieces = [
        event["contentBlockDelta"]["delta"]["toolUse"]["input"] for event in events if "contentBlockDelta" in event
    ]
    assert json.loads("".join(pieces)) == {"city": "text"}
    assert events[1]["contentBlockStart"]["start"]["toolUse"] == {"toolUseId": use["toolUseId"], "name": "get_weather"}
    for content in ({"text": "18 degrees"}, {"json": {"degrees": 18}}):
        result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [content]}}
        answered = await bedrock.converse(
            asked, called["output"]["message"], user(result), model=model, toolConfig=TOOLS
        )
        assert "tool results: " in answered["output"]["message"]["content"][0]["text"]
        assert "18" in answered["output"]["message"]["content"][0]["text"]


async def test_thoughts_are_signed_and_taken_back(bedrock):
    """The same thought is accepted with the tool's result, and refused when it was altered."""
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    fields = {
        "toolConfig": TOOLS,
        "additionalModelRequestFields": thinking,
        "inferenceConfig": {"maxTokens": 2000},
    }
    asked = user("use the tool")
    called = (await bedrock.converse(asked, **fields))["output"]["message"]
    thought = called["content"][0]["reasoningContent"]["reasoningText"]
    assert thought["text"]
    assert thought["signature"]
    deltas = [
        event["contentBlockDelta"]["delta"]["reasoningContent"]
        for event in await bedrock.stream(asked, **fields)
        if "reasoningContent" in event.get("contentBlockDelta", {}).get("delta", {})
    ]
    assert "".join(delta.get("text", "") for delta in deltas) == thought["text"]
    assert deltas[-1]["signature"] == thought["signature"]
    use = called["content"][1]["toolUse"]["toolUseId"]
    result = user({"toolResult": {"toolUseId": use, "content": [{"text": "x"}]}})
    assert (await bedrock.converse(asked, called, result, **fields))["stopReason"] == "end_turn"
    thought["text"] += "!"
    code, status, message = await bedrock.refused(asked, called, result, **fields)
    assert (code, status) == ("ValidationException", 400)
    assert "Invalid `signature` in `thinking` block" in message


async def test_thoughts_can_be_redacted(bedrock):
    """A redacted thought goes back as the bytes that it came as."""
    fields = {
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        "inferenceConfig": {"maxTokens": 2000},
    }
    asked = user("ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46C9 hello")
    answer = (await bedrock.converse(asked, **fields))["output"]["message"]
    assert answer["content"][0]["reasoningContent"]["redactedContent"]
    assert await bedrock.converse(asked, answer, user("go on"), **fields)
    answer["content"][0]["reasoningContent"]["redactedContent"] = b"foreign"
    assert "redacted_thinking" in (await bedrock.refused(asked, answer, user("go on"), **fields))[2]


async def test_a_prefix_before_a_cache_point_is_written_once_and_then_read(bedrock):
    """The counts of the cache are told apart from the other tokens, and add up to the total."""
    system = [{"text": "barley " * 4500}, {"cachePoint": {"type": "default"}}]
    first = (await bedrock.converse(user("one"), system=system))["usage"]
    second = (await bedrock.stream(user("two"), system=system))[-1]["metadata"]["usage"]
    assert first["cacheWriteInputTokens"] == second["cacheReadInputTokens"] > 4500
    assert (first["cacheReadInputTokens"], second["cacheWriteInputTokens"]) == (0, 0)
    assert first["cacheDetails"] == [{"ttl": "5m", "inputTokens": first["cacheWriteInputTokens"]}]
    assert first["totalTokens"] == first["inputTokens"] + first["outputTokens"] + first["cacheWriteInputTokens"]


async def test_files_are_understood(bedrock):
    """Bytes travel in base64, and the answer says how many they were."""
    image = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    document = {"document": {"format": "pdf", "name": "My notes (1)", "source": {"bytes": b"%PDF-1.4 12"}}}
    said = (await bedrock.converse(user("look", image, document)))["output"]["message"]["content"][0]["text"]
    assert "images: 1 (image/png, 70 bytes)" in said
    assert "documents: 1 (application/pdf, 11 bytes)" in said


async def test_a_guardrail_intervenes(bedrock):
    """`please block` is answered by the guardrail, with its trace when that is wanted; without one by the model."""
    guardrail = {"guardrailIdentifier": "abc123", "guardrailVersion": "1", "trace": "enabled"}
    answer = await bedrock.converse(user("please block this"), guardrailConfig=guardrail)
    assert answer["stopReason"] == "guardrail_intervened"
    assert answer["trace"]["guardrail"]["inputAssessment"]["abc123"]
    events = await bedrock.stream(user("please block this"), guardrailConfig=guardrail)
    assert events[-2]["messageStop"]["stopReason"] == "guardrail_intervened"
    assert (await bedrock.converse(user("please block this")))["stopReason"] == "end_turn"


async def test_the_reasons_for_an_end(bedrock):
    """Length, a stop sequence (which can be asked back), a refusal."""
    short = await bedrock.converse(inferenceConfig={"maxTokens": 2})
    assert (short["stopReason"], short["usage"]["outputTokens"]) == ("max_tokens", 2)
    stopped = await bedrock.converse(
        user("one STOP two"),
        inferenceConfig={"stopSequences": ["STOP"]},
        additionalModelResponseFieldPaths=["/stop_sequence"],
    )
    assert stopped["stopReason"] == "stop_sequence"
    assert stopped["additionalModelResponseFields"] == {"stop_sequence": "STOP"}
    assert (await bedrock.converse(user("please refuse")))["stopReason"] == "content_filtered"


async def test_structured_output_fits_its_schema(bedrock):
    """The schema travels as text inside JSON."""
    schema = json.dumps(SCHEMA | {"additionalProperties": False})
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema, "name": "place"}}}
    answer = await bedrock.converse(user("Oslo"), outputConfig={"textFormat": form})
    assert json.loads(answer["output"]["message"]["content"][0]["text"]) == {"city": "Oslo"}


async def test_tokens_are_counted_as_they_are_billed(bedrock):
    """Of a conversation, and of a request in the model's own format."""
    asked = user("how many tokens are these")
    counted = await bedrock.call("count_tokens", modelId=CLAUDE, input={"converse": {"messages": [asked]}})
    assert counted["inputTokens"] == (await bedrock.converse(asked))["usage"]["inputTokens"]
    own = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9}
    own["messages"] = [{"role": "user", "content": "how many tokens are these"}]
    given = {"invokeModel": {"body": json.dumps(own).encode()}}
    again = await bedrock.call("count_tokens", modelId=CLAUDE, input=given)
    assert again["inputTokens"] == counted["inputTokens"]


async def test_claudes_own_format_is_passed_through(bedrock):
    """Whole, and streamed with each event in a chunk."""
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50}
    body["messages"] = [{"role": "user", "content": "say it in 3 words"}]
    sent = json.dumps(body).encode()
    answer = await bedrock.call("invoke_model", modelId=CLAUDE, body=sent)
    said = json.loads(answer["body"].read())["content"][0]["text"]
    streamed = await bedrock.call("invoke_model_with_response_stream", modelId=CLAUDE, body=sent)
    events = [json.loads(event["chunk"]["bytes"]) for event in streamed["body"]]
    deltas = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(deltas) == said
    assert events[-1]["type"] == "message_stop"


@pytest.mark.parametrize(
    ("model", "body", "size"),
    [
        ("amazon.titan-embed-text-v2:0", {"inputText": "barley grows", "dimensions": 256}, 256),
        ("amazon.titan-embed-text-v1", {"inputText": "barley grows"}, 1536),
    ],
)
async def test_titan_embeds_a_text(bedrock, model, body, size):
    """A vector of length 1, and the count of tokens in body and header."""
    answer = await bedrock.call("invoke_model", modelId=model, body=json.dumps(body).encode())
    document = json.loads(answer["body"].read())
    assert len(document["embedding"]) == size
    assert sum(value * value for value in document["embedding"]) == pytest.approx(1, abs=1e-4)
    assert document["inputTextTokenCount"] == 2
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"] == "2"


async def test_cohere_embeds_several_texts_in_several_forms(bedrock):
    """As plain vectors, or by type when types are asked for."""
    body = {"texts": ["one", "two"], "input_type": "search_document"}
    model = "cohere.embed-multilingual-v3"
    plain = await bedrock.call("invoke_model", modelId=model, body=json.dumps(body).encode())
    assert [len(vector) for vector in json.loads(plain["body"].read())["embeddings"]] == [1024, 1024]
    typed = json.dumps(body | {"embedding_types": ["int8", "ubinary"]}).encode()
    answer = json.loads((await bedrock.call("invoke_model", modelId=model, body=typed))["body"].read())
    assert answer["response_type"] == "embeddings_by_type"
    assert [len(vector) for vector in answer["embeddings"]["ubinary"]] == [128, 128]
    assert all(-128 <= value <= 127 for value in answer["embeddings"]["int8"][0])
