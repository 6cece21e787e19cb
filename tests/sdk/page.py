"""Writes docs/matrix.md from the table that the tests hold true: `PYTHONPATH=tests python -m sdk.page`."""

from pathlib import Path
from typing import Final

from sdk.behaviours import BEHAVIOURS
from sdk.columns import COLUMNS
from sdk.table import DRIVERS, Verdict, verdict

PAGE: Final = Path(__file__).parents[2] / "docs" / "matrix.md"

_INTRO: Final = """\
# Every SDK before every provider

Official SDKs, unmodified, through Segue, before providers of every format, played by the simulator. Each cell is a test
(`tests/sdk`); this page is made from their table. ✓ works; *refused*: 400 in the SDK's own class, naming the field, the
provider and who could serve it instead; - there is nothing to show: the client's format has no word for it, or the
vendor does not show it. What becomes of each field is told in [translation.md](translation.md).

"""


def page() -> str:
    """The page."""
    parts = [_INTRO, f"{_count(Verdict.WORKS)} cells work, {_count(Verdict.REFUSED)} are refused by declaration.\n"]
    for name in DRIVERS:
        parts.append(f"\n## {name}\n\n| | {' | '.join(column.name for column in COLUMNS)} |\n")
        parts.append(f"|---|{'---|' * len(COLUMNS)}\n")
        for behaviour in BEHAVIOURS:
            cells = " | ".join(verdict(behaviour, name, column.name).value for column in COLUMNS)
            parts.append(f"| {behaviour} | {cells} |\n")
    return "".join(parts)


def _count(wanted: Verdict) -> int:
    cells = (verdict(one, name, column.name) for one in BEHAVIOURS for name in DRIVERS for column in COLUMNS)
    return sum(cell is wanted for cell in cells)


if __name__ == "__main__":
    PAGE.write_text(page())
