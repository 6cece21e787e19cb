"""Whatever is written, the answer is settings or a `ConfigError`, and its problems are lines for people."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segue.config.document import parse_document
from segue.config.known import Known
from segue.config.load import Loaded, parse_settings
from segue.core.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
EASY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

FROM_OUTSIDE = "a-value-from-outside"
WORDS = """
server store state auth providers models policies host port body_limit shutdown_timeout max_calls cors origins
max_age mode force openai cloud adapter base_url key keys priority weight enabled allow_private_network catch_all
region size token default chat weather weather.* strategy retries max_attempts deadline timeouts breaker connect total
first_byte rate window failures context capabilities a
"""
KEYS = st.sampled_from(WORDS.split()) | st.text(max_size=5)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.binary(max_size=3) | st.dates()
    | st.sampled_from(
        ["openai", "cloud", "chatty", "openai/x", "*", "5s", "1MiB", "${A}", "${NO}", "$$", "${", "file:/nope",
         "file:x",
         "https://x.test", "http://127.0.0.1", "http://[",
         "sqlite://", "memory", "keys", "open", "priority", 1, 0.5]
    )
)  # fmt: skip
NESTED = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=5)
        | st.tuples(inner)
        | st.dictionaries(st.integers(), inner, max_size=1)
    ),
    max_leaves=25,
)
PROVIDER = st.fixed_dictionaries(
    {"adapter": st.sampled_from(["openai", "cloud", "chatty", "groq"])},
    optional=dict.fromkeys(("base_url", "key", "keys", "models", "priority", "region", "size", "token", "x"), NESTED),
)
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "server": st.dictionaries(KEYS, NESTED, max_size=5),
        "store": LEAVES,
        "auth": st.dictionaries(KEYS, LEAVES, max_size=3),
        "providers": st.dictionaries(KEYS, PROVIDER | NESTED, max_size=4),
        "models": st.dictionaries(KEYS, NESTED, max_size=4),
        "policies": st.dictionaries(KEYS, st.dictionaries(KEYS, NESTED, max_size=4), max_size=4),
    },
)
FRAGMENTS = st.lists(
    st.sampled_from(
        ["a", "b: ", ": ", "- ", "\n", "\n  ", "{", "}", "[", "]", ", ", "&x ", "*x", "!t ", "!!str ", "'", '"', "|",
         ">", "#", "? ", "<<: ", "---\n", "...\n", "%YAML 1.1\n", "%TAG ! x\n", "\t", "\\", "\\U00110000", "\\x",
         "${A}", "providers", "null", "1", "0x", ".inf", "@", "`", "\x00", "\ufeff", "\x85", "\u2028", "é", "\ud800"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


def check(error: ConfigError, start: str = "") -> None:
    assert error.problems
    assert error.problems[0].startswith(start)
    assert FROM_OUTSIDE not in str(error)
    for problem in error.problems:
        assert problem.strip()
        assert "\n" not in problem
        assert len(problem) < 1000
        assert "Input should" not in problem


def outcome(data: Any, known: Known) -> Loaded | None:
    try:
        return parse_settings(data, known, environ={"A": FROM_OUTSIDE})
    except ConfigError as error:
        check(error)
        return None


@EASY
@given(data=NESTED)
def test_arbitrary_data_never_raises_anything_else(known: Known, data: Any):
    outcome(data, known)


@EASY
@given(data=SHAPED)
def test_data_in_the_shape_of_a_configuration_never_raises_anything_else(known: Known, data: Any):
    outcome(data, known)


@EASY
@given(text=st.text() | FRAGMENTS)
def test_arbitrary_text_never_raises_anything_else(known: Known, text: str):
    try:
        data = parse_document(text, "f.yaml").plain()
    except ConfigError as error:
        check(error, "f.yaml:")
    else:
        outcome(data, known)


@EASY
@given(content=st.binary(max_size=200))
def test_arbitrary_bytes_never_raise_anything_else(content: bytes):
    try:
        parse_document(content, "f.yaml")
    except ConfigError as error:
        check(error)
