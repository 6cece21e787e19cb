"""`${NAME}` and `file:`: found, or named as missing with the line; and never shown by any message."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from segue.config.known import Known
from segue.config.load import Loaded, parse_settings
from segue.core.errors import ConfigError

SECRET = "sk-very-secret-0123456789"
Load = Callable[..., Loaded]
Problems = Callable[..., list[str]]


def with_key(value: str) -> str:
    return f"providers:\n  openai:\n    adapter: openai\n    key: {value}\n"


def the_key(loaded: Loaded) -> str:
    return loaded.settings.providers["openai"].all_keys[0].get_secret_value()


@pytest.mark.parametrize("value", ['"${K}"', "${K}", "'${K}'"])
def test_a_variable_is_read_from_the_environment_that_was_passed(load: Load, value: str):
    assert the_key(load(with_key(value), {"K": SECRET})) == SECRET


def test_parts_and_several_variables_are_replaced(load: Load):
    assert the_key(load(with_key('"a-${A}-${B}-z"'), {"A": "1", "B": "2"})) == "a-1-2-z"


def test_two_dollars_are_one_and_a_lone_dollar_stays(load: Load):
    assert the_key(load(with_key('"$${A}$5$$"'), {"A": "1"})) == "${A}$5$"


def test_values_are_not_expanded_twice(load: Load):
    assert the_key(load(with_key('"${A}"'), {"A": "${B}", "B": "no"})) == "${B}"
    assert the_key(load(with_key('"${A}"'), {"A": "file:/etc/hostname"})) == "file:/etc/hostname"
    assert the_key(load(with_key('"${A}"'), {"A": "$$"})) == "$$"


def test_the_environment_of_the_process_is_not_looked_at(problems: Problems, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEGUE_TEST_KEY", "x")
    assert "is not set" in problems(with_key('"${SEGUE_TEST_KEY}"'))[0]


def test_a_missing_variable_is_named_with_its_line(problems: Problems):
    (problem,) = problems(with_key('"${NOPE}"'))
    assert problem.startswith("segue.yaml:4: providers.openai.key: the environment variable NOPE is not set: set it")


def test_an_empty_variable_counts_as_missing(problems: Problems):
    assert "NOPE is empty" in problems(with_key('"${NOPE}"'), {"NOPE": ""})[0]


def test_a_missing_variable_is_the_only_problem_that_it_causes(problems: Problems):
    text = 'providers:\n  groq:\n    adapter: groq\n    keys: ["${A}"]\n    models: ["${M}"]\n  x: {adapter: "${B}"}\n'
    found = problems(text)
    assert len(found) == 3
    assert all("environment variable" in problem for problem in found)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("${A:-x}", 'write "${A}"; defaults are not supported'),
        ("${A B}", 'write "${A}"'),
        ("${}", "holds the name of a variable"),
        ("${1A}", "holds the name of a variable"),
        ("${A", "is never closed"),
    ],
)
def test_what_is_no_reference_is_refused_with_a_hint(problems: Problems, value: str, says: str):
    assert says in problems(with_key(f'"{value}"'), {"A": "1"})[0]


def test_a_reference_may_stand_for_a_number_a_flag_and_a_duration(load: Load):
    text = """
server: {port: "${PORT}", shutdown_timeout: "${WAIT}"}
providers: {openai: {adapter: openai, enabled: "${ON}"}}
policies: {default: {breaker: {rate: "${RATE}"}}}
"""
    settings = load(text, {"PORT": "8080", "WAIT": "5s", "ON": "false", "RATE": "0.25"}).settings
    assert (settings.server.port, settings.server.shutdown_timeout) == (8080, 5.0)
    assert settings.providers["openai"].enabled is False
    breaker = settings.policies["default"].breaker
    assert breaker is not None
    assert breaker.rate == 0.25


def test_values_from_the_environment_end_up_as_ordinary_text(load: Load):
    text = """
store: "${S}"
providers:
  c: {adapter: chatty, base_url: "${U}", models: ["${M}"], other: ["${M}", {x: "${M}"}], key: "${M}"}
models: {a: "c/${M}", b: ["${T}"], full: {tiers: ["${T}"]}}
policies: {default: {strategy: "${P}"}}
"""
    environ = {"S": "sqlite://", "U": "https://x.test", "M": "m1", "T": "c/m1", "P": "priority"}
    settings = load(text, environ).settings
    provider = settings.providers["c"]
    other = provider.options["other"]
    texts = [
        settings.store, provider.base_url, *(provider.listed or {}), other[0], other[1]["x"],
        *(settings.models[name].tiers[0][0] for name in ("a", "b", "full")), settings.policies["default"].strategy,
        provider.all_keys[0].get_secret_value(),
    ]  # fmt: skip
    assert {type(text) for text in texts} == {str}


def test_a_secret_file_is_read_without_its_last_line_break(load: Load, tmp_path: Path):
    secret = tmp_path / "key"
    for content in (SECRET, SECRET + "\n", SECRET + "\r\n"):
        secret.write_bytes(content.encode())
        loaded = load(with_key(f"file:{secret}"))
        assert the_key(loaded) == SECRET
        assert loaded.files == (tmp_path / "segue.yaml", secret)


def test_the_path_of_a_secret_file_may_hold_a_variable_but_its_content_is_not_expanded(load: Load, tmp_path: Path):
    (tmp_path / "key").write_text("${X}")
    assert the_key(load(with_key('"file:${DIR}/key"'), {"DIR": str(tmp_path)})) == "${X}"


def test_a_secret_file_that_cannot_be_used_says_why(problems: Problems, tmp_path: Path):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    os.mkfifo(tmp_path / "pipe")
    for name, says in {
        "nope": "cannot be read (No such file or directory)", "empty": "is empty", "binary": "is not UTF-8 text",
        "large": "is larger than 64 KiB", "pipe": "is no regular file", "": "cannot be read|is no regular file",
    }.items():  # fmt: skip
        (message,) = problems(with_key(f"file:{tmp_path}/{name}"))
        assert any(one in message for one in says.split("|")), message
        assert message.startswith("segue.yaml:4: providers.openai.key: ")


def test_a_relative_secret_file_is_refused(problems: Problems):
    assert "needs its absolute path" in problems(with_key("file:key.txt"))[0]


def test_keys_never_show_in_a_repr_or_a_dump(load: Load):
    loaded = load(with_key(f'"{SECRET}"'))
    assert SECRET not in repr(loaded)
    assert SECRET not in str(loaded.settings.model_dump())
    assert SECRET not in loaded.settings.model_dump_json()


MISPLACED = """
server: {host: K, port: K, body_limit: K, shutdown_timeout: K, cors: {origins: [K], max_age: K}}
store: K
state: K
auth: {mode: K, force: K}
providers: K
providers: [K]
providers: {openai: K}
providers: {openai: {adapter: K}}
providers: {openai: {adapter: openai, base_url: K, priority: K, enabled: K, models: K, keys: K}}
providers: {openai: {adapter: openai, base_url: "https://x.test/?k=${K}"}}
providers: {openai: {adapter: openai, base_url: "https://user:${K}@"}}
providers: {openai: {adapter: openai, key: [K], keys: {a: K}}}
providers: {openai: {adapter: openai, key: "é${K}"}, b: {adapter: openai, keys: [K, K]}}
providers: {openai: {adapter: openai, models: {a: K}}}
providers: {openai: {adapter: openai, models: [K, K]}}
providers: {openai: {adapter: openai, models: {a: {context: K, capabilities: K}}}}
providers: {c: {adapter: cloud, region: [K], size: [K], token: [K], base_url: "http://127.1/${K}"}}
providers: {c: {adapter: chatty, token: "bad-${K}"}}
models: {a: K, b: [[K]], c: [[[K]]], d: "x/${K}"}
policies: K
policies: {chat: K, default: {strategy: K, deadline: K, retries: K, timeouts: K}}
"""


@pytest.mark.parametrize("text", [line for line in MISPLACED.splitlines() if line])
@pytest.mark.parametrize("secret", [SECRET, "q" * 70 + "/with/Slashes", f"Quote'd\"{SECRET}", "x7Q"])
def test_no_message_shows_a_value_of_the_environment_wherever_it_was_put_by_mistake(
    problems: Problems, text: str, secret: str
):
    text = re.sub(r"\bK\b(?!})", '"${K}"', text)
    for problem in problems(text, {"K": secret}):
        for form in (secret, secret.lower(), secret[:20], secret[-20:]):
            assert form not in problem


@pytest.mark.parametrize(
    "text",
    [
        "providers: {openai: {adapter: openai, key:%s}}",
        "providers: {openai: {adapter: openai, key: [%s]}}",
        "providers: {openai: {adapter: openai, keys: %s}}",
        "providers: {openai: {adapter: openai, keys: [%s, %s]}}",
        "providers: {openai: {adapter: openai, key: 'é%s'}}",
        "providers: {openai: {adapter: openai, key: %s, keys: [%s]}}",
        "providers: {c: {adapter: chatty, token: bad%s}}",
        "providers: {openai: {adapter: openai, key: '%s}}",
        "providers: {openai: {adapter: openai, base_url: 'https://user:%s@x.test'}}",
    ],
)
def test_no_message_shows_a_key_that_stands_in_the_file(problems: Problems, text: str):
    for problem in problems(text.replace("%s", SECRET)):
        assert SECRET not in problem
        assert "very-secret" not in problem


def test_the_library_may_pass_references_and_its_own_environment(known: Known):
    data = {"providers": {"openai": {"adapter": "openai", "key": "${K}"}}}
    loaded = parse_settings(data, known, environ={"K": SECRET})
    assert loaded.settings.providers["openai"].all_keys[0].get_secret_value() == SECRET
    with pytest.raises(ConfigError, match="K is not set"):
        parse_settings(data, known)
