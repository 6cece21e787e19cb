"""Selectors mean exactly the models that fulfil them, in the configuration's order, and patterns never run away."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.naming import ModelMap, fits, matches, serves
from segue.core.patterns import LONGEST_MATCHED, BadPattern, compile_pattern
from segue.core.selection import Offer, Selector, expand, expand_tiers

WORDS = ("eu", "us", "fast")
ABLE = ("tools", "vision")
FORMATS = ("chat", "messages")
NAMES = ("a", "ab", "abc", "b-1", "b-2")
PATTERNS = ("a.*", "b-[12]", "(a|b-1)", "abc?")


def words(among):
    return st.frozensets(st.sampled_from(among))


OFFERS = st.lists(
    st.builds(Offer, st.sampled_from(("p", "q")), st.sampled_from(NAMES), words(WORDS), words(ABLE), words(FORMATS)),
    max_size=8,
    unique_by=lambda offer: offer.name,
)
PLAIN = st.builds(
    Selector,
    channel=st.sampled_from(("", "p", "q")),
    tags=words(WORDS).map(lambda some: tuple(sorted(some))),
    capabilities=words(ABLE).map(lambda some: tuple(sorted(some))),
    format=st.sampled_from(("", *FORMATS)),
    match=st.none() | st.sampled_from(PATTERNS).map(compile_pattern),
)
EXCLUDED = st.lists(st.sampled_from(("p/a", "ab", "b-*", "q/*", "*")) | PLAIN, max_size=2).map(tuple)
SELECTORS = st.builds(
    lambda one, out: Selector(one.channel, one.tags, one.capabilities, one.format, one.match, out), PLAIN, EXCLUDED
)


def naive(selector, offer):
    """The same rules once more, written as a reader of the documentation would."""
    checks = [
        selector.channel in {"", offer.provider},
        all(tag in offer.tags for tag in selector.tags),
        all(word in offer.capabilities for word in selector.capabilities),
        selector.format == "" or selector.format in offer.formats,
        selector.match is None or re.fullmatch(selector.match.text, offer.model) is not None,
    ]
    for one in selector.exclude:
        if isinstance(one, Selector):
            checks.append(not naive(one, offer))
        else:
            glob = re.escape(one).replace(r"\*", ".*")
            checks.append(
                not re.fullmatch(glob, offer.model) and not re.fullmatch(glob, f"{offer.provider}/{offer.model}")
            )
    return all(checks)


@given(SELECTORS, OFFERS)
@settings(max_examples=300, deadline=None)
def test_a_selector_expands_like_a_naive_reading_of_its_rules(selector, offers):
    assert expand(selector, offers) == tuple(offer.name for offer in offers if naive(selector, offer))


@given(st.lists(st.lists(SELECTORS | st.sampled_from(("p/a", "q/b-1")), min_size=1, max_size=3), max_size=3), OFFERS)
@settings(max_examples=200, deadline=None)
def test_tiers_keep_their_order_and_name_nobody_twice_in_one(tiers, offers):
    expanded = expand_tiers(tiers, offers)
    assert len(expanded) == len(tiers)
    for tier, names in zip(tiers, expanded, strict=True):
        assert len(set(names)) == len(names)
        parts = [[one] if isinstance(one, str) else list(expand(one, offers)) for one in tier]
        assert list(names) == list(dict.fromkeys(name for part in parts for name in part))


ATOMS = st.sampled_from(("a", "b", ".", "[ab]", "[^a]", r"\d", r"\.", "-"))
TEXTS = st.text("ab1.-", max_size=8)


def grown(inner):
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(("*", "+", "?", "{2}", "{1,3}", "{0,}"))).map(
            lambda one: f"({one[0]}){one[1]}"
        ),
    )


@given(st.recursive(ATOMS, grown, max_leaves=6).filter(lambda text: len(text) < 150), TEXTS)
@settings(max_examples=500, deadline=None)
def test_a_pattern_means_what_python_says_that_it_means(pattern, text):
    assert compile_pattern(pattern).fits(text) == (re.fullmatch(pattern, text, re.DOTALL) is not None)


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|a)*b", "(a|aa)+b", "(a?){20}(a){20}b", ".*.*.*.*.*.*.*b"])
def test_a_pattern_that_would_run_away_elsewhere_takes_no_time(pattern):
    compiled = compile_pattern(pattern)
    began = time.perf_counter()
    assert not compiled.fits("a" * LONGEST_MATCHED)
    assert time.perf_counter() - began < 5


def test_a_name_that_is_too_long_matches_nothing():
    assert compile_pattern("a*").fits("a" * LONGEST_MATCHED)
    assert not compile_pattern("a*").fits("a" * (LONGEST_MATCHED + 1))


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "1 to 200"), ("x" * 201, "1 to 200"), ("(", "never closed"), ("a)", "')' too many"),
        ("*", "nothing to repeat"), ("[a", "never closed"), ("[z-a]", "cannot be read"), ("[[a]]", "backslash"),
        ("a**", "repeats a repetition"), ("a{2", "no repetition"), ("a{3,2}", "upper bound"),
        ("(a{99}){99}", "too large"), ("(?=a)", "plain groups"), (r"\1", "not known here"), ("^a", "leave it out"),
        ("a$", "leave it out"), ("a\\", "ends with a backslash"), ("(" * 30 + "a" + ")" * 30, "inside of each other"),
    ],
)  # fmt: skip
def test_a_pattern_that_cannot_be_used_says_why(pattern, why):
    with pytest.raises(BadPattern, match=re.escape(why)):
        compile_pattern(pattern)


@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_stars_stand_for_any_characters(pattern, name):
    expected = re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None
    assert matches(pattern, name) == expected
    if pattern.count("*") <= 1:
        assert fits(pattern, name) == expected


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("gpt-4o", "exact"),
        ("gpt-4o-mini", "long--mini"),
        ("gpt-4.1", "short-.1"),
        ("gpt-4", "short-"),
        ("claude", "claude"),
        ("o3", "key's own"),
    ],
)
def test_the_most_specific_pattern_of_a_model_map_counts_and_a_later_layer_goes_first(name, own):
    mapped = ModelMap(
        {"gpt-4*": "short-*", "gpt-4o*": "long-*", "gpt-4o": "exact", "o3": "provider's"}, {"o3": "key's own"}
    )
    assert mapped.of(name) == own


def test_no_list_of_models_allows_every_model_and_an_empty_map_changes_none():
    assert serves(None, "x")
    assert serves(["a*", "x"], "x")
    assert not serves(["a*"], "x")
    assert not ModelMap()
    assert ModelMap().of("x") == "x"
