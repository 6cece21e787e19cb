"""What Bedrock refuses, the simulator refuses in the same words."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from segue.simulator import Simulator
from simulator.bedrock import CLAUDE, NOVA, TOOLS, Sdk, assistant, sdk, user

CALL = {"toolUse": {"toolUseId": "call_1", "name": "get_weather", "input": {"city": "Oslo"}}}
RESULT = {"toolResult": {"toolUseId": "call_1", "content": [{"text": "sunny"}]}}


@pytest.fixture
async def bedrock(sim: Simulator) -> AsyncIterator[Sdk]:
    """The SDK, without checks of its own."""
    async with sdk(f"{sim.url}/bedrock") as made:
        yield made


def document(name: str = "notes", **more) -> dict:
    return {"document": {"format": "txt", "name": name, "source": {"bytes": b"barley"}, **more}}


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([assistant("hello")], "A conversation must start with a user message."),
        ([user("a"), user("b")], "A conversation must alternate between user and assistant roles."),
        ([user("a"), assistant(), user("b")], "The content field in the Message object at messages.1 is empty."),
        ([user(" ")], "The text field in the ContentBlock object at messages.0.content.0 is blank."),
        ([user("a"), assistant(""), user("b")], "ContentBlock object at messages.1.content.0 is blank."),
        ([user(CALL)], "The toolUse content block at messages.0.content.0 is not allowed"),
        ([user("a"), assistant(document(), "b"), user("c")], "The document content block at messages.1.content.0"),
        ([user("a", document("a.txt"))], "The document file name can only contain alphanumeric characters"),
        ([user("a", document("a  b"))], "can't contain more than one consecutive whitespace character"),
        ([user("a", document(), document())], "Messages can't contain duplicate document names."),
        ([user(document())], "A text content block is required beside the document"),
        ([user("a", *[document(f"d{number}") for number in range(6)])], "The maximum number of documents is 5"),
        ([user({"text": "a", "cachePoint": {"type": "default"}})], "exactly one of these members must be set"),
        ([user({"cachePoint": {"type": "default"}}, "a")], "must come after another content block"),
        ([{"role": "robot", "content": [{"text": "a"}]}], "Member must satisfy enum value set: [user, assistant]"),
    ],
)
async def test_a_wrong_conversation_is_refused(bedrock, messages, message):
    """Each rule about turns, texts and files."""
    code, status, shown = await bedrock.refused(*messages)
    assert (code, status) == ("ValidationException", 400)
    assert message in shown


@pytest.mark.parametrize(
    ("messages", "tools", "message"),
    [
        ([user("a"), assistant(CALL), user(RESULT)], None, "The toolConfig field must be defined when using toolUse"),
        ([user("a"), assistant(CALL), user("b")], TOOLS, "Expected toolResult blocks at messages.2.content"),
        ([user("a"), assistant(CALL)], TOOLS, "Expected toolResult blocks at messages.2.content"),
        ([user("a"), assistant("b"), user(RESULT)], TOOLS, "exceeds the number of toolUse blocks of previous turn."),
        ([user("a"), assistant(CALL, CALL), user(RESULT)], TOOLS, "contain duplicate Ids: call_1"),
        ([user("a"), assistant(CALL), user(RESULT, RESULT)], TOOLS, "contain duplicate Ids: call_1"),
        ([user("a")], TOOLS | {"toolChoice": {"tool": {"name": "other"}}}, "'other' of toolConfig.toolChoice"),
        ([user("a")], {"tools": []}, "Member must have length greater than or equal to 1"),
        (
            [user("a")],
            {"tools": [{"toolSpec": {"name": "n", "inputSchema": {"json": {}}}}]},
            "toolSpec.inputSchema.json.type must be one of the following: object.",
        ),
        ([user("a")], {"tools": TOOLS["tools"] * 2}, "Tool names must be unique."),
    ],
)
@pytest.mark.parametrize("model", [CLAUDE, NOVA])
async def test_tools_without_order_are_refused(bedrock, messages, tools, message, model):
    """Calls and results pair up, and tools are there when they were used."""
    fields = {} if tools is None else {"toolConfig": tools}
    assert message in (await bedrock.refused(*messages, model=model, **fields))[2]


async def test_a_failed_tool_has_to_say_something(bedrock):
    """An error without content is refused."""
    failed = {"toolResult": {"toolUseId": "call_1", "content": [], "status": "error"}}
    shown = (await bedrock.refused(user("a"), assistant(CALL), user(failed), toolConfig=TOOLS))[2]
    assert shown == "The content field at messages.2.content.0.toolResult cannot be empty when status value is error."


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"inferenceConfig": {"temperature": 1.5}}, "'inferenceConfig.temperature' failed to satisfy constraint"),
        ({"inferenceConfig": {"maxTokens": 0}}, "Member must have value greater than or equal to 1"),
        ({"inferenceConfig": {"maxTokens": 999_999}}, "which is the maximum allowed number of output tokens"),
        ({"additionalModelRequestFields": {"colour": 1}}, "colour: Extra inputs are not permitted"),
        ({"additionalModelRequestFields": {"max_tokens": 1}}, "The additional field max_tokens conflicts"),
        (
            {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 9000}}},
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        ({"guardrailConfig": {"guardrailIdentifier": "abc"}}, "must be given together"),
        ({"additionalModelResponseFieldPaths": ["x"]}, "Member must satisfy regular expression pattern"),
    ],
)
async def test_wrong_settings_are_refused(bedrock, fields, message):
    """Settings of the interface by the service, those of the model by the model."""
    code, status, shown = await bedrock.refused(**fields)
    assert (code, status) == ("ValidationException", 400)
    assert message in shown


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("missing-model", ("ValidationException", 400, "The provided model identifier is invalid.")),
        ("denied-model", ("AccessDeniedException", 403, "You don't have access to the model")),
        ("retired-model", ("ResourceNotFoundException", 404, "has reached the end of its life")),
        ("amazon.titan-text-express-v1", ("ValidationException", 400, "doesn't support tool use.")),
    ],
)
async def test_models_that_cannot_be_called(bedrock, model, told):
    """An unknown, a forbidden and a retired one, and one without tools."""
    code, status, message = await bedrock.refused(model=model, toolConfig=TOOLS)
    assert (code, status) == told[:2]
    assert told[2] in message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "SerializationException"),
        (b'{"messages": 3}', "SerializationException"),
        (b'{"messages": [], "colour": "red"}', "ValidationException"),
        (
            b'{"messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": "*"}}}]}]}',
            "SerializationException",
        ),
    ],
)
async def test_bodies_that_cannot_be_read(sim, body, kind):
    """The error is named in a header, and what follows the colon there means nothing."""
    async with aiohttp.ClientSession() as session:
        address = f"{sim.url}/bedrock/model/{NOVA}/converse"
        async with session.post(address, data=body, headers={"Authorization": "Bearer key"}) as answer:
            assert answer.status == 400
            assert answer.headers["x-amzn-errortype"].partition(":")[0] == kind
            assert list(await answer.json()) == ["message"]
