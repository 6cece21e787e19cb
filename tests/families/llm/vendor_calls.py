"""Requests of every client format, and vendors to send them to, without a network."""

import json
from types import SimpleNamespace
from typing import Any

from segue.app.catalogue import ADAPTERS
from segue.app.engine import known
from segue.config.load import parse_settings
from segue.core.ports import ProviderSpec, WireRequest
from segue.core.provider import Candidate, Key, Provider
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.request import parse_chat

SECRET = "sk-very-secret-key-123456"
USER = [{"role": "user", "content": "hi"}]
BODIES = {
    "chat": {"model": "smart", "messages": USER, "max_completion_tokens": 9},
    "messages": {"model": "smart", "messages": USER, "max_tokens": 9},
    "responses": {"model": "smart", "input": "hi", "max_output_tokens": 9},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": {"maxOutputTokens": 9}},
}
OPTIONS = {
    "azure": {"base_url": "https://acme.openai.azure.com"},
    "bedrock": {"region": "eu-central-1"},
    "vertex": {"project": "my-project", "location": "europe-west1"},
    "yandex": {"folder": "b1gfolder"},
}
"""What a vendor cannot be configured without."""


def kinds() -> dict[str, Any]:
    """Every adapter that serves chats."""
    found = {name: ADAPTERS.get(name) for name in ADAPTERS.ids()}
    return {name: kind for name, kind in found.items() if "chat" in kind.operations}


def call(client: str = "chat", **fields) -> SimpleNamespace:
    """A call in one of the client's formats."""
    body = {**BODIES[client], **fields}
    stream = bool(fields.get("stream"))
    if client == "chat":
        request = parse_chat(json.dumps(body).encode())
    elif client == "gemini":
        body.pop("stream", None)
        request = RawRequest(GEMINI, json.dumps(body).encode(), model="smart", stream=stream)
    else:
        request = RawRequest({"messages": MESSAGES, "responses": RESPONSES}[client], json.dumps(body).encode())
    return SimpleNamespace(request=request, id="call_1", continuation=None)


def account_of(adapter: str, **settings):
    """What is built from a configuration with these settings."""
    given = {**OPTIONS.get(adapter, {}), **settings}
    loaded = parse_settings({"providers": {"mine": {"adapter": adapter, "key": SECRET, **given}}}, known())
    provider = loaded.settings.providers["mine"]
    spec = ProviderSpec("mine", adapter, provider.base_url, provider.allow_private_network, provider.options)
    return ADAPTERS.get(adapter).build(spec)


def candidate(model: str = "m", secret: str = SECRET) -> Candidate:
    """Who is asked."""
    return Candidate(Provider("mine", "x", frozenset({"chat"}), None), model, Key("key-1", secret), None)


def sent(
    adapter: str, asked: SimpleNamespace | None = None, model: str = "m", secret: str = SECRET, **settings
) -> WireRequest:
    """What goes to a vendor with these settings."""
    codec = account_of(adapter, **settings).codecs["chat"]
    return codec.encode(asked or call(), candidate(model, secret))
