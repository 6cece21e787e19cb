"""Conversations as Converse accepts them."""

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.llm.formats.converse_support import LLAMA, NOVA, OPUS, SONNET, assistant, chat, user, written
from segue.core.ports import CannotServe
from segue.families.llm.formats.converse.format import CONVERSE, format_of, path
from segue.families.llm.ir.blocks import (
    CacheMark,
    Media,
    Refusal,
    ServerItem,
    Signature,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from segue.families.llm.ir.conversation import (
    Conversation,
    FunctionTool,
    Message,
    Output,
    Reasoning,
    Sampling,
    ToolChoice,
    VendorTool,
)
from segue.families.llm.ir.format import ProviderFormat, Target

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()
WEATHER = FunctionTool("weather", "Tells it.", b'{"type":"object","properties":{"city":{"type":"string"}}}')
CALL = assistant(ToolUse("t1", "weather", '{"city":"Oslo"}'))
RESULT = user(ToolResult("t1", (Text("cold"),)))
ASKED = (user("Weather?"), CALL, RESULT)


def body(conversation: Conversation, model: str = SONNET, *flags: str) -> dict[str, Any]:
    return written(conversation, model, *flags)[0]


def warnings(conversation: Conversation, model: str = SONNET, *flags: str) -> str:
    return "; ".join(written(conversation, model, *flags)[1])


def test_it_is_a_providers_format() -> None:
    formats: list[ProviderFormat] = [CONVERSE, format_of(SONNET)]
    assert [one.vendor for one in formats] == ["bedrock", "anthropic"]


def test_a_plain_request_says_no_more_than_it_must() -> None:
    assert body(chat(user("Hi"))) == {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}


def test_the_path_names_the_model_whatever_its_name() -> None:
    assert path(SONNET, stream=False) == "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/x"
    assert (
        path(arn, stream=True)
        == "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fx/converse-stream"
    )


def test_settings_have_their_places() -> None:
    told = body(chat(max_tokens=100, stop=["END"], sampling=Sampling(temperature=0.5, top_k=40)))
    assert told["inferenceConfig"] == {"maxTokens": 100, "temperature": 0.5, "stopSequences": ["END"]}
    assert told["additionalModelRequestFields"] == {"top_k": 40}


def test_claude_is_asked_which_stop_sequence_came_and_others_are_not() -> None:
    assert body(chat(stop=["END"]))["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    assert "additionalModelResponseFieldPaths" not in body(chat(stop=["END"]), NOVA)
    assert "additionalModelResponseFieldPaths" not in body(chat())


def test_top_k_goes_where_the_maker_of_the_model_has_it() -> None:
    asked = chat(sampling=Sampling(top_k=9))
    assert body(asked, NOVA)["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 9}}
    assert body(asked, "cohere.command-r-v1:0")["additionalModelRequestFields"] == {"k": 9}
    assert "top_k" in warnings(asked, LLAMA)


def test_a_temperature_of_openais_range_is_lowered_and_told() -> None:
    assert body(chat(sampling=Sampling(temperature=1.8)), LLAMA)["inferenceConfig"] == {"temperature": 1.0}
    assert "temperature lowered" in warnings(chat(sampling=Sampling(temperature=1.8)), LLAMA)


def test_newer_claudes_get_temperature_or_top_p() -> None:
    both = chat(sampling=Sampling(temperature=0.5, top_p=0.9))
    assert body(both)["inferenceConfig"] == {"temperature": 0.5}
    assert "top_p left out" in warnings(both)
    assert body(both, "anthropic.claude-3-7-sonnet-20250219-v1:0")["inferenceConfig"] == {
        "temperature": 0.5,
        "topP": 0.9,
    }


def test_models_that_refuse_sampling_get_none() -> None:
    both = chat(sampling=Sampling(temperature=0.5))
    assert "inferenceConfig" not in body(both, LLAMA, "no_sampling")
    assert "inferenceConfig" not in body(both, "anthropic.claude-opus-4-7")
    assert "refuses" in warnings(both, "anthropic.claude-opus-4-7")


def test_neighbours_of_one_role_become_one_turn() -> None:
    told = body(chat(user("a"), user("b"), assistant("c"), assistant("d"), user("e")))
    assert [(turn["role"], len(turn["content"])) for turn in told["messages"]] == [
        ("user", 2),
        ("assistant", 2),
        ("user", 1),
    ]


def test_blank_texts_and_turns_without_anything_are_left_out() -> None:
    told = body(chat(user("a", "", " \n"), assistant(""), user("b")))
    assert told["messages"] == [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]


def test_a_conversation_begins_with_a_user() -> None:
    told, warned = written(chat(assistant("Welcome"), user("Hi")))
    assert [turn["role"] for turn in told["messages"]] == ["user", "assistant", "user"]
    assert told["messages"][0]["content"] == [{"text": "."}]
    assert "a user to begin" in warned[0]


def test_instructions_in_the_middle_are_moved_to_the_front() -> None:
    told = body(
        chat(user("a"), Message("system", [Text("Be brief.")]), assistant("b"), user("c"), system=[Text("Be kind.")])
    )
    assert told["system"] == [{"text": "Be kind."}, {"text": "Be brief."}]


def test_a_last_turn_of_the_assistants_ends_without_white_space() -> None:
    assert body(chat(user("a"), assistant("{ \n")))["messages"][1]["content"] == [{"text": "{"}]


def test_tools_are_declared() -> None:
    told = body(chat(tools=[WEATHER, FunctionTool("now", strict=True)]))
    assert told["toolConfig"] == {
        "tools": [
            {
                "toolSpec": {
                    "name": "weather",
                    "description": "Tells it.",
                    "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}},
                }
            },
            {
                "toolSpec": {
                    "name": "now",
                    "inputSchema": {"json": {"type": "object", "properties": {}}},
                    "strict": True,
                }
            },
        ]
    }


def test_strict_is_left_out_for_models_that_do_not_know_it() -> None:
    told, warned = written(chat(tools=[FunctionTool("now", strict=True)]), LLAMA, "no_strict")
    assert "strict" not in told["toolConfig"]["tools"][0]["toolSpec"]
    assert "strict" in warned[0]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("auto"), {"auto": {}}),
        (ToolChoice("required"), {"any": {}}),
        (ToolChoice("required", ("weather",)), {"tool": {"name": "weather"}}),
        (None, None),
    ],
)
def test_the_choice_of_tools_has_its_word(choice: ToolChoice | None, expected: dict[str, Any] | None) -> None:
    assert body(chat(tools=[WEATHER], tool_choice=choice))["toolConfig"].get("toolChoice") == expected


def test_a_choice_among_some_tools_offers_only_these() -> None:
    config = body(
        chat(
            tools=[WEATHER, FunctionTool("now"), FunctionTool("not")],
            tool_choice=ToolChoice("required", ("weather", "now")),
        )
    )["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["weather", "now"]
    assert config["toolChoice"] == {"any": {}}


def test_no_tool_is_said_by_offering_none() -> None:
    assert "toolConfig" not in body(chat(tools=[WEATHER], tool_choice=ToolChoice("none")))


def test_no_tool_with_calls_in_the_history_keeps_the_tools_and_asks() -> None:
    told, warned = written(chat(*ASKED, tools=[WEATHER], tool_choice=ToolChoice("none")))
    assert len(told["toolConfig"]["tools"]) == 1
    assert "toolChoice" not in told["toolConfig"]
    assert told["system"] == [{"text": "Do not call any tool in this answer."}]
    assert "tool_choice none" in warned[0]


def test_calls_in_the_history_without_tools_are_declared() -> None:
    told, warned = written(chat(*ASKED))
    assert [tool["toolSpec"]["name"] for tool in told["toolConfig"]["tools"]] == ["weather"]
    assert "Bedrock demands them" in warned[0]


def test_calls_and_results_are_paired() -> None:
    told = body(chat(*ASKED, tools=[WEATHER]))["messages"]
    assert told[1]["content"] == [{"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}}]
    assert told[2]["content"] == [{"toolResult": {"toolUseId": "t1", "content": [{"text": "cold"}]}}]


def test_results_in_another_order_and_turns_later_stand_behind_their_calls_in_order() -> None:
    told = body(
        chat(
            user("x"),
            assistant(ToolUse("a", "weather"), ToolUse("b", "weather")),
            user("wait", ToolResult("b", (Text("2"),))),
            assistant("?"),
            user(ToolResult("a", (Text("1"),)), "go on"),
            tools=[WEATHER],
        )
    )["messages"]
    assert [turn["role"] for turn in told] == ["user", "assistant", "user", "assistant", "user"]
    assert [block.get("toolResult", {}).get("toolUseId", block.get("text")) for block in told[2]["content"]] == [
        "a",
        "b",
        "wait",
    ]
    assert told[4]["content"] == [{"text": "go on"}]


def test_a_call_without_a_result_gets_one_and_a_result_without_a_call_becomes_text() -> None:
    told, warned = written(
        chat(user("x"), CALL, user("never mind", ToolResult("other", (Text("stray"),))), tools=[WEATHER])
    )
    assert told["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "t1", "content": [{"text": "(no result)"}], "status": "error"}},
        {"text": "never mind"},
        {"text": "stray"},
    ]
    assert len(warned) == 2


def test_names_of_calls_fit_and_stay_paired() -> None:
    told = body(
        chat(user("x"), assistant(ToolUse("call.1/é", "weather")), user(ToolResult("call.1/é")), tools=[WEATHER])
    )["messages"]
    made = told[1]["content"][0]["toolUse"]["toolUseId"]
    assert made.isalnum()
    assert told[2]["content"][0]["toolResult"]["toolUseId"] == made


def test_arguments_that_are_no_object_are_put_into_one() -> None:
    told, warned = written(
        chat(user("x"), assistant(ToolUse("a", "weather", "Oslo?")), user(ToolResult("a")), tools=[WEATHER])
    )
    assert told["messages"][1]["content"][0]["toolUse"]["input"] == {"arguments": "Oslo?"}
    assert "no JSON object" in warned[0]


def test_a_failed_tool_has_a_status_or_says_so() -> None:
    failed = chat(user("x"), CALL, user(ToolResult("t1", error=True)), tools=[WEATHER])
    assert body(failed)["messages"][2]["content"][0]["toolResult"] == {
        "toolUseId": "t1",
        "content": [{"text": "Error"}],
        "status": "error",
    }
    assert body(failed, LLAMA)["messages"][2]["content"][0]["toolResult"] == {
        "toolUseId": "t1",
        "content": [{"text": "Error:"}],
    }


def test_images_and_documents_in_results_stay_there() -> None:
    result = ToolResult(
        "t1",
        (Text("see"), Media("image", "image/png", PNG), Media("document", "application/pdf", "JVBERi0x", name="a.pdf")),
    )
    content = body(chat(user("x"), CALL, user(result), tools=[WEATHER]))["messages"][2]["content"][0]["toolResult"][
        "content"
    ]
    assert [next(iter(part)) for part in content] == ["text", "image", "document"]


def test_sound_in_a_result_is_refused() -> None:
    with pytest.raises(CannotServe, match="sound"):
        written(chat(user("x"), CALL, user(ToolResult("t1", (Media("audio", "audio/wav", "UklG"),))), tools=[WEATHER]))


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (Media("image", "image/jpg", PNG), {"image": {"format": "jpeg", "source": {"bytes": PNG}}}),
        (Media("image", "", PNG), {"image": {"format": "png", "source": {"bytes": PNG}}}),
        (
            Media("image", "image/png", file="s3://b/k.png", vendor="bedrock"),
            {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k.png"}}}},
        ),
        (
            Media("image", url="s3://b/k.webp"),
            {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://b/k.webp"}}}},
        ),
        (Media("video", "video/mp4", "AAAA"), {"video": {"format": "mp4", "source": {"bytes": "AAAA"}}}),
        (Media("audio", "audio/wav", "UklG"), {"audio": {"format": "wav", "source": {"bytes": "UklG"}}}),
    ],
)
def test_media_have_their_short_names(media: Media, expected: dict[str, Any]) -> None:
    assert body(chat(user("x", media)))["messages"][0]["content"][1] == expected


@pytest.mark.parametrize(
    "media",
    [
        Media("image", "image/tiff", "SUkq"),
        Media("image", url="https://e.example/a.png"),
        Media("document", file="file_1", vendor="anthropic"),
        Media("video", "video/ogg", "T2dn"),
    ],
)
def test_media_that_bedrock_cannot_take_are_refused(media: Media) -> None:
    with pytest.raises(CannotServe, match="Bedrock cannot express"):
        written(chat(user("x", media)))


def test_documents_have_names_that_bedrock_accepts_and_no_two_alike() -> None:
    papers = [
        Media("document", "application/pdf", "JVBERi0x", name=name)
        for name in ("Über  uns_v2.pdf", "a.pdf", "a.pdf", "", "日本")
    ]
    content = body(chat(user("x", *papers)))["messages"][0]["content"]
    names = [block["document"]["name"] for block in content[1:]]
    assert names == ["ber uns v2 pdf", "a pdf", "a pdf-1", "document-1", "document-2"]


def test_a_document_never_stands_without_text() -> None:
    told, warned = written(chat(user(Media("document", text="a,b", type="text/csv", name="t"))))
    assert told["messages"][0]["content"] == [
        {"document": {"format": "txt", "name": "t", "source": {"bytes": base64.b64encode(b"a,b").decode()}}},
        {"text": "See the document."},
    ]
    assert "document" in warned[0]


def test_documents_may_be_cited_and_explained() -> None:
    media = Media("document", "application/pdf", "JVBERi0x", context="old", citations=True)
    document = body(chat(user("x", media)))["messages"][0]["content"][1]["document"]
    assert (document["context"], document["citations"]) == ("old", {"enabled": True})


def test_media_of_the_assistants_are_left_out() -> None:
    assert body(chat(user("x"), assistant("see", Media("image", "image/png", PNG)), user("y")))["messages"][1][
        "content"
    ] == [{"text": "see"}]


def test_cache_marks_become_points_behind_what_they_mark() -> None:
    told = body(
        chat(
            user(Text("long", cache=CacheMark("1h")), "short"),
            system=[Text("s", cache=CacheMark())],
            tools=[FunctionTool("f", cache=CacheMark("5m"))],
        )
    )
    assert told["messages"][0]["content"] == [
        {"text": "long"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"text": "short"},
    ]
    assert told["system"] == [{"text": "s"}, {"cachePoint": {"type": "default"}}]
    assert told["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default", "ttl": "5m"}}


def test_models_without_cache_points_get_none_and_a_warning() -> None:
    told, warned = written(
        chat(user(Text("long", cache=CacheMark())), tools=[FunctionTool("f", cache=CacheMark())]), LLAMA
    )
    assert "cachePoint" not in str(told)
    assert len(warned) == 2


THOUGHT = Thinking("hm", Signature("anthropic", "c2ln"))
HIDDEN = Thinking("", Signature("anthropic", "cmVk", "redacted"))


def test_claude_gets_its_own_thoughts_back_and_nobody_elses() -> None:
    asked = chat(
        user("x"),
        assistant(THOUGHT, HIDDEN, Thinking("g", Signature("google", "x")), Thinking("plain"), "so"),
        user("y"),
    )
    assert body(asked)["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "so"},
    ]
    assert body(asked, NOVA)["messages"][1]["content"] == [{"text": "so"}]


@pytest.mark.parametrize(
    ("model", "wish", "fields", "effort"),
    [
        (SONNET, Reasoning(budget=2000), {"thinking": {"type": "enabled", "budget_tokens": 2000}}, None),
        (SONNET, Reasoning(effort="low"), {"thinking": {"type": "enabled", "budget_tokens": 2048}}, None),
        (SONNET, Reasoning(enabled=True), {"thinking": {"type": "enabled", "budget_tokens": 8192}}, None),
        (SONNET, Reasoning(effort="none"), {"thinking": {"type": "disabled"}}, None),
        (OPUS, Reasoning(enabled=True, budget=2000), {"thinking": {"type": "enabled", "budget_tokens": 2000}}, None),
        (OPUS, Reasoning(effort="max"), {"thinking": {"type": "adaptive"}}, "max"),
        (OPUS, Reasoning(adaptive=True), {"thinking": {"type": "adaptive"}}, None),
        ("anthropic.claude-opus-4-7", Reasoning(budget=10_000), {"thinking": {"type": "adaptive"}}, "high"),
        (
            "anthropic.claude-opus-4-7",
            Reasoning(enabled=True, show=True),
            {"thinking": {"type": "adaptive", "display": "summarized"}},
            None,
        ),
        ("anthropic.claude-3-haiku-20240307-v1:0", Reasoning(effort="low"), None, None),
        (NOVA, Reasoning(effort="high"), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}, None),
        (NOVA, Reasoning(enabled=False), {"reasoningConfig": {"type": "disabled"}}, None),
        ("openai.gpt-oss-120b-1:0", Reasoning(effort="minimal"), {"reasoning_effort": "low"}, None),
        (LLAMA, Reasoning(effort="low"), None, None),
    ],
)
def test_thinking_is_asked_for_as_the_model_wants_it(
    model: str, wish: Reasoning, fields: dict[str, Any] | None, effort: str | None
) -> None:
    told = body(chat(reasoning=wish), model)
    assert told.get("additionalModelRequestFields") == fields
    assert told.get("outputConfig", {}).get("effort") == effort


def test_a_budget_stays_below_the_limit_of_the_answer() -> None:
    asked = chat(reasoning=Reasoning(budget=8000), max_tokens=4000)
    assert body(asked)["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 3999
    assert "3999" in warnings(asked)
    tiny = chat(reasoning=Reasoning(budget=8000), max_tokens=500)
    assert "additionalModelRequestFields" not in body(tiny)
    assert "switched off" in warnings(tiny)


def test_while_claude_thinks_sampling_is_its_own() -> None:
    asked = chat(reasoning=Reasoning(budget=2000), sampling=Sampling(temperature=0.2, top_k=4, top_p=0.5))
    assert body(asked)["inferenceConfig"] == {"maxTokens": 2000 + 4096}
    assert len(written(asked)[1]) == 2


@pytest.mark.parametrize("wish", [Reasoning(adaptive=True), Reasoning(effort="max"), Reasoning(budget=50_000)])
def test_without_a_limit_the_budget_of_thinking_fits_into_one_that_is_set(wish: Reasoning) -> None:
    """What Bedrock assumes without a limit may be less than the budget, which is then refused."""
    told = body(chat(reasoning=wish))
    budget = told["additionalModelRequestFields"]["thinking"]["budget_tokens"]
    assert budget < told["inferenceConfig"]["maxTokens"] <= 32_000


def test_a_forced_choice_switches_thinking_off() -> None:
    asked = chat(tools=[WEATHER], tool_choice=ToolChoice("required"), reasoning=Reasoning(budget=2000))
    assert "additionalModelRequestFields" not in body(asked)
    assert "forced" in warnings(asked)


def test_a_turn_of_tools_that_came_without_thoughts_switches_thinking_off() -> None:
    moved = chat(*ASKED, tools=[WEATHER], reasoning=Reasoning(budget=2000))
    assert "additionalModelRequestFields" not in body(moved)
    assert "no thoughts" in warnings(moved)
    own = chat(user("x"), assistant(THOUGHT, *CALL.content), RESULT, tools=[WEATHER], reasoning=Reasoning(budget=2000))
    assert "thinking" in body(own)["additionalModelRequestFields"]


def test_a_schema_for_the_answer_is_sent_as_text() -> None:
    schema = '{"type":"object","additionalProperties":false}'
    output = Output(schema.encode(), "reply", "A reply.")
    assert body(chat(output=output))["outputConfig"] == {
        "textFormat": {
            "type": "json_schema",
            "structure": {"jsonSchema": {"schema": schema, "name": "reply", "description": "A reply."}},
        }
    }


def test_a_schema_for_the_answer_is_closed_as_bedrock_demands() -> None:
    asked = chat(output=Output(b'{"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}}}}'))
    told = body(asked)["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
    assert json.loads(told)["items"]["additionalProperties"] is False
    assert "schema" in warnings(asked)


def test_any_json_object_is_asked_for_in_the_system_prompt() -> None:
    assert body(chat(output=Output()))["system"] == [{"text": "Answer with one JSON object and nothing else."}]


def test_guardrails_metadata_and_tiers_have_their_places() -> None:
    asked = chat(
        guardrail=b'{"guardrailIdentifier":"g","guardrailVersion":"1"}', metadata={"team": "a"}, service_tier="flex"
    )
    told = body(asked)
    assert told["guardrailConfig"] == {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    assert (told["requestMetadata"], told["serviceTier"]) == ({"team": "a"}, {"type": "flex"})


def test_what_exceeds_bedrocks_limits_is_left_out_and_told() -> None:
    asked = chat(metadata={"a": "x" * 300, "b": "y"}, service_tier="scale", betas=["context-1m-2025-08-07", "other"])
    told, warned = written(asked)
    assert told["requestMetadata"] == {"b": "y"}
    assert told["additionalModelRequestFields"] == {"anthropic_beta": ["context-1m-2025-08-07"]}
    assert len(warned) == 3


def test_own_tools_and_steps_of_bedrock_go_through_and_others_are_refused() -> None:
    own = VendorTool("bedrock", "systemTool", b'{"systemTool":{"name":"nova_grounding"}}')
    assert body(chat(tools=[own]), NOVA)["toolConfig"]["tools"] == [{"systemTool": {"name": "nova_grounding"}}]
    with pytest.raises(CannotServe, match="anthropic"):
        written(chat(tools=[VendorTool("anthropic", "web_search_20250305", b"{}")]))
    with pytest.raises(CannotServe, match="google"):
        written(chat(user("x"), assistant(ServerItem("google", "executableCode", b"{}"))))


def test_a_tool_whose_name_bedrock_refuses_is_refused() -> None:
    with pytest.raises(CannotServe, match="letters"):
        written(chat(tools=[FunctionTool("a.b")]))


def test_a_profile_without_a_name_is_told_by_a_flag() -> None:
    arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc"
    assert format_of(arn, frozenset({"maker:anthropic"})).vendor == "anthropic"
    assert body(chat(sampling=Sampling(top_k=3)), arn, "maker:mistral")["additionalModelRequestFields"] == {"top_k": 3}


TEXTS = st.sampled_from(["", " ", "a", "Grüße"])
CALLS = st.builds(
    ToolUse, st.sampled_from(["1", "2", "x.y"]), st.just("weather"), st.sampled_from(["", "{}", "nope", '{"a":[1]}'])
)
RESULTS = st.builds(
    ToolResult, st.sampled_from(["1", "2", "x.y", "z"]), st.lists(TEXTS.map(Text), max_size=2).map(tuple), st.booleans()
)
THOUGHTS = st.sampled_from([THOUGHT, HIDDEN, Thinking("t"), Refusal("no")])
MEDIA = st.sampled_from([Media("image", "image/png", PNG), Media("document", "application/pdf", "JVBERi0x", name="n")])
TURNS = st.one_of(
    st.builds(Message, st.just("user"), st.lists(st.one_of(TEXTS.map(Text), RESULTS, MEDIA), max_size=3)),
    st.builds(
        Message, st.just("assistant"), st.lists(st.one_of(TEXTS.map(Text), THOUGHTS, CALLS), max_size=3, unique_by=repr)
    ),
    st.builds(Message, st.just("system"), st.lists(TEXTS.map(Text), max_size=1)),
)


@given(st.lists(TURNS, max_size=8), st.sampled_from([SONNET, OPUS, NOVA, LLAMA]))
def test_whatever_was_said_bedrocks_rules_hold(messages: list[Message], model: str) -> None:
    before = msgspec.json.encode(messages)
    told = body(Conversation(messages=messages), model)
    turns = told["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * (len(turns) // 2) + ["user"] * (len(turns) % 2)
    has_tools = False
    for number, turn in enumerate(turns):
        assert turn["content"]
        assert all(block["text"].strip() for block in turn["content"] if "text" in block)
        calls = [block["toolUse"]["toolUseId"] for block in turn["content"] if "toolUse" in block]
        has_tools = has_tools or bool(calls)
        if calls and number + 1 < len(turns):
            results = [
                block["toolResult"]["toolUseId"] for block in turns[number + 1]["content"] if "toolResult" in block
            ]
            assert results == calls
        if any("document" in block for block in turn["content"]):
            assert any("text" in block for block in turn["content"])
        if turn["role"] == "user" and number == 0:
            assert not any("toolResult" in block for block in turn["content"])
    assert not has_tools or told["toolConfig"]["tools"]
    assert msgspec.json.encode(messages) == before, "the conversation itself must stay as it was"


def test_warnings_are_those_of_values_only() -> None:
    assert format_of(SONNET).write_request(chat(*ASKED, tools=[WEATHER]), Target(SONNET)).warnings == []
