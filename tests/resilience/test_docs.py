"""What docs/resilience.md says is what the code does."""

import dataclasses
import re
import runpy
from pathlib import Path

from segue.resilience import BreakerOptions, backoff, breaker, budget, guard, health

PAGE = Path(__file__).parents[2] / "docs" / "resilience.md"


def table(first_heading):
    """The rows of the table whose first column has this heading, as lists of cells."""
    rows, inside = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == first_heading:
            inside = True
        elif inside and not set(cells[0]) <= set("-"):
            rows.append(cells)
    return rows


def test_the_table_of_breaker_options_is_that_of_the_code():
    documented = {name: default for name, default, *_ in table("option")}
    assert documented == {field.name: repr(field.default) for field in dataclasses.fields(BreakerOptions)}


def test_the_table_of_other_numbers_is_that_of_the_code():
    documented = {name: default for name, default, *_ in table("number")}
    modules = (backoff, breaker, budget, guard, health)
    code = {name: repr(value) for module in modules for name, value in vars(module).items() if name in documented}
    assert documented == code
    assert len(documented) == 8


def test_every_number_has_a_unit_and_a_reason():
    for row in table("option") + table("number"):
        assert len(row) == 4
        assert all(row), row


def test_every_trap_has_what_is_done_about_it():
    traps = table("trap")
    assert len(traps) == 6
    assert all(len(row) == 2 and all(row) for row in traps)


def test_the_example_runs(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(example, encoding="utf-8")
    assert "book" in runpy.run_path(str(script))
