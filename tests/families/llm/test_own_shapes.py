"""Whatever a vendor with a shape of its own answers is an answer or a failure, and its word on its price is exact."""

import base64
import json
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.errors import RequestInvalid
from segue.core.failure import Kind
from segue.core.ports import CannotServe
from segue.families.llm.formats.billed import billed_of
from segue.families.llm.formats.chat.usage import read_usage as read_chat_usage
from segue.families.llm.formats.responses.answer_in import usage_of
from segue.families.llm.ir.format import BadAnswer
from segue.families.llm.other.answers import read_usage, with_pictures
from segue.families.llm.other.multipart import write_form
from segue.families.llm.other.quantised import PerplexityEmbeddings, unpacked
from segue.families.llm.other.reading import READINGS
from segue.families.llm.other.shaped import ShapedCodec, kind_of_file
from segue.families.llm.other.shapes import MistralSpeech, OpenRouterTranscripts, XaiPictures
from segue.families.llm.other.task import Task

PNG = b"\x89PNG\r\n\x1a\n" + bytes(9)
WAVE = b"RIFF\0\0\0\0WAVE" + bytes(9)


def form(operation: str, **fields: Any) -> Task:
    return READINGS[operation].parse(*write_form({"model": "m", **fields}))


HEARD = form("audio.transcribe", file=("talk.wav", WAVE))
SAID = READINGS["audio.speech"].parse(b'{"model":"m","input":"hi","voice":"v"}')
DRAWN = form("images.edit", image=("a.png", PNG), prompt="a hat")
SHAPES = [(OpenRouterTranscripts(), HEARD), (MistralSpeech(), SAID), (XaiPictures(), DRAWN)]

json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "data", "audio_data", "usage", "cost", "error", "x"]), inner, max_size=4
        )
    ),
    max_leaves=9,
)
bodies = st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode())


@pytest.mark.parametrize(("shape", "task"), SHAPES)
@given(body=bodies)
def test_no_answer_is_too_strange_to_be_read(shape: Any, task: Task, body: bytes) -> None:
    outcome = shape.read(task, body, "sk-secret-000001")
    assert (outcome.answer is None) != (outcome.failure is None)
    if outcome.failure is not None:
        assert "sk-secret-000001" not in outcome.failure.message


@given(body=bodies)
def test_no_vectors_are_too_strange_to_be_refused(body: bytes) -> None:
    try:
        assert PerplexityEmbeddings().read(body, {}).vectors
    except BadAnswer:
        return


@given(numbers=st.lists(st.integers(-128, 127), min_size=1))
def test_a_vector_of_bytes_has_their_values(numbers: list[int]) -> None:
    packed = base64.b64encode(bytes(number & 0xFF for number in numbers)).decode()
    assert unpacked(packed) == numbers


@given(
    fields=st.dictionaries(
        st.sampled_from(["image", "images", "mask", "n", "response_format", "quality", "size"]), json_values, max_size=4
    )
)
def test_no_request_in_json_is_too_strange_to_be_written_or_refused(fields: dict[str, Any]) -> None:
    body = json.dumps({"model": "m", "prompt": "a", "image": "x", **fields}).encode()
    try:
        task = READINGS["images.edit"].parse(body)
    except RequestInvalid:
        return
    codec = ShapedCodec(XaiPictures(), "https://x", lambda _secret: {})
    candidate: Any = SimpleNamespace(model="m", name="xai/m", key=SimpleNamespace(secret="k"))
    try:
        assert json.loads(codec.encode(SimpleNamespace(request=task), candidate).body)["model"] == "m"
    except CannotServe:
        return


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"file": ("a.wav", WAVE), "language": b"\xff"}, "language"),
        ({"file": ("a.wav", WAVE), "prompt": "x" * 70_000}, "prompt"),
    ],
)
def test_a_field_that_cannot_be_read_is_the_callers_mistake(fields: dict[str, Any], param: str) -> None:
    codec = ShapedCodec(OpenRouterTranscripts(), "https://x", lambda _secret: {})
    candidate: Any = SimpleNamespace(model="m", name="or/m", key=SimpleNamespace(secret="k"))
    body, content_type = write_form({"model": "m", **fields})
    body = body.replace(b'; filename="language"', b"")
    task = READINGS["audio.transcribe"].parse(body, content_type)
    with pytest.raises(CannotServe) as raised:
        codec.encode(SimpleNamespace(request=task), candidate)  # type: ignore[arg-type]  # all that is used
    assert (raised.value.failure.kind, raised.value.failure.param) == (Kind.INVALID_REQUEST, param)


@pytest.mark.parametrize(
    "data", [b"", b"R", b"RIFF", b"RIFF\0\0\0\0AVI ", b"\xff", b"\xff\xd8", b"hello", b"\0\0\0\0ftyp"]
)
def test_the_beginning_of_a_file_may_be_short(data: bytes) -> None:
    kind = kind_of_file(data)
    assert kind is None or kind == ("audio/mp4", "m4a")


# What a vendor says that it took


def raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


@pytest.mark.parametrize(
    ("cost", "ticks", "billionths"),
    [
        ("0.000508", None, 508_000),
        ('{"total_cost":0.02,"currency":"USD"}', None, 20_000_000),
        ("null", 200_000_000, 20_000_000),  # docs.x.ai/developers/cost-tracking: two cents
        ("null", 37_756_000, 3_775_600),
        ("null", 5, 0),  # half of a billionth, to the even one
        ("null", 15, 2),
        ("0", None, 0),
        ("null", None, None),
        ("-1", None, None),
        ("1e9", None, None),
        ("1e400", None, None),
        ('"dear"', None, None),
        ("[1]", None, None),
        ("{}", None, None),
    ],
)
def test_what_a_vendor_says_that_it_took_is_read_to_a_billionth(
    cost: str, ticks: int | None, billionths: int | None
) -> None:
    assert billed_of(raw(cost), ticks) == billionths


@pytest.mark.parametrize(
    ("read", "names"),
    [(read_chat_usage, ("prompt_tokens", "completion_tokens")), (usage_of, ("input_tokens", "output_tokens"))],
)
def test_chats_and_responses_hear_the_vendors_word_too_but_not_of_somebody_elses_bill(
    read: Any, names: tuple[str, str]
) -> None:
    tokens = dict.fromkeys(names, 7)
    cases: list[tuple[dict[str, Any], int | None]] = [
        ({}, None),
        ({"cost_in_usd_ticks": 37_756_000}, 3_775_600),
        # github.com/perplexityai/perplexity-py, types/responses_usage
        ({"cost": {"currency": "USD", "input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}}, 300_000_000),
        ({"cost": 0.00095}, 950_000),
        ({"cost": 0.00095, "is_byok": True}, None),
        ({"cost": "much", "cost_in_usd_ticks": "more"}, None),
    ]
    for more, billed in cases:
        told = read(raw(json.dumps({**tokens, **more})))
        assert (told.billed, told.input_tokens) == (billed, 7), more


def test_a_usage_may_say_nothing_but_the_sum() -> None:
    told = read_usage(raw('{"cost_in_usd_ticks":200000000}'))
    assert told is not None
    assert (told.billed, told.input_tokens) == (20_000_000, None)
    assert read_usage(raw('{"cost_in_usd_ticks":-1,"cost":"x"}')) is None
    assert read_usage(raw('{"cost_in_usd_ticks":"x","prompt_tokens":3}')).input_tokens == 3


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("hd", "1024x1792"), "hd 1024x1792"),
        (("auto", "1024x1024"), "1024x1024"),
        ((None, None), ""),
        (("", "auto"), ""),
        (("x" * 21, "1024x1024"), "1024x1024"),
    ],
)
def test_pictures_are_counted_with_what_is_said_of_them(words: tuple[str | None, ...], kind: str) -> None:
    usage = with_pictures(None, raw('[{"url":"a"},{"b64_json":"b"}]'), words)
    assert usage is not None
    assert (usage.pictures, usage.picture) == (2, kind)
