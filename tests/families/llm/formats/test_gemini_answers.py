"""Answers and streams of generateContent, from providers and to clients; its errors; its smaller calls."""

import json
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors as sdk_errors
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.errors import ProviderFailed, RequestInvalid, Unauthenticated
from segue.core.failure import Failure, Kind, Scope
from segue.core.outcome import Usage
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.gemini import other
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.ir.answer import Answer, Broke, Ended, Event, Stop, Stopped
from segue.families.llm.ir.blocks import Citation, Refusal, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.collect import Collector, as_events
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.embeddings import Embeddings, Vectors
from segue.families.llm.ir.format import BadAnswer, Shown, Target
from segue.families.llm.late import LateWriter
from segue.families.llm.passing.gemini import GeminiPassing

SHOWN = Shown(Conversation(), "gemini-3-flash", "call-1", 0)
USAGE = {
    "promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 5, "thoughtsTokenCount": 7,
    "toolUsePromptTokenCount": 2, "totalTokenCount": 24,
}  # fmt: skip
OURS = Usage(12, 12, cached_tokens=4, reasoning_tokens=7, tool_tokens=2)


def chunk(*parts: Any, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    candidate |= fields.pop("candidate", {})
    return {"candidates": [candidate], "modelVersion": "gemini-3-flash", "responseId": "r1", **fields}


def call(name: str = "f", **args: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": args}}


STREAM = [
    chunk({"text": "let me ", "thought": True}),
    chunk({"text": "sée", "thought": True}, usageMetadata={"promptTokenCount": 10}),
    chunk({"text": 'Hel"lo {'}),
    chunk({"text": "}\\ wörld"}),
    chunk({"text": "", "thoughtSignature": "c2ln"}),
    chunk({**call(a="{\\"), "thoughtSignature": "c2ln"}, call(a=2)),
    chunk({"text": ""}, finish="STOP", usageMetadata=USAGE),
]


def as_sse(chunks: list[Any], end: bytes = b"\r\n\r\n") -> bytes:
    return b"".join(b"data: " + json.dumps(each, ensure_ascii=False).encode() + end for each in chunks)


def as_array(chunks: list[Any]) -> bytes:
    return b"[" + b"\r\n,\r\n".join(json.dumps(each, ensure_ascii=False).encode() for each in chunks) + b"]"


def events_of(*pieces: bytes) -> list[Event]:
    reader = GEMINI.event_reader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + list(reader.end())


def answer_of(events: list[Event]) -> Any:
    collector = Collector()
    for event in events:
        collector.feed(event)
    assert collector.failure is None
    return collector.answer


BODIES = [as_sse(STREAM), as_sse(STREAM, b"\n\n"), as_array(STREAM)]


@pytest.mark.parametrize("body", BODIES)
def test_a_stream_is_read_as_the_whole_it_makes(body: Any) -> None:
    answer = answer_of(events_of(body))
    thought, text, first, second = answer.content
    assert thought == Thinking("let me sée", summary=True)
    assert text == Text('Hel"lo {}\\ wörld', signature=Signature("google", "c2ln"))
    assert (first.arguments, first.signature) == ('{"a": "{\\\\"}', Signature("google", "c2ln"))
    assert first.id != second.id
    assert (answer.stop, answer.vendor_stop, answer.id, answer.usage) == (Stop.TOOLS, "STOP", "r1", OURS)


@pytest.mark.parametrize("body", BODIES)
def test_where_a_stream_is_split_makes_no_difference(body: Any) -> None:
    whole = events_of(body)
    assert all(events_of(body[:at], body[at:]) == whole for at in range(len(body)))
    assert events_of(*(body[at : at + 1] for at in range(len(body)))) == whole


@pytest.mark.parametrize("body", BODIES)
def test_a_stream_that_is_cut_anywhere_never_ends_as_a_success_without_its_finish_reason(body: Any) -> None:
    for at in range(len(body)):
        events = events_of(body[:at])
        assert isinstance(events[-1], Broke | Ended)
        assert any(isinstance(event, Stopped) for event in events) == isinstance(events[-1], Ended)


def test_a_finish_reason_may_come_in_a_chunk_of_its_own() -> None:
    events = events_of(as_sse([chunk({"text": "a"}), {"candidates": [{"finishReason": "MAX_TOKENS"}]}]))
    assert answer_of(events).stop is Stop.LENGTH


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("SAFETY", Stop.FILTER), ("RECITATION", Stop.FILTER), ("PROHIBITED_CONTENT", Stop.FILTER),
        ("MALFORMED_FUNCTION_CALL", Stop.MALFORMED), ("NEWS", Stop.OTHER),
    ],
)  # fmt: skip
def test_finish_reasons_have_their_meaning(reason: Any, stop: Any) -> None:
    assert GEMINI.read_answer(json.dumps(chunk({"text": "a"}, finish=reason)).encode()).stop is stop


UNREADABLE = [
    {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "Malformed function call: print("}]},
    chunk(finish="MALFORMED_FUNCTION_CALL", usageMetadata=USAGE),
    chunk({"text": ""}, finish="UNEXPECTED_TOOL_CALL"),
    chunk(finish="MALFORMED_RESPONSE"),
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_call_that_google_could_not_read_is_a_failure_where_nothing_else_was_said(body: Any) -> None:
    """It came as an answer without a word, and nobody was asked again."""
    raw = json.dumps(body).encode()
    with pytest.raises(BadAnswer):
        GEMINI.read_answer(raw)
    for failure in (GEMINI.read_error(200, {}, raw, ""), events_of(as_sse([body]))[-1].failure):
        assert (failure.kind, failure.scope) == (Kind.SERVER_ERROR, Scope.MODEL)
        assert failure.vendor_code == body["candidates"][0]["finishReason"]
    reader = GeminiPassing(
        GEMINI, LateWriter(RawRequest(GEMINI, b"{}", model="m", stream=True), "m", "c"), "", array=False
    )
    assert reader.feed(as_sse([body])) == b""
    assert reader.failure.kind is Kind.SERVER_ERROR
    assert not reader.committed


def test_thoughts_alone_do_not_make_an_answer_of_a_call_that_google_could_not_read() -> None:
    raw = json.dumps(chunk({"text": "so", "thought": True}, finish="MALFORMED_FUNCTION_CALL")).encode()
    with pytest.raises(BadAnswer):
        GEMINI.read_answer(raw)
    assert GEMINI.read_error(200, {}, raw, "").kind is Kind.SERVER_ERROR


@pytest.mark.parametrize("part", [{"text": "a"}, call(a=1)])
def test_what_was_said_before_a_call_that_google_could_not_read_stays_an_answer(part: Any) -> None:
    body = chunk(part, finish="MALFORMED_FUNCTION_CALL")
    assert GEMINI.read_answer(json.dumps(body).encode()).stop is Stop.MALFORMED
    assert answer_of(events_of(as_sse([chunk(part), chunk(finish="MALFORMED_FUNCTION_CALL")]))).stop is Stop.MALFORMED


def test_a_refused_prompt_is_a_failure_of_content() -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
    (broke,) = events_of(as_sse([body]))
    assert isinstance(broke, Broke)
    assert broke.failure.kind is Kind.CONTENT_FILTER
    raw = json.dumps(body).encode()
    with pytest.raises(BadAnswer):
        GEMINI.read_answer(raw)
    assert GEMINI.read_error(200, {}, raw, "").kind is Kind.CONTENT_FILTER


@pytest.mark.parametrize("wrap", [as_sse, as_array, lambda chunks: as_sse(chunks[:1]) + json.dumps(chunks[1]).encode()])
def test_an_error_inside_a_stream_breaks_it(wrap: Any) -> None:
    error = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
    events = events_of(wrap([chunk({"text": "a"}), error]))
    assert isinstance(events[-1], Broke)
    assert events[-1].failure.kind is Kind.OVERLOADED


@pytest.mark.parametrize("noise", [b": ping\r\n\r\n", b"data: [DONE]\r\n\r\n", b"event: x\r\n\r\n", b"data:\n\n"])
def test_noise_between_events_is_harmless(noise: Any) -> None:
    body = as_sse(STREAM[:2]) + noise + as_sse(STREAM[2:]) + noise
    assert events_of(body) == events_of(as_sse(STREAM))


def test_a_broken_event_in_the_middle_breaks_the_stream() -> None:
    events = events_of(as_sse(STREAM[:1]) + b'data: {"candidates": [\r\n\r\n' + as_sse(STREAM[1:]))
    assert isinstance(events[-1], Broke)
    assert events[-1].failure.kind is Kind.STREAM_CUT


def test_sources_become_citations_and_stay_in_the_raw_part() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [{"segment": {"endIndex": 5}, "groundingChunkIndices": [0]}],
    }
    body = chunk({"text": "Paris"}, finish="STOP", candidate={"groundingMetadata": grounding})
    answer: Any = GEMINI.read_answer(json.dumps(body).encode())
    assert answer.content[0].citations == (Citation("https://a.example", "A", "", 0, 5, vendor="google"),)
    shown = json.loads(GEMINI.write_answer(answer, SHOWN))
    assert shown["candidates"][0]["groundingMetadata"] == grounding


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"<html>", b'{"candidates":[]}', b'{"error":{"code":500}}', b"{"]
)
def test_what_is_no_answer_is_told(body: Any) -> None:
    with pytest.raises(BadAnswer):
        GEMINI.read_answer(body)


def test_answers_of_others_are_shown_in_a_shape_that_the_sdk_reads() -> None:
    answer = Answer(
        content=[
            Thinking("hm", Signature("anthropic", "sig")),
            Text("a", citations=(Citation("https://a.example", "A", start=0, end=1),)),
            Refusal("no"),
            ToolUse("t1", "f", '{"a": 1}'),
        ],
        stop=Stop.TOOLS,
        usage=OURS,
    )
    read: Any = types.GenerateContentResponse.model_validate_json(GEMINI.write_answer(answer, SHOWN))
    thought, text, refusal, use = read.candidates[0].content.parts
    assert (thought.thought, text.text, refusal.text) == (True, "a", "no")
    assert (use.function_call.id, use.function_call.args) == ("t1", {"a": 1})
    assert (read.response_id, read.model_version) == ("call-1", "gemini-3-flash")
    assert read.usage_metadata.candidates_token_count == 5
    assert read.usage_metadata.prompt_token_count == 10
    assert read.candidates[0].grounding_metadata.grounding_chunks[0].web.uri == "https://a.example"


@pytest.mark.parametrize("array", [False, True])
def test_an_answer_that_is_streamed_to_a_client_comes_back_the_same(array: Any) -> None:
    answer = GEMINI.read_answer(json.dumps(chunk(
        {"text": "t", "thought": True}, {"text": "a", "thoughtSignature": "c2ln"}, call(x=1), finish="STOP",
        usageMetadata=USAGE,
    )).encode())  # fmt: skip
    writer = GEMINI.event_writer(SHOWN, array=array)
    written = b"".join(writer.write(event) for event in as_events(answer))
    assert answer_of(events_of(written)) == answer
    if array:
        assert isinstance(json.loads(written), list)
    assert GEMINI.read_answer(GEMINI.write_answer(answer, SHOWN)) == answer


words = st.text(max_size=20)
signature = st.sampled_from([{}, {"thoughtSignature": "c2ln"}])
pieces = st.one_of(
    st.builds(
        lambda text, thought, signed: {"text": text, "thought": thought, **signed}, words, st.booleans(), signature
    ),
    st.builds(lambda args, signed: {**call("f", **args), **signed}, st.dictionaries(words, words), signature),
    st.just({"inlineData": {"mimeType": "image/png", "data": "aGk="}}),
    st.builds(lambda signed: {"executableCode": {"language": "PYTHON", "code": "1"}, **signed}, signature),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(pieces, min_size=1, max_size=6), st.booleans())
def test_any_answer_comes_back_the_same_whole_and_streamed(parts: Any, array: Any) -> None:
    answer = GEMINI.read_answer(json.dumps(chunk(*parts, finish="STOP", usageMetadata=USAGE)).encode())
    assert GEMINI.read_answer(GEMINI.write_answer(answer, SHOWN)) == answer
    writer = GEMINI.event_writer(SHOWN, array=array)
    written = b"".join(writer.write(event) for event in as_events(answer))
    assert answer_of(events_of(written)) == answer


def client_of(status: int, body: bytes, kind: str) -> genai.Client:
    def reply(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": kind})

    options = types.HttpOptions(httpx_client=httpx2.Client(transport=httpx2.MockTransport(reply)))
    return genai.Client(api_key="k", http_options=options)


def streamed(body: bytes) -> list[Any]:
    client = client_of(200, body, "text/event-stream")
    return list(client.models.generate_content_stream(model="gemini-3-flash", contents="hi"))


def test_the_sdk_reads_a_stream_with_whole_calls_and_its_usage_in_the_last_chunk() -> None:
    writer = GEMINI.event_writer(SHOWN)
    chunks = streamed(b"".join(writer.write(event) for event in events_of(as_sse(STREAM))))
    calls = [each for item in chunks for each in item.function_calls or ()]
    assert [each.args for each in calls] == [{"a": "{\\"}, {"a": 2}]
    assert chunks[-1].usage_metadata.total_token_count == 24
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.STOP


def test_the_sdk_raises_when_a_stream_breaks_off() -> None:
    writer = GEMINI.event_writer(SHOWN)
    body = b"".join(writer.write(event) for event in events_of(as_sse(STREAM[:3])))
    with pytest.raises(sdk_errors.APIError) as caught:
        streamed(body)
    assert caught.value.status == "UNAVAILABLE"


def failed(kind: Kind, **fields: Any) -> ProviderFailed:
    return ProviderFailed(Failure(kind, "words", **fields), "words")


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (RequestInvalid("bad", param="contents"), sdk_errors.ClientError, "INVALID_ARGUMENT"),
        (Unauthenticated("no"), sdk_errors.ClientError, "UNAUTHENTICATED"),
        (failed(Kind.RATE_LIMITED, retry_after=2.5), sdk_errors.ClientError, "RESOURCE_EXHAUSTED"),
        (failed(Kind.TIMEOUT), sdk_errors.ServerError, "DEADLINE_EXCEEDED"),
        (failed(Kind.AUTH, vendor_type="UNAUTHENTICATED"), sdk_errors.ServerError, "UNAVAILABLE"),
    ],
)
def test_the_sdk_raises_its_own_class_for_an_error(error: Any, kind: Any, word: Any) -> None:
    body = GEMINI.write_error(error, {"call_id": "c"})
    with pytest.raises(kind) as caught:
        client_of(error.status, body, "application/json").models.generate_content(model="m", contents="x")
    assert (caught.value.code, caught.value.status) == (error.status, word)
    assert json.loads(body)["segue"] == {"call_id": "c"}


def google(code: int, message: str, status: str, *details: dict[str, Any]) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}}).encode()


def quota(name: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name}]}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.5s"}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


@pytest.mark.parametrize(
    ("body", "kind", "scope"),
    [
        (google(400, "API key not valid.", "INVALID_ARGUMENT", BAD_KEY), Kind.AUTH, Scope.KEY),
        (google(429, "slow", "RESOURCE_EXHAUSTED", quota("RequestsPerMinute"), RETRY), Kind.RATE_LIMITED, Scope.KEY),
        (google(429, "slow", "RESOURCE_EXHAUSTED", quota("RequestsPerDayPerProject")), Kind.QUOTA, Scope.KEY),
        (google(503, "overloaded", "UNAVAILABLE"), Kind.OVERLOADED, Scope.PROVIDER),
        (google(500, "oops", "INTERNAL"), Kind.SERVER_ERROR, Scope.PROVIDER),
        (google(404, "models/x is not found", "NOT_FOUND"), Kind.MODEL_MISSING, Scope.MODEL),
        (google(403, "denied", "PERMISSION_DENIED"), Kind.PERMISSION, Scope.KEY),
        (google(401, "no", "UNAUTHENTICATED"), Kind.AUTH, Scope.KEY),
        (google(400, "User location is not supported", "FAILED_PRECONDITION"), Kind.PERMISSION, Scope.KEY),
        (google(400, "Invalid value at 'contents[0].role'", "INVALID_ARGUMENT"), Kind.INVALID_REQUEST, Scope.REQUEST),
        (b"[" + google(429, "slow", "RESOURCE_EXHAUSTED") + b"]", Kind.RATE_LIMITED, Scope.KEY),
    ],
)  # fmt: skip
def test_googles_errors_have_their_meaning(body: Any, kind: Any, scope: Any) -> None:
    status = int(json.loads(body.strip(b"[]") if body.startswith(b"[") else body)["error"]["code"])
    failure = GEMINI.read_error(status, {}, body, "k")
    assert (failure.kind, failure.scope) == (kind, scope)


def test_the_details_of_an_error_are_read() -> None:
    limited = GEMINI.read_error(429, {}, google(429, "s", "RESOURCE_EXHAUSTED", RETRY), "")
    assert limited.retry_after == 37.5
    words = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    long = GEMINI.read_error(400, {}, google(400, words, "INVALID_ARGUMENT"), "")
    assert (long.kind, long.needs) == (Kind.CONTEXT_LENGTH, "context:1200000")
    assert "secret-key" not in GEMINI.read_error(400, {}, google(400, "key secret-key", "X"), "secret-key").message


def test_a_strangers_page_is_no_answer_of_googles() -> None:
    assert GEMINI.read_error(404, {}, b"<html>", "").kind is Kind.BAD_RESPONSE
    assert GEMINI.read_error(502, {}, b"<html>", "").kind is Kind.OVERLOADED


def test_tokens_are_counted_for_contents_and_for_whole_requests() -> None:
    contents = [{"parts": [{"text": "hi"}]}]
    alone = other.read_count_request(json.dumps({"contents": contents}).encode(), model="m")
    whole = other.read_count_request(json.dumps({"generateContentRequest": {"contents": contents}}).encode(), model="m")
    assert alone == whole
    sent = json.loads(other.write_count_request(alone, Target("gemini-3-flash")))
    assert sent["generateContentRequest"]["model"] == "models/gemini-3-flash"
    assert other.read_count_answer(other.write_count_answer(7)) == 7


def test_embeddings_go_both_ways() -> None:
    wish = Embeddings(model="e", texts=["a", "b"], dimensions=8, task="retrieval_document", titles=["A", ""])
    body = other.write_embed_request(wish, Target("e"))
    assert other.read_batch_request(body, model="e") == wish
    vectors = Vectors(vectors=[[1.0, 2.0], [3.0, 4.0]], usage=Usage(3))
    assert other.read_embed_answer(other.write_embed_answer(vectors, batch=True)) == vectors
    one = {"content": {"parts": [{"text": "a"}]}, "embedContentConfig": {"task_type": "CLUSTERING"}}
    assert other.read_embed_request(json.dumps(one).encode(), model="e").task == "clustering"


def test_embeddings_of_unlike_settings_are_refused() -> None:
    requests = [{"content": {"parts": [{"text": "a"}]}, "outputDimensionality": each} for each in (1, 2)]
    with pytest.raises(RequestInvalid):
        other.read_batch_request(json.dumps({"requests": requests}).encode())


REQUEST = json.dumps({
    "contents": [
        {"role": "user", "parts": [{"text": "é"}, {"inline_data": {"mimeType": "image/png", "data": "aGk="}}]},
        {"role": "model", "parts": [{**call(a=1), "thoughtSignature": "c2ln"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": "x"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "nullable": True}}]}],
    "generationConfig": {
        "thinkingConfig": {"thinkingBudget": 5}, "responseSchema": {"type": "STRING"},
        "responseMimeType": "application/json",
    },
}, ensure_ascii=False).encode()  # fmt: skip
