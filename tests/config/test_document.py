"""Reading YAML: places are kept, limits hold, and every error names its line and a remedy."""

import json
from pathlib import Path

import pytest

from segue.config.document import DEEPEST, LARGEST_FILE, parse_document, read_document
from segue.core.errors import ConfigError


def plain(text: str) -> object:
    return parse_document(text, "f.yaml").plain()


def problem(content: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_document(content, "f.yaml")
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_scalars_are_read_by_the_core_schema_of_yaml_1_2():
    text = """
a: yes
b: 012
c: 0o17
d: 0xff
e: 1e3
f: -7
g: ~
h: true
i: 2024-01-01
j: "1"
k: 1_000
l: .5
m: '~'
n: 1:30
"""
    assert plain(text) == {
        "a": "yes", "b": 12, "c": 15, "d": 255, "e": 1000.0, "f": -7, "g": None, "h": True, "i": "2024-01-01",
        "j": "1", "k": "1_000", "l": 0.5, "m": "~", "n": "1:30",
    }  # fmt: skip


def test_keys_are_always_text():
    assert plain("4: a\ntrue: b\n3.5: c\n") == {"4": "a", "true": "b", "3.5": "c"}


def test_json_is_accepted_with_tabs_escapes_and_characters_beyond_the_first_plane():
    data = {"a": ["x/y", 1, None, True, {"b": '😀 " \\ \t'}], "c": {}}
    assert plain(json.dumps(data, indent="\t")) == data
    assert plain('{"a": "\\/"}') == {"a": "/"}


def test_anchors_and_merges_are_followed_and_own_keys_win():
    text = "base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo: *b\nlist: {<<: [*b, {z: 4, x: 9}]}\n"
    assert plain(text) == {
        "base": {"x": 1, "y": 2}, "one": {"y": 3, "x": 1}, "two": {"x": 1, "y": 2}, "list": {"x": 1, "y": 2, "z": 4},
    }  # fmt: skip


def test_a_path_leads_to_its_file_line_and_column():
    document = parse_document("a:\n  b: 1\n  c:\n    - x\n    - y: 2\n", "f.yaml")
    assert document.position(("a", "b")) == ("f.yaml", 2, 3)
    assert document.position(("a", "c", 0)) == ("f.yaml", 4, 7)
    assert document.position(("a", "c", 1, "y")) == ("f.yaml", 5, 7)
    assert document.position(()) == ("f.yaml", 1, 1)


def test_a_path_that_does_not_exist_leads_to_its_nearest_parent():
    document = parse_document("a:\n  b: 1\n", "f.yaml")
    assert document.position(("a", "nope", 3)) == ("f.yaml", 1, 1)
    assert document.position(("a", "b", "c")) == ("f.yaml", 2, 3)
    assert document.position((5,)) == ("f.yaml", 1, 1)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands here twice (first in line 1)"),
        ("a:\n  b: {x: 1, x: 2}\n", 2, "'x' stands here twice"),
        ("a:\n\t- b\n", 2, "a tab cannot indent YAML: use spaces"),
        ("a: b: c\n", 1, "quote the value"),
        ("a: {key: ${X}}\n", 1, 'put ${NAME} in quotes inside {…} and […]: "${NAME}"'),
        ("a: [${X}]\n", 1, "put ${NAME} in quotes"),
        ("a: *nope\n", 1, "an alias (*name) without its anchor"),
        ("a: &x [*x]\n", 1, "an alias (*name) without its anchor"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("a: !!python/object:os.system x\n", 1, "tags"),
        ("a: !!str 1\n", 1, "tags"),
        ("? [a, b]\n: 1\n", 1, "cannot be a key"),
        ("a: &k x\n*k : 1\n", 2, "an alias cannot be a key"),
        ("a: {<<: 3}\n", 1, "'<<' takes in a mapping"),
        ("a: [1, 2\nb: 3\n", 2, "comma or a closing bracket"),
        ("a: 'open\nb: 3\n", 3, "never closed"),
        ("a: @x\n", 1, "must be in quotes"),
        ("a: 1\n b: 2\n", 2, "indentation"),
        ('a: "\\q"\n', 1, "escape"),
        ("a: 1\nb: \x01\n", 2, "control character"),
        ('a: "\\ud83d"\n', 1, "half of a character"),
        ("", 1, "the file is empty"),
        ("# nothing\n", 1, "the file is empty"),
        ("{}", 1, "the file is empty"),
        ("- a\n", 1, "the file holds a list"),
        ("hello\n", 1, "the file holds text"),
        ("key without colon\na: 1\n", 2, "check the indentation, or quote"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_remedy(text: str, line: int, says: str):
    message = problem(text)
    assert message.startswith(f"f.yaml:{line}: "), message
    assert says in message


def test_no_error_of_the_parser_repeats_the_content():
    for text in ("a: *sk-secret\n", "a: [sk-secret\nb: 1", "a: 'sk-secret", "!sk-secret a: 1", 'k: "sk-secret\\q"'):
        assert "secret" not in problem(text)


def test_other_encodings_are_refused_with_the_line():
    assert problem("a: 1\nb: é\n".encode("latin-1")) == "f.yaml:2: is not UTF-8 text: save the file in UTF-8"
    assert "UTF-8" in problem("a: 1".encode("utf-16"))


def test_a_byte_order_mark_is_skipped():
    assert parse_document(b"\xef\xbb\xbfa: 1\n", "f").plain() == {"a": 1}


def test_a_bomb_of_aliases_is_refused_before_it_grows():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "values, counted with aliases followed" in problem("\n".join(lines))


def test_a_bomb_of_merges_is_refused_too():
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: [1, 2, 3]" for n in range(50)) + "}"]
    lines += [
        f"a{n}: &a{n} [{', '.join(['{<<: *a' + str(n - 1) + '}' if n == 1 else f'*a{n - 1}'] * 20)}]"
        for n in range(1, 6)
    ]
    assert "values, counted" in problem("\n".join(lines))


@pytest.mark.parametrize("depth", [DEEPEST, 100, 20_000])
def test_deep_nesting_is_refused_however_deep(depth: int):
    assert "levels of nesting" in problem("a: " + "[" * depth + "]" * depth)


def test_nesting_through_aliases_counts():
    lines = ["a0: &a0 [[[[[[[[[[x]]]]]]]]]]"] + [f"a{n}: &a{n} [[[[[[[[[[*a{n - 1}]]]]]]]]]]" for n in range(1, 5)]
    assert "levels of nesting, counted with aliases" in problem("\n".join(lines))


def test_a_file_that_is_too_large_is_not_parsed():
    assert "larger than 4 MiB" in problem(b"#" * (LARGEST_FILE + 1))


def test_a_missing_file_and_a_folder_are_clear_errors(tmp_path: Path):
    with pytest.raises(ConfigError, match="no such file: check the path"):
        read_document(tmp_path / "nope.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_document(tmp_path)


def test_a_number_of_a_million_digits_is_only_text():
    assert plain("a: " + "9" * 1_000_000) == {"a": "9" * 1_000_000}


@pytest.mark.timeout(15)
def test_a_tag_of_a_megabyte_is_refused_at_once():
    for text in ("a: " + "!" * 1_000_000, "a: [" + "!x" * 500_000 + "]"):
        assert "remove it, or quote the text" in problem(text)
