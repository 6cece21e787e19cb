"""The official SDK takes the simulator for OpenAI's Responses interface, whole and streamed."""

import json

import openai
import pytest
from openai.types.responses import Response, ResponseItemList, ResponseStreamEvent
from pydantic import TypeAdapter

from simulator.wire import KEY, hear, request_bytes

TOOL = {
    "type": "function",
    "name": "get_weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
CLOCK = {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}}
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
EVENTS = TypeAdapter(ResponseStreamEvent)


async def told(sim, **fields):
    """All events of a stream as names and documents, read without the SDK."""
    body = json.dumps({"model": "gpt-4o", "input": "hello", "stream": True, **fields}).encode()
    heard = await hear(sim.port, request_bytes("POST", "/primary/v1/responses", body))
    lines = [block.split("\n") for block in heard.body.decode().split("\n\n") if block]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


async def test_a_response_has_the_documented_shape(sim, client):
    """It validates strictly against the SDK's type, and its text repeats the input."""
    body = json.dumps({"model": "gpt-4o", "input": "hello", "instructions": "be kind"}).encode()
    heard = await hear(sim.port, request_bytes("POST", "/primary/v1/responses", body))
    response = Response.model_validate_json(heard.body, strict=True)
    assert response.status == "completed"
    assert response.output_text.startswith("You said: hello - ")
    assert response.output_text.endswith("[system: be kind]")
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert (await client.responses.create(model="gpt-4o", input="hello")).output[0].id.startswith("msg_")


async def test_a_stream_tells_the_response_in_order(sim):
    """Every event is of the SDK's type, numbered without gaps, named after its type, and the last has all."""
    events = await told(sim)
    for number, (name, document) in enumerate(events):
        EVENTS.validate_json(json.dumps(document))
        assert (name, number) == (document["type"], document["sequence_number"])
    names = [name for name, _ in events]
    assert names[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"
    ]  # fmt: skip
    assert names[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"
    ]  # fmt: skip
    text = "".join(document["delta"] for name, document in events if name == "response.output_text.delta")
    assert text == events[-1][1]["response"]["output"][0]["content"][0]["text"]
    assert events[0][1]["response"]["usage"] is None


async def test_the_sdks_stream_helper_gathers_the_same_response(client):
    """The helper that rebuilds a response from its events ends with the text that was streamed."""
    async with client.responses.stream(model="gpt-4o", input="hello") as stream:
        text = "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])
        assert (await stream.get_final_response()).output_text == text


async def test_a_conversation_goes_on_by_the_id_of_the_last_response(client):
    """The result of a tool is understood by `previous_response_id` alone, and quoted."""
    first = await client.responses.create(model="gpt-4o", input="use the tool", tools=[TOOL])
    call = first.output[0]
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "get_weather", {"city": "text"})
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny, 21 degrees"}
    second = await client.responses.create(model="gpt-4o", input=[result], previous_response_id=first.id, tools=[TOOL])
    assert "tool results: sunny, 21 degrees" in second.output_text
    assert second.previous_response_id == first.id


async def test_tools_are_called_in_parallel(sim, client):
    """`parallel` calls all that are offered, each in an item of its own; parallel_tool_calls false makes one."""
    asked = {"input": "use the tools in parallel", "tools": [TOOL, CLOCK]}
    events = await told(sim, **asked)
    done = [document for name, document in events if name == "response.function_call_arguments.done"]
    assert [document["output_index"] for document in done] == [0, 1]
    assert json.loads(done[0]["arguments"]) == {"city": "text"}
    one = await client.responses.create(model="gpt-4o", parallel_tool_calls=False, **asked)
    assert [item.type for item in one.output] == ["function_call"]


async def test_stored_responses_are_found_listed_and_deleted(client):
    """Retrieve, input_items and delete, and 404 afterwards; `store` false keeps nothing."""
    made = await client.responses.create(model="gpt-4o", input="hello")
    assert (await client.responses.retrieve(made.id)).output_text == made.output_text
    items = await client.responses.input_items.list(made.id)
    assert [(item.type, item.content[0].text) for item in items.data] == [("message", "hello")]
    assert ResponseItemList.model_validate_json(items.model_dump_json()).object == "list"
    await client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError, match=f"Response with id '{made.id}' not found"):
        await client.responses.retrieve(made.id)
    unkept = await client.responses.create(model="gpt-4o", input="hello", store=False)
    with pytest.raises(openai.BadRequestError) as caught:
        await client.responses.create(model="gpt-4o", input="go on", previous_response_id=unkept.id)
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")


async def test_responses_belong_to_their_account(sim, client):
    """Another account cannot see them."""
    made = await client.responses.create(model="gpt-4o", input="hello")
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/backup/v1", api_key=KEY, max_retries=0) as other:
        with pytest.raises(openai.NotFoundError):
            await other.responses.retrieve(made.id)


async def test_a_reasoning_model_shows_a_summary_when_asked(sim, client):
    """The reasoning item comes first; its summary and its encrypted form are there only on demand."""
    plain = await client.responses.create(model="o4-mini", input="hello")
    assert (plain.output[0].type, plain.output[0].summary) == ("reasoning", [])
    assert plain.usage.output_tokens_details.reasoning_tokens > 0
    wanted = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    events = await told(sim, model="o4-mini", **wanted)
    thoughts = "".join(e["delta"] for name, e in events if name == "response.reasoning_summary_text.delta")
    item = events[-1][1]["response"]["output"][0]
    assert thoughts == item["summary"][0]["text"]
    assert item["encrypted_content"].startswith("gAAAAA")
    # What came back can be sent again.
    output = events[-1][1]["response"]["output"]
    again = [{"role": "user", "content": "hello"}, *output, {"role": "user", "content": "more"}]
    assert (await client.responses.create(model="o4-mini", input=again)).status == "completed"


async def test_a_limit_makes_a_response_incomplete(sim, client):
    """max_output_tokens ends with `incomplete` and its reason, and a stream with response.incomplete."""
    asked = {"input": "in 40 words", "max_output_tokens": 16}
    whole = await client.responses.create(model="gpt-4o", **asked)
    assert (whole.status, whole.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert whole.usage.output_tokens == 16
    assert (await told(sim, **asked))[-1][0] == "response.incomplete"


async def test_structured_output_and_refusal(sim, client):
    """text.format json_schema gives JSON that fits, and `please refuse` a refusal in its own part and events."""
    shape = {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA}}
    assert json.loads((await client.responses.create(model="gpt-4o", input="x", text=shape)).output_text) == {
        "ok": True
    }
    refused = await client.responses.create(model="gpt-4o", input="please refuse", text=shape)
    assert refused.output[0].content[0].type == "refusal"
    names = [name for name, _ in await told(sim, input="please refuse")]
    assert "response.refusal.delta" in names
    assert "response.refusal.done" in names


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"input": None}, "input", "missing_required_parameter"),
        ({"model": None}, "model", "missing_required_parameter"),
        ({"stop": ["x"]}, "stop", "unknown_parameter"),
        ({"messages": []}, "messages", "unknown_parameter"),
        ({"input": 5}, "input", "invalid_type"),
        ({"input": ["text"]}, "input[0]", "invalid_type"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role", "invalid_value"),
        ({"input": [{"role": "user"}]}, "input[0].content", "missing_required_parameter"),
        (
            {"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
            "input[0].content[0].type",
            "invalid_value",
        ),
        (
            {"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]},
            "input[0].content[0].type",
            "invalid_value",
        ),
        ({"input": [{"role": "user", "content": "x", "name": "n"}]}, "input[0].name", "unknown_parameter"),
        ({"input": [{"type": "teapot"}]}, "input[0].type", "invalid_value"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id", "missing_required_parameter"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input", None),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}, "input", None),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, "input", None),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].function", "unknown_parameter"),
        ({"tools": [{"type": "teapot"}]}, "tools[0].type", "invalid_value"),
        (
            {"text": {"format": {"type": "json_schema", "name": "s"}}},
            "text.format.schema",
            "missing_required_parameter",
        ),
        ({"tool_choice": "required"}, "tool_choice", None),
        ({"tools": [CLOCK], "tool_choice": {"type": "function", "name": "other"}}, "tool_choice", None),
        ({"max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
        ({"include": ["everything"]}, "include[0]", "invalid_value"),
        ({"reasoning": {"effort": "low"}}, "reasoning.effort", "unsupported_parameter"),
        ({"model": "o4-mini", "temperature": 0.5}, "temperature", "unsupported_parameter"),
        ({"temperature": 3}, "temperature", "decimal_above_max_value"),
        (
            {"stream_options": {"include_usage": True}, "stream": True},
            "stream_options.include_usage",
            "unknown_parameter",
        ),
    ],
)
async def test_a_wrong_request_is_refused_by_name(web, fields, param, code):
    """400 with the parameter's exact place and the vendor's code."""
    body = {name: value for name, value in {"model": "gpt-4o", "input": "x", **fields}.items() if value is not None}
    headers = {"Authorization": f"Bearer {KEY}"}
    async with web.post("/primary/v1/responses", json=body, headers=headers) as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["param"], error["code"]) == (400, param, code)
        assert error["message"]


async def test_a_reference_to_an_unknown_item_is_not_found(client):
    """404, with the hint at `store`."""
    with pytest.raises(openai.NotFoundError, match="not persisted when `store` is set to false"):
        await client.responses.create(model="gpt-4o", input=[{"type": "item_reference", "id": "rs_1"}])


async def test_a_missing_terminator_is_a_stream_without_response_completed(sim):
    """`end_without_done` drops the last event and nothing else."""
    whole = [name for name, _ in await told(sim)]
    sim.fault("primary", "end_without_done")
    assert [name for name, _ in await told(sim)] == whole[:-1]


async def test_a_stream_is_cut_in_its_middle(sim):
    """`cut` after three pieces of text."""
    sim.fault("primary", "cut", after=3, reset=False)
    names = [name for name, _ in await told(sim)]
    assert names.count("response.output_text.delta") == 3
    assert names[-1] == "response.output_text.delta"


@pytest.mark.parametrize(("form", "name"), [("vendor", "error"), ("failed", "response.failed")])
async def test_an_error_inside_the_stream_has_the_interfaces_own_event(sim, client, form, name):
    """`error`, or `response.failed`, with the next number in the sequence; the SDK reads both."""
    sim.fault("primary", "error_event", after=2, error="rate_limit_exceeded", form=form)
    events = await told(sim)
    EVENTS.validate_json(json.dumps(events[-1][1]))
    assert events[-1][0] == name
    assert events[-1][1]["sequence_number"] == len(events) - 1
    error = events[-1][1] if form == "vendor" else events[-1][1]["response"]["error"]
    assert error["code"] == "rate_limit_exceeded"


async def test_usage_can_be_missing_and_the_reason_another(sim):
    """`usage` takes it from the last event; `finish_reason` makes the answer incomplete."""
    sim.fault("primary", "usage", times=1)
    assert "usage" not in (await told(sim))[-1][1]["response"]
    sim.clear("primary")
    sim.fault("primary", "finish_reason", reason="content_filter", after=2)
    name, last = (await told(sim))[-1]
    assert (name, last["type"]) == ("response.incomplete", "response.incomplete")
    assert last["response"]["incomplete_details"] == {"reason": "content_filter"}


@pytest.mark.parametrize("error", ["context_length_exceeded", "content_filter"])
async def test_responses_are_refused_for_length_and_content(sim, client, error):
    """The same refusals as of chat, by the same fault."""
    sim.fault("primary", "status", error=error)
    with pytest.raises(openai.BadRequestError) as caught:
        await client.responses.create(model="gpt-4o", input="x")
    assert caught.value.code == error
