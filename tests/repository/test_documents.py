"""What the pages say is true: they are read by a test, and what can be run on them is run."""

import ast
import re
import textwrap
from pathlib import Path

import pytest

from segue.app.engine import known
from segue.config.load import load_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MISSION = [
    *(f"S1.{number}" for number in range(1, 10)),
    *(f"S2.{number}" for number in range(1, 9)),
    *(f"S3.{number}" for number in range(1, 10)),
    *(f"S4.{number}" for number in range(1, 7)),
    *(f"S5.{number}" for number in range(1, 10)),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    """Every relative link names a file that exists."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_on_pages_compiles(page):
    """Every Python block is valid Python, `async with` at the top level included."""
    for block in re.findall(r"```python[^\n]*\n(.*?)```", page.read_text(), re.DOTALL):
        ast.parse("async def example():\n" + textwrap.indent(block, "    "))


def test_the_configuration_of_the_readme_loads(tmp_path):
    """A newcomer who copies the YAML of the README gets a configuration without a warning."""
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    path = tmp_path / "segue.yaml"
    path.write_text(block)
    names = re.findall(r"\$\{(\w+)\}", block)
    loaded = load_settings(path, {name: f"sk-key-of-{name}" for name in names}, known())
    assert set(loaded.settings.providers) == {"openai", "groq", "openweather", "weatherapi"}
    assert loaded.warnings == ()


def test_status_names_every_row_of_the_mission():
    """docs/status.md has one row for each id, each of them with a state."""
    rows = dict(
        re.findall(r"^\| (S\d\.\d+) \| (true|begun|open) ", (ROOT / "docs" / "status.md").read_text(), re.MULTILINE)
    )
    assert list(rows) == MISSION


def test_status_names_only_tests_that_exist():
    """Every test that docs/status.md points to is there."""
    for path in re.findall(r"`(tests/[\w/.]+)`", (ROOT / "docs" / "status.md").read_text()):
        assert (ROOT / path).exists(), path


def test_the_changelog_has_the_version_of_the_package_or_calls_it_unreleased():
    """The changelog is not behind the package."""
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## Unreleased" in text or f"## {__import__('segue').__version__}" in text


def test_nothing_committed_names_a_machine_or_a_package_host():
    """No path of a home directory and no registry's host stands in what is committed."""
    banned = re.compile(r"(?<![.\w])/(?:home|root|Users)/|pypi\.org|pythonhosted|registry\.npmjs", re.IGNORECASE)
    for path in ROOT.rglob("*"):
        if not path.is_file() or any(
            part in {"build", "node_modules"}
            or part.startswith((".venv", ".git", ".mypy", ".ruff", ".pytest", ".hypo", ".import"))
            for part in path.relative_to(ROOT).parts
        ):
            continue
        if path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".yml"} and path != Path(__file__):
            assert not banned.search(path.read_text()), path
