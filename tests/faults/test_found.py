"""What the wall has found, and where only a few bytes tell: each was an answer that was not what it seemed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from faults.formats import SPEAKERS
from segue.core.failure import Kind
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.chat.events_in import ChatEvents
from segue.families.llm.formats.chat.events_out import ChatChunks
from segue.families.llm.formats.gemini.errors import read_error as read_google
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.openai_stream import ChatStreamReader
from segue.families.llm.formats.responses.errors import read_error as read_openai
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import Shown
from segue.families.llm.late import LateWriter
from segue.families.llm.passing.gemini import GeminiPassing
from segue.families.llm.request import parse_chat
from segue.families.llm.translating import TranslatingReader
from support.service import serving

HI = [{"role": "user", "content": "hello in 12 words"}]
SHOWN = Shown(Conversation(model="m"), "m", "call_1", 0)
HELLO: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hello in 12 words"}]}]}


def passing(*, array: bool = False) -> GeminiPassing:
    request = RawRequest(GEMINI, json.dumps(HELLO).encode(), model="m", stream=True)
    return GeminiPassing(GEMINI, LateWriter(request, "m", "call_1"), "", array=array)


def event(part: dict[str, Any], **more: Any) -> bytes:
    candidate = {"content": {"parts": [part], "role": "model"}, "index": 0, **more}
    return b"data: " + json.dumps({"candidates": [candidate]}).encode() + b"\r\n\r\n"


def test_a_call_with_an_argument_of_that_name_does_not_end_a_stream_of_geminis() -> None:
    """A stream that is cut after it was taken for a whole one."""
    reader = passing()
    reader.feed(event({"functionCall": {"name": "close", "args": {"finishReason": "done"}}}))
    assert not reader.answered
    reader.end()
    assert reader.failure is not None
    assert reader.failure.kind is Kind.STREAM_CUT


def test_a_finish_reason_ends_it_beside_such_a_call() -> None:
    reader = passing()
    reader.feed(event({"functionCall": {"name": "close", "args": {"finishReason": "done"}}}, finishReason="STOP"))
    reader.end()
    assert (reader.finished, reader.failure) == (True, None)


@pytest.mark.parametrize("array", [False, True])
def test_a_proxys_keep_alive_is_no_piece_of_geminis_answer(array: bool) -> None:
    """It went to the client as an element of its array, where nothing but answers may stand."""
    reader = passing(array=array)
    out = reader.feed(b'event: ping\ndata: {"type":"ping"}\n\n' + event({"text": "hello"}))
    assert b"ping" not in out
    assert b"hello" in out


async def test_a_byte_order_mark_does_not_reach_the_client() -> None:
    """Google's SDK cannot read an answer that begins with one."""
    async with serving(providers={"gemini": SPEAKERS["gemini"].at("gemini")}) as served:
        served.sim.fault("gemini", "byte_order_mark")
        answer = await served.ask("POST", "/v1beta/models/gemini/gemini-2.5-flash:generateContent", json=HELLO)
        assert answer.status == 200
        assert answer.body.lstrip().startswith(b"{")


@pytest.mark.parametrize(
    "message",
    ["CachedContent not found (or permission denied)", "You do not have permission to access the File abc"],
)
def test_a_file_that_only_the_caller_names_says_nothing_against_our_key(message: str) -> None:
    """It counted against the key, so that one caller's mistakes could take the key from everybody."""
    error = {"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED"}}
    assert read_google(403, {}, json.dumps(error).encode(), "").kind is Kind.INVALID_REQUEST


def test_a_key_without_permission_is_still_one() -> None:
    error = {"error": {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}}
    assert read_google(403, {}, json.dumps(error).encode(), "").kind is Kind.PERMISSION


@pytest.mark.parametrize(("headers", "wait"), [({}, 0.12), ({"retry-after": "7"}, None)])
def test_a_header_that_says_when_to_come_back_counts_more_than_words(
    headers: dict[str, str], wait: float | None
) -> None:
    """The header is read for every vendor alike; the words are for answers without one."""
    error = {"message": "Please try again in 120ms.", "type": "requests", "code": "rate_limit_exceeded"}
    assert read_openai(429, headers, json.dumps({"error": error}).encode(), "").retry_after == wait


WORD: dict[str, Any] = {"index": 0, "delta": {"content": "hello "}, "finish_reason": ""}


@pytest.mark.parametrize("reader", [ChatEvents, lambda: TranslatingReader(ChatEvents(), ChatChunks(SHOWN))])
def test_an_empty_finish_reason_is_none(reader: Any) -> None:
    """Some servers send it with every piece: the answer ended with its first word."""
    made = reader()
    made.feed(b"data: " + json.dumps({"choices": [WORD]}).encode() + b"\n\n")
    assert not getattr(made, "answered", False)
    assert b"world" in repr(made.feed(b'data: {"choices":[{"index":0,"delta":{"content":"world"}}]}\n\n')).encode()


def test_an_empty_finish_reason_does_not_end_a_stream_that_passes_through() -> None:
    request = parse_chat(b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}')
    reader = ChatStreamReader(request, "")
    reader.feed(b"data: " + json.dumps({"choices": [WORD]}).encode() + b"\n\n")
    assert (reader.committed, reader.answered) == (True, False)
    reader.end()
    assert reader.failure is not None


ENDS: dict[str, tuple[str, dict[str, Any], Callable[[Any], str]]] = {
    "stop": ("/v1/chat/completions", {"messages": HI}, lambda answer: answer["choices"][0]["finish_reason"]),
    "completed": ("/v1/responses", {"input": HI, "store": False}, lambda answer: answer["status"]),
    "end_turn": ("/v1/messages", {"messages": HI, "max_tokens": 100}, lambda answer: answer["stop_reason"]),
}
"""By the client's word for the end of a whole answer: how it asks, and where the word stands."""


@pytest.mark.parametrize("reason", ["OTHER", "LANGUAGE", "MALFORMED_FUNCTION_CALL", "OF_TOMORROW"])
@pytest.mark.parametrize("whole", ENDS)
async def test_an_end_that_is_not_known_to_be_one_is_not_told_as_that_of_a_whole_answer(
    whole: str, reason: str
) -> None:
    """Half an answer of Gemini's that ended for `OTHER` came as one that had ended by itself."""
    path, body, told = ENDS[whole]
    async with serving(providers={"gemini": SPEAKERS["gemini"].at("gemini")}) as served:
        asked = {**body, "model": "gemini/gemini-2.5-flash"}
        assert told((await served.ask("POST", path, json=asked)).json) == whole
        served.sim.fault("gemini", "finish_reason", reason=reason)
        answer = await served.ask("POST", path, json=asked)
        assert answer.status == 200
        assert told(answer.json) != whole
