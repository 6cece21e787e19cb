"""Selectors, tags, names of models, keys and overrides in a configuration: what is accepted, and what an error says."""

from collections.abc import Callable
from typing import Any

import pytest

from segue.config.known import Known
from segue.config.load import Loaded, parse_settings
from segue.config.schema import json_schema
from segue.core.errors import ConfigError
from segue.core.selection import Selector

PROVIDERS: dict[str, Any] = {
    "a": {
        "adapter": "openai",
        "tags": ["eu"],
        "models": {"x": {"capabilities": ["tools"], "tags": ["best"]}, "y-1": None},
    },
    "b": {"adapter": "openai", "models": ["x", "z"]},
}


def aliases(known: Known, **models: Any) -> dict[str, Any]:
    return {
        name: one.tiers
        for name, one in parse_settings({"providers": PROVIDERS, "models": models}, known).settings.models.items()
    }


def refused(known: Known, data: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_settings(data, known)
    return list(caught.value.problems)


def test_a_selector_may_stand_wherever_a_name_may(known: Known):
    tiers = aliases(
        known,
        alone={"tag": "eu"},
        listed=[{"channel": "a"}, "b/z"],
        equals=[["b/z", {"capability": ["tools"], "tag": ["eu", "best"]}]],
        full={"tiers": {"match": "y-.*", "exclude": ["*-2", {"tag": "worst"}]}, "hold": "all"},
    )
    assert tiers["alone"] == ((Selector(tags=("eu",)),),)
    assert tiers["listed"] == ((Selector(channel="a"),), ("b/z",))
    assert tiers["equals"] == (("b/z", Selector(tags=("eu", "best"), capabilities=("tools",))),)
    (only,) = tiers["full"][0]
    assert str(only) == "{match: 'y-.*', exclude: [*-2, {tag: worst}]}"


@pytest.mark.parametrize(
    ("selector", "why"),
    [
        (
            {"tag": "asia"},
            "{tag: asia} means no model: no model that is listed has the tag 'asia': there are: best, eu",
        ),
        ({"channel": "c"}, "names an unknown provider: there are: a, b"),
        ({"capability": "tool"}, "did you mean 'tools'?"),
        ({"format": "chat"}, "there are none"),
        ({"match": "y"}, "matches 'y' as a whole: write 'llama.*', not 'llama'"),
        ({"tag": "eu", "exclude": "*"}, "everything is excluded"),
        ({"tag": "best", "match": "z"}, "no listed model fulfils all of it"),
        ({"tags": "eu", "tag": "eu"}, "unknown key 'tags': did you mean 'tag'?"),
        ({"exclude": "x"}, "says nothing: give it one of channel, tag"),
        ({"match": "(x"}, "whose 'match' has a '(' that is never closed"),
        ({"match": "x" * 201}, "must have 1 to 200 characters"),
        ({"tag": 5}, "'tag' must be text such as eu, not a number"),
        ({"tag": []}, "'tag' is a list of 0"),
        ({"channel": ["a", "b"]}, "several words under 'channel'"),
        ({"tag": "eu", "exclude": [5]}, "'exclude' holds a number"),
        ({"tag": "eu", "exclude": [{"tag": "x", "exclude": "y"}]}, "unknown key 'exclude'"),
        ({"nonsense": 1}, "must name provider/model, a selector such as {tag: eu}"),
    ],
)
def test_a_selector_that_is_wrong_or_means_nothing_is_one_problem_with_its_remedy(
    known: Known, selector: Any, why: str
):
    problems = refused(known, {"providers": PROVIDERS, "models": {"m": [["b/z", selector]]}})
    assert len(problems) == 1
    assert problems[0].startswith(("models.m[0][1]: ", "models.m: "))
    assert why in problems[0]


def test_an_empty_selector_is_found_at_its_own_line(problems: Callable[..., list[str]]):
    text = """
providers:
  a: {adapter: openai, models: [x]}
models:
  m:
    tiers:
      - a/x
      - - a/x
        - {tag: eu}
"""
    (problem,) = problems(text)
    assert problem == (
        "segue.yaml:9: models.m.tiers[1][1]: {tag: eu} means no model: "
        "no model that is listed has the tag 'eu': there are none"
    )


def test_what_a_broken_provider_would_have_listed_is_not_called_missing(known: Known):
    broken = {**PROVIDERS, "b": {"adapter": "nobody", "models": ["seen"]}}
    problems = refused(known, {"providers": broken, "models": {"m": {"match": "seen"}}})
    assert len(problems) == 1
    assert "nobody" in problems[0]


def one(**more: Any) -> dict[str, Any]:
    return {"providers": {"a": {"adapter": "openai", **more}}}


def test_keys_are_secrets_or_mappings_and_the_rest_of_the_provider_keeps_its_place(known: Known):
    keys = ["first", {"key": "second", "models": ["x*"], "model_map": {"x": "deep"}}]
    loaded = parse_settings(one(keys=keys, models=["x", "xy"], model_map={"x*": "own-*"}), known).settings.providers[
        "a"
    ]
    assert [key.get_secret_value() for key in loaded.all_keys] == ["first", "second"]
    assert [key.models for key in loaded.key_settings] == [None, ("x*",)]
    assert loaded.key_settings[1].model_map == {"x": "deep"}
    assert loaded.model_map == {"x*": "own-*"}
    assert "second" not in repr(loaded)


def test_overrides_are_plain_json_and_headers_are_secret_and_in_lower_case(load: Callable[..., Loaded]):
    text = """
providers:
  a:
    adapter: openai
    forward_headers: [X-Trace-Id]
    overrides:
      set: {temperature: 0, stop: ["${STOP}"]}
      defaults: {seed: 7}
      drop: [logit_bias]
      headers: {X-Billing: "${BILL}"}
"""
    a = load(text, {"STOP": "end", "BILL": "secret-4711"}).settings.providers["a"]
    assert a.overrides.set == {"temperature": 0, "stop": ["end"]}
    assert type(a.overrides.set["stop"][0]) is str
    assert (a.overrides.defaults, a.overrides.drop) == ({"seed": 7}, ("logit_bias",))
    assert a.overrides.headers["x-billing"].get_secret_value() == "secret-4711"
    assert "secret-4711" not in repr(a)
    assert a.forward_headers == ("x-trace-id",)


@pytest.mark.parametrize(
    ("provider", "where", "why"),
    [
        ({"tags": ["a b"]}, "tags[0]", "must be a tag of letters"),
        ({"tags": "eu"}, "tags", "must be a list of tags"),
        ({"model_map": ["x"]}, "model_map", "must be a mapping"),
        ({"model_map": {"a*b*": "c"}}, "model_map", "more than one '*'"),
        ({"model_map": {"a": "c-*"}}, "model_map", "has none that it could take"),
        ({"model_map": {"a": 5}}, "model_map", "must be a name of a model"),
        ({"keys": [{"models": ["x"]}]}, "keys[0].key", "is missing"),
        ({"keys": [{"key": "k", "model": "x"}]}, "keys[0].model", "did you mean 'models'"),
        ({"keys": [{"key": "k", "models": ["n"]}], "models": ["x"]}, "keys", "no key serves 'x'"),
        (
            {"keys": ["j", {"key": "k", "models": ["n"]}], "models": ["x"]},
            "keys[1].models[0]",
            "means none of its models",
        ),
        ({"overrides": {"set": {"model": "x"}}}, "overrides.set", "use 'model_map'"),
        ({"overrides": {"drop": ["stream"]}}, "overrides.drop[0]", "written by Segue itself"),
        ({"overrides": {"defaults": [1]}}, "overrides.defaults", "must be a mapping"),
        ({"overrides": {"set": {"x": "y" * 70_000}}}, "overrides.set", "larger than 64 KiB"),
        ({"overrides": {"headers": {"host": "x"}}}, "overrides.headers", "belongs to the connection"),
        ({"overrides": {"headers": {"a b": "x"}}}, "overrides.headers", "such as x-trace-id"),
        ({"overrides": {"headers": {"x-a": "1", "X-A": "2"}}}, "overrides.headers", "twice"),
        ({"overrides": {"headers": {"x-a": "a\nb"}}}, "overrides.headers.x-a", "printable ASCII"),
        ({"forward_headers": ["Authorization"]}, "forward_headers[0]", "'authorization' cannot be used"),
        ({"forward_headers": ["x-segue-only"]}, "forward_headers[0]", "cannot be used"),
        ({"forward_headers": "x-trace"}, "forward_headers", "must be a list of headers"),
    ],
)
def test_a_mistake_in_them_names_the_key_and_the_remedy(known: Known, provider: Any, where: str, why: str):
    found = [problem for problem in refused(known, one(**provider)) if problem.startswith(f"providers.a.{where}: ")]
    assert len(found) == 1
    assert why in found[0]


def test_the_secret_of_a_key_in_a_mapping_is_never_told(known: Known):
    same = "sk-very-secret-key-0815"
    problems = refused(known, one(keys=[{"key": same}, {"key": same}], base_url=f"ftp://{same}"))
    assert problems
    assert same not in "".join(problems)


def test_the_schema_takes_what_the_loader_takes(known: Known):
    from jsonschema import Draft202012Validator

    good = {
        "providers": {
            **PROVIDERS,
            "c": {
                "adapter": "openai", "keys": ["k", {"key": "${K}", "models": ["x*"], "model_map": {"x": "y"}}],
                "overrides": {"set": {"a": [1]}, "drop": ["b"], "headers": {"x-a": "1"}}, "forward_headers": ["x-t"],
                "models": ["x"],
            },
        },
        "models": {"m": {"tag": "eu"}, "n": [[{"match": "x", "exclude": ["b/*", {"tag": "worst"}]}, "b/z"]]},
    }  # fmt: skip
    validator = Draft202012Validator(json_schema(known))
    assert validator.is_valid(good)
    parse_settings(good, known, environ={"K": "v"})
    for bad in ({"tog": "eu"}, {"exclude": "x"}, [{"tag": "eu", "exclude": [{"tag": "a", "exclude": "b"}]}]):
        assert not validator.is_valid({**good, "models": {"m": bad}})
