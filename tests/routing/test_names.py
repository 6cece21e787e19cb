"""From the name that a caller uses to who may serve it: the first match of four rules counts."""

import time
from typing import Any

import pytest

from segue.core.errors import UnknownModel
from segue.core.provider import Candidate, Key, ModelInfo, Provider, Target
from segue.core.signals import Signals
from segue.resilience import BreakerOptions, HealthBook
from segue.resilience.health import MOST_MODELS
from segue.routing.names import MAX_DYNAMIC, MAX_NAME, Names, make_tier
from segue.routing.plan import Group
from segue.routing.strategies.priority import Priority
from segue.testing import SeededChance

NOBODY: Any = None


def provider(name, *models, wildcard=False, **more):
    return Provider(
        name, "x", frozenset({"chat"}), NOBODY, models=tuple(map(ModelInfo, models)), wildcard=wildcard, **more
    )


def names_of(*providers, aliases=None, health=None):
    health = health or HealthBook(Signals())

    def target(owner, model):
        key = Key("key-1", "s")
        guard = health.guard(owner.id, model, key.label, BreakerOptions())
        return Target(owner, model, (Candidate(owner, model, key, guard),))

    def tier(targets):
        return make_tier(targets, lambda equals: Group(equals, Priority(equals, SeededChance())))

    return Names(providers, aliases or {}, target, tier)


def resolved(names, name):
    """For each tier its groups, for each group the targets' names."""
    return [[[target.name for target in group.targets] for group in tier] for tier in names.resolve(name)]


ALL = names_of(
    provider("openai", "gpt-4o", "gpt-4o-mini"),
    provider("azure", "gpt-4o", priority=0),
    provider("router", "openai/gpt-4o", "meta/llama-3:free", "vendor/only-here"),
    provider("local", wildcard=True, catch_all=True),
    provider("edge", wildcard=True),
    aliases={
        "smart": [["openai/gpt-4o", "azure/gpt-4o"], ["router/openai/gpt-4o"]],
        "gpt-4o-mini": [["azure/gpt-4o"]],
        "edge/special": [["openai/gpt-4o"]],
        "bare": [["gpt-4o", "edge/own:7b"]],
        "gone": [["removed/model", "azure/nope"]],
        "half": [["removed/model"], ["azure/gpt-4o"]],
    },
)


@pytest.mark.parametrize(
    ("name", "tiers"),
    [
        # 1: an alias, whatever else has the name
        ("smart", [[["azure/gpt-4o"], ["openai/gpt-4o"]], [["router/openai/gpt-4o"]]]),
        ("gpt-4o-mini", [[["azure/gpt-4o"]]]),
        ("edge/special", [[["openai/gpt-4o"]]]),
        ("bare", [[["azure/gpt-4o"], ["openai/gpt-4o", "edge/own:7b"]]]),
        ("half", [[["azure/gpt-4o"]]]),
        # 2: a provider, and the rest unchanged is its model
        ("openai/gpt-4o", [[["openai/gpt-4o"]]]),
        ("router/openai/gpt-4o", [[["router/openai/gpt-4o"]]]),
        ("router/meta/llama-3:free", [[["router/meta/llama-3:free"]]]),
        ("local/a/b:c@d e", [[["local/a/b:c@d e"]]]),
        ("edge/x", [[["edge/x"]]]),
        ("edge//x/", [[["edge//x/"]]]),
        # 3: a bare id that providers list, in groups of priority
        ("gpt-4o", [[["azure/gpt-4o"], ["openai/gpt-4o"]]]),
        ("meta/llama-3:free", [[["router/meta/llama-3:free"]]]),
        ("vendor/only-here", [[["router/vendor/only-here"]]]),
        # 4: whoever takes every name
        ("anything", [[["local/anything"]]]),
        ("some/path:tag", [[["local/some/path:tag"]]]),
        ("GPT-4o", [[["local/GPT-4o"]]]),
        ("openai/", [[["local/openai/"]]]),
    ],
)
def test_the_first_rule_that_matches_counts(name, tiers):
    assert resolved(ALL, name) == tiers
    assert resolved(ALL, name) == tiers  # and the second time, too


def test_a_name_of_a_provider_is_never_caught_by_somebody_elses_pattern():
    with pytest.raises(UnknownModel, match="'openai' does not serve a model 'gpt-5'") as caught:
        ALL.resolve("openai/gpt-5")
    assert caught.value.param == "model"
    assert caught.value.status == 404


def test_a_bare_name_whose_first_segment_means_another_provider_is_not_listed():
    """OpenRouter lists `deepseek/deepseek-r1`: where there is a provider `deepseek`, that name is one of its models."""
    router, direct = provider("openrouter", "deepseek/deepseek-r1", "z-ai/glm"), provider("deepseek", "deepseek-chat")
    names = names_of(router, direct)
    assert set(names.names()) == {
        *("openrouter/deepseek/deepseek-r1", "openrouter/z-ai/glm", "z-ai/glm"),
        *("deepseek/deepseek-chat", "deepseek-chat"),
    }
    for name in names.names():
        assert names.resolve(name)


def test_an_alias_of_which_nothing_is_left_is_no_name():
    assert "gone" not in ALL.names()


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("gpt4o", "gpt-4o"), ("GPT-4O", "gpt-4o"), ("openai/GPT-4o", "openai/gpt-4o"), ("opnai/gpt-4o", "openai/gpt-4o"),
     ("Smrt", "smart"), ("x/y/gpt-4o-mni", "gpt-4o-mini")],
)  # fmt: skip
def test_an_unknown_name_is_answered_with_the_nearest_whatever_their_case(asked, nearest):
    names = names_of(provider("openai", "gpt-4o", "gpt-4o-mini"), aliases={"smart": [["openai/gpt-4o"]]})
    with pytest.raises(UnknownModel, match="did you mean") as caught:
        names.resolve(asked)
    assert f"'{nearest}'" in caught.value.message


def test_case_counts():
    names = names_of(provider("openai", "gpt-4o"))
    with pytest.raises(UnknownModel):
        names.resolve("Gpt-4o")


@pytest.mark.parametrize("asked", ["", "/", "zzzz", "x" * 5000, "é" * 300, "\x00"])
def test_a_name_that_is_like_nothing_is_answered_shortly(asked):
    with pytest.raises(UnknownModel, match="GET /v1/models") as caught:
        names_of(provider("openai", "gpt-4o")).resolve(asked)
    assert len(caught.value.message) < 2 * MAX_NAME
    with pytest.raises(UnknownModel, match="no provider lists any model"):
        names_of().resolve(asked)


def test_the_longest_name_that_is_taken_has_a_limit():
    assert ALL.resolve("x" * MAX_NAME)
    assert ALL.resolve("edge/" + "x" * MAX_NAME)
    for name in ("x" * (MAX_NAME + 1), "edge/" + "x" * (MAX_NAME + 1)):
        with pytest.raises(UnknownModel):
            ALL.resolve(name)


def test_names_can_be_listed_with_their_owners():
    listed = ALL.names()
    assert listed["smart"] == "segue"
    assert listed["gpt-4o-mini"] == "segue"  # the alias hides the model
    assert listed["openai/gpt-4o-mini"] == "openai"
    assert listed["gpt-4o"] == "azure"
    assert "anything" not in listed
    for name in listed:
        assert ALL.resolve(name)


def test_a_hundred_thousand_invented_names_take_bounded_memory():
    health = HealthBook(Signals())
    names = names_of(provider("local", wildcard=True, catch_all=True), health=health)
    for number in range(50_000):
        names.resolve(f"invented-{number}")
        names.resolve(f"local/invented-{number}")
    assert len(names._dynamic) == MAX_DYNAMIC
    assert names._targets == {}
    assert len(health._closed) + len(health._troubled) <= MOST_MODELS
    assert len(health._providers["local"].models) <= MOST_MODELS + MAX_DYNAMIC
    assert resolved(names, "invented-0") == [[["local/invented-0"]]]


def test_a_wrong_name_among_thousands_is_answered_quickly():
    """Anybody may send one again and again: while it is compared, nobody else is served."""
    models = [f"family-{number % 40}/some-model-{number}-instruct-v{number % 7}" for number in range(5000)]
    names = names_of(provider("router", *models))
    names.names()
    with pytest.raises(UnknownModel):
        names.resolve("first")
    begun = time.perf_counter()
    for _ in range(5):
        with pytest.raises(UnknownModel, match="did you mean"):
            names.resolve("router/family-3/some-model-4003-instrukt-v6")
    assert (time.perf_counter() - begun) / 5 < 0.1  # half a second when all were compared


def test_providers_without_models_of_their_own_share_no_state():
    names = names_of(provider("edge", wildcard=True))
    assert names.resolve("edge/a") is names.resolve("edge/a")
    assert names.resolve("edge/a") is not names.resolve("edge/b")
