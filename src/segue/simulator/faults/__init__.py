"""What can go wrong at a vendor, as a table of kinds, and the board that says which of it is going wrong now."""

from segue.simulator.faults.board import Board, FaultError
from segue.simulator.faults.catalogue import KINDS

__all__ = ["KINDS", "Board", "FaultError"]
