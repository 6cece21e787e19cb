"""Writes docs/faults.md from the table: `PYTHONPATH=tests python -m faults.page`."""

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
def page() -> str:
    return ""
