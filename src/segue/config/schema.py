"""The configuration for editors: completion, descriptions and red lines while it is written.

A JSON Schema (2020-12) that accepts what the loader accepts, as far as a schema can: it knows shapes and names, not
whether a variable is set, a duration in bounds or an alias free. Where a value comes from the environment, its text
is all that can be looked at, so a `${…}` is allowed wherever a value is.
"""

from typing import Any

from pydantic import BaseModel

from segue.config.fields import REFERENCE
from segue.config.known import Known
from segue.config.listed import NAME_PATTERN
from segue.config.models import Settings
from segue.config.sections import PROVIDER_ID

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# What pydantic adds and nobody reads: titles made of the keys' names, and nulls of keys that were not given.
_NOISE = {"title"}


def json_schema(known: Known) -> dict[str, Any]:
    """The JSON Schema of a configuration that may use the `known` names."""
    schema = _tidy(Settings.model_json_schema())
    definitions: dict[str, Any] = schema.pop("$defs")
    properties: dict[str, Any] = schema["properties"]
    keys: dict[str, Any] = definitions["Provider"]["properties"]["keys"]
    keys["items"] = {"anyOf": [definitions["KeySettings"]["properties"]["key"], keys["items"]]}
    properties["providers"] = {
        "description": properties["providers"]["description"],
        "type": "object",
        "additionalProperties": _provider(definitions, known),
        "propertyNames": {"pattern": f"^{PROVIDER_ID.pattern}$"},
    }
    definitions.pop("Provider", None)
    properties["models"]["additionalProperties"] = _alias(definitions)
    properties["models"]["propertyNames"] = {"pattern": r"^[^*\s]([^*]*[^*\s])?$"}
    properties["policies"]["propertyNames"] = _policy_names(known)
    strategy = definitions["Policy"]["properties"]["strategy"]
    definitions["Policy"]["properties"]["strategy"] = {
        **{key: value for key, value in strategy.items() if key != "type"},
        "anyOf": [{"enum": sorted(known.strategies)}, REFERENCE],
    }
    # A section of which every line is commented out is empty, and allowed to be.
    sections = {
        name: {"description": Settings.model_fields[name].description, "anyOf": [one, {"type": "null"}]}
        for name, one in properties.items()
    }
    return {
        "$schema": DIALECT,
        "title": "Segue configuration",
        "description": "The file segue.yaml.",
        "type": "object",
        "properties": sections,
        "additionalProperties": False,
        "minProperties": 1,
        "$defs": definitions,
    }


def _provider(definitions: dict[str, Any], known: Known) -> dict[str, Any]:
    """One branch for each adapter: the common keys, and the adapter's own."""
    common: dict[str, Any] = definitions["Provider"]["properties"]
    branches = []
    for adapter in sorted(known.adapters()):
        own, required, is_open = _options(definitions, adapter, known.adapter_options(adapter))
        properties = {key: {**own.get(key, {}), **value} for key, value in common.items() if key != "adapter"}
        properties.update({key: value for key, value in own.items() if key not in common})
        properties["adapter"] = {}
        properties["models"] = _models(common["models"])
        then: dict[str, Any] = {"properties": properties, "required": required, "additionalProperties": is_open}
        if known.needs_key(adapter):
            then["if"] = {"not": {"properties": {"enabled": {"enum": [False, "false"]}}, "required": ["enabled"]}}
            then["then"] = {"anyOf": [{"required": [key]} for key in ("key", "keys", "base_url")]}
        branches.append({"if": {"properties": {"adapter": {"const": adapter}}, "required": ["adapter"]}, "then": then})
    names = {"anyOf": [{"enum": sorted(known.adapters())}, REFERENCE]}
    return {
        "description": definitions["Provider"]["description"],
        "type": "object",
        "properties": {"adapter": {**_described(common["adapter"]), **names}},
        "required": ["adapter"],
        "not": {"required": ["key", "keys"]},
        "allOf": branches,
    }


def _options(
    definitions: dict[str, Any], adapter: str, model: type[BaseModel] | None
) -> tuple[dict[str, Any], list[str], bool]:
    """An adapter's own keys, those of them that it demands, and whether it takes any other."""
    if model is None:
        return {}, [], False
    prefix = f"{adapter}."
    schema = _tidy(model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}"))
    definitions.update({prefix + name: one for name, one in schema.pop("$defs", {}).items()})
    own = {key: _or_reference(one) for key, one in schema.get("properties", {}).items()}
    return own, sorted(schema.get("required", [])), model.model_config.get("extra") == "allow"


def _or_reference(schema: dict[str, Any]) -> dict[str, Any]:
    return {**_described(schema), "anyOf": [schema, REFERENCE]}


def _models(schema: dict[str, Any]) -> dict[str, Any]:
    name = {"anyOf": [{"type": "string", "pattern": NAME_PATTERN}, REFERENCE]}
    settings = {"anyOf": [schema["additionalProperties"], {"type": "null"}]}
    by_name = {"type": "object", "additionalProperties": settings, "propertyNames": {"pattern": NAME_PATTERN}}
    listed = {"type": "array", "items": name, "uniqueItems": True, "minItems": 1}
    return {**_described(schema), "anyOf": [listed, {**by_name, "minProperties": 1}]}


def _alias(definitions: dict[str, Any]) -> dict[str, Any]:
    """A name's tiers alone, or its keys."""
    tiers: dict[str, Any] = definitions["Alias"]["properties"]["tiers"]
    return {"anyOf": [{**tiers}, {"$ref": "#/$defs/Alias"}]}


def _policy_names(known: Known) -> dict[str, Any]:
    names = sorted({"default", *known.families, *known.operations})
    return {"anyOf": [{"enum": names}, {"pattern": r"^[^*]+\*$"}]}


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": schema["description"]} if "description" in schema else {}


def _tidy(value: Any, *, names: bool = False) -> Any:
    """Without titles and nulls; `names` says that the keys of this mapping are the user's, not JSON Schema's."""
    if isinstance(value, list):
        return [_tidy(one) for one in value if one != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    tidy = {
        key: _tidy(one, names=key in {"properties", "$defs"})
        for key, one in value.items()
        if names or not (key in _NOISE or (key == "default" and one is None))
    }
    if not names and len(tidy.get("anyOf", ())) == 1:
        only = tidy.pop("anyOf")[0]
        tidy = {**only, **tidy}
    return tidy
