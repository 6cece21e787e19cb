"""Cells in which Segue does not do what the table says, with what it does instead and why that is a defect.

The table says what is right. What stands here is what happens; each entry is to be mended and then taken out.
"""

from typing import Final

from faults.expected import Expected
from faults.measuring import Cell

DISPUTED: Final[dict[Cell, Expected]] = {}
