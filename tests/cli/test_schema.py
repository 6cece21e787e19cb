"""`segue schema` and `segue openapi`: for machines, without a configuration."""

import io
import re
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from cli.support import Run

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_schema_refuses_what_is_unknown_and_takes_what_the_docs_show(run: Run):
    schema = run("schema").json
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    example = re.search(r"```yaml\n(server:.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    shown = YAML(typ="safe", pure=True).load(io.StringIO(example[1]))
    # Adapters that are not part of this version are unknown to its schema, and `openai` is not without a key.
    known = {name for name in shown["providers"] if name not in {"azure", "claude"}}
    shown["providers"] = {name: shown["providers"][name] for name in known}
    validator.validate(shown)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**shown, "modles": {}})


def test_openapi_describes_the_hot_paths_and_the_pages(run: Run):
    described = run("openapi").json
    assert described["openapi"].startswith("3.")
    assert {"/v1/chat/completions", "/v1/weather/current", "/health", "/admin/keys"} <= set(described["paths"])
