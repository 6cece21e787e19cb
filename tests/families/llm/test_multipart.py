"""Forms are read as far as needed, and what is not plainly well formed is refused with a word of why."""

import random
import time

import pytest

from fuzzing.mutations import damaged
from fuzzing.scale import scales
from segue.core.errors import RequestInvalid
from segue.families.llm.other.multipart import MAX_HEAD, MAX_PARTS, MAX_TEXT, is_form, read_form, write_form
from segue.families.llm.other.reading import READINGS

TYPE = "multipart/form-data; boundary=cut"
SOUND = bytes(range(256)) + b"\r\n--cu\r\n\r\n--other--\r\n" + b"\x00" * 40


def part(head: str, value: bytes) -> bytes:
    return b"--cut\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + value + b"\r\n"


MODEL = part('name="model"', b"ears")
FILE = part('name="file"; filename="a.wav"\r\nContent-Type: audio/wav', SOUND)
END = b"--cut--\r\n"
FORM = MODEL + part('name="language"', b"en") + FILE + END


def refused(body: bytes, content_type: str = TYPE) -> str:
    with pytest.raises(RequestInvalid) as raised:
        read_form(body, content_type)
    return raised.value.message


def test_fields_and_files_are_found_where_they_lie() -> None:
    form = read_form(FORM, TYPE)
    assert [(one.name, one.filename) for one in form.parts] == [("model", None), ("language", None), ("file", "a.wav")]
    assert form.text("model") == "ears"
    assert form.text("nothing") is None
    assert FORM[form.parts[2].start : form.parts[2].end] == SOUND


def test_the_model_is_replaced_and_every_other_byte_stays() -> None:
    form = read_form(FORM, TYPE)
    assert form.replaced("model", b"whisper-1") == FORM.replace(b"\r\n\r\nears\r\n", b"\r\n\r\nwhisper-1\r\n", 1)
    again = read_form(form.replaced("model", b"a-longer-name"), TYPE)
    assert again.text("model") == "a-longer-name"
    assert again.body[again.parts[2].start : again.parts[2].end] == SOUND


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=cut",
        'multipart/form-data; boundary="cut"',
        "Multipart/Form-Data;Boundary=cut",
        'multipart/form-data; charset=utf-8 ; boundary="c\\ut"',
    ],
)
def test_a_boundary_may_be_quoted_and_its_header_in_any_case(content_type: str) -> None:
    assert is_form(content_type)
    assert read_form(FORM, content_type).text("model") == "ears"


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        'multipart/form-data; boundary="cut "',
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary=c\u00fct",
        "multipart/form-data; boundary=cut; boundary=other",
        'multipart/form-data; boundary="cut',
    ],
)
def test_a_content_type_without_one_good_boundary_is_refused(content_type: str) -> None:
    assert "the form cannot be read" in refused(FORM, content_type)


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/mixed; boundary=cut", "x" * 10_000])
def test_another_content_type_is_refused_as_unsupported(content_type: str) -> None:
    assert not is_form(content_type)
    with pytest.raises(RequestInvalid) as raised:
        read_form(FORM, content_type)
    assert raised.value.status == 415
    assert len(raised.value.message) < 200


def test_boundaries_with_all_that_rfc_2046_allows_are_found() -> None:
    odd = "a'()+_,-./:=? z"
    body = FORM.replace(b"--cut", b"--" + odd.encode())
    assert read_form(body, f'multipart/form-data; boundary="{odd}"').text("model") == "ears"


def test_what_stands_before_the_first_boundary_and_spaces_behind_boundaries_are_passed_over() -> None:
    body = b"This is a form.\r\n" + FORM.replace(b"--cut\r\n", b"--cut \t\r\n") + b"the end"
    assert read_form(body, TYPE).text("model") == "ears"


@pytest.mark.parametrize(
    ("head", "name", "filename"),
    [
        ('name="a;b=c"', "a;b=c", None),
        ('name="a\\"b"; filename="c\\\\d.wav"', 'a"b', "c\\d.wav"),
        ("name=plain", "plain", None),
        ('NAME="n" ; FileName="x.wav"', "n", "x.wav"),
        ('name="n"; filename=""', "n", ""),
        ("name=\"n\"; filename*=UTF-8''%c3%bc.wav", "n", "UTF-8''%c3%bc.wav"),
        ('name="\u00fc"; filename="\u00e9.wav"', "\u00fc", "\u00e9.wav"),
    ],
)
def test_names_are_read_quoted_and_unquoted(head: str, name: str, filename: str | None) -> None:
    (only,) = read_form(part(head, b"x") + END, TYPE).parts
    assert (only.name, only.filename) == (name, filename)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "does not occur"),
        (b"nothing of it", "does not occur"),
        (b"--cut", "a line begins with the boundary"),
        (MODEL, "cut"),
        (FORM[:-20], "cut"),
        (FORM.replace(b"--cut--\r\n", b""), "cut"),
        (FORM.replace(b"\r\n", b"\n"), "none"),
        (b"--cut\r\n\r\nvalue\r\n" + END, "header"),
        (b"--cut\r\nContent-Type: text/plain\r\n\r\nvalue\r\n" + END, "Content-Disposition"),
        (part('filename="a"', b"x") + END, "name"),
        (part("name*=utf-8''model", b"x") + END, "name"),
        (part('name="a"; name="b"', b"x") + END, "twice"),
        (part('name="a"; filename="b', b"x") + END, "parameters"),
        (part('name="a"\r\nContent-Disposition: form-data; name="b"', b"x") + END, "one header"),
        (part('name="a"\r\nno colon', b"x") + END, "cannot be read"),
        (part('name="a"\r\n folded: x', b"x") + END, "cannot be read"),
        (part('name="a"\nX-More: y', b"x") + END, "bare line end"),
        (b"--cut\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n" + END, "form-data"),
        (part('name="a"\r\nX-Long: ' + "x" * MAX_HEAD, b"x") + END, "headers"),
        (part('name="a"', b"x") * (MAX_PARTS + 1) + END, "more than"),
        (MODEL + b"--cutter\r\n\r\nx\r\n" + END, "is none"),
        (FORM + MODEL + END, "behind"),
    ],
)  # fmt: skip
def test_a_broken_form_is_refused_with_the_reason(body: bytes, word: str) -> None:
    assert word in refused(body)


def test_a_field_that_is_read_is_given_once_as_text_of_a_sane_length() -> None:
    for body, word in (
        (MODEL + MODEL + END, "twice"),
        (part('name="model"; filename="m"', b"x") + END, "got a file"),
        (part('name="model"', b"x" * (MAX_TEXT + 1)) + END, "longer"),
        (part('name="model"', b"\xff\xfe") + END, "UTF-8"),
    ):
        with pytest.raises(RequestInvalid, match=word) as raised:
            read_form(body, TYPE).text("model")
        assert raised.value.param == "model"


def test_a_field_is_there_only_with_something_in_it_and_a_list_of_it_counts() -> None:
    form = read_form(part('name="image[]"; filename="a"', b"x") + part('name="prompt"', b"") + END, TYPE)
    assert form.has("image")
    assert not form.has("prompt")


def test_a_form_that_is_written_is_read_again() -> None:
    fields = {"model": "ears", "n": 2, "stream": False, "none": None, "tags": ["a", "b"], "file": ('a"\r\n.wav', SOUND)}
    body, content_type = write_form(fields)
    assert (body, content_type) == write_form(fields), "the same form has the same bytes"
    form = read_form(body, content_type)
    assert [one.name for one in form.parts] == ["model", "n", "stream", "tags[]", "tags[]", "file"]
    assert form.parts[-1].filename == "a%22%0D%0A.wav"
    assert body[form.parts[-1].start : form.parts[-1].end] == SOUND
    assert (form.text("n"), form.text("stream")) == ("2", "false")


@pytest.mark.parametrize("value", [{"a": 1}, object(), ("a.wav", "text")])
def test_a_value_that_no_form_can_hold_is_refused_by_name(value: object) -> None:
    with pytest.raises(RequestInvalid) as raised:
        write_form({"file": value})
    assert raised.value.param == "file"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (FILE + END, "model"),
        (MODEL + END, "file"),
        (MODEL + FILE + part('name="stream"', b"maybe") + END, "stream"),
        (MODEL + FILE + part('name="n"', b"0") + END, "n"),
        (MODEL + FILE + part('name="n"', b"9" * 5_000) + END, "n"),
        (MODEL + FILE + part('name="n"', "\u0663".encode()) + END, "n"),
    ],
)
def test_a_request_as_a_form_is_refused_with_the_name_of_the_field(body: bytes, param: str) -> None:
    with pytest.raises(RequestInvalid) as raised:
        READINGS["audio.transcribe"].parse(body, TYPE)
    assert raised.value.param == param


PIECES = [
    b"\r\n", b"\n", b"\r", b"--cut", b"\r\n--cut", b"--cut--", b"\r\n\r\n", b'"', b"\\", b";", b"=", b":", b"\x00",
    b"\xff", b'name="model"', b'filename="x"', b"Content-Disposition: form-data; ", b" " * 100, b"\t", b"--", MODEL,
    b"x" * 20_000, b"name*=utf-8''a", b"\xc3",
]  # fmt: skip
TYPES = [TYPE, 'multipart/form-data; boundary="cut"', "multipart/form-data; boundary=--cut", "multipart/form-data;"]


def mutated(dice: random.Random) -> tuple[bytes, str]:
    body = damaged(FORM, dice, dice.randrange(1, 5), PIECES, [FORM])
    content_type = dice.choice(TYPES) if dice.random() < 0.2 else TYPE
    if dice.random() < 0.1:
        place = dice.randrange(len(content_type))
        content_type = content_type[:place] + dice.choice(['"', ";", "\\", "=", "\u00fc", "\n"]) + content_type[place:]
    return body, content_type


@pytest.mark.parametrize("count", scales(sample=1_500))
def test_a_mutated_form_is_read_or_refused_and_what_is_read_is_passed_on_in_the_same_parts(count: int) -> None:
    dice = random.Random(count)
    counts = {"read": 0, "refused": 0}
    longest = 0
    started = time.perf_counter()
    for _ in range(count):
        body, content_type = mutated(dice)
        try:
            task = READINGS["audio.transcribe"].parse(body, content_type)
            sent, sent_type = task.written("other", {})
        except RequestInvalid as invalid:
            counts["refused"] += 1
            longest = max(longest, len(invalid.message))
            continue
        counts["read"] += 1
        before, after = read_form(body, content_type), read_form(sent, sent_type)
        assert after.text("model") == "other"
        assert [(one.name, one.filename) for one in after.parts] == [(one.name, one.filename) for one in before.parts]
        for old, new in zip(before.parts, after.parts, strict=True):
            assert old.name == "model" or body[old.start : old.end] == sent[new.start : new.end]
    assert longest < 400
    assert min(counts.values()) > count // 20, counts
    assert time.perf_counter() - started < 0.01 * count + 1, "reading a form takes time that grows with its size only"


def test_hostile_headers_are_refused_without_long_thought() -> None:
    started = time.perf_counter()
    for head in ('name="' + "\\" * 16_000, "name=" + ";" * 16_000, "; " * 8_000, 'name="a"' + " ;" * 8_000):
        refused(part("form; " + head + " =", b"x") + END)
        refused(FORM, "multipart/form-data; " + head)
    assert time.perf_counter() - started < 2
