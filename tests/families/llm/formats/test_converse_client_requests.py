"""Requests in Converse as clients send them: every field is understood, kept by its name, or refused by it."""

import base64
from typing import Any

import msgspec
import pytest

from families.llm.formats.converse_support import SONNET, asked, blocks, written
from segue.core.errors import RequestInvalid
from segue.families.llm.ir.blocks import (
    BEDROCK,
    CacheMark,
    Media,
    ServerItem,
    Text,
    ToolResult,
    ToolUse,
)
from segue.families.llm.ir.conversation import FunctionTool, Reasoning, ToolChoice, VendorTool
from segue.families.llm.marks import READERS
from segue.families.llm.needs import needs_of

PIXEL = base64.b64encode(b"pixel").decode()


def test_settings_that_all_models_share_are_ours() -> None:
    made = asked(
        system=[{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        inferenceConfig={"maxTokens": 9, "temperature": 0.5, "topP": 0.25, "stopSequences": ["HALT"]},
        requestMetadata={"team": "a"},
        serviceTier={"type": "flex"},
        guardrailConfig={"guardrailIdentifier": "g"},
    )
    assert (made.model, made.stream, made.max_tokens, made.stop) == ("m", True, 9, ["HALT"])
    assert (made.sampling.temperature, made.sampling.top_p) == (0.5, 0.25)
    assert made.system == [Text("Be brief.", CacheMark("1h"))]
    assert (made.metadata, made.service_tier) == ({"team": "a"}, "flex")
    assert made.guardrail == b'{"guardrailIdentifier":"g"}'
    assert not made.extra


def test_media_come_by_their_bytes_or_by_a_place() -> None:
    place = {"s3Location": {"uri": "s3://bucket/cat"}}
    pdf = {"format": "pdf", "name": "Report", "source": {"bytes": PIXEL}, "citations": {"enabled": True}}
    assert blocks(
        {"image": {"format": "png", "source": {"bytes": PIXEL}}},
        {"image": {"format": "jpeg", "source": place}},
        {"document": pdf | {"context": "of May"}},
        {"document": {"name": "Note", "source": {"text": "the grass"}}},
        {"document": {"format": "txt", "name": "Two", "source": {"content": [{"text": "a"}, {"text": "b"}]}}},
        {"video": {"format": "mp4", "source": place}},
        {"audio": {"format": "m4a", "source": {"bytes": PIXEL}}},
    ) == [
        Media("image", "image/png", data=PIXEL),
        Media("image", "image/jpeg", file="s3://bucket/cat", vendor=BEDROCK),
        Media("document", "application/pdf", data=PIXEL, name="Report", context="of May", citations=True),
        Media("document", "", text="the grass", name="Note"),
        Media("document", "text/plain", text="a\nb", name="Two"),
        Media("video", "video/mp4", file="s3://bucket/cat", vendor=BEDROCK),
        Media("audio", "audio/mp4", data=PIXEL),
    ]


def test_calls_and_results_of_tools_keep_their_pieces() -> None:
    use = {"toolUseId": "t1", "name": "weather", "input": {"place": "Łódź"}}
    assert blocks({"toolUse": use}, role="assistant") == [ToolUse("t1", "weather", '{"place":"Łódź"}')]
    parts = [{"text": "sunny"}, {"json": {"degrees": 20}}, {"image": {"format": "png", "source": {"bytes": PIXEL}}}]
    result = {"toolUseId": "t1", "content": parts, "status": "error"}
    content = (Text("sunny"), Text('{"degrees":20}'), Media("image", "image/png", data=PIXEL))
    assert blocks({"toolResult": result}, {"cachePoint": {"type": "default"}}) == [
        ToolResult("t1", content, error=True, cache=CacheMark(None))
    ]


def test_tools_and_their_choice_are_read() -> None:
    spec = {
        "name": "weather",
        "description": "Of a place.",
        "inputSchema": {"json": {"type": "object"}},
        "strict": True,
    }
    tools = [{"toolSpec": spec}, {"cachePoint": {"type": "default"}}, {"systemTool": {"name": "nova_grounding"}}]
    for wire, choice in (
        ({"auto": {}}, ToolChoice("auto")),
        ({"any": {}}, ToolChoice("required")),
        ({"tool": {"name": "weather"}}, ToolChoice("required", ("weather",))),
    ):
        made = asked(toolConfig={"tools": tools, "toolChoice": wire})
        assert made.tool_choice == choice
    assert made.tools == [
        FunctionTool("weather", "Of a place.", b'{"type":"object"}', True, CacheMark(None)),
        VendorTool(BEDROCK, "nova_grounding", b'{"systemTool":{"name":"nova_grounding"}}'),
    ]


@pytest.mark.parametrize(
    ("fields", "wish"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Reasoning(enabled=True, budget=2000)),
        ({"reasoning_config": {"type": "enabled", "budget_tokens": 9}}, Reasoning(enabled=True, budget=9)),
        ({"thinking": {"type": "disabled"}}, Reasoning(enabled=False)),
        (
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}},
            Reasoning(enabled=True, effort="low", adaptive=True, show=True),
        ),
        (
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
            Reasoning(enabled=True, effort="high"),
        ),
        ({"reasoning_effort": "low"}, Reasoning(effort="low")),
    ],
)
def test_each_makers_words_for_thinking_are_understood(fields: Any, wish: Reasoning) -> None:
    made = asked(additionalModelRequestFields=fields)
    assert made.reasoning == wish
    assert not made.extra


def test_further_words_of_a_models_own_are_understood_or_kept_by_their_names() -> None:
    made = asked(additionalModelRequestFields={"top_k": 5, "anthropic_beta": ["a", "b"], "of_tomorrow": [1]})
    assert (made.sampling.top_k, made.betas) == (5, ["a", "b"])
    assert {name: bytes(value) for name, value in made.extra.items()} == {
        "additionalModelRequestFields.of_tomorrow": b"[1]"
    }
    strange = asked(additionalModelRequestFields={"thinking": {"type": "sideways"}, "top_k": "many"})
    assert list(strange.extra) == ["additionalModelRequestFields.thinking", "additionalModelRequestFields.top_k"]
    assert asked(additionalModelResponseFieldPaths=["/stop_sequence"]).extra == {}
    assert sorted(asked(additionalModelResponseFieldPaths=["/other"], promptVariables={}).extra) == [
        "additionalModelResponseFieldPaths",
        "promptVariables",
    ]


def test_what_is_kept_goes_back_to_bedrock_where_it_is_written_anew() -> None:
    made = asked(
        system=[{"guardContent": {"text": {"text": "x"}}}],
        additionalModelRequestFields={"of_tomorrow": 1, "top_k": 5},
        performanceConfig={"latency": "optimized"},
    )
    body, warnings = written(made, SONNET)
    assert body["additionalModelRequestFields"] == {"top_k": 5, "of_tomorrow": 1}
    assert body["performanceConfig"] == {"latency": "optimized"}
    assert body["system"] == [{"guardContent": {"text": {"text": "x"}}}]
    assert not warnings


def test_an_output_by_schema_has_its_schema_as_text() -> None:
    schema = {"schema": '{"type":"object"}', "name": "city"}
    made = asked(outputConfig={"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}})
    assert made.output is not None
    assert (made.output.schema, made.output.name) == (b'{"type":"object"}', "city")
    assert asked(outputConfig={"effort": "low"}).reasoning == Reasoning(effort="low", habit=True)


@pytest.mark.parametrize(
    ("content", "role", "kind"),
    [
        ({"guardContent": {"text": {"text": "x"}}}, "user", "guard_content"),
        ({"toolUse": {"toolUseId": "t", "name": "n", "input": {}, "type": "server_tool_use"}}, "assistant",
         "server_tool_use"),
        ({"toolResult": {"toolUseId": "t", "content": [], "type": "nova_result"}}, "assistant", "nova_result"),
        ({"toolAddition": {"tool": {"name": "t"}}}, "user", "tool_addition"),
    ],
)  # fmt: skip
def test_what_only_bedrock_runs_is_bound_to_it(content: Any, role: str, kind: str) -> None:
    (item,) = blocks(content, role=role)
    assert item == ServerItem(BEDROCK, kind, msgspec.json.encode(content))


def test_a_search_result_is_a_text_for_everybody_else() -> None:
    found = {"source": "https://lawn.example", "title": "Lawn", "content": [{"text": "the grass"}]}
    (item,) = blocks({"searchResult": found})
    assert item.plain == Media("document", "text/plain", text="the grass", name="Lawn", context="https://lawn.example")
    result = {"toolUseId": "t1", "content": [{"searchResult": found}]}
    assert blocks({"toolResult": result})[0].content[0].text == "the grass"


USE = {"toolUse": {"toolUseId": "t", "name": "n", "input": {}}}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"messages": "x"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": [{"text": "x"}]}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"text": "a", "image": None}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"hologram": {}}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [USE]}]}, "messages[0].content[0]"),
        ({"system": [{}]}, "system[0]"),
        ({"inferenceConfig": {"maxTokens": 0}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"topP": 1.5}}, "inferenceConfig.topP"),
        ({"inferenceConfig": {"topp": 0.5}}, "inferenceConfig"),
        ({"toolConfig": {"tools": []}}, "toolConfig.tools"),
        ({"toolConfig": {"tools": [{}]}}, "toolConfig.tools[0]"),
        ({"serviceTier": {"type": "gold"}}, "serviceTier.type"),
        ({"outputConfig": {"textFormat": {"type": "xml", "structure": {}}}}, "outputConfig.textFormat"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_is_refused_by_its_field(fields: Any, field: str) -> None:
    with pytest.raises(RequestInvalid) as raised:
        asked(**fields)
    assert raised.value.param == field
    assert raised.value.status == 400


@pytest.mark.parametrize(
    ("media", "field"),
    [
        ({"format": "tiff", "source": {"bytes": PIXEL}}, "image.format"),
        ({"format": "png", "source": {"bytes": "no base64!"}}, "image.source.bytes"),
        ({"format": "png", "source": {}}, "image.source"),
        ({"format": "png", "source": {"text": "x"}}, "image.source"),
    ],
)
def test_an_image_that_is_none_is_refused_by_its_field(media: Any, field: str) -> None:
    with pytest.raises(RequestInvalid) as raised:
        blocks({"image": media})
    assert raised.value.param == f"messages[0].content[0].{field}"


def needs(**fields: Any) -> frozenset[str]:
    top = msgspec.json.decode(msgspec.json.encode(fields), type=dict[str, msgspec.Raw])
    return needs_of("converse", top)[0]


def test_routing_sees_from_outside_what_a_request_needs() -> None:
    assert READERS["converse"][0] == "messages"
    spec = {"toolSpec": {"name": "n", "inputSchema": {"json": {}}}}
    image = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    assert needs(messages=[{"role": "user", "content": [image]}]) == {"vision"}
    noted = {"document": {"name": "n", "source": {"text": "x"}}}
    assert needs(messages=[{"role": "user", "content": [noted]}]) == frozenset()
    assert needs(messages=[{"role": "user", "content": [{"text": '"image":"source"'}]}]) == frozenset()
    assert needs(messages=[], toolConfig={"tools": [spec]}) == {"tools"}
    assert needs(messages=[], additionalModelRequestFields={"thinking": {"type": "enabled"}}) == {"reasoning"}
    assert needs(messages=[], additionalModelRequestFields={"thinking": {"type": "disabled"}}) == frozenset()


def test_data_in_a_long_request_are_not_counted_as_tokens() -> None:
    image = {"image": {"format": "png", "source": {"bytes": PIXEL * 10_000}}}
    top = msgspec.json.decode(
        msgspec.json.encode({"messages": [{"role": "user", "content": [image]}]}), type=dict[str, msgspec.Raw]
    )
    found, data = needs_of("converse", top)
    assert found == {"vision"}
    assert data == len(PIXEL * 10_000)
