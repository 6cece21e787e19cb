"""DeepSeek: it ignores settings that it does not know, the limit's newer name among them.

Its models read text only, and a schema for the answer is not enforced. Thinking is switched off by a setting of its
own; in thinking mode temperature and penalties have no effect, and nobody is told.
"""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.habits import Habits
from segue.families.llm.ir.fields import Deed, Field, Loss
from segue.families.llm.prefill import Prefill

_TEXT_ONLY = Loss(Deed.REFUSE, "its models read text only")

ADAPTER = OpenAICompatible(
    id="deepseek",
    base_url="https://api.deepseek.com/v1",
    environment=("DEEPSEEK_API_KEY",),
    more_formats=("responses",),
    tools=frozenset({"web_search"}),  # of its Responses
    prefill=Prefill(message={"prefix": True}, version="/beta"),  # docs: "Chat Prefix Completion (Beta)"
    flags=frozenset({"reasoning_back"}),  # docs: "Thinking mode", calls of tools
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store",),
        warns=(
            *("user", "metadata", "parallel_tool_calls", "service_tier", "verbosity", "prediction"),
            *("safety_identifier", "prompt_cache_key", "prompt_cache_retention"),
        ),
        refuses=("logit_bias", "n", "modalities", "audio", "web_search_options", "functions", "function_call"),
        only={"n": ("1",)},
        undocumented=("seed",),
        off=("thinking", '{"type":"disabled"}'),
        developer=False,
    ),
    losses={
        **COMPATIBLE,
        Field.THINKING: Loss(Deed.DEGRADE, "becomes reasoning_content"),
        Field.IMAGE_DATA: _TEXT_ONLY,
        Field.IMAGE_URL: _TEXT_ONLY,
        Field.AUDIO_INPUT: _TEXT_ONLY,
        Field.JSON_SCHEMA: Loss(Deed.REFUSE, "it knows JSON, but no schema"),
    },
    sources={
        "api-docs.deepseek.com/guides/thinking_mode": "",
    },
    unsaid=(
        "its table of settings was not among the copies that were read",
        "headers of rate limits",
    ),
)
