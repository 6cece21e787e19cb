"""A slow vendor fails no check and still costs the caller everything. These kinds only delay, and delays add up."""

import math
import random
from collections.abc import Callable
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from segue.simulator.faults.kinds import Kind, Options, Seconds, Situation, retold
from segue.simulator.script import Abort, Hang, Script, Send, Step, Wait

Distribution: TypeAlias = Literal["fixed", "uniform", "normal", "lognormal", "pareto"]
_LONGEST: Final = 86_400.0


class SecondsOptions(Options, frozen=True):
    """A delay of so many seconds, 0..86,400."""

    seconds: Seconds


class LatencyOptions(Options, frozen=True):
    """A delay before the answer, drawn anew for each request.

    Attributes:
        seconds: The whole delay (`fixed`), the least (`uniform`, `pareto`), the mean (`normal`) or the median
            (`lognormal`).
        jitter: The width of `uniform` and the standard deviation of `normal`, in seconds.
        distribution: The law that the delay follows.
        sigma: The standard deviation of the logarithm, for `lognormal`.
        alpha: The tail index, for `pareto`; at 1 and below the mean is infinite.
        maximum: No delay is longer than so many seconds.
    """

    seconds: Seconds
    jitter: Seconds = 0.0
    distribution: Distribution = "uniform"
    sigma: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.5
    alpha: Annotated[float, msgspec.Meta(gt=0, le=100)] = 2.0
    maximum: Seconds = _LONGEST


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
    """Wait before anything is sent; a script that sends nothing is left as it is."""
    return script if isinstance(script.steps[0], Abort | Hang) else retold(script, (Wait(seconds), *script.steps))


_DRAWN: Final[dict[Distribution, Callable[[LatencyOptions, random.Random], float]]] = {
    "fixed": lambda options, _: options.seconds,
    "uniform": lambda options, chance: options.seconds + options.jitter * chance.random(),
    "normal": lambda options, chance: chance.gauss(options.seconds, options.jitter),
    "lognormal": lambda options, chance: options.seconds * math.exp(options.sigma * chance.gauss(0, 1)),
    "pareto": lambda options, chance: options.seconds * chance.paretovariate(options.alpha),
}


def drawn(options: LatencyOptions, chance: random.Random) -> float:
    """One delay in seconds, never below zero and never above the maximum."""
    try:
        return min(max(0.0, _DRAWN[options.distribution](options, chance)), options.maximum)
    except OverflowError:
        return options.maximum


def _latency(script: Script, options: LatencyOptions, situation: Situation) -> Script:
    return before_headers(script, drawn(options, situation.chance))


def _slow_headers(script: Script, options: SecondsOptions, _situation: Situation) -> Script:
    return before_headers(script, options.seconds)


def _slow_first_token(script: Script, options: SecondsOptions, _situation: Situation) -> Script:
    return before_content(script, options.seconds)


def _pace(script: Script, options: PaceOptions, _situation: Situation) -> Script:
    return before_content(script, options.first_token_delay, options.token_delay)


LATENCY: Final = Kind(
    name="latency",
    summary="A delay before the answer: fixed, from `seconds` to `seconds + jitter`, or after another law.",
    options=LatencyOptions,
    rewrite=_latency,
    stage="timing",
    example={"seconds": 0.05},
)
SLOW_HEADERS: Final = Kind(
    name="slow_headers",
    summary="A delay before the answer.",
    options=SecondsOptions,
    rewrite=_slow_headers,
    stage="timing",
    example={"seconds": 0.05},
)
SLOW_FIRST_TOKEN: Final = Kind(
    name="slow_first_token",
    summary="A delay between the headers and the first token.",
    options=SecondsOptions,
    rewrite=_slow_first_token,
    scope="success",
    stage="timing",
    example={"seconds": 0.05},
)
PACE: Final = Kind(
    name="pace",
    summary="Seconds before the first and before each further token.",
    options=PaceOptions,
    rewrite=_pace,
    scope="success",
    stage="timing",
    example={"first_token_delay": 0.05, "token_delay": 0.002},
)
