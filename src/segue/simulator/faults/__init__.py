"""What can go wrong at a vendor, as a table of kinds, and the board that says which of it is going wrong now."""

from segue.simulator.faults.board import Board
from segue.simulator.faults.catalogue import KINDS
from segue.simulator.faults.fault import FaultError

__all__ = ["KINDS", "Board", "FaultError"]
