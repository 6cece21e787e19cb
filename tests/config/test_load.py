"""What a configuration may say: what is accepted, what is refused, and with which words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from segue.config.known import Known
from segue.config.load import Loaded, Override, load_settings, parse_settings
from segue.core.call import NO_HOLD, Hold
from segue.core.errors import ConfigError

Load = Callable[..., Loaded]
Problems = Callable[..., list[str]]


def provider(**more: Any) -> dict[str, Any]:
    return {"providers": {"openai": {"adapter": "openai", **more}}}


def refused(known: Known, data: Any, **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_settings(data, known, **more)
    return list(caught.value.problems)


def test_the_defaults_are_those_of_the_contract(known: Known):
    settings = parse_settings({}, known).settings
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 3002)
    assert settings.server.body_limit == 32 * 1024**2
    assert settings.server.shutdown_timeout == 30.0
    assert settings.server.max_calls == 10_000
    assert settings.server.cors is None
    assert (settings.store, settings.state, settings.auth.mode) == ("sqlite:///segue.db", "memory", "keys")
    assert (settings.providers, settings.models, settings.policies) == ({}, {}, {})


def test_which_sections_were_given_can_be_told(known: Known):
    assert parse_settings({}, known).settings.model_fields_set == set()
    given = parse_settings({"store": "sqlite://", **provider()}, known).settings.model_fields_set
    assert given == {"store", "providers"}


def test_a_provider_keeps_what_was_said_and_the_defaults_of_the_rest(known: Known):
    one = parse_settings(provider(keys=["a", "b"], priority=3), known).settings.providers["openai"]
    assert [key.get_secret_value() for key in one.all_keys] == ["a", "b"]
    assert (one.priority, one.weight, one.enabled) == (3, 1, True)
    assert (one.catch_all, one.allow_private_network, one.wildcard) == (False, False, False)
    assert one.listed is None
    assert one.options == {}


def test_models_may_be_a_list_or_a_mapping_and_hold_a_wildcard(known: Known):
    one = parse_settings(provider(models=["a", "*"]), known).settings.providers["openai"]
    assert one.wildcard
    assert list(one.listed or {}) == ["a"]
    told = {"a": {"context": 128000, "capabilities": ["tools"]}, "b": None, "*": None}
    one = parse_settings(provider(models=told), known).settings.providers["openai"]
    assert one.wildcard
    assert one.listed is not None
    assert (one.listed["a"].context, one.listed["a"].capabilities) == (128000, ("tools",))
    assert one.listed["b"].context is None


def test_the_tiers_of_an_alias_are_read_as_the_contract_writes_them(load: Load):
    text = """
providers:
  openai: {adapter: openai, models: [gpt-4o, gpt-4o-mini]}
  azure: {adapter: azure, models: [gpt-4o]}
  claude: {adapter: anthropic, key: k}
models:
  smart: [[openai/gpt-4o, azure/gpt-4o], claude/claude-sonnet-4-5]
  quick: [azure/gpt-4o, openai/gpt-4o-mini]
  one: claude/org/with:colons/and/slashes
"""
    models = load(text).settings.models
    assert models["smart"].tiers == (("openai/gpt-4o", "azure/gpt-4o"), ("claude/claude-sonnet-4-5",))
    assert models["quick"].tiers == (("azure/gpt-4o",), ("openai/gpt-4o-mini",))
    assert models["one"].tiers == (("claude/org/with:colons/and/slashes",),)


def test_an_alias_in_full_has_its_tiers_and_a_hold_of_its_own(load: Load):
    text = """
providers: {openai: {adapter: openai}}
models:
  plain: openai/x
  full: {tiers: [[openai/x, openai/y], openai/z], hold: 64 tokens}
  never: {tiers: openai/x, hold: none}
"""
    models = load(text).settings.models
    assert models["full"].tiers == (("openai/x", "openai/y"), ("openai/z",))
    assert [models[name].hold for name in ("plain", "full", "never")] == [None, Hold(tokens=64), NO_HOLD]


def test_a_mistake_inside_an_alias_is_found_on_its_own_line(problems: Problems):
    text = """providers: {openai: {adapter: openai, models: [x]}}
models:
  a:
    hold: 5 tokns
    tiers:
      - openai/x
  b:
    hold: all
    tiers: [openai/z]
  c:
    tiers: openai/x
    holdd: all
"""
    assert [one.split(": ")[:2] for one in problems(text)] == [
        ["segue.yaml:4", "models.a.hold"],
        ["segue.yaml:12", "models.c.holdd"],
        ["segue.yaml:9", "models.b.tiers"],
    ]


def test_settings_cannot_be_changed(known: Known):
    settings = parse_settings(provider(), known).settings
    with pytest.raises(ValueError, match="frozen"):
        settings.server.port = 1


def test_every_problem_is_found_at_once_each_with_its_line(problems: Problems):
    text = """server: {prot: 1}
stroe: x
providers:
  openai:
    adapter: opnai
  azure:
    adapter: azure
    prioritty: 3
models:
  a: [azuer/x]
policies:
  chta: {deadline: 5}
  chat:
    timeouts:
      conect: 3s
"""
    found = problems(text)
    assert [one.split(": ")[:2] for one in found] == [
        ["segue.yaml:2", "stroe"],
        ["segue.yaml:1", "server.prot"],
        ["segue.yaml:5", "providers.openai.adapter"],
        ["segue.yaml:8", "providers.azure.prioritty"],
        ["segue.yaml:10", "models.a"],
        ["segue.yaml:12", "policies.chta.deadline"],
        ["segue.yaml:12", "policies.chta"],
        ["segue.yaml:15", "policies.chat.timeouts.conect"],
    ]


@pytest.mark.parametrize(
    ("data", "place", "says"),
    [
        ({"porvider": {}}, "porvider", "unknown key 'porvider': did you mean 'providers'"),
        ({"quota": {}}, "quota", "unknown key"),
        ({"server": {"hsot": "x"}}, "server.hsot", "did you mean 'host'?"),
        ({"server": {"cors": {"origins": ["*"], "orgins": []}}}, "server.cors.orgins", "did you mean 'origins'?"),
        ({"server": {"cors": {}}}, "server.cors.origins", "is missing: add 'origins: …'"),
        ({"server": {"cors": {"origins": []}}}, "server.cors.origins", "empty list"),
        ({"server": {"cors": {"origins": ["https://x.test/path"]}}}, "server.cors.origins[0]", "write 'https://x.test'"),
        ({"server": {"port": 70000}}, "server.port", "must be from 0 to 65535, not 70000"),
        ({"server": {"port": True}}, "server.port", "whole number from 0 to 65535, not true"),
        ({"server": {"port": 1.5}}, "server.port", "not 1.5"),
        ({"server": {"port": float("nan")}}, "server.port", "not nan"),
        ({"server": {"port": 10**5000}}, "server.port", "must be from 0 to 65535, not a huge number"),
        ({"server": {"host": ""}}, "server.host", "is empty"),
        ({"server": {"host": 4}}, "server.host", "put it in quotes"),
        ({"server": {"body_limit": "1B"}}, "server.body_limit", "must be from 1KiB to 1GiB, not '1B'"),
        ({"server": {"shutdown_timeout": "2h"}}, "server.shutdown_timeout", "must be from 0s to 1h, not '2h'"),
        ({"server": "x"}, "server", "must be a mapping"),
        ({"server": {"port": None}}, "server.port", "has no value"),
        ({"state": "redis://localhost"}, "state", "must be one of memory"),
        ({"store": "postgresql://x/y"}, "store", "this version of Segue keeps its records in SQLite only"),
        ({"store": "postgres://x/y"}, "store", "SQLite only"),
        ({"store": "none"}, "store", "must be 'sqlite:///segue.db'"),
        ({"store": "sqlite://x.db"}, "store", "needs three slashes"),
        ({"store": "sqlite:///"}, "store", "names no file"),
        ({"store": "sqlite:///:memory:"}, "store", "'sqlite://' for memory"),
        ({"store": "sqlite:///a.db?mode=ro"}, "store", "plain path"),
        ({"auth": {"mode": "opne"}}, "auth.mode", "did you mean 'open'?"),
        ({"auth": {"force": True}}, "auth.force", "only with 'mode: open'"),
        ({"auth": {"mode": "open", "force": "yes"}}, "auth.force", "must be true or false, not 'yes'"),
        ({"auth": {"mode": "open"}, "server": {"host": "0.0.0.0"}}, "auth.mode", "'force: true'"),
        ({"auth": {"mode": "open"}, "server": {"host": "::"}}, "auth.mode", "'mode: keys'"),
        ({"providers": []}, "providers", "must be a mapping"),
        ({"providers": {"a/b": {"adapter": "openai"}}}, "providers.a/b", "is no id of a provider"),
        ({"providers": {"A": {"adapter": "openai"}}}, "providers.A", "is no id of a provider"),
        ({"providers": {"a": "openai"}}, "providers.a", "mapping with at least 'adapter', not text"),
        ({"providers": {"a": {}}}, "providers.a.adapter", "is missing"),
        ({"providers": {"a": {"adapter": 5}}}, "providers.a.adapter", "must be text"),
        ({"providers": {"a": {"adapter": "groqq", "x": 1}}}, "providers.a.adapter", "did you mean 'groq'?"),
        (provider(quota=[]), "providers.openai.quota", "unknown key"),
        (provider(options={}), "providers.openai.options", "unknown key"),
        (provider(api_key="x"), "providers.openai.api_key", "did you mean 'key'"),
        (provider(key="a", keys=["b"]), "providers.openai.key", "both 'key' and 'keys'"),
        (provider(keys=["a", "a"]), "providers.openai.keys[1]", "is the same as key number 1"),
        (provider(keys=[]), "providers.openai.keys", "is an empty list"),
        (provider(keys="a"), "providers.openai.keys", "must be a list of keys"),
        (provider(key=""), "providers.openai.key", "is empty"),
        (provider(key=5), "providers.openai.key", "put it in quotes"),
        (provider(key="a\nb"), "providers.openai.key", "printable ASCII"),
        (provider(key=None), "providers.openai.key", "has no value"),
        (provider(keys=["a", None]), "providers.openai.keys[1]", "is empty"),
        (provider(models=[]), "providers.openai.models", "name at least one model"),
        (provider(models={}), "providers.openai.models", "name at least one model"),
        (provider(models="gpt"), "providers.openai.models", "must be a list of names"),
        (provider(models=[4]), "providers.openai.models", "put it in quotes"),
        (provider(models=["a", "a"]), "providers.openai.models", "lists 'a' twice"),
        (provider(models=["gpt-*"]), "providers.openai.models", "'*' stands alone"),
        (provider(models={"*": {"context": 1}}), "providers.openai.models", "nothing can be said of it"),
        (provider(models={"a": {"prices": 1}}), "providers.openai.models.a.prices", "must be a mapping"),
        (provider(models={"a": {"prices": {}}}), "providers.openai.models.a.prices.input", "is missing"),
        (provider(models={"a": {"prices": {"input": -1}}}), "providers.openai.models.a.prices.input", "from 0 to"),
        (provider(models={"a": {"prices": {"input": 1e-10}}}), "providers.openai.models.a.prices.input", "9 decimal"),
        (provider(models={"a": {"prices": {"input": "free"}}}), "providers.openai.models.a.prices.input", "not 'free'"),
        (provider(models={"a": {"prices": {"input": 1, "currency": "usd"}}}),
            "providers.openai.models.a.prices.currency", "ISO 4217"),
        (provider(models={"a": {"prices": {"input": 1, "date": "yesterday"}}}),
            "providers.openai.models.a.prices.date", "a day such as"),
        (provider(models={"a": {"prices": {"input": 1, "above": {"many": {"input": 2}}}}}),
            "providers.openai.models.a.prices.above", "write it like 200000"),
        (provider(models={"a": {"prices": {"input": 1, "service_tiers": {"batch": 500}}}}),
            "providers.openai.models.a.prices.service_tiers.batch", "from 0 to 100"),
        (provider(models={"a": {"max_output": 0}}), "providers.openai.models.a.max_output", "must be from 1"),
        ({"prices": {"overides": {}}}, "prices.overides", "did you mean 'overrides'?"),
        ({"prices": {"source": "internet"}}, "prices.source", "must be one of shipped, package"),
        ({"prices": {"overrides": {"gpt-4o": {"input": 1}}}}, "prices.overrides", "write it like openai/gpt-4o*"),
        ({"prices": {"overrides": {"opnai/gpt-4o": {"input": 1}}}, **provider()}, "prices.overrides.opnai/gpt-4o",
            "did you mean 'openai'?"),
        ({"prices": {"exchange": {"rubles": {}}}}, "prices.exchange", "write it like RUB"),
        ({"prices": {"exchange": {"RUB": {"rate": 0, "date": "2026-11-20", "source": "x"}}}},
            "prices.exchange.RUB.rate", "above 0"),
        ({"prices": {"exchange": {"RUB": {"rate": 1, "source": "x"}}}}, "prices.exchange.RUB.date", "is missing"),
        (provider(models={"a": {"contxt": 1}}), "providers.openai.models.a.contxt", "did you mean 'context'?"),
        (provider(models={"${X}": {}}), "providers.openai.models", "a variable cannot name a key"),
        (provider(weight=0), "providers.openai.weight", "must be from 1"),
        (provider(catch_all=True), "providers.openai.catch_all", "needs 'models: [\"*\"]'"),
        (provider(base_url="ftp://x"), "providers.openai.base_url", "http:// or https://"),
        (provider(base_url="https://u:p@x.test"), "providers.openai.base_url", "must not hold a user"),
        (provider(base_url="https://x.test/?a=b"), "providers.openai.base_url", "query"),
        (provider(base_url="https://x.test/#a"), "providers.openai.base_url", "fragment"),
        (provider(base_url="https://x.test:99999"), "providers.openai.base_url", "is no address"),
        (provider(base_url="https://x y"), "providers.openai.base_url", "without spaces"),
        (provider(base_url="https://"), "providers.openai.base_url", "name a host"),
        (provider(base_url="https://-x"), "providers.openai.base_url", "is no name of a host"),
        (provider(base_url=5), "providers.openai.base_url", "must be an address"),
        ({"providers": {"g": {"adapter": "groq"}}}, "providers.g", "groq needs a key"),
        ({"models": {"openai": "openai/x"}, **provider()}, "models.openai", "is the id of a provider"),
        ({"models": {"a": []}}, "models.a", "is empty"),
        ({"models": {"a": [[]]}}, "models.a", "empty tier"),
        ({"models": {"a": [[["x/y"]]]}}, "models.a", "a list inside a tier"),
        ({"models": {"a": [3]}}, "models.a", "must name provider/model"),
        ({"models": {"a": {}}}, "models.a.tiers", "is missing: add 'tiers: …'"),
        ({"models": {"a": {"tires": "x/y", "tiers": "o/x"}}}, "models.a.tires", "did you mean 'tiers'?"),
        ({"models": {"a": {"tiers": []}}}, "models.a.tiers", "is empty"),
        ({"models": {"a": {"tiers": {"b": 1}}}}, "models.a.tiers", "must name provider/model"),
        ({"models": {"a": {"tiers": "opena/y"}}, **provider()}, "models.a.tiers", "did you mean 'openai'?"),
        ({"models": {"a": {"tiers": "openai/y", "hold": "2"}}, **provider()}, "models.a.hold", "needs a unit"),
        ({"models": {"openai": {"tiers": "openai/y"}}, **provider()}, "models.openai", "is the id of a provider"),
        ({"models": {"a": "x/y"}}, "models.a", "no providers are configured"),
        ({"models": {"a": "opena/y"}, **provider()}, "models.a", "did you mean 'openai'?"),
        ({"models": {"a": "openai/"}, **provider()}, "models.a", "names no model"),
        ({"models": {"a": "openai"}, **provider()}, "models.a", "write openai/name-of-the-model"),
        ({"models": {"a": "gpt"}, **provider(models=["gpt"])}, "models.a", "did you mean 'openai/gpt'?"),
        ({"models": {"a": "gpt"}}, "models.a", "write the provider before it"),
        ({"models": {"a": "b", "b": "openai/x"}, **provider()}, "models.a", "cannot stand for another name"),
        ({"models": {"a": "openai/gtp"}, **provider(models=["gpt"])}, "models.a", "did you mean 'gpt'?"),
        ({"models": {"a*": "openai/gpt"}, **provider()}, "models.a*", "cannot hold '*'"),
        ({"models": {" a": "openai/gpt"}, **provider()}, "models.…", "is no name"),
        ({"policies": {"chta": {}}}, "policies.chta", "did you mean 'chat'?"),
        ({"policies": {"wether.*": {}}}, "policies.wether.*", "is no operation, family or pattern"),
        ({"policies": {"*": {}}}, "policies.*", "is no operation, family or pattern"),
        ({"policies": {"*.current": {}}}, "policies.*.current", "is no operation, family or pattern"),
        ({"policies": {"chat": {"strategy": "cheapest"}}}, "policies.chat.strategy", "unknown strategy 'cheapest'"),
        ({"policies": {"chat": {"strategy": 5}}}, "policies.chat.strategy", "must be text"),
        ({"policies": {"chat": {"cache": {}}}}, "policies.chat.cache", "unknown key"),
        ({"policies": {"chat": {"hold": "some"}}}, "policies.chat.hold", "such as 64 tokens"),
        ({"policies": {"chat": {"hodl": "all"}}}, "policies.chat.hodl", "did you mean 'hold'?"),
        ({"policies": {"chat": {"on_cut": "continued"}}}, "policies.chat.on_cut", "did you mean 'continue'?"),
        ({"policies": {"chat": {"timeout": "5s"}}}, "policies.chat.timeout", "did you mean 'timeouts'?"),
        ({"policies": {"chat": {"deadline": 5}}}, "policies.chat.deadline", "say 5s"),
        ({"policies": {"chat": {"deadline": "0s"}}}, "policies.chat.deadline", "must be from 1ms to 1d, not '0s'"),
        ({"policies": {"chat": {"breaker": {"rate": 50}}}}, "policies.chat.breaker.rate", "up to 1"),
        ({"policies": {"chat": {"breaker": {"rate": 0}}}}, "policies.chat.breaker.rate", "above 0"),
        ({"policies": {"chat": {"breaker": {"fails": 1}}}}, "policies.chat.breaker.fails", "did you mean 'failures'?"),
        ({"policies": {"chat": {"breaker": []}}}, "policies.chat.breaker", "must be a mapping"),
        ({"policies": {"chat": {"retries": -1}}}, "policies.chat.retries", "must be from 0 to 20, not -1"),
        ({"policies": {"chat": {"max_attempts": 0}}}, "policies.chat.max_attempts", "must be from 1 to 100"),
        ({"policies": {"chat": 5}}, "policies.chat", "must be a mapping"),
    ],
)  # fmt: skip
def test_each_mistake_gives_one_problem_with_its_place_and_remedy(known: Known, data: Any, place: str, says: str):
    (message,) = refused(known, data)
    assert message.startswith(f"{place}: "), message
    assert says in message
    assert "\n" not in message


def test_a_forgotten_space_does_not_show_the_secret_that_became_a_key(problems: Problems):
    (message,) = problems("providers: {openai: {adapter: openai, key:sk-abc}}")
    assert "put a space after the colon" in message
    assert "sk-abc" not in message


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.",
     "a.localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "10.0.0.1",
     "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "[::1]", "[fe80::1]", "[fd00::1]",
     "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::]", "224.0.0.1"],
)  # fmt: skip
def test_an_address_on_this_machine_or_in_a_private_network_needs_leave(known: Known, host: str):
    (message,) = refused(known, provider(base_url=f"http://{host}:9001/v1"))
    assert "add 'allow_private_network: true'" in message
    allowed = provider(base_url=f"http://{host}:9001/v1/", allow_private_network=True)
    assert parse_settings(allowed, known).settings.providers["openai"].base_url == f"http://{host}:9001/v1"


@pytest.mark.parametrize(
    "host", ["api.openai.com", "8.8.8.8", "[2606:4700::1111]", "my_host.internal", "10.example.com"]
)
def test_other_addresses_need_no_leave(known: Known, host: str):
    parse_settings(provider(base_url=f"https://{host}/v1"), known)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_an_open_service_on_loopback_needs_no_force(known: Known, host: str):
    parse_settings({"auth": {"mode": "open"}, "server": {"host": host}}, known)


def test_an_open_service_elsewhere_is_possible_when_forced(known: Known):
    parse_settings({"auth": {"mode": "open", "force": True}, "server": {"host": "0.0.0.0"}}, known)


@pytest.mark.parametrize(
    "store", ["sqlite:///segue.db", "sqlite:////var/lib/segue.db", "sqlite://", "sqlite:///a/b c.db"]
)
def test_the_addresses_of_sqlite_are_accepted(known: Known, store: str):
    assert parse_settings({"store": store}, known).settings.store == store


def test_an_adapters_own_settings_are_validated_by_its_model_and_kept(known: Known):
    data = {"c": {"adapter": "cloud", "region": "eu", "base_url": "https://x.test/", "size": "7", "token": "t"}}
    one = parse_settings({"providers": data}, known).settings.providers["c"]
    assert dict(one.options) == {"region": "eu", "size": "7", "token": SecretStr("t")}
    assert one.base_url == "https://x.test"
    with pytest.raises(TypeError):
        one.options["region"] = "us"


def test_an_adapter_can_demand_its_own_and_common_keys(known: Known):
    found = refused(known, {"providers": {"c": {"adapter": "cloud"}}})
    assert found == [
        "providers.c.region: is missing: add 'region: …'",
        "providers.c.base_url: is missing: add 'base_url: …'",
    ]


def test_an_unknown_key_of_an_adapter_is_compared_with_its_own_and_the_common_keys(known: Known):
    data = {"adapter": "cloud", "region": "eu", "base_url": "https://x.test", "regoin": 1, "wieght": 2}
    found = refused(known, {"providers": {"c": data}})
    assert len(found) == 2
    assert "did you mean 'region'?" in found[0]
    assert "did you mean 'weight'?" in found[1]


def test_a_union_gives_one_problem(known: Known):
    data = {"adapter": "cloud", "region": "eu", "base_url": "https://x.test", "size": []}
    (message,) = refused(known, {"providers": {"c": data}})
    assert message == "providers.c.size: must be a valid integer or must be a valid string"


def test_a_bad_base_url_is_told_once_though_two_models_look_at_it(known: Known):
    assert len(refused(known, {"providers": {"c": {"adapter": "cloud", "region": "eu", "base_url": 5}}})) == 1


def test_a_provider_that_needs_a_key_may_be_off_without(known: Known):
    parse_settings({"providers": {"g": {"adapter": "groq", "enabled": False}}}, known)


def test_a_reference_to_a_provider_with_a_problem_of_its_own_is_not_called_unknown(known: Known):
    data = {"providers": {"a": {"adapter": "openai", "weight": 0}}, "models": {"m": "a/x"}}
    assert len(refused(known, data)) == 1


def test_an_alias_may_name_any_model_of_a_wildcard_or_of_a_catalogue(known: Known):
    for models in ({"models": ["*"]}, {}):
        parse_settings({**provider(**models), "models": {"a": "openai/whatever"}}, known)


def test_what_is_allowed_but_strange_is_a_warning(load: Load, tmp_path: Path):
    text = """providers:
  openai: {adapter: openai, models: [gpt, x]}
models:
  gpt: openai/x
  openai/y: openai/x
  twice: [openai/x, openai/x]
policies:
  chat: {timeouts: {first_byte: 9s, first_content: 5s}}
"""
    warnings = [warning.removeprefix(f"{tmp_path}/segue.yaml:") for warning in load(text).warnings]
    assert [warning.split(": ")[:2] for warning in warnings] == [
        ["4", "models.gpt"], ["5", "models.openai/y"], ["6", "models.twice"],
        ["8", "policies.chat.timeouts.first_byte"],
    ]  # fmt: skip
    assert "openai/gpt" in warnings[0]


def test_a_section_whose_lines_are_all_commented_out_counts_as_absent(load: Load):
    settings = load("server:\npolicies:\n  # chat: {}\nproviders: {openai: {adapter: openai}}\n").settings
    assert settings.server.port == 3002
    assert settings.policies == {}


def test_an_override_stands_above_the_file_and_above_a_missing_variable(load: Load):
    text = 'server: {port: "${PORT}"}\nproviders: {openai: {adapter: openai}}\n'
    loaded = load(
        text, overrides=[Override(("server", "port"), "99", "PORT"), Override(("store",), "sqlite://", "--s")]
    )
    assert loaded.settings.server.port == 99
    assert loaded.settings.store == "sqlite://"


def test_a_bad_override_is_named_by_its_source(problems: Problems):
    found = problems(
        "server: {host: x}\n",
        overrides=[
            Override(("server", "port"), "99x", "--port"),
            Override(("store",), "postgresql://u:secret-word@h/d", "DATABASE_URL"),
        ],
    )
    assert found[0].startswith("--port: server.port: must be a whole number")
    assert found[1].startswith("DATABASE_URL: store: this version")
    assert "secret-word" not in str(found)


def test_an_override_is_not_expanded(known: Known):
    override = Override(("server", "host"), "${X}", "--host")
    assert parse_settings({}, known, overrides=[override]).settings.server.host == "${X}"


def test_loading_tells_the_file_it_came_from(load: Load, tmp_path: Path):
    loaded = load("state: memory\n")
    assert loaded.source == tmp_path / "segue.yaml"
    assert loaded.files == (tmp_path / "segue.yaml",)


def test_json_is_a_configuration_too(tmp_path: Path, known: Known):
    path = tmp_path / "segue.json"
    path.write_text('{\n\t"providers": {"openai": {"adapter": "openai", "key": "k"}}\n}')
    assert "openai" in load_settings(path, {}, known).settings.providers


def test_the_library_gets_the_same_checks_on_plain_data(known: Known):
    assert refused(known, {"providers": {1: {}}}) == ["providers: keys must be text, not a number"]
    assert refused(known, []) == ["settings must be a mapping of sections such as 'providers', not a list"]
    circular: dict[str, Any] = {}
    circular["providers"] = circular
    assert "levels of nesting" in refused(known, circular)[0]
    wide = {"providers": [[0] * 1000] * 1000}
    assert "more than 200000 values" in refused(known, wide)[0]


def test_the_library_may_pass_a_key_as_a_secret(known: Known):
    one = parse_settings(provider(key=SecretStr("k")), known).settings.providers["openai"]
    assert one.all_keys == (SecretStr("k"),)


def test_what_was_passed_is_not_changed(known: Known):
    data = {"server": {"cors": None}, "policies": None}
    with pytest.raises(ConfigError):
        parse_settings(data, known)
    assert data == {"server": {"cors": None}, "policies": None}


def test_many_problems_are_cut_short(known: Known):
    found = refused(known, {f"key{n}": 1 for n in range(250)})
    assert len(found) == 101
    assert found[-1] == "and more problems: mend these first"


@pytest.mark.timeout(15)
def test_thousands_of_wrong_names_among_thousands_are_reported_in_reasonable_time(known: Known):
    providers = {f"p{n}": {"adapter": "openai"} for n in range(3000)}
    found = refused(known, {"providers": providers, "models": {f"a{n}": f"q{n}/x" for n in range(3000)}})
    assert len(found) == 101
