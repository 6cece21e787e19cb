"""Anthropic's Messages (platform.claude.com/docs/en/api/messages).

The version of its API is pinned: from 2026-10-21 on it refuses temperature, top_p and top_k for every model.
"""

from typing import Final

from segue.core.ports import Codec
from segue.families.llm.claude import claude_flags
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.other.vendors import anthropic_codecs
from segue.families.llm.prefill import CLAUDE
from segue.families.llm.vendor import JSON, Vendor, with_version

VERSION: Final = "2023-06-01"


def _headers(secret: str) -> dict[str, str]:
    return {**JSON, "anthropic-version": VERSION, **({"x-api-key": secret} if secret else {})}


def _endpoint(base: str) -> Endpoint:
    url = f"{with_version(base, 'v1')}/messages"
    return Endpoint(MESSAGES, lambda _model, _stream: url, _headers, model_flags=claude_flags, prefill=CLAUDE)


def _others(base: str) -> dict[str, Codec]:
    return anthropic_codecs(with_version(base, "v1"), _headers)


ADAPTER = Vendor(
    id="anthropic",
    operations=frozenset({"chat", "count_tokens"}),
    others=_others,
    base_url="https://api.anthropic.com",
    endpoint=_endpoint,
    environment=("ANTHROPIC_API_KEY",),
    models=(
        *("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5", "claude-sonnet-5"),
        *("claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-4-5"),
        *("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-haiku-4-5", "claude-haiku-4-5-20251001"),
    ),
)
