"""The reference in the documentation is the code's: the same keys, types' bounds, defaults, meanings and examples."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from ruamel.yaml import YAML

from segue.config.known import Known
from segue.config.load import Loaded
from segue.config.models import Settings
from segue.config.policy import LLM, ORDINARY
from segue.config.schema import json_schema
from segue.config.values import format_duration, format_hold, format_size
from segue.core.call import Hold

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
ROWS = {
    match[1]: match.groups()[1:]
    for match in re.finditer(r"^\| `([\w.*]+)` \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
}
NAMES = ("OPENAI_API_KEY", "AZURE_KEY", "ANTHROPIC_API_KEY", "GROQ_1", "GROQ_2", "GROQ_3")


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that users write, with its field; `*` stands for an id of their choice."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        inner = next(models_in(field.annotation), None)
        if inner is None or inner[1] == "list":
            yield path, field
        elif inner[1] == "mapping":
            if name == "models":
                yield path, field
            yield from leaves(inner[0], f"{path}.*.")
        else:
            if prefix:
                yield path, field
            yield from leaves(inner[0], f"{path}.")


def models_in(annotation: Any, kind: str = "plain") -> Iterator[tuple[type[BaseModel], str]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, kind
    inside = "mapping" if "Mapping" in str(getattr(annotation, "__origin__", "")) else kind
    for part in get_args(annotation):
        yield from models_in(part, inside)


FIELDS = dict(leaves(Settings))


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads_and_fits_the_schema(
    load: Callable[..., Loaded], known: Known, tmp_path: Path, example: str
):
    (tmp_path / "anthropic").write_text("key-of-claude\n")
    environ = {**{name: f"key-{name}" for name in NAMES}, "PORT": "8080", "SECRETS": str(tmp_path)}
    assert load(example, environ).warnings == ()
    Draft202012Validator(json_schema(known)).validate(YAML(typ="safe", pure=True).load(example))


def test_the_first_example_means_what_it_says(load: Callable[..., Loaded]):
    settings = load(EXAMPLES[0], {name: f"key-{name}" for name in NAMES}).settings
    assert list(settings.providers) == ["openai", "azure", "claude", "groq", "local"]
    assert len(settings.providers["groq"].all_keys) == 3
    assert settings.providers["local"].wildcard
    assert settings.models["smart"].tiers == (("openai/gpt-4o", "azure/gpt-4o"), ("claude/claude-sonnet-4-5",))
    assert settings.models["careful"].hold == Hold(whole=True)


def test_the_page_names_every_key_and_no_other():
    assert set(ROWS) == set(FIELDS)


@pytest.mark.parametrize("key", sorted(FIELDS))
def test_the_page_gives_each_key_the_meaning_that_the_code_gives_it(key: str):
    assert ROWS[key][2] == " ".join(FIELDS[key].description.split())


@pytest.mark.parametrize("key", sorted(key for key in FIELDS if not key.startswith(("policies", "providers"))))
def test_the_page_gives_each_key_its_default(key: str):
    field, kind, default = FIELDS[key], ROWS[key][0], ROWS[key][1]
    if field.is_required():
        assert default == "required"
    elif field.default is None or key == "models":
        assert default == "none"
    else:
        assert default == f"`{written(field.default, kind)}`"


@pytest.mark.parametrize("key", sorted(key for key in FIELDS if key.startswith("policies.")))
def test_the_page_gives_each_number_of_a_policy_its_built_in_default(key: str):
    ordinary, llm = ORDINARY, LLM
    for part in key.split(".")[2:]:
        ordinary, llm = (of[part] if isinstance(of, dict) else getattr(of, part) for of in (ordinary, llm))
    if ROWS[key][0] == "mapping":
        assert ROWS[key][1] == "as below"
        return
    common, special = (written(value, ROWS[key][0]) for value in (ordinary, llm))
    assert ROWS[key][1] == (f"`{common}`" if common == special else f"`{common}` (llm: `{special}`)")


@pytest.mark.parametrize("key", sorted(key for key in FIELDS if re.search(r"\d to |\dms to", ROWS.get(key, ("",))[0])))
def test_the_page_gives_each_range_as_it_is_checked(known: Known, key: str):
    bounds = re.search(r"(\w+) to (\w+)", ROWS[key][0])
    assert bounds is not None
    adapter = FIELDS[key]
    messages = []
    for value in ("99999999d", "999999999GiB", "999999999999999"):
        try:
            for extra in adapter.metadata + list(get_args(adapter.annotation)):
                for check in [extra, *getattr(extra, "__metadata__", ())]:
                    if hasattr(check, "func"):
                        check.func(value)
        except ValueError as error:
            messages.append(str(error))
    assert any(f"from {bounds[1]} to {bounds[2]}" in message for message in messages), messages


def written(value: object, kind: str) -> str:
    if kind.startswith("duration"):
        return format_duration(float(str(value)))
    if kind.startswith("size"):
        return format_size(int(str(value)))
    if isinstance(value, Hold):
        return format_hold(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("key", ["priority", "weight", "enabled", "allow_private_network", "catch_all"])
def test_the_page_gives_a_provider_its_defaults(key: str):
    default = FIELDS[f"providers.*.{key}"].default
    assert ROWS[f"providers.*.{key}"][1] == f"`{written(default, '')}`"
