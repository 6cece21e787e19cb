"""A slow vendor fails no check and still costs the caller everything. These kinds only delay, and delays add up."""

from typing import Final

from segue.simulator.faults.kinds import Kind, Options, Seconds, Situation, retold
from segue.simulator.script import Head, Script, Send, Step, Wait


class SecondsOptions(Options, frozen=True):
    """A delay of so many seconds, 0..86,400."""

    seconds: Seconds


class LatencyOptions(Options, frozen=True):
    """A delay before the answer: `seconds`, plus between nothing and `jitter` seconds."""

    seconds: Seconds
    jitter: Seconds = 0.0


class PaceOptions(Options, frozen=True):
    """How fast a model speaks: the seconds before its first token, and before each further one."""

    first_token_delay: Seconds = 0.0
    token_delay: Seconds = 0.0


def before_content(script: Script, first: float, further: float = 0.0) -> Script:
    """Wait before the first content event of a stream, and before each further one.

    A document is sent when its last token is known, so all waits come before it.
    """
    if not script.streams:
        total = first + max(0, script.tokens - 1) * further
        return retold(script, (Wait(total), *script.steps)) if total else script
    steps: list[Step] = []
    seconds = first
    for step in script.steps:
        if isinstance(step, Send) and step.part == "content":
            if seconds:
                steps.append(Wait(seconds))
            seconds = further
        steps.append(step)
    return retold(script, tuple(steps))


def before_headers(script: Script, seconds: float) -> Script:
    """Wait before anything is sent."""
    return retold(script, (Wait(seconds), *script.steps)) if isinstance(script.steps[0], Head | Wait) else script


def _latency(script: Script, options: LatencyOptions, situation: Situation) -> Script:
    return before_headers(script, options.seconds + options.jitter * situation.chance.random())


def _slow_headers(script: Script, options: SecondsOptions, _situation: Situation) -> Script:
    return before_headers(script, options.seconds)


def _slow_first_token(script: Script, options: SecondsOptions, _situation: Situation) -> Script:
    return before_content(script, options.seconds)


def _pace(script: Script, options: PaceOptions, _situation: Situation) -> Script:
    return before_content(script, options.first_token_delay, options.token_delay)


LATENCY: Final = Kind("latency", LatencyOptions, _latency, timing=True)
SLOW_HEADERS: Final = Kind("slow_headers", SecondsOptions, _slow_headers, timing=True)
SLOW_FIRST_TOKEN: Final = Kind("slow_first_token", SecondsOptions, _slow_first_token, "success", timing=True)
PACE: Final = Kind("pace", PaceOptions, _pace, "success", timing=True)
