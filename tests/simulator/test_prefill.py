"""Vendors that go on with an answer that was begun do so when they are told in their own way; the others begin anew."""

from typing import Any

import aiohttp
import pytest

from segue.simulator import Simulator

ASKED = {"role": "user", "content": "hello in 12 words"}
GEMINI = "/v1beta/models/{}:generateContent"


async def said(account: str, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """The status, and the text of the answer or what was wrong."""
    headers = {"authorization": "Bearer key-1", "x-goog-api-key": "key-1"}
    async with (
        Simulator() as sim,
        aiohttp.ClientSession(sim.url) as web,
        web.post(f"/{account}{path}", json=body, headers=headers) as answer,
    ):
        document = await answer.json(content_type=None)
    match document:
        case {"choices": [{"message": {"content": str(text)}}]} | {"message": {"content": str(text)}}:
            return answer.status, text
        case {"candidates": [{"content": {"parts": parts}}]}:
            return answer.status, "".join(part.get("text", "") for part in parts if not part.get("thought"))
    return answer.status, str(document)


def chat(model: str, begun: str, message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    turns = [ASKED, {"role": "assistant", "content": begun, **(message or {})}] if begun else [ASKED]
    return {"model": model, "messages": turns, **more}


PREFIX = {"prefix": True}
FINAL = {"continue_final_message": True, "add_generation_prompt": False}
WAYS: dict[str, tuple[str, str, str, dict[str, Any], dict[str, Any], str]] = {
    # account, path, model, more of the message, more of the request; what it does
    "groq": ("groq", "/openai/v1/chat/completions", "llama-3.3-70b-versatile", {}, {}, "goes on"),
    "openrouter": ("openrouter", "/api/v1/chat/completions", "meta-llama/llama-3.3-70b-instruct", {}, {}, "goes on"),
    "mistral": ("mistral", "/v1/chat/completions", "mistral-large-latest", PREFIX, {}, "repeats"),
    "mistral without prefix": ("mistral", "/v1/chat/completions", "mistral-large-latest", {}, {}, "refuses"),
    "deepseek": ("deepseek", "/beta/chat/completions", "deepseek-chat", PREFIX, {}, "goes on"),
    "deepseek without its beta": ("deepseek", "/v1/chat/completions", "deepseek-chat", PREFIX, {}, "begins anew"),
    "deepseek without prefix": ("deepseek", "/beta/chat/completions", "deepseek-chat", {}, {}, "begins anew"),
    "vllm": ("vllm", "/v1/chat/completions", "m", {}, FINAL, "goes on"),
    "vllm without its words": ("vllm", "/v1/chat/completions", "m", {}, {}, "begins anew"),
    "vllm with half of them": ("vllm", "/v1/chat/completions", "m", {}, {"continue_final_message": True}, "refuses"),
    "ollama": ("ollama", "/api/chat", "llama3.2", {}, {"stream": False}, "goes on"),
    "openai": ("openai", "/v1/chat/completions", "gpt-4o", {}, {}, "begins anew"),
}


@pytest.mark.parametrize("way", WAYS)
async def test_chats(way: str) -> None:
    account, path, model, message, more, does = WAYS[way]
    usual = {name: value for name, value in more.items() if name == "stream"}
    _, whole = await said(account, path, chat(model, "", **usual))
    begun = " ".join(whole.split()[:3])
    status, text = await said(account, path, chat(model, begun, message, **more))
    expected = {"goes on": whole.removeprefix(begun), "repeats": whole, "begins anew": whole}
    if does == "refuses":
        assert status == 400
    else:
        assert (status, text) == (200, expected[does])


async def test_words_that_the_model_would_not_have_said_are_followed_by_those_that_it_would() -> None:
    path = "/openai/v1/chat/completions"
    _, whole = await said("groq", path, chat("m", ""))
    assert await said("groq", path, chat("m", "Well then:")) == (200, f" {whole}")


@pytest.mark.parametrize(
    ("model", "goes_on"),
    [
        ("gemini-2.5-flash", True),
        ("gemini-3.5-flash", True),
        ("gemini-3.5-flash-lite", False),
        ("gemini-3.6-flash", False),
    ],
)
async def test_gemini_goes_on_up_to_three_and_a_half(model: str, goes_on: bool) -> None:
    asked = {"role": "user", "parts": [{"text": ASKED["content"]}]}
    _, whole = await said("gemini", GEMINI.format(model), {"contents": [asked]})
    begun = " ".join(whole.split()[:3])
    turns = [asked, {"role": "model", "parts": [{"text": begun}]}]
    status, text = await said("gemini", GEMINI.format(model), {"contents": turns})
    if goes_on:
        assert (status, text) == (200, whole.removeprefix(begun))
    else:
        assert status == 400
        assert "ending with a model turn" in text
