"""The vendors that speak OpenAI's format, as data: only what their documentation states otherwise.

An account that bears the name of a vendor, alone or before a hyphen (`groq`, `groq-backup`), has its flavour.
"""

from typing import Final

from segue.simulator.vendors import compatible_errors as errors
from segue.simulator.vendors.openai_flavour import Flavour

_TEXT: Final = frozenset({"chat", "models", "completions"})
_COMMON_THINKERS: Final = ("reasoner", "-r1", "gpt-oss", "qwen3", "qwen-3", "thinking", "magistral")
_NOT_MISTRAL: Final = frozenset(
    {
        "stream_options", "max_completion_tokens", "logprobs", "top_logprobs", "logit_bias", "user", "seed", "store",
        "service_tier", "modalities", "audio", "verbosity", "web_search_options", "functions", "function_call",
        "safety_identifier", "prompt_cache_retention", "prompt_cache_options", "moderation",
    }
)  # fmt: skip

_ALL: Final = (
    # https://console.groq.com/docs/openai
    Flavour(
        name="groq",
        prefill="last",
        roots=("/openai/v1",),
        models=("llama-3.3-70b-versatile", "llama-3.1-8b-instant", "openai/gpt-oss-120b"),
        endpoints=frozenset({"chat", "models", "responses", "audio", "speech"}),
        extra=frozenset({"reasoning_format", "include_reasoning", "search_settings", "documents"}),
        refused=frozenset({"logprobs", "logit_bias", "top_logprobs", "n>1"}),
        # In practice also what an answer of OpenAI's holds: "property 'annotations' is unsupported".
        refused_in_messages=frozenset({"name", "refusal", "annotations", "audio"}),
        values={
            "service_tier": ("auto", "on_demand", "flex", "performance"),
            "reasoning_effort": ("none", "default", "low", "medium", "high"),
        },
        errors=errors.groq,
        thinkers=_COMMON_THINKERS,
        reasoning="reasoning",
        usage="x_groq",
        headers=(
            ("x-groq-region", "us-west-1"),
            ("x-ratelimit-limit-requests", "1000"),
            ("x-ratelimit-remaining-requests", "999"),
            ("x-ratelimit-reset-requests", "2m59.56s"),
        ),
    ),
    # https://openrouter.ai/docs/api/reference/streaming
    Flavour(
        name="openrouter",
        prefill="last",
        roots=("/api/v1",),
        models=("openai/gpt-4o", "anthropic/claude-sonnet-4.5", "deepseek/deepseek-r1"),
        endpoints=_TEXT | {"responses", "embeddings", "speech", "own transcriptions"},
        unknown="ignored",
        errors=errors.openrouter,
        error_event=errors.openrouter_event,
        thinkers=(*_COMMON_THINKERS, "/o1", "/o3", "/o4", "/gpt-5"),
        reasoning="reasoning",
        usage="last",
        comment="OPENROUTER PROCESSING",
        envelope={"provider": "OpenAI"},
        headers=(("x-generation-id", "gen-simulated"),),
        quota_status=402,
    ),
    # https://docs.mistral.ai/api
    Flavour(
        name="mistral",
        prefill="prefix",
        models=("mistral-large-latest", "mistral-small-latest", "codestral-latest"),
        endpoints=frozenset({"chat", "models", "embeddings", "moderations", "audio", "own speech"}),
        unknown="unprocessable",
        extra=frozenset({"random_seed", "safe_prompt", "prompt_mode"}),
        refused=_NOT_MISTRAL,
        refused_in_messages=frozenset({"name", "refusal", "annotations", "audio", "function_call"}),
        developer=False,
        values={"reasoning_effort": ("none", "minimal", "low", "medium", "high", "xhigh")},
        dimensions="output_dimension",
        identifier="[a-zA-Z0-9]{9}",
        errors=errors.mistral,
        usage="finish",
        headers=(),
    ),
    # https://api-docs.deepseek.com/api/create-chat-completion
    Flavour(
        name="deepseek",
        prefill="beta",
        roots=("/beta", ""),
        models=("deepseek-chat", "deepseek-reasoner"),
        endpoints=_TEXT,
        unknown="ignored",
        errors=errors.deepseek,
        thinkers=("reasoner",),
        reasoning="reasoning_content",
        usage="finish",
        cache="deepseek",
        headers=(),
        quota_status=402,
    ),
    # https://docs.x.ai/docs/api-reference
    Flavour(
        name="xai",
        models=("grok-4.5", "grok-4-fast-non-reasoning", "grok-3-mini"),
        endpoints=_TEXT | {"responses", "images", "own edits"},
        extra=frozenset({"search_parameters", "deferred"}),
        refused=frozenset({"logit_bias"}),
        # https://docs.x.ai/docs/guides/reasoning
        thinkers_refuse=frozenset({"presence_penalty", "frequency_penalty", "stop"}),
        values={"reasoning_effort": ("none", "low", "medium", "high")},
        apart=True,
        errors=errors.xai,
        thinkers=("grok-3-mini", "grok-4.", "grok-latest"),
        reasoning="reasoning_content",
        usage="last",
        headers=(),
    ),
    # https://docs.together.ai/reference/chat-completions-1
    Flavour(
        name="together",
        models=("meta-llama/Llama-3.3-70B-Instruct-Turbo", "openai/gpt-oss-120b"),
        endpoints=_TEXT | {"embeddings", "images", "audio", "speech", "rerank"},
        unknown="ignored",
        thinkers=_COMMON_THINKERS,
        reasoning="reasoning",
        usage="finish",
        headers=(),
    ),
    # https://docs.fireworks.ai/api-reference/post-chatcompletions
    Flavour(
        name="fireworks",
        roots=("/inference/v1",),
        models=("accounts/fireworks/models/llama-v3p3-70b-instruct", "accounts/fireworks/models/gpt-oss-120b"),
        endpoints=_TEXT | {"embeddings", "responses", "rerank"},
        extra=frozenset({"top_k", "min_p", "context_length_exceeded_behavior", "raw_output", "prompt_truncate_len"}),
        errors=errors.fireworks,
        thinkers=_COMMON_THINKERS,
        reasoning="reasoning_content",
        usage="finish",
        headers=(),
    ),
    # https://inference-docs.cerebras.ai/api-reference/chat-completions
    Flavour(
        name="cerebras",
        models=("llama3.1-8b", "gpt-oss-120b", "qwen-3-32b"),
        endpoints=_TEXT,
        refused=frozenset({"logit_bias", "frequency_penalty", "presence_penalty"}),
        refused_in_messages=frozenset({"refusal", "annotations", "audio"}),
        values={"reasoning_effort": ("none", "low", "medium", "high")},
        errors=errors.cerebras,
        thinkers=_COMMON_THINKERS,
        reasoning="reasoning",
        usage="finish",
        envelope={"time_info": {"queue_time": 0.001, "prompt_time": 0.002, "completion_time": 0.003}},
        headers=(("x-ratelimit-limit-requests-day", "14400"), ("x-ratelimit-remaining-requests-day", "14399")),
    ),
    # https://docs.perplexity.ai/docs/agent-api: Responses; Sonar's Chat Completions ended on 2026-09-27
    Flavour(
        name="perplexity",
        models=("perplexity/sonar", "openai/gpt-5.2"),
        endpoints=frozenset({"responses", "own embeddings"}),
        errors=errors.perplexity,
        headers=(),
    ),
    # https://docs.api.nvidia.com/nim/reference
    Flavour(
        name="nvidia",
        models=("meta/llama-3.3-70b-instruct", "nvidia/llama-3.1-nemotron-70b-instruct"),
        endpoints=_TEXT | {"embeddings"},
        extra=frozenset({"chat_template_kwargs", "nvext", "min_tokens"}),
        errors=errors.problem,
        thinkers=_COMMON_THINKERS,
        reasoning="reasoning_content",
        headers=(),
    ),
    # https://huggingface.co/docs/inference-providers
    Flavour(
        name="huggingface",
        models=("meta-llama/Llama-3.3-70B-Instruct", "openai/gpt-oss-120b:cerebras"),
        endpoints=frozenset({"chat", "models", "responses"}),
        unknown="ignored",
        errors=errors.text,
        thinkers=_COMMON_THINKERS,
        reasoning="reasoning_content",
        headers=(),
    ),
    # https://huggingface.co/docs/text-generation-inference/messages_api
    Flavour(
        name="tgi",
        models=("tgi",),
        endpoints=_TEXT,
        unknown="ignored",
        errors=errors.generation,
        headers=(),
        open_door=True,
    ),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    Flavour(
        name="vllm",
        prefill="flag",
        models=("meta-llama/Llama-3.1-8B-Instruct",),
        endpoints=_TEXT | {"embeddings", "responses", "rerank", "audio"},
        unknown="ignored",
        errors=errors.vllm,
        thinkers=_COMMON_THINKERS,
        reasoning="reasoning_content",
        headers=(),
        open_door=True,
    ),
    # https://lmstudio.ai/docs/app/api/endpoints/openai
    Flavour(
        name="lmstudio",
        models=("qwen2.5-7b-instruct",),
        endpoints=_TEXT | {"embeddings", "responses"},
        unknown="ignored",
        errors=errors.text,
        thinkers=_COMMON_THINKERS,
        reasoning="reasoning_content",
        headers=(),
        open_door=True,
    ),
    # https://jina.ai/reranker
    Flavour(
        name="jina",
        models=("jina-reranker-v2-base-multilingual", "jina-embeddings-v3"),
        endpoints=frozenset({"rerank", "embeddings", "models"}),
        unknown="ignored",
        errors=errors.jina,
        headers=(),
    ),
)

FLAVOURS: Final = {flavour.name: flavour for flavour in _ALL}
