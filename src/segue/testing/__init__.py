"""Clocks, dice, providers and networks for tests: of Segue itself, and of what is built with it."""

from segue.testing.cancelling import Trial, at_every_await
from segue.testing.chance import SeededChance
from segue.testing.clock import FakeClock
from segue.testing.loop import Deadlock, VirtualClock, VirtualLoop, run_virtual
from segue.testing.records import CapturedSignals
from segue.testing.scripted import (
    ScriptedAdapter,
    ScriptedProvider,
    Step,
    answers,
    breaks,
    fails,
    hangs,
    streams,
)
from segue.testing.strategies import StrategyContract, made_targets
from segue.testing.transport import Close, Reply, ScriptedTransport, refuses, replies, sse, stalls

__all__ = [
    "CapturedSignals",
    "Close",
    "Deadlock",
    "FakeClock",
    "Reply",
    "ScriptedAdapter",
    "ScriptedProvider",
    "ScriptedTransport",
    "SeededChance",
    "Step",
    "StrategyContract",
    "Trial",
    "VirtualClock",
    "VirtualLoop",
    "answers",
    "at_every_await",
    "breaks",
    "fails",
    "hangs",
    "made_targets",
    "refuses",
    "replies",
    "run_virtual",
    "sse",
    "stalls",
    "streams",
]
