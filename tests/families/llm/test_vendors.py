"""Each vendor is asked at its documented address, with its own authorisation, in a format that it speaks.

Every client format meets every vendor: where the vendor speaks it the client's bytes go through, else the request is
translated into the vendor's first.
"""

import json

import pytest

from families.llm.auth.support import account
from families.llm.providers_page import PAGE, page, undocumented
from families.llm.vendor_calls import BODIES, OPTIONS, SECRET, account_of, call, kinds, sent
from segue.app.engine import known
from segue.app.library import discovered
from segue.config.load import parse_settings
from segue.core.errors import ConfigError
from segue.core.failure import Kind
from segue.core.ports import CannotServe, WireRequest
from segue.families.llm.claude import claude_flags

GOOGLE = "https://generativelanguage.googleapis.com/v1beta/models"
VERTEX = "https://europe-west1-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west1/publishers"
CHAT = {
    "openai": "https://api.openai.com/v1",
    "azure": "https://acme.openai.azure.com/openai/v1",
    "groq": "https://api.groq.com/openai/v1",
    "huggingface": "https://router.huggingface.co/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "mistral": "https://api.mistral.ai/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "xai": "https://api.x.ai/v1",
    "together": "https://api.together.ai/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "cerebras": "https://api.cerebras.ai/v1",
    "cohere": "https://api.cohere.ai/compatibility/v1",
    "nvidia": "https://integrate.api.nvidia.com/v1",
    "ollama": "http://127.0.0.1:11434/v1",
    "vllm": "http://127.0.0.1:8000/v1",
    "lmstudio": "http://127.0.0.1:1234/v1",
}
"""Where vendors of OpenAI's formats are."""
BOTH = {"openai", "azure", "xai"}
"""Those that are asked in Responses by clients that speak it."""
OWN = {
    "openai-responses": ("responses", "https://api.openai.com/v1/responses", "https://api.openai.com/v1/responses"),
    "perplexity": ("responses", *["https://api.perplexity.ai/v1/responses"] * 2),
    "anthropic": ("messages", *["https://api.anthropic.com/v1/messages"] * 2),
    "gemini": ("gemini", f"{GOOGLE}/m:generateContent", f"{GOOGLE}/m:streamGenerateContent?alt=sse"),
    "vertex": (
        "gemini",
        f"{VERTEX}/google/models/m:generateContent",
        f"{VERTEX}/google/models/m:streamGenerateContent?alt=sse",
    ),
    "bedrock": (
        "converse",
        "https://bedrock-runtime.eu-central-1.amazonaws.com/model/m/converse",
        "https://bedrock-runtime.eu-central-1.amazonaws.com/model/m/converse-stream",
    ),
    "yandex": ("yandex", *["https://llm.api.cloud.yandex.net/foundationModels/v1/completion"] * 2),
}
"""Vendors with a format of their own: its name, and the addresses of a whole answer and of a stream."""
AUTHORISATION = {
    "azure": ("api-key", SECRET),
    "anthropic": ("x-api-key", SECRET),
    "gemini": ("x-goog-api-key", SECRET),
    "yandex": ("authorization", f"Api-Key {SECRET}"),
}


def body_of(request: WireRequest) -> dict:
    return json.loads(request.body)


def format_of(body: dict) -> str:
    """The format that a body is in, by what only that one has."""
    if "modelUri" in body:
        return "yandex"
    if "contents" in body:
        return "gemini"
    if "input" in body:
        return "responses"
    if "messages" not in body or "inferenceConfig" in body:
        return "converse"
    return "messages" if "max_tokens" in body and not isinstance(body["messages"][0]["content"], str) else "chat"


def test_every_adapter_of_the_contract_is_in_these_tables() -> None:
    assert set(kinds()) == {*CHAT, *OWN}


def test_the_page_says_what_the_adapters_do() -> None:
    """After a change of an adapter: `PYTHONPATH=tests python -m families.llm.providers_page`."""
    assert PAGE.read_text(encoding="utf-8") == page()
    assert undocumented() == []


@pytest.mark.parametrize("client", BODIES)
@pytest.mark.parametrize("adapter", CHAT)
def test_a_vendor_of_openais_formats_is_asked_in_one_that_it_speaks(adapter: str, client: str) -> None:
    request = sent(adapter, call(client))
    own = client == "responses" and adapter in BOTH
    assert request.url == f"{CHAT[adapter]}/{'responses' if own else 'chat/completions'}"
    assert body_of(request)["model"] == "m"
    assert ("input" in body_of(request)) is own
    header, value = AUTHORISATION.get(adapter, ("authorization", f"Bearer {SECRET}"))
    assert request.headers[header] == value
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("client", BODIES)
@pytest.mark.parametrize("adapter", OWN)
def test_a_vendor_with_a_format_of_its_own_is_asked_in_it(adapter: str, client: str, stream: bool) -> None:
    name, whole, streamed = OWN[adapter]
    request = sent(adapter, call(client, **({"stream": True} if stream else {})))
    assert request.url == (streamed if stream else whole)
    if client == name:
        expected = {**BODIES[client], **({"stream": True} if stream and client != "gemini" else {})}
        given = body_of(request)
        given.pop("model", None)
        expected.pop("model", None)
        assert given == expected
    elif name != "messages":
        assert format_of(body_of(request)) == name
    if adapter != "vertex":
        header, value = AUTHORISATION.get(adapter, ("authorization", f"Bearer {SECRET}"))
        assert request.headers[header] == value


@pytest.mark.parametrize("adapter", [*CHAT, *OWN])
def test_another_address_replaces_the_vendors_own(adapter: str) -> None:
    for slash in ("", "/"):
        request = sent(adapter, base_url=f"https://mine.example.com/sub{slash}")
        assert request.url.startswith("https://mine.example.com/sub/")
        assert "//" not in request.url.removeprefix("https://")


@pytest.mark.parametrize("adapter", [*CHAT, *OWN])
def test_no_request_shows_its_secret_and_none_is_sent_where_there_is_no_key(adapter: str) -> None:
    assert SECRET not in repr(sent(adapter))
    headers = sent(adapter, secret="").headers
    assert not {"authorization", "api-key", "x-api-key", "x-goog-api-key"} & headers.keys()


# OpenAI's formats


def test_a_chat_goes_through_to_openai_as_it_came() -> None:
    asked = call(new_field={"x": [1, 2]}, store=True)
    assert body_of(sent("openai", asked)) == {**BODIES["chat"], "model": "m", "new_field": {"x": [1, 2]}, "store": True}


def test_formats_limits_what_is_spoken() -> None:
    assert sent("openai", call("responses"), formats=["chat"]).url.endswith("/chat/completions")
    assert sent("openai", call("chat"), formats=["responses"]).url.endswith("/responses")
    assert sent("groq", call("responses"), formats=["chat", "responses"]).url.endswith("/responses")


def test_azure_by_deployments_has_the_deployment_and_the_version_in_the_url() -> None:
    settings = {"api_version": "2024-10-21", "deployments": {"gpt-4o": "my dep/1"}}
    url = "https://acme.openai.azure.com/openai/deployments/my%20dep%2F1/chat/completions?api-version=2024-10-21"
    for client in ("chat", "messages"):
        request = sent("azure", call(client), "gpt-4o", **settings)
        assert request.url == url
        assert body_of(request)["model"] == "my dep/1"
    request = sent("azure", call("responses"), "gpt-4o", **settings)
    assert request.url == "https://acme.openai.azure.com/openai/responses?api-version=2024-10-21"
    assert body_of(request)["model"] == "my dep/1"


@pytest.mark.parametrize("end", ["", "/", "/openai", "/openai/v1", "/openai/v1/"])
def test_azures_address_may_be_written_with_and_without_its_path(end: str) -> None:
    request = sent("azure", base_url=f"https://acme.openai.azure.com{end}")
    assert request.url == "https://acme.openai.azure.com/openai/v1/chat/completions"


# Habits


@pytest.mark.parametrize("client", ["chat", "messages"])
@pytest.mark.parametrize("adapter", ["mistral", "deepseek", "together", "cohere", "nvidia", "ollama"])
def test_the_limit_has_its_older_name_where_only_that_is_known(adapter: str, client: str) -> None:
    body = body_of(sent(adapter, call(client)))
    assert body["max_tokens"] == 9
    assert "max_completion_tokens" not in body


def test_the_vendors_own_name_counts_where_both_are_given() -> None:
    body = body_of(sent("mistral", call(max_tokens=5, seed=1, random_seed=2)))
    assert (body["max_tokens"], body["random_seed"]) == (5, 2)
    assert not {"max_completion_tokens", "seed"} & body.keys()


def test_what_a_strict_vendor_refuses_is_left_out_with_a_warning() -> None:
    asked = call(user="me", verbosity="low", store=False, service_tier=None, stream_options=None)
    body = body_of(sent("mistral", asked))
    assert set(body) == {"model", "messages", "max_tokens"}
    assert asked.request.warnings == {"mine/m": ["'user' left out for mine/m", "'verbosity' left out for mine/m"]}


def test_the_request_itself_stays_as_it_came_for_the_next_candidate() -> None:
    asked = call(user="me")
    sent("mistral", asked)
    assert body_of(sent("openai", asked)) == {**BODIES["chat"], "model": "m", "user": "me"}


def test_what_would_change_the_answer_is_not_left_out_but_refused_for_others_to_serve() -> None:
    for adapter, fields in (("groq", {"logprobs": True}), ("groq", {"n": 2}), ("mistral", {"logit_bias": {"1": 2}})):
        with pytest.raises(CannotServe) as cannot:
            sent(adapter, call(**fields))
        assert cannot.value.failure.kind is Kind.UNSUPPORTED
        assert cannot.value.failure.param == next(iter(fields))


def test_settings_that_ask_for_nothing_are_no_reason_to_refuse() -> None:
    body = body_of(sent("groq", call(logprobs=False, logit_bias={}, top_logprobs=None)))
    assert not {"logprobs", "logit_bias", "top_logprobs"} & body.keys()


@pytest.mark.parametrize("adapter", ["groq", "openrouter", "deepseek"])
def test_one_answer_is_asked_for_where_that_is_taken_and_more_are_refused(adapter: str) -> None:
    asked = call(n=1)
    assert body_of(sent(adapter, asked))["n"] == 1
    assert asked.request.warnings == {}
    with pytest.raises(CannotServe) as cannot:
        sent(adapter, call(n=2))
    assert cannot.value.failure.param == "n"


def test_a_setting_of_which_the_documentation_says_nothing_is_sent_and_the_caller_told() -> None:
    asked = call(seed=7)
    assert body_of(sent("deepseek", asked))["seed"] == 7
    assert asked.request.warnings == {
        "mine/m": ["'seed' may be passed over by mine/m: its documentation says nothing of it"]
    }


def test_a_wish_that_looks_like_nothing_is_told_when_it_is_left_out() -> None:
    """`parallel_tool_calls: false` and `seed: 0` were left out without a word."""
    asked = call(parallel_tool_calls=False)
    sent("deepseek", asked)
    assert asked.request.warnings == {"mine/m": ["'parallel_tool_calls' left out for mine/m"]}
    asked = call(seed=0)
    assert body_of(sent("deepseek", asked))["seed"] == 0
    assert asked.request.warnings["mine/m"]
    asked = call(parallel_tool_calls=True, verbosity="medium", service_tier="auto", modalities=["text"])
    assert set(body_of(sent("deepseek", asked))) == {"model", "messages", "max_tokens"}
    assert asked.request.warnings == {}


KEPT = {
    "cerebras": {"prediction", "parallel_tool_calls", "service_tier", "n", "seed", "logprobs"},
    "mistral": {"metadata", "prompt_cache_key", "prediction", "n", "parallel_tool_calls"},
    "fireworks": {"metadata", "prompt_cache_key", "prediction", "user", "logit_bias", "n", "service_tier"},
    "openrouter": {"prompt_cache_key", "prediction", "metadata", "service_tier", "user"},
    "together": {"logit_bias", "seed", "n", "stop"},
    "groq": {"user", "seed", "parallel_tool_calls", "stop"},
    "xai": {"user", "seed", "n", "logprobs", "parallel_tool_calls"},
    "vllm": {"logit_bias", "n", "logprobs", "seed"},
}
"""Settings that the vendor's reference lists, and that once were left out or refused for some of them."""
VALUES = {
    "prediction": {"type": "content", "content": "a"}, "parallel_tool_calls": False, "service_tier": "priority", "n": 2,
    "seed": 3, "logprobs": True, "metadata": {"a": "b"}, "prompt_cache_key": "k", "user": "me", "logit_bias": {"1": 2},
    "stop": ["x"],
}  # fmt: skip


@pytest.mark.parametrize("adapter", KEPT)
def test_a_setting_that_the_vendor_documents_reaches_it(adapter: str) -> None:
    asked = call(**{name: VALUES[name] for name in KEPT[adapter]})
    body = body_of(sent(adapter, asked))
    assert {name: body.get(name) for name in KEPT[adapter]} == {name: VALUES[name] for name in KEPT[adapter]}
    assert asked.request.warnings == {}


@pytest.mark.parametrize(
    ("adapter", "model", "wish", "sent_as"),
    [
        ("cohere", "m", "low", "high"), ("cohere", "m", "minimal", "none"), ("cohere", "m", "none", "none"),
        ("groq", "m", "xhigh", "high"), ("groq", "m", "default", "default"), ("groq", "m", "low", "low"),
        ("vllm", "m", "minimal", "low"), ("vllm", "m", "none", "low"), ("mistral", "m", "max", "xhigh"),
        ("ollama", "m", "xhigh", "max"), ("cerebras", "m", "minimal", "low"), ("fireworks", "m", "max", "high"),
        ("xai", "grok-3-mini", "medium", "high"), ("xai", "grok-4.3", "none", "none"),
        ("xai", "grok-4.5", "none", "low"), ("xai", "grok-4-0709", "high", None), ("xai", "grok-4.20", "low", None),
        ("xai", "grok-4-fast-non-reasoning", "low", None), ("deepseek", "m", "xhigh", "xhigh"),
    ],
)  # fmt: skip
def test_an_effort_becomes_the_nearest_that_the_vendor_takes(
    adapter: str, model: str, wish: str, sent_as: str | None
) -> None:
    asked = call(reasoning_effort=wish)
    assert body_of(sent(adapter, asked, model=model)).get("reasoning_effort") == sent_as
    assert bool(asked.request.warnings) == (wish != sent_as)


@pytest.mark.parametrize(
    ("adapter", "setting"),
    [("deepseek", {"thinking": {"type": "disabled"}}), ("together", {"reasoning": {"enabled": False}})],
)
def test_thinking_is_switched_off_in_the_vendors_own_way(adapter: str, setting: dict) -> None:
    asked = call(reasoning_effort="none")
    body = body_of(sent(adapter, asked))
    assert {**body, **setting} == body
    assert "reasoning_effort" not in body
    assert asked.request.warnings == {}


@pytest.mark.parametrize("model", ["grok-4.5", "grok-4-0709", "grok-code-fast-1", "grok-3-mini", "grok-latest"])
def test_what_groks_that_reason_refuse_is_not_sent_to_them(model: str) -> None:
    """docs.x.ai, guide "Reasoning": presence_penalty, frequency_penalty and stop are errors there."""
    asked = call(presence_penalty=0.5, frequency_penalty=0.5)
    assert not {"presence_penalty", "frequency_penalty"} & body_of(sent("xai", asked, model=model)).keys()
    assert len(asked.request.warnings[f"mine/{model}"]) == 2
    with pytest.raises(CannotServe):
        sent("xai", call(stop="x"), model=model)


@pytest.mark.parametrize("model", ["grok-4-1-fast-non-reasoning", "grok-3", "grok-2-vision"])
def test_groks_that_do_not_reason_take_penalties_and_stops(model: str) -> None:
    asked = call(presence_penalty=0.5, frequency_penalty=0.5, stop="x")
    assert {"presence_penalty", "frequency_penalty", "stop"} <= body_of(sent("xai", asked, model=model)).keys()
    assert asked.request.warnings == {}


def test_a_tier_goes_only_to_where_it_is_known() -> None:
    for tier, sent_as in (("flex", "flex"), ("auto", "auto"), ("default", None), ("priority", None)):
        asked = call(service_tier=tier)
        assert body_of(sent("groq", asked)).get("service_tier") == sent_as
        assert bool(asked.request.warnings) is (tier == "priority")
    assert body_of(sent("fireworks", call(service_tier="priority")))["service_tier"] == "priority"


AN_ANSWER_OF_OPENAIS = {
    "role": "assistant", "content": None, "refusal": "I cannot", "annotations": [], "audio": None,
}  # fmt: skip


@pytest.mark.parametrize("adapter", ["groq", "mistral", "cerebras"])
def test_an_answer_of_openais_that_is_sent_back_is_taken_by_vendors_with_closed_messages(adapter: str) -> None:
    """Groq: 400 "property 'annotations' is unsupported"; a conversation that moved from OpenAI ended there."""
    messages = [{"role": "user", "content": "hi"}, AN_ANSWER_OF_OPENAIS, {"role": "user", "content": "why?"}]
    asked = call(messages=messages)
    body = body_of(sent(adapter, asked))
    assert body["messages"][1] == {"role": "assistant", "content": "I cannot"}
    assert asked.request.warnings == {}
    assert body_of(sent("openai", asked))["messages"] == messages


def test_names_of_speakers_are_left_out_where_they_are_refused_and_names_of_tools_are_not() -> None:
    calls = [{"id": "abcdefghi", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    messages = [
        {"role": "user", "content": '"name": "x"', "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "abcdefghi", "name": "f", "content": "1"},
    ]
    for adapter in ("groq", "mistral"):
        asked = call(messages=messages)
        body = body_of(sent(adapter, asked))
        assert body["messages"] == [{"role": "user", "content": '"name": "x"'}, *messages[1:]]
        assert asked.request.warnings == {"mine/m": ["'messages.name' left out for mine/m"]}


def test_a_choice_of_tools_is_kept_where_the_vendor_ignores_it() -> None:
    """docs.ollama.com lists `tool_choice` as not supported: a tool that must be called might not be."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    for choice, left in (("auto", {"tools"}), (None, {"tools"}), ("none", set())):
        asked = call(tools=tools, tool_choice=choice)
        assert {"tools", "tool_choice"} & body_of(sent("ollama", asked)).keys() == left
        assert asked.request.warnings == {}
    for choice in ("required", {"type": "function", "function": {"name": "f"}}):
        with pytest.raises(CannotServe):
            sent("ollama", call(tools=tools, tool_choice=choice))


def test_probabilities_are_refused_where_they_come_in_another_shape() -> None:
    with pytest.raises(CannotServe):
        sent("together", call(logprobs=True, top_logprobs=2))


@pytest.mark.parametrize("client", BODIES)
def test_perplexity_is_asked_by_its_agent_api_whatever_the_client_speaks(client: str) -> None:
    """Sonar's Chat Completions ended on 2026-09-27."""
    asked = call(client)
    body = body_of(sent("perplexity", asked))
    assert set(body) - {"instructions"} <= {"model", "input", "max_output_tokens", "stream"}


def test_what_the_agent_api_does_not_know_is_left_out_or_refused() -> None:
    asked = call("responses", store=False, temperature=0.5, include=[], reasoning={"effort": "low"})
    body = body_of(sent("perplexity", asked))
    assert body == {**BODIES["responses"], "model": "m", "reasoning": {"effort": "low"}}
    assert asked.request.warnings == {"mine/m": ["'temperature' left out for mine/m"]}
    for fields in ({"previous_response_id": "resp_1"}, {"text": {"format": {"type": "json_object"}}}):
        with pytest.raises(CannotServe):
            sent("perplexity", call("responses", **fields))


def test_a_developers_message_is_the_systems_where_that_role_is_unknown() -> None:
    said = 'He wrote "role":"developer" and \\"role\\": \\"developer\\".'
    messages = [{"role": "developer", "content": said}, {"content": said, "role": "user"}]
    body = body_of(sent("deepseek", call(messages=messages)))
    assert body["messages"] == [{"role": "system", "content": said}, {"content": said, "role": "user"}]
    assert body_of(sent("openai", call(messages=messages)))["messages"] == messages


def test_a_stream_is_not_asked_for_its_usage_where_that_is_unknown() -> None:
    for client in ("chat", "messages"):
        assert "stream_options" not in body_of(sent("mistral", call(client, stream=True)))
        assert body_of(sent("groq", call(client, stream=True)))["stream_options"] == {"include_usage": True}


def test_a_schema_is_refused_where_it_would_not_be_kept_to() -> None:
    schema = {"type": "json_schema", "schema": {"type": "object", "properties": {}, "additionalProperties": False}}
    with pytest.raises(CannotServe):
        sent("deepseek", call("messages", output_config={"format": schema}))


# Anthropic and Google


def test_anthropics_version_is_pinned_and_its_address_may_end_with_the_version() -> None:
    for base in ("https://api.anthropic.com", "https://api.anthropic.com/v1"):
        request = sent("anthropic", base_url=base)
        assert request.url == "https://api.anthropic.com/v1/messages"
        assert request.headers["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize(
    ("model", "has", "lacks"),
    [
        ("claude-3-5-haiku-20241022", {"no_adaptive", "no_effort", "json_by_tool", "both_samplings"}, {"no_sampling"}),
        ("claude-opus-4@20250514", {"no_adaptive", "json_by_tool"}, {"no_budgets"}),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", {"no_adaptive"}, {"json_by_tool", "both_samplings"}),
        ("claude-opus-4-6", {"no_prefill", "no_xhigh"}, {"no_adaptive", "no_sampling", "no_budgets"}),
        ("claude-opus-4-8", {"no_budgets", "no_sampling", "system_inside"}, {"adaptive_only"}),
        ("claude-opus-5-5", {"adaptive_only", "no_sampling"}, {"no_budgets"}),
        ("claude-of-tomorrow", {"no_budgets", "no_sampling", "no_prefill"}, {"json_by_tool"}),
    ],
)
def test_a_claudes_habits_are_told_by_its_name(model: str, has: set, lacks: set) -> None:
    flags = claude_flags(model)
    assert has <= flags
    assert not lacks & flags


def test_claudes_habits_reach_the_request() -> None:
    asked = {"reasoning_effort": "high", "temperature": 0.5, "max_completion_tokens": 40_000}
    older = body_of(sent("anthropic", call(**asked), "claude-sonnet-4-5"))
    newer = body_of(sent("anthropic", call(**asked), "claude-opus-4-8"))
    assert older["thinking"]["type"] == "enabled"
    assert newer["output_config"]["effort"] == "high"
    assert "temperature" not in newer


def test_gemini_takes_names_of_collections_and_other_versions() -> None:
    base = "https://generativelanguage.googleapis.com"
    assert sent("gemini", model="tunedModels/mine").url == f"{base}/v1beta/tunedModels/mine:generateContent"
    assert sent("gemini", model="models/m", base_url=f"{base}/v1").url == f"{base}/v1/models/m:generateContent"


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("us-east5", "us-east5-aiplatform.googleapis.com"),
    ],
)
def test_vertex_is_asked_at_the_host_of_its_location(location: str, host: str) -> None:
    url = sent("vertex", location=location).url
    assert url.startswith(f"https://{host}/v1/projects/my-project/locations/{location}/publishers/google/")


@pytest.mark.parametrize("client", ["messages", "chat"])
def test_claude_on_vertex_has_its_model_in_the_url_and_the_version_in_the_body(client: str) -> None:
    for stream, verb in ((False, "rawPredict"), (True, "streamRawPredict")):
        request = sent("vertex", call(client, **({"stream": True} if stream else {})), "claude-sonnet-4-5@20250929")
        assert request.url == f"{VERTEX}/anthropic/models/claude-sonnet-4-5%4020250929:{verb}"
        body = body_of(request)
        assert body["anthropic_version"] == "vertex-2023-10-16"
        assert "model" not in body
        assert body.get("stream", False) is stream


def test_vertex_has_an_authoriser_and_reads_its_credentials_from_the_configuration() -> None:
    for credentials in (account(), json.loads(account())):
        assert account_of("vertex", credentials=credentials).authoriser is not None


# Bedrock, Yandex, Ollama


def test_bedrock_writes_a_models_arn_as_one_segment() -> None:
    arn = "arn:aws:bedrock:eu-central-1:1:application-inference-profile/x"
    url = sent("bedrock", model=arn, makers={arn: "anthropic"}).url
    assert url.endswith("/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A1%3Aapplication-inference-profile%2Fx/converse")


def test_bedrock_without_a_key_is_signed() -> None:
    built = account_of("bedrock", access_key_id="AKIA", secret_access_key="s")
    assert built.authoriser is not None
    assert account_of("openai").authoriser is None


def test_yandex_names_the_folder_and_makes_a_models_address_from_it() -> None:
    request = sent("yandex", model="yandexgpt-lite")
    assert request.headers["x-folder-id"] == "b1gfolder"
    assert body_of(request)["modelUri"] == "gpt://b1gfolder/yandexgpt-lite"
    assert body_of(sent("yandex", model="gpt://other/m/rc"))["modelUri"] == "gpt://other/m/rc"
    token = sent("yandex", secret="", iam_token="t1.token")
    assert token.headers["authorization"] == "Bearer t1.token"


def test_ollama_is_asked_in_its_own_format_where_that_is_configured() -> None:
    request = sent("ollama", native=True)
    assert request.url == "http://127.0.0.1:11434/api/chat"
    assert body_of(request)["options"]["num_predict"] == 9
    base = "http://10.0.0.1:11434/v1"
    assert (
        sent("ollama", native=True, base_url=base, allow_private_network=True).url == "http://10.0.0.1:11434/api/chat"
    )


# Settings


@pytest.mark.parametrize(
    ("adapter", "settings", "said"),
    [
        ("openai", {"formats": ["chta"]}, "formats: unknown format 'chta': did you mean 'chat'?"),
        ("openai", {"formats": []}, "formats: must be a list such as [chat]"),
        ("openai", {"region": "x"}, "region: unknown key"),
        ("cerebras", {"formats": ["chat"]}, "formats: unknown key"),
        ("azure", {"base_url": None}, "base_url"),
        ("azure", {"deployments": ["a"]}, "deployments: must be a mapping"),
        ("azure", {"api_version": ""}, "api_version: is empty"),
        ("bedrock", {"region": None}, "region"),
        ("bedrock", {"region": "Frankfurt"}, "region: must look like eu-central-1"),
        ("bedrock", {"access_key_id": "AKIA"}, "'access_key_id' and 'secret_access_key' belong together"),
        ("bedrock", {"makers": {"arn:x": "antropic"}}, "makers: must map names of models to their makers"),
        ("vertex", {"project": None}, "project"),
        ("vertex", {"location": "Europe"}, "location: must look like europe-west1"),
        ("vertex", {"credentials": "{}"}, "credentials: has the type ''"),
        ("vertex", {"credentials": 5}, "credentials: must be file:/path/to/key.json"),
        ("yandex", {"folder": None}, "folder"),
        ("ollama", {"native": "perhaps"}, "native: must be true or false"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(adapter: str, settings: dict, said: str) -> None:
    given = {name: value for name, value in {**OPTIONS.get(adapter, {}), **settings}.items() if value is not None}
    with pytest.raises(ConfigError) as error:
        parse_settings({"providers": {"mine": {"adapter": adapter, "key": SECRET, **given}}}, known())
    assert said in str(error.value)
    assert SECRET not in str(error.value)


def test_credentials_are_never_shown_when_they_are_wrong() -> None:
    broken = account(private_key="-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----")
    with pytest.raises(ConfigError) as error:
        account_of("vertex", credentials=broken)
    assert "c2VjcmV0" not in str(error.value)
    assert "no RSA key" in str(error.value)


def test_what_a_provider_lacks_besides_its_key_is_said() -> None:
    environ = {"OPENAI_API_KEY": "k", "AZURE_OPENAI_API_KEY": "k", "YANDEX_API_KEY": "k", "YANDEX_FOLDER_ID": "b1g"}
    found = discovered({**environ, "AWS_BEARER_TOKEN_BEDROCK": "k"})
    assert {"openai", "yandex"} == set(found.loaded.settings.providers)
    assert "AZURE_OPENAI_ENDPOINT (base_url)" in found.lacking["azure"]
    assert "AWS_REGION (region)" in found.lacking["bedrock"]
    whole = discovered({**environ, "AZURE_OPENAI_ENDPOINT": "https://acme.openai.azure.com/"})
    assert whole.loaded.settings.providers["azure"].base_url == "https://acme.openai.azure.com"
