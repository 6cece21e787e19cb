"""The JSON Schema accepts and refuses what the loader does, as far as a schema can."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from segue.config.known import Known
from segue.config.load import parse_settings
from segue.config.schema import json_schema
from segue.core.errors import ConfigError

PROVIDER: dict[str, Any] = {"adapter": "openai"}
CLOUD = {"adapter": "cloud", "region": "eu", "base_url": "https://x.test"}


@pytest.fixture(scope="module")
def validator(known: Known) -> Draft202012Validator:
    schema = json_schema(known)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def one(**more: Any) -> dict[str, Any]:
    return {"providers": {"a": {**PROVIDER, **more}}}


GOOD: list[dict[str, Any]] = [
    {"server": {"host": "0.0.0.0", "port": 0, "body_limit": "1MiB", "shutdown_timeout": "0s", "max_calls": 5}},
    {"server": {"cors": {"origins": ["*", "https://app.example.com:8443"], "max_age": "1h"}}},
    {"server": None, "policies": None, "models": None, "providers": None},
    {"store": "sqlite:////a/b.db", "state": "memory", "auth": {"mode": "open", "force": True}},
    {"store": "sqlite://"},
    {"server": {"port": "8080"}, "auth": {"mode": "open", "force": "false"}},
    one(key="k", models=["a", "*"], priority=0, weight=2, enabled=False, catch_all=True),
    one(keys=["k", "l"], base_url="http://127.0.0.1:9/v1", allow_private_network=True),
    one(models={"a": {"context": 5, "capabilities": ["tools"]}, "b": None, "org/c:d": {}}),
    one(models={"a": {"max_output": 5, "prices": {"input": "2.5", "output": 10, "currency": "EUR", "request": 0.001}}}),
    {**one(), "prices": {"source": "package", "overrides": {"a/gpt-*": {"input": 0, "above": {"5": {"input": 1}}}}}},
    {**one(), "prices": {"overrides": {"*/b": {"input": 1, "service_tiers": {"batch": 0.5}, "date": "2026-11-20"}}}},
    {"prices": {"exchange": {"RUB": {"rate": 0.0125, "date": "2026-11-20", "source": "cbr.ru"}}}},
    one(base_url="HTTPS://X.test"),
    {"providers": {"c": CLOUD}},
    {"providers": {"c": {**CLOUD, "token": "t", "size": 5}, "d": {"adapter": "chatty", "anything": [1]}}},
    {"providers": {"g": {"adapter": "groq", "key": "k"}, "h": {"adapter": "groq", "enabled": False}}},
    {**one(), "models": {"x": "a/b", "y": ["a/b", "a/c"], "z": [["a/b", "a/c"], "a/d/e:f"]}},
    {**one(), "models": {"x": {"tiers": [["a/b", "a/c"], "a/d"], "hold": "64 tokens"}, "y": {"tiers": "a/b"}}},
    {**one(), "models": {"x": {"tiers": "a/b", "on_cut": "continue"}}, "policies": {"llm": {"on_cut": "error"}}},
    {"policies": {"default": {"hold": "none"}, "llm": {"hold": "1 token"}, "chat": {"hold": "1m30s"}}},
    {"policies": {"default": {"strategy": "round_robin", "retries": 0}, "llm": {}, "weather.*": {"deadline": "1h30m"}}},
    {"policies": {"chat": {"timeouts": {"connect": "5s", "stream": "1h"}, "breaker": {"rate": 0.5, "failures": 3}}}},
]
FROM_THE_ENVIRONMENT = {
    "server": {"host": "${H}", "port": "${P}", "body_limit": "${S}", "shutdown_timeout": "${D}"},
    "store": "${STORE}",
    "auth": {"mode": "${MODE}", "force": "${F}"},
    "providers": {
        "a": {
            "adapter": "${A}",
            "base_url": "${U}",
            "key": "${H}",
            "weight": "${P}",
            "models": ["${M}"],
            "enabled": "${F}",
        },
        "c": {"adapter": "cloud", "region": "${H}", "base_url": "${U}", "size": "${P}"},
    },
    "models": {"x": "${T}", "y": ["a/${M}"], "z": {"tiers": "${T}", "hold": "${HOLD}"}},
    "policies": {"chat": {"strategy": "${R}", "hold": "${HOLD}", "deadline": "${D}", "breaker": {"rate": "${ONE}"}}},
}
ENVIRON = {
    "H": "h", "P": "5", "S": "1MiB", "D": "5s", "STORE": "sqlite://", "MODE": "open", "F": "true", "A": "openai",
    "U": "https://x.test", "M": "m", "T": "a/m", "R": "priority", "ONE": "1", "HOLD": "2s",
}  # fmt: skip
BAD: list[dict[str, Any]] = [
    {"porvider": {}},
    {"server": {"prot": 1}},
    {"server": {"port": 70000}},
    {"server": {"port": "x"}},
    {"server": {"port": None}},
    {"server": {"body_limit": 5}},
    {"server": {"shutdown_timeout": 30}},
    {"server": {"cors": {}}},
    {"server": {"cors": {"origins": []}}},
    {"server": {"cors": {"origins": ["https://x.test/a"]}}},
    {"server": []},
    {"store": "postgresql://x"},
    {"store": "sqlite://x"},
    {"store": "sqlite:///"},
    {"state": "redis://x"},
    {"auth": {"mode": "none"}},
    {"auth": {"mode": "open", "force": "yes"}},
    {"providers": {"A": PROVIDER}},
    {"providers": {"a/b": PROVIDER}},
    {"providers": {"a": {}}},
    {"providers": {"a": {"adapter": "opnai"}}},
    {"providers": {"g": {"adapter": "groq"}}},
    {"providers": {"c": {"adapter": "cloud", "base_url": "https://x.test"}}},
    {"providers": {"c": {**CLOUD, "zone": 1}}},
    {"providers": {"c": {**CLOUD, "size": []}}},
    one(region="eu"),
    one(quota=[]),
    one(key="a", keys=["b"]),
    one(key=5),
    one(key=""),
    one(keys=[]),
    one(keys="a"),
    one(models=[]),
    one(models={}),
    one(models=["a", "a"]),
    one(models=["gpt-*"]),
    one(models={"a": {"prices": 1}}),
    one(models={"a": {"prices": {"output": 1}}}),
    one(models={"a": {"prices": {"input": -1}}}),
    one(models={"a": {"prices": {"input": 1, "currency": "dollars"}}}),
    one(models={"a": {"prices": {"input": 1, "above": {"x": {"input": 1}}}}}),
    {"prices": {"source": "elsewhere"}},
    {"prices": {"overrides": {"gpt-4o": {"input": 1}}}},
    {"prices": {"exchange": {"RUB": {"rate": 0, "date": "2026-11-20", "source": "x"}}}},
    {"prices": {"exchange": {"RUB": {"rate": 1}}}},
    one(models={"a": {"capabilities": "tools"}}),
    one(weight=0),
    one(base_url="ftp://x"),
    one(base_url="https://u:p@x.test"),
    one(base_url="https://x.test?a"),
    {**one(), "models": {"x": []}},
    {**one(), "models": {"x": "b"}},
    {**one(), "models": {"x": [[["a/b"]]]}},
    {**one(), "models": {"x*": "a/b"}},
    {"policies": {"chta": {}}},
    {"policies": {"*": {}}},
    {"policies": {"chat": {"strategy": "random"}}},
    {"policies": {"chat": {"hold": "some"}}},
    {"policies": {"chat": {"hold": 64}}},
    {"policies": {"chat": {"on_cut": "retry"}}},
    {**one(), "models": {"x": {"tiers": "a/b", "on_cut": True}}},
    {"policies": {"chat": {"hold": "64"}}},
    {**one(), "models": {"x": {"hold": "all"}}},
    {**one(), "models": {"x": {"tiers": [], "hold": "all"}}},
    {**one(), "models": {"x": {"tiers": "a/b", "hold": "alll"}}},
    {**one(), "models": {"x": {"tiers": "a/b", "holt": "all"}}},
    {"policies": {"chat": {"deadline": 5}}},
    {"policies": {"chat": {"deadline": "5 s"}}},
    {"policies": {"chat": {"deadline": None}}},
    {"policies": {"chat": {"breaker": {"rate": 0}}}},
    {"policies": {"chat": {"breaker": {"rate": 2}}}},
    {"policies": {"chat": {"retries": 50}}},
    {"policies": {"chat": 5}},
]


@pytest.mark.parametrize("data", GOOD)
def test_what_the_loader_accepts_the_schema_accepts(
    validator: Draft202012Validator, known: Known, data: dict[str, Any]
):
    parse_settings(data, known)
    assert [error.message for error in validator.iter_errors(data)] == []


def test_a_reference_to_the_environment_may_stand_for_any_value(validator: Draft202012Validator, known: Known):
    parse_settings(FROM_THE_ENVIRONMENT, known, environ=ENVIRON)
    assert [error.message for error in validator.iter_errors(FROM_THE_ENVIRONMENT)] == []


@pytest.mark.parametrize("data", BAD)
def test_what_the_loader_refuses_for_its_shape_the_schema_refuses(
    validator: Draft202012Validator, known: Known, data: dict[str, Any]
):
    with pytest.raises(ConfigError):
        parse_settings(data, known)
    assert not validator.is_valid(data)


def test_the_schema_is_plain_json_and_every_key_has_a_description(known: Known):
    schema = json.loads(json.dumps(json_schema(known)))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in schema
    for name, section in schema["properties"].items():
        assert section["description"], name
    sections = ("Server", "Cors", "Auth", "Alias", "Policy", "Timeouts", "Breaker")
    for name in (*sections, "ModelSettings", "Prices", "ModelPrices"):
        for key, value in schema["$defs"][name]["properties"].items():
            assert value.get("description"), (name, key)
    (openai,) = [
        branch["then"]["properties"]
        for branch in schema["properties"]["providers"]["anyOf"][0]["additionalProperties"]["allOf"]
        if branch["if"]["properties"]["adapter"]["const"] == "openai"
    ]
    assert all(value.get("description") for key, value in openai.items() if key != "adapter")


def test_every_default_in_the_schema_is_valid_in_its_place(known: Known):
    schema = json_schema(known)
    count = 0
    for definition in schema["$defs"].values():
        for value in definition.get("properties", {}).values():
            if "default" in value:
                Draft202012Validator({**value, "$defs": schema["$defs"]}).validate(value["default"])
                count += 1
    assert count >= 8
