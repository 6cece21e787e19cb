"""Streams beside chat: whole events and whole sound pass, and nothing that was cut looks like a whole answer."""

import json
import random
from types import SimpleNamespace

import pytest

from segue.core.failure import Kind
from segue.core.outcome import Outcome
from segue.families.llm.other.answers import bad, is_json, is_sound, is_text
from segue.families.llm.other.passing import Passing
from segue.families.llm.other.reading import READINGS, read_speech
from segue.families.llm.other.streams import MAX_WHOLE, BytesReader, EventsReader, WholeReader

from .support import DONE, SECRET, candidate, event

HOST = "https://api.example.com/v1"


def piece(text: str, index: int = 0, finish: str | None = None) -> bytes:
    return event({"id": "c", "choices": [{"index": index, "text": text, "finish_reason": finish}]})


USAGE = event({"id": "c", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
COMPLETION = piece("Hel") + piece("lo — ünï") + piece("", finish="stop") + USAGE + DONE
TRANSCRIPT = (
    event({"type": "transcript.text.delta", "delta": "hel"})
    + event({"type": "transcript.text.delta", "delta": "lo"})
    + event({"type": "transcript.text.done", "text": "hello", "usage": {"input_tokens": 9, "output_tokens": 2}})
)
SPEECH = event({"type": "speech.audio.delta", "audio": "AAAA"}) + event({"type": "speech.audio.done"})


def drafts(count: int) -> bytes:
    drawn = event({"type": "image_generation.partial_image", "b64_json": "AAAA"})
    return drawn + event({"type": "image_generation.completed", "b64_json": "BBBB"}) * count


def read(chunks: list[bytes], expected: int = 1, *, shows_usage: bool = True) -> tuple[EventsReader, bytes]:
    reader = EventsReader(expected, SECRET, shows_usage=shows_usage)
    out = b"".join(reader.feed(chunk) for chunk in chunks if not reader.finished and reader.failure is None)
    return reader, out + reader.end()


@pytest.mark.parametrize(
    ("stream", "expected"),
    [(COMPLETION, 1), (TRANSCRIPT, 1), (TRANSCRIPT + DONE, 1), (SPEECH, 1), (drafts(1), 1), (drafts(3), 3)],
)
def test_a_whole_stream_passes_as_it_came_wherever_it_is_cut_into_chunks(stream: bytes, expected: int) -> None:
    for size in (1, 2, 7, 64, len(stream)):
        reader, out = read([stream[at : at + size] for at in range(0, len(stream), size)], expected)
        assert (out, reader.finished, reader.failure, reader.committed) == (stream, True, None, True)


def test_the_usage_of_the_last_event_is_known() -> None:
    assert read([COMPLETION])[0].usage == read([COMPLETION], shows_usage=False)[0].usage
    usage = read([TRANSCRIPT])[0].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (9, 2)


def test_an_event_with_nothing_but_the_usage_is_kept_from_who_did_not_ask_for_it() -> None:
    assert read([COMPLETION], shows_usage=False)[1] == COMPLETION.replace(USAGE, b"")


@pytest.mark.parametrize("stream", [COMPLETION, TRANSCRIPT, SPEECH, drafts(1)])
def test_a_stream_that_is_cut_anywhere_before_its_last_event_has_failed(stream: bytes) -> None:
    ends = [at + 2 for at in range(len(stream)) if stream[at : at + 2] == b"\n\n"]
    last = ends[2] if stream == COMPLETION else ends[-1]
    for cut in range(last - 2):  # what lacks only line feeds is whole
        reader, out = read([stream[:cut]])
        assert not reader.finished, cut
        assert reader.failure is not None
        assert reader.failure.kind is Kind.STREAM_CUT
        assert stream.startswith(out)
        assert not out or out.endswith(b"\n\n"), "only whole events are shown"


def test_a_stream_of_several_answers_ends_when_all_have() -> None:
    both = piece("a") + piece("b", 1) + piece("", finish="stop")
    assert read([both], 2)[0].failure is not None
    assert read([both + piece("", 1, "length")], 2)[0].finished


def test_an_end_without_any_content_is_a_failure() -> None:
    for stream in (b"", DONE, b": comment\n\n", USAGE + DONE):
        reader, out = read([stream])
        assert reader.failure is not None, stream
        assert not reader.committed, out


@pytest.mark.parametrize(
    "told",
    [
        event({"error": {"message": f"no more of {SECRET}", "type": "server_error"}}),
        b"event: error\ndata: " + json.dumps({"message": f"no more of {SECRET}"}).encode() + b"\n\n",
        event({"type": "error", "message": "no more"}),
    ],
)
def test_an_error_in_the_stream_is_a_failure_without_the_key(told: bytes) -> None:
    reader, out = read([piece("a") + told + piece("b")])
    assert reader.failure is not None
    assert SECRET not in reader.failure.message
    assert out == piece("a")


def test_an_event_that_cannot_be_read_is_a_hole_in_the_answer() -> None:
    for broken in (b"data: {\n\n", b'data: {"choices": 3}\n\n', b"data: \xff\n\n", b"data: " + b"[" * 9000 + b"\n\n"):
        reader, out = read([piece("a") + broken + piece("", finish="stop") + DONE])
        assert reader.failure is not None, broken[:20]
        assert out == piece("a")


def test_content_is_counted_only_while_somebody_asks() -> None:
    for reader, chunk in ((EventsReader(1, SECRET), piece("x" * 400)), (BytesReader(), b"x" * 400)):
        reader.feed(chunk)
        assert reader.tokens == 0
        reader.counting = True
        reader.feed(chunk)
        assert reader.tokens == 100


def test_mutated_streams_never_raise_and_never_end_well_without_an_end() -> None:
    dice = random.Random(7)
    streams = [COMPLETION, TRANSCRIPT, SPEECH, drafts(2)]
    for _ in range(3000):
        stream = bytearray(dice.choice(streams))
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(stream))
            if dice.random() < 0.5:
                stream[at] = dice.randrange(256)
            else:
                del stream[at : at + dice.randint(1, 40)]
            if not stream:
                break
        cut = dice.randint(0, len(stream))
        reader, _ = read([bytes(stream[:cut]), bytes(stream[cut:])], dice.randint(1, 2))
        assert reader.finished != (reader.failure is not None)
        marks = (b"finish_reason", b".done", b".completed", b"[DONE]")
        assert not reader.finished or any(mark in stream for mark in marks)


def test_sound_is_whole_when_http_says_so_and_empty_sound_is_none() -> None:
    reader = BytesReader()
    assert reader.feed(b"") == b""
    assert not reader.committed
    assert reader.feed(b"RIFF") == b"RIFF"
    assert (reader.committed, reader.finished) == (True, False)
    assert reader.end() == b""
    assert reader.finished
    empty = BytesReader()
    empty.end()
    assert empty.failure is not None


def test_a_whole_answer_in_place_of_a_stream_is_shown_only_when_it_is_one() -> None:
    reader = WholeReader(lambda body: Outcome(answer=body.upper()))
    assert reader.feed(b"hel") + reader.feed(b"lo") == b""
    assert not reader.committed
    assert reader.end() == b"HELLO"
    assert reader.finished
    wrong = WholeReader(lambda _body: Outcome(failure=bad("no answer")))
    wrong.feed(b"x")
    assert wrong.end() == b""
    assert (wrong.finished, wrong.committed) == (False, False)
    endless = WholeReader(lambda body: Outcome(answer=body))
    endless.feed(bytes(MAX_WHOLE + 1))
    assert endless.failure is not None
    assert endless.end() == b""


def codec(operation: str) -> Passing:
    return Passing(operation, lambda _model: HOST, lambda secret: {"authorization": f"Bearer {secret}"})


FORM = "multipart/form-data; boundary=b"


def form(**fields: str) -> bytes:
    parts = [f'--b\r\ncontent-disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    return "".join([*parts, "--b--\r\n"]).encode()


def call(operation: str, **fields: str) -> SimpleNamespace:
    reading = READINGS[operation]
    body, kind = (form(**fields), FORM) if reading.form else (json.dumps(fields).encode(), "application/json")
    return SimpleNamespace(request=reading.parse(body, kind), id="call_1")


@pytest.mark.parametrize("told", ["text/html", "text/html; charset=utf-8", "image/svg+xml", "text/xml", "text/plainer"])
def test_a_web_page_is_never_passed_on(told: str) -> None:
    asked = call("audio.transcribe", model="whisper-1", file="x", stream="true")
    assert [is_json(told), is_text(told), is_sound(told)] == [False] * 3
    outcome = codec("audio.transcribe").decode(asked, candidate(), 200, {"content-type": told}, b"<script>")
    assert outcome.failure is not None
    assert outcome.failure.kind is Kind.BAD_RESPONSE
    refused = codec("audio.transcribe").reader(asked, candidate(), {"content-type": told})
    assert getattr(refused, "kind", None) is Kind.BAD_RESPONSE


@pytest.mark.parametrize("told", ["text/plain; charset=utf-8", "text/vtt", "application/x-subrip", "TEXT/PLAIN"])
def test_a_transcript_keeps_its_content_type(told: str) -> None:
    asked = call("audio.transcribe", model="whisper-1", file="x")
    outcome = codec("audio.transcribe").decode(asked, candidate(), 200, {"content-type": told}, b"hello")
    assert (outcome.answer, outcome.headers) == (b"hello", {"content-type": told})


def test_a_content_type_with_a_line_break_is_not_passed_on() -> None:
    asked = call("audio.transcribe", model="whisper-1", file="x")
    told = {"content-type": "text/plain; x=\r\nset-cookie: a=b"}
    assert codec("audio.transcribe").decode(asked, candidate(), 200, told, b"").headers == {
        "content-type": "text/plain"
    }


def test_speech_that_is_json_is_an_error_or_none_at_all() -> None:
    task = read_speech(json.dumps({"model": "tts-1", "input": "hi", "voice": "alloy"}).encode(), "application/json")
    asked = SimpleNamespace(request=task, id="call_1")
    told = {"content-type": "application/json"}
    assert codec("audio.speech").wants_stream(asked)
    assert getattr(codec("audio.speech").reader(asked, candidate(), told), "kind", None) is Kind.BAD_RESPONSE
    error = json.dumps({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}).encode()
    for body, kind in ((error, Kind.RATE_LIMITED), (b"{}", Kind.BAD_RESPONSE), (b"", Kind.BAD_RESPONSE)):
        failure = codec("audio.speech").decode(asked, candidate(), 200, told, body).failure
        assert failure is not None
        assert failure.kind is kind


@pytest.mark.parametrize("operation", ["embeddings", "completions", "moderations", "images.generate"])
def test_what_is_no_answer_is_never_passed_on(operation: str) -> None:
    asked = call(operation, model="m", input="a", prompt="a")
    for body in (b"", b"{", b"[]", b"null", b"{}", b'{"data":[]}', b'{"data":3}', b"\xff", b"[" * 9000, b"<html>"):
        outcome = codec(operation).decode(asked, candidate(), 200, {"content-type": "application/json"}, body)
        assert outcome.answer is None, body[:20]
        assert outcome.failure is not None
