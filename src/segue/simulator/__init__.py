"""Outages cannot be ordered from real vendors, so this room plays them: language models and weather, on the wire.

It imports nothing else of Segue and is written from the vendors' public documentation, so that a gateway that works
against it has proven more than that it agrees with itself.
"""

from segue.simulator.faults import KINDS, FaultError
from segue.simulator.faults.describing import catalogue
from segue.simulator.records import Record
from segue.simulator.server import Simulator
from segue.simulator.serving import serve

__all__ = ["KINDS", "FaultError", "Record", "Simulator", "catalogue", "serve"]
