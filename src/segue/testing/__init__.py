"""Clocks, event loops and dice for tests: of Segue itself, and of what is built with it."""

from segue.testing.chance import SeededChance
from segue.testing.clock import FakeClock
from segue.testing.loop import Deadlock, VirtualClock, VirtualLoop, run_virtual

__all__ = ["Deadlock", "FakeClock", "SeededChance", "VirtualClock", "VirtualLoop", "run_virtual"]
