"""A vendor that refuses its own proofs of thoughts is asked once more without them, and the caller is told."""

import json
from typing import Any

import pytest

from faults.formats import SPEAKERS
from segue.core.failure import Failure, Kind
from segue.families.llm.ir.blocks import Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.conversation import Conversation, Message
from segue.families.llm.thoughts import refuses_thoughts, without_thoughts
from support.service import eventually, serving

THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c3RvbGVu"}
REDACTED = {"type": "redacted_thinking", "data": "c3RvbGVu"}


def claude(block: dict[str, Any]) -> dict[str, Any]:
    turns = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [block, {"type": "text", "text": "hi"}]},
        {"role": "user", "content": "and now?"},
    ]
    return {"messages": turns, "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}


GEMINI = {
    "contents": [
        {"role": "user", "parts": [{"text": "hello"}]},
        {"role": "model", "parts": [{"text": "hi", "thoughtSignature": "c3RvbGVu"}]},
        {"role": "user", "parts": [{"text": "and now?"}]},
    ]
}
OPENAI = {
    "input": [
        {"role": "user", "content": "hello"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAAstolen"},
        {"role": "assistant", "content": "hi"},
        {"role": "user", "content": "and now?"},
    ],
    "store": False,
}
REFUSED = {
    "anthropic": ("messages", "claude-haiku-4-5", "/v1/messages", claude(THOUGHT)),
    "anthropic redacted": ("messages", "claude-haiku-4-5", "/v1/messages", claude(REDACTED)),
    "gemini": ("gemini", "gemini-3-pro-preview", "/v1beta/models/{model}:generateContent", GEMINI),
    "openai": ("responses", "gpt-5", "/v1/responses", OPENAI),
}
"""By vendor: its format, a model, where a client of the same format asks, and a conversation with a bad proof."""


def provider(name: str, model: str, account: str) -> dict[str, Any]:
    return {**SPEAKERS[name].at(account), "models": [model]}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("vendor", REFUSED)
async def test_a_conversation_goes_on_without_thoughts_that_their_vendor_refuses(vendor: str, stream: bool) -> None:
    name, model, path, body = REFUSED[vendor]
    async with serving(providers={"one": provider(name, model, "one")}) as served:
        path = path.format(model=model)
        asked = {**body, "model": model}
        if name == "gemini":
            path, asked = (path.replace(":generate", ":streamGenerate") if stream else path), dict(body)
        elif stream:
            asked["stream"] = True
        answer = await served.ask("POST", path, json=asked)
        assert answer.status == 200, answer.body
        assert "You said: and now?" in answer.body.replace(b"\\n", b"").decode() or stream
        assert "thoughts left out for one/" in answer.headers["x-segue-warnings"]
        await eventually(lambda: len(served.attempts) == 2)
        first, second = (one.attempt for one in served.attempts)
        assert first.failure.kind is Kind.INVALID_REQUEST
        assert second.failure is None
        sent = [record.body for record in served.sim.seen("one")]
        assert "stolen" in json.dumps(sent[0]) or "c3RvbGVu" in json.dumps(sent[0])
        assert not {"stolen", "c3RvbGVu"} & {word for word in ("stolen", "c3RvbGVu") if word in json.dumps(sent[1])}


async def test_with_one_attempt_nobody_is_asked_again() -> None:
    async with serving(providers={"one": provider("messages", "claude-haiku-4-5", "one")}) as served:
        body = {**claude(THOUGHT), "model": "claude-haiku-4-5"}
        answer = await served.ask("POST", "/v1/messages", json=body, headers={"x-segue-max-attempts": "1"})
        assert answer.status == 400
        assert len(served.sim.seen("one")) == 1


async def test_a_mistake_of_another_kind_is_not_tried_again() -> None:
    async with serving(providers={"one": provider("messages", "claude-haiku-4-5", "one")}) as served:
        body = {**claude(THOUGHT), "model": "claude-haiku-4-5", "temperature": 7}
        answer = await served.ask("POST", "/v1/messages", json=body)
        assert answer.status == 400
        assert len(served.sim.seen("one")) == 1


@pytest.mark.parametrize(
    ("message", "code", "refused"),
    [
        ("messages.1.content.0: Invalid `signature` in `thinking` block", None, True),
        ("messages.1.content.0: Invalid `data` in `redacted_thinking` block", None, True),
        ("Corrupted thought signature.", None, True),
        ("Thought signature is not valid", None, True),
        ("could not be verified", "invalid_encrypted_content", True),
        ("messages.1: invalid role", None, False),
        ("temperature: Input should be less than or equal to 1", None, False),
    ],
)
def test_the_vendors_words_for_a_refused_proof_are_known(message: str, code: str | None, refused: bool) -> None:
    assert refuses_thoughts(Failure(Kind.INVALID_REQUEST, message, vendor_code=code)) is refused
    assert not refuses_thoughts(Failure(Kind.SERVER_ERROR, message, vendor_code=code))


def test_thoughts_and_signatures_are_taken_out_and_everything_else_is_kept() -> None:
    proof = Signature("google", "x")
    said = Message("assistant", [Thinking("hm", signature=proof), Text("hi", signature=proof), ToolUse("1", "f")])
    plain = Message("user", [Text("hello")])
    left = without_thoughts(Conversation(messages=[plain, said, Message("assistant", [Thinking("hm")])]))
    assert left is not None
    assert left.messages == [plain, Message("assistant", [Text("hi"), ToolUse("1", "f")])]
    assert said.content[1].signature is proof, "the request itself stays as it came"
    assert without_thoughts(Conversation(messages=[plain])) is None
