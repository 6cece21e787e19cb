"""What is told to a client when an answer is gone on with, in the intermediate form; and who goes on with one."""

import json
import re
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from segue.core.outcome import Usage
from segue.core.ports import CannotServe
from segue.families.llm import providers
from segue.families.llm.continuing import begun, can_be_gone_on_with, check_prefill
from segue.families.llm.formats.chat.events_out import ChatChunks
from segue.families.llm.formats.gemini.events_out import GeminiEventWriter
from segue.families.llm.formats.messages.events_out import MessagesWriter
from segue.families.llm.formats.responses.events_out import ResponsesWriter
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Cited,
    Continued,
    Counted,
    Ended,
    Event,
    Ping,
    Seam,
    Signed,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Citation, Refusal, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.conversation import Conversation, Message, Output, Reasoning
from segue.families.llm.ir.format import Shown
from segue.families.llm.prefill import CLAUDE, GEMINI, OPENROUTER, Prefill
from segue.families.llm.transcript import MOST_TEXT, Joint, Transcript, added
from segue.families.llm.vendor import Vendor

SEAM = Seam("backup", "m", 3)
ASKED = Conversation(model="smart", messages=[Message("user", [Text("hi")])])
SHOWN = Shown(ASKED, "m", "call_1", 1)
END = (Stopped(Stop.END), Ended())


class Written:
    """A writer that keeps what it was given; in one list, however often it is copied."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> bytes:
        self.events.append(event)
        return b"*"

    def broken(self, failure: Any) -> bytes:
        return b""


def told(*events: Event) -> Transcript:
    """A transcript of an answer that broke after these events."""
    transcript = Transcript(Written(), (), 10)
    for event in events:
        transcript.write(event)
    return transcript


def gone_on(transcript: Transcript, *events: Event, joint: Joint | None = None) -> list[Event]:
    """What a client is told by an attempt that goes on and gives these events."""
    before = len(transcript._writer.events)  # type: ignore[attr-defined]
    new = transcript.after(SEAM, joint or Joint(""), 13)
    for event in events:
        new.write(event)
    assert len(transcript._writer.events) == before  # type: ignore[attr-defined]  # the other one is not touched
    return list(new._writer.events[before:])  # type: ignore[attr-defined]


HELLO = (Began("a"), BlockBegan(0, Text()), TextMore(0, "Hel"))


def test_the_text_goes_on_in_the_block_that_is_open_and_the_beginning_is_left_out():
    events = gone_on(told(*HELLO), Began("b"), BlockBegan(0, Text()), TextMore(0, "lo"), BlockEnded(0), *END)
    assert events == [TextMore(0, "lo"), BlockEnded(0), Continued((SEAM,)), Stopped(Stop.END), *count(), Ended()]


def count(inputs: int = 23, output: int = 2) -> tuple[Event, ...]:
    return (Counted(Usage(inputs, output, requests=2, estimated=True)),)


def test_a_text_that_had_ended_is_followed_by_another_block():
    events = gone_on(told(*HELLO, BlockEnded(0)), BlockBegan(0, Text()), TextMore(0, "lo"), BlockEnded(0), *END)
    assert events[:3] == [BlockBegan(1, Text()), TextMore(1, "lo"), BlockEnded(1)]


def test_an_attempt_that_has_nothing_to_add_ends_the_answer():
    assert gone_on(told(*HELLO), Began("b"), *END)[:2] == [BlockEnded(0), Continued((SEAM,))]


def test_blocks_of_the_attempt_that_goes_on_get_the_next_numbers():
    call = ToolUse("c", "look")
    events = gone_on(
        told(*HELLO),
        *(BlockBegan(0, Text()), TextMore(0, "lo"), BlockEnded(0)),
        *(BlockBegan(1, call), ArgumentsMore(1, "{}"), Signed(1, Signature("google", "s")), BlockEnded(1)),
        *END,
    )
    assert events[:6] == [
        *(TextMore(0, "lo"), BlockEnded(0)),
        *(BlockBegan(1, call), ArgumentsMore(1, "{}"), Signed(1, Signature("google", "s")), BlockEnded(1)),
    ]


def test_a_call_that_comes_instead_of_more_text_ends_the_text_first():
    assert gone_on(told(*HELLO), BlockBegan(0, ToolUse("c", "look")))[:2] == [
        BlockEnded(0),
        BlockBegan(1, ToolUse("c", "look")),
    ]


def test_thoughts_that_come_too_late_are_not_shown():
    thought = (BlockBegan(0, Thinking()), ThinkingMore(0, "hm"), Signed(0, Signature("google", "s")), BlockEnded(0))
    events = gone_on(told(*HELLO), *thought, BlockBegan(1, Text()), TextMore(1, "lo"), BlockEnded(1), *END)
    assert events[:2] == [TextMore(0, "lo"), BlockEnded(0)]


def test_pings_keep_the_client_awake_at_any_time():
    assert gone_on(told(*HELLO), Ping()) == [Ping()]


UNFIT: dict[str, tuple[Event, ...]] = {
    "nothing": (Began("a"),),
    "white space": (BlockBegan(0, Text()), TextMore(0, " \n")),
    "a call": (*HELLO, BlockEnded(0), BlockBegan(1, ToolUse("c", "look"))),
    "a thought": (BlockBegan(0, Thinking()), ThinkingMore(0, "hm"), BlockEnded(0), BlockBegan(1, Text("x"))),
    "a refusal": (BlockBegan(0, Refusal()), TextMore(0, "no")),
    "a citation": (*HELLO, Cited(0, Citation(url="https://example.com"))),
    "a text that was cited": (BlockBegan(0, Text("x", citations=(Citation(url="https://example.com"),))),),
    "too much text": (BlockBegan(0, Text()), TextMore(0, "x" * (MOST_TEXT + 1))),
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_what_is_not_text_alone_is_not_gone_on_with(unfit: str):
    assert not told(*UNFIT[unfit]).goes_on


def test_text_alone_is_gone_on_with_and_again_after_another_seam():
    transcript = told(*HELLO)
    assert (transcript.goes_on, transcript.text, transcript.characters) == (True, "Hel", 3)
    new = transcript.after(SEAM, Joint(""), 13)
    assert new.goes_on
    new.write(TextMore(0, "lo"))
    assert (new.text, transcript.text) == ("Hello", "Hel")
    new.write(BlockBegan(1, ToolUse("c", "look")))
    assert not new.goes_on


def test_usage_is_that_of_all_attempts_and_what_nobody_told_is_estimated():
    first = told(Began("a", usage=Usage(7, 1)), *HELLO[1:])
    assert gone_on(first, Counted(Usage(9, 4)))[-1] == Counted(Usage(16, 5, requests=2, estimated=True))
    assert gone_on(told(*HELLO), TextMore(0, "lo"), Ended())[-2:] == [*count(), Ended()]


def test_usages_are_added_number_by_number():
    one, other = Usage(1, 2, cached_tokens=3), Usage(10, None, reasoning_tokens=5, service_tier="flex")
    both = Usage(11, 2, requests=2, cached_tokens=3, reasoning_tokens=5, service_tier="flex")
    assert added(one, other) == both
    assert (added(None, one), added(one, None), added(None, None)) == (one, one, None)


# --- the seam in the text --------------------------------------------------------------------------------------------


@given(some.text("ab \n", max_size=12), some.text("ab \n", max_size=12), some.data())
def test_however_an_echo_is_cut_into_pieces_what_follows_it_is_all_that_is_new(
    before: str, after: str, data: some.DataObject
):
    given_ = before.rstrip()
    joint = Joint(before[len(given_) :], given_)
    whole = given_ + after
    cuts = sorted(data.draw(some.lists(some.integers(0, len(whole)), max_size=4)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    new = "".join(joint.feed(piece) for piece in pieces) + joint.rest()
    plain = Joint(before[len(given_) :])
    assert new == plain.feed(after) + plain.rest()


@given(some.text("ab \n", max_size=8), some.text("ab \n", max_size=8))
def test_white_space_is_there_once(before: str, after: str):
    space = before[len(before.rstrip()) :]
    joined = before + Joint(space).feed(after)
    assert joined.split() == (before + ("" if not space else " ") + after).split() or not space
    assert joined.startswith(before)
    if after.startswith(space):
        assert joined == before.rstrip() + after


def test_words_that_only_begin_like_the_echo_are_not_lost():
    joint = Joint("", "one two")
    assert [joint.feed(piece) for piece in ("on", "e t", "hree")] == ["", "", "one three"]
    joint = Joint("", "one two")
    assert (joint.feed("one"), joint.rest(), joint.rest()) == ("", "one", "")


# --- the request -----------------------------------------------------------------------------------------------------


def test_the_beginning_is_the_last_turn_without_white_space_at_its_end():
    made = begun(Conversation(messages=ASKED.messages, max_tokens=100), told(*HELLO, TextMore(0, "lo \n")))
    assert made.messages == [*ASKED.messages, Message("assistant", [Text("Hello")])]
    assert made.max_tokens == 98


def test_a_beginning_of_the_callers_own_stays_the_beginning():
    own = Message("assistant", [Text("Say: ")])
    made = begun(Conversation(messages=[*ASKED.messages, own], max_tokens=1), told(*HELLO))
    assert made.messages == [*ASKED.messages, Message("assistant", [Text("Say: Hel")])]
    assert made.max_tokens == 1


FIT = [{}, {"stop": ["x"]}, {"reasoning": Reasoning(effort="none")}, {"reasoning": Reasoning(enabled=False, budget=9)}]
NOT_FIT: list[dict[str, Any]] = [
    {"n": 2}, {"output": Output()}, {"logprobs": True}, {"top_logprobs": 0, "logprobs": True}, {"audio": b"{}"},
    {"modalities": ["text", "audio"]}, {"background": True}, {"reasoning": Reasoning(enabled=True)},
    {"reasoning": Reasoning(effort="low")}, {"reasoning": Reasoning(budget=9)}, {"reasoning": Reasoning(adaptive=True)},
]  # fmt: skip


@pytest.mark.parametrize("wish", FIT, ids=str)
def test_one_text_can_be_gone_on_with(wish: dict[str, Any]):
    assert can_be_gone_on_with(Conversation(**wish))


@pytest.mark.parametrize("wish", NOT_FIT, ids=str)
def test_what_asks_for_more_than_one_text_cannot(wish: dict[str, Any]):
    assert not can_be_gone_on_with(Conversation(**wish))


# --- the vendors -----------------------------------------------------------------------------------------------------

MODELS: list[tuple[Prefill, str, bool]] = [
    (CLAUDE, "claude-sonnet-4-5-20250929", True),
    (CLAUDE, "us.anthropic.claude-haiku-4-5-20251001-v1:0", True),
    (CLAUDE, "claude-3-7-sonnet@20250219", True),
    (CLAUDE, "claude-opus-4-6", False),
    (CLAUDE, "claude-sonnet-5", False),
    (CLAUDE, "arn:aws:bedrock:us-east-1:1:application-inference-profile/x", False),
    (GEMINI, "gemini-2.5-flash", True),
    (GEMINI, "models/gemini-3-pro-preview", True),
    (GEMINI, "gemini-3.5-flash", True),
    (GEMINI, "gemini-3.5-flash-lite", False),
    (GEMINI, "gemini-3.6-flash", False),
    (GEMINI, "gemini-4-pro", False),
    (OPENROUTER, "anthropic/claude-sonnet-4.5", True),
    (OPENROUTER, "anthropic/claude-opus-4.6", False),
    (OPENROUTER, "google/gemini-2.5-pro", True),
    (OPENROUTER, "google/gemini-3.8-flash", False),
    (OPENROUTER, "meta-llama/llama-3.3-70b-instruct", True),
    (OPENROUTER, "openai/gpt-4o", False),
]


@pytest.mark.parametrize(
    ("prefill", "model", "goes_on"), MODELS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_model_goes_on_only_where_its_maker_says_so(prefill: Prefill, model: str, goes_on: bool):
    if goes_on:
        assert check_prefill(prefill, model, "a/m") is prefill
    else:
        with pytest.raises(CannotServe, match="a/m is not known to go on"):
            check_prefill(prefill, model, "a/m")


def test_the_page_names_the_adapters_that_go_on_and_no_other():
    page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
    table = page.partition("| adapter | models | told by |")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines()[2:] for name in re.findall(r"`([a-z-]+)`", line.split("|")[1])}
    # Bedrock and Vertex AI choose by the model; what they do is tried against the simulator.
    assert named == {"bedrock", "vertex"} | {name for name in adapters() if goes_on(adapters()[name])}


def adapters() -> dict[str, Any]:
    modules = (import_module(f"{providers.__name__}.{found.name}") for found in iter_modules(providers.__path__))
    return {module.ADAPTER.id: module.ADAPTER for module in modules if hasattr(module, "ADAPTER")}


def goes_on(adapter: Any) -> bool:
    if isinstance(adapter, Vendor):
        return adapter.endpoint(adapter.base_url).prefill is not None
    return getattr(adapter, "prefill", None) is not None


def test_a_vendor_that_says_nothing_goes_on_with_nothing():
    with pytest.raises(CannotServe, match="not known"):
        check_prefill(None, "m", "a/m")


def test_a_vendor_is_told_in_its_own_words():
    prefill = Prefill(message={"prefix": True}, body={"more": 1}, version="/beta")
    body = prefill.finish(b'{"model":"m","messages":[{"role":"user"},{"role":"assistant","content":"x"}]}')
    assert json.loads(body) == {
        "model": "m", "more": 1, "messages": [{"role": "user"}, {"role": "assistant", "content": "x", "prefix": True}],
    }  # fmt: skip
    assert prefill.url("https://a.test/v1/chat/completions") == "https://a.test/beta/chat/completions"
    assert prefill.url("https://a.test/chat/completions") == "https://a.test/beta/chat/completions"
    assert Prefill().url("https://a.test/v1/chat/completions") == "https://a.test/v1/chat/completions"
    assert Prefill().finish(b"?") == b"?"


# --- the clients -----------------------------------------------------------------------------------------------------

WRITERS = [ChatChunks, MessagesWriter, ResponsesWriter, GeminiEventWriter, partial(GeminiEventWriter, array=True)]


@pytest.mark.parametrize("writer", WRITERS, ids=["chat", "messages", "responses", "gemini", "gemini array"])
def test_a_client_reads_the_same_whether_an_attempt_failed_in_between_or_not(writer: Any):
    def answer(*, failed: bool) -> bytes:
        transcript = Transcript(writer(SHOWN), (ASKED,), 10)
        out = b"".join(map(transcript.write, HELLO))
        if failed:
            lost = transcript.after(Seam("lost", "m", 3), Joint(""), 13)
            assert lost.write(TextMore(0, "never shown"))
        new = transcript.after(SEAM, Joint(""), 13)
        return out + b"".join(map(new.write, (BlockBegan(0, Text()), TextMore(0, "lo"), BlockEnded(0), *END)))

    assert answer(failed=True) == answer(failed=False)
    assert b'"segue":{"continued":[{"provider":"backup","model":"m","after_characters":3}]}' in answer(failed=False)


@pytest.mark.parametrize("writer", WRITERS, ids=["chat", "messages", "responses", "gemini", "gemini array"])
def test_an_answer_that_was_not_gone_on_with_says_nothing_of_it(writer: Any):
    transcript = Transcript(writer(SHOWN), (ASKED,), 10)
    assert b"segue" not in b"".join(map(transcript.write, (*HELLO, BlockEnded(0), *END)))
