"""What is taken for a plain chat is one: routing would find nothing in it but the model's name."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from segue.core.errors import RequestInvalid
from segue.families.llm.asked import analyse
from segue.families.llm.express import MOST_BYTES, plain_chat
from segue.families.llm.history import history_of
from segue.families.llm.ir.seals import SEALED
from segue.families.llm.request import parse_chat

HELLO = [{"role": "user", "content": "hello"}]


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "smart", "messages": HELLO, **fields}).encode()


def assert_plain(raw: bytes, model: str) -> None:
    """The usual way reads the same out of it, and nothing that would change the call's way."""
    request = parse_chat(raw)
    features = analyse(request)
    assert request.model == features.model == model
    assert (request.stream, request.choices, request.fallbacks, request.sealed) == (False, 1, (), False)
    assert request.history == history_of(body())
    assert not features.needs
    assert not features.stream
    assert features.tokens <= MOST_BYTES
    sent = json.loads(request.body("other", ask_usage=True))
    assert sent == {**json.loads(raw), "model": "other"}


@pytest.mark.parametrize(
    "raw",
    [
        body(),
        body(temperature=0.5, max_tokens=7, stop=["a"], seed=1, logit_bias={"1": 2}, user="u", metadata={"a": "b"}),
        body(stream=None, n=None, stream_options=None, tools=None, response_format=None),
        body(messages=[{"role": role, "content": "a", "name": "n"} for role in ("system", "user", "assistant")]),
        body(messages=[{"role": "user", "content": "漢字 🎈"}]),
        body(messages=[{"role": "user", "content": "Größe"}]),
        json.dumps(
            {"messages": [{"role": "user", "content": "漢字 🎈"}], "model": "größe"}, ensure_ascii=False
        ).encode(),
        b' \r\n\t{ "messages" : [ {"content":"\\"model\\" and \\"fallbacks\\"", "role":"user"} ] , "model" :"smart"}\n',
        body(model="ollama/llama3:8b"),
        body(messages=[{"role": "assistant", "content": "a", "refusal": None, "annotations": [], "audio": None}]),
        body(messages=[{"role": "user", "content": "a" * 7000}]),
    ],
)
def test_a_plain_chat_is_known_by_its_model(raw: bytes) -> None:
    model = json.loads(raw)["model"]
    assert plain_chat(raw) == model
    assert_plain(raw, model)


UNUSUAL = {
    "a stream": body(stream=True),
    "no stream, but in another way": body(stream=0),
    "several choices": body(n=2),
    "one choice, told": body(n=1),
    "tools": body(tools=[{"type": "function", "function": {"name": "f"}}]),
    "tools, the old way": body(functions=[{"name": "f"}]),
    "a schema": body(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}),
    "a setting that is called as a thought": body(reasoning=[]),
    "a setting that holds a name of a call": body(metadata={"tool_call_id": "call_1"}),
    "an escaped fallback": b'{"model":"smart","fallback\\u0073":null,"messages":[{"role":"user","content":"a"}]}',
    "content parts": body(messages=[{"role": "user", "content": [{"type": "text", "text": "hello"}]}]),
    "no content": body(messages=[{"role": "assistant", "content": None}]),
    "a tool's answer": body(messages=[{"role": "tool", "content": "a", "tool_call_id": "1"}]),
    "a call of a tool": body(messages=[{"role": "assistant", "content": "a", "tool_calls": []}]),
    "thoughts": body(messages=[{"role": "assistant", "content": "a", "reasoning_content": "b"}]),
    "sealed thoughts": body(messages=[{"role": "user", "content": "a"}], extra=SEALED.decode()),
    "an audio of an earlier turn": body(messages=[{"role": "assistant", "content": "a", "audio": {"id": "1"}}]),
    "anything else in a message": body(messages=[{"role": "user", "content": "a", "images": ["aGVsbG8="]}]),
    "fallbacks": body(fallbacks=["other"]),
    "fallbacks that are null, which the usual way refuses": body(fallbacks=None),
    "no fallbacks": body(fallbacks=[]),
    "no message": body(messages=[]),
    "messages of another type": body(messages={"role": "user", "content": "a"}),
    "no role": body(messages=[{"content": "a"}]),
    "no model": json.dumps({"messages": HELLO}).encode(),
    "an empty model": body(model=""),
    "a model that is no text": body(model=7),
    "two models": b'{"model":"smart","messages":[{"role":"user","content":"a"}],"model":"other"}',
    "an escaped key": b'{"mod\\u0065l":"smart","messages":[{"role":"user","content":"a"}]}',
    "an escaped key beside": b'{"mod\\u0065l":"other","model":"smart","messages":[{"role":"user","content":"a"}]}',
    "an escaped stream": b'{"model":"smart","stre\\u0061m":true,"messages":[{"role":"user","content":"a"}]}',
    "a model elsewhere": body(metadata={"model": "other"}),
    "invalid UTF-8": body().replace(b"hello", b"\xff\xfe"),
    "a byte order mark": b"\xef\xbb\xbf" + body(),
    "half of it": body()[:-1],
    "more than it": body() + b"{}",
    "another encoding": body().decode().encode("utf-16"),
    "a list": b"[" + body() + b"]",
    "nothing": b"",
    "too long": body(messages=[{"role": "user", "content": "a" * MOST_BYTES}]),
    "too deep": body().replace(b'"hello"', b"[" * 3000 + b"]" * 3000),
    "too deep beside": body(x=1).replace(b'"x": 1', b'"x": ' + b"[" * 3000 + b"]" * 3000),
    "no number": body(x=1).replace(b'"x": 1', b'"x": 01'),
    "no constant": body(x=1).replace(b'"x": 1', b'"x": NaN'),
}


@pytest.mark.parametrize("raw", UNUSUAL.values(), ids=UNUSUAL)
def test_every_other_body_is_left_to_the_usual_way(raw: bytes) -> None:
    assert plain_chat(raw) is None


PIECES = [
    b'"model"', b'"stream"', b"true", b"null", b"1", b'"n"', b":", b",", b"{", b"}", b"[", b"]", b'"', b"\\",
    b"\\u0065", b'"fallbacks"', b'"tools"', b'"messages"', b'"content"', b'"role"', b"\\ud83d", b"\xff", b"\xc3",
    b"\xe6\xbc\xa2", b"\x00", b"\n", b" ", b'"model":"other",', b'"stream":true,', b'"n":2,', b'"fallbacks":null,',
    b'"tools":null,', b'"stop":null,', b'"messages":[],', b'"messages":[{"role":"tool","content":"b"}],',
    b'"input_audio"', b'"type":"image_url",', b'"name":"a",', b'"tool_calls":null,', b'"refusal":"no",',
    b'"image_url":{},', b"-", b"1e999", b"0.", b'"reasoning":null,', b'"reasoning_effort":"high",',
    b'"modalities":["audio"],', b'"web_search_options":{},', b'"prediction":{},',
]  # fmt: skip


def mutated(raw: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(raw) + 1)
        what = chance.randrange(4)
        if what == 0:
            raw = raw[:place] + chance.choice(PIECES) + raw[place:]
        elif what == 1:
            raw = raw[:place] + raw[place + chance.randint(1, 4) :]
        elif what == 2:
            raw = raw[:place] + bytes([chance.randrange(256)]) + raw[place + 1 :]
        else:  # where it is still JSON: in front of a key
            keys = [at + 1 for at in range(len(raw)) if raw[at : at + 1] in (b"{", b",")] or [0]
            place = chance.choice(keys)
            raw = raw[:place] + chance.choice(PIECES) + raw[place:]
    return raw


STARTS = [
    body(),
    body(temperature=0.5, max_tokens=7, metadata={"a": "b"}),
    body(messages=[*HELLO, {"role": "assistant", "content": "漢字"}, *HELLO], stop=["a"]),
    json.dumps({"messages": HELLO, "model": "smart", "user": "größe"}, ensure_ascii=False).encode(),
]


def mutate(times: int, seed: int) -> int:
    """How many mutated bodies were plain still; each of those is read alike by the usual way."""
    chance, plain = random.Random(seed), 0
    for _ in range(times):
        raw = mutated(chance.choice(STARTS), chance)
        model = plain_chat(raw)
        if model is None:
            continue
        plain += 1
        try:
            assert_plain_to_layers(raw, model)
        except (RequestInvalid, AssertionError) as error:
            raise AssertionError(raw) from error
    return plain


def assert_plain_to_layers(raw: bytes, model: str) -> None:
    request = parse_chat(raw)
    features = analyse(request)
    assert request.model == features.model == model
    assert (request.stream, request.choices, request.fallbacks, request.sealed) == (False, 1, (), False)
    assert request.history == history_of(body())
    assert not features.needs


def test_whatever_bytes_are_changed_a_plain_chat_is_plain_for_the_usual_way_too() -> None:
    assert mutate(20_000, seed=1) > 1000


@pytest.mark.slow
def test_a_million_mutations_find_no_body_that_is_plain_here_and_not_there() -> None:
    assert mutate(1_000_000, seed=2) > 50_000


JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**70), 2**70)
    | some.floats(allow_nan=False)
    | some.text(max_size=9),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = some.sampled_from([
    "stream", "n", "tools", "functions", "tool_choice", "response_format", "fallbacks", "stream_options", "modalities",
    "audio", "reasoning", "reasoning_effort", "temperature", "prediction", "web_search_options", "thinking", "user",
])  # fmt: skip
MESSAGE = some.dictionaries(
    some.sampled_from(["role", "content", "name", "refusal", "tool_calls", "reasoning", "audio", "cache_control"]), JSON
)


@settings(max_examples=300, deadline=None)
@given(
    some.dictionaries(KEYS | some.text(max_size=6), JSON, max_size=4),
    some.lists(some.just({"role": "user", "content": "a"}) | MESSAGE, min_size=1, max_size=3),
    some.text(min_size=1, max_size=9),
    some.booleans(),
)
def test_of_any_json_only_what_needs_nothing_is_plain(fields: Any, messages: Any, model: str, ascii_only: bool) -> None:
    try:
        raw = json.dumps({**fields, "messages": messages, "model": model}, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return
    if (plain := plain_chat(raw)) is not None:
        assert plain == model
        assert_plain_to_layers(raw, model)
