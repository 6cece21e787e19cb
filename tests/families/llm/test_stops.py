"""Which stop sequences a vendor is sent, and which Segue looks for because that vendor or its model takes none."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from families.llm.support import candidate
from segue.app.catalogue import ADAPTERS
from segue.core.failure import Kind
from segue.core.ports import CannotServe, ProviderSpec, WireRequest
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.request import parse_chat
from segue.families.llm.stops import LONGEST_SEQUENCE, MOST_SEQUENCES, refuses_stops

OPTIONS: dict[str, dict[str, Any]] = {
    "yandex": {"folder": "b1g0123456789abcdefg"},
    "bedrock": {"region": "us-east-1"},
    "openai": {"formats": ("chat",)},
}


def encoded(adapter: str, model: str, request: Any) -> WireRequest:
    built = ADAPTERS.get(adapter).build(ProviderSpec("mine", adapter, options=OPTIONS.get(adapter, {})))
    call = SimpleNamespace(
        request=request, answered_by=None, attempts=[1], id="call_1", continuation=None, fetched=None
    )
    return built.codecs["chat"].encode(call, candidate(model))


def from_anthropic(*stops: str) -> RawRequest:
    asked = {"model": "smart", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
    return RawRequest(MESSAGES, json.dumps({**asked, "stop_sequences": stops}).encode())


def from_chat(*stops: str) -> Any:
    asked = {"model": "smart", "messages": [{"role": "user", "content": "hi"}], "stop": stops}
    return parse_chat(json.dumps(asked).encode())


def sent(adapter: str, model: str, request: Any) -> tuple[Any, list[str]]:
    """The stop sequences in the body that a vendor is sent, and what the caller is told."""
    body = json.loads(encoded(adapter, model, request).body)
    inner = body.get("generationConfig") or body.get("inferenceConfig") or body.get("completionOptions") or body
    names = ("stop", "stop_sequences", "stopSequences")
    given = next((inner[name] for name in names if name in inner), None)
    return given, [one for warnings in request.warnings.values() for one in warnings]


HERE = "Segue stops the text itself"


@pytest.mark.parametrize(
    ("adapter", "model"),
    [
        *(("openai-responses", "gpt-4o"), ("yandex", "yandexgpt"), ("openai", "o3"), ("openai", "gpt-5-mini")),
        *(("xai", "grok-3-mini"), ("xai", "grok-4"), ("openrouter", "openai/gpt-5.1")),
    ],
)
def test_who_takes_none_is_sent_none_and_the_caller_is_told(adapter: str, model: str) -> None:
    given, warnings = sent(adapter, model, from_anthropic("HALT"))
    assert given is None
    assert warnings == [f"stop_sequences changed for acme/{model}: {HERE}"]


@pytest.mark.parametrize(
    ("adapter", "model"),
    [("openai", "gpt-4o"), ("xai", "grok-4-fast-non-reasoning"), ("groq", "llama-3.3-70b-versatile")],
)
def test_who_takes_them_is_sent_them(adapter: str, model: str) -> None:
    assert sent(adapter, model, from_anthropic("HALT", "STOP")) == (["HALT", "STOP"], [])


def test_who_takes_only_so_many_is_sent_so_many() -> None:
    six = tuple("abcdef")
    given, warnings = sent("openai", "gpt-4o", from_anthropic(*six))
    assert (given, warnings) == (list("abcd"), [f"stop_sequences changed for acme/gpt-4o: {HERE}"])
    assert sent("gemini", "gemini-2.5-flash", from_anthropic(*six))[0] == list("abcde")
    assert sent("gemini", "gemini-2.5-flash", from_anthropic(*six[:5])) == (list("abcde"), [])


@pytest.mark.parametrize(
    ("adapter", "model"), [("anthropic", "claude-sonnet-4-5"), ("bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0")]
)
def test_claude_is_sent_no_sequence_of_nothing_but_white_space(adapter: str, model: str) -> None:
    given, warnings = sent(adapter, model, from_chat("\n\n", "HALT", ""))
    assert (given, warnings) == (["HALT"], [f"stop changed for acme/{model}: {HERE}"])
    assert sent(adapter, model, from_chat("\n"))[0] is None


def test_other_models_behind_bedrock_take_white_space() -> None:
    assert sent("bedrock", "amazon.nova-lite-v1:0", from_chat("\n")) == (["\n"], [])


def test_what_passes_through_stays_as_it_came() -> None:
    """The vendor's own refusal is the caller's to see: nobody reads what passes through."""
    assert sent("openai", "o3", from_chat("HALT")) == (["HALT"], [])


def test_a_sequence_that_is_given_twice_counts_once() -> None:
    assert sent("openai", "gpt-4o", from_anthropic(*"aabbccdd")) == (list("aabbccdd"), [])


@pytest.mark.parametrize(
    "stops", [[f"s{number}" for number in range(MOST_SEQUENCES + 1)], ["x" * (LONGEST_SEQUENCE + 1)]]
)
def test_more_than_segue_looks_for_is_refused_with_the_limits(stops: list[str]) -> None:
    with pytest.raises(CannotServe) as refused:
        encoded("openai-responses", "gpt-4o", from_anthropic(*stops))
    failure = refused.value.failure
    assert (failure.kind, failure.param, failure.needs) == (
        Kind.UNSUPPORTED,
        "stop_sequences",
        "messages.stop_sequences",
    )
    assert f"at {MOST_SEQUENCES} sequences of {LONGEST_SEQUENCE} characters at most" in failure.message
    most = [*[f"s{number}" for number in range(MOST_SEQUENCES - 1)], "x" * LONGEST_SEQUENCE]
    assert sent("openai-responses", "gpt-4o", from_anthropic(*most))[0] is None


@pytest.mark.parametrize("model", ["o3", "o3-pro", "o4-mini", "gpt-5", "gpt-5-nano-2025-08-07", "gpt-5.2", "x/gpt-5.4"])
def test_openais_models_that_think_by_habit_refuse_stops(model: str) -> None:
    assert refuses_stops(model)


@pytest.mark.parametrize(
    "model",
    ["gpt-4o", "gpt-4.1", "o1", "o3-mini", "gpt-5-chat-latest", "gpt-5.2-chat-latest", "solo3", "gpt-50", "o30"],
)
def test_other_models_of_openais_take_stops(model: str) -> None:
    assert not refuses_stops(model)


def test_a_client_of_gemini_names_the_field_as_it_does() -> None:
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    body = {"contents": contents, "generationConfig": {"stopSequences": ["HALT"]}}
    request = RawRequest(GEMINI, json.dumps(body).encode(), model="smart", stream=False)
    given, warnings = sent("openai-responses", "gpt-4o", request)
    assert given is None
    assert warnings == [f"generationConfig.stopSequences changed for acme/gpt-4o: {HERE}"]
