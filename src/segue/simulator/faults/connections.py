"""Some vendors do not answer wrongly, they do not answer: connections refused, reset, or silent. These are those."""

from typing import Final

from segue.simulator.faults.kinds import Count, Kind, Options, Situation, retold
from segue.simulator.script import Abort, Hang, Script, Send, Step


def _refuse(_script: Script, _options: Options, _situation: Situation) -> Script:
    return Script((Abort(),))


def _silence(_script: Script, _options: Options, _situation: Situation) -> Script:
    return Script((Hang(),))


class ResetAfterOptions(Options, frozen=True):
    """A reset in the middle of the answer; `bytes` is how much of the body is sent before it, at most 1,000,000."""

    bytes: Count


def _reset_after(script: Script, options: ResetAfterOptions, _situation: Situation) -> Script:
    left = options.bytes
    steps: list[Step] = []
    for step in script.steps:
        if isinstance(step, Send):
            if len(step.data) >= left:
                steps.append(Send(step.data[:left], step.part))
                break
            left -= len(step.data)
        steps.append(step)
    # A body shorter than `bytes` is sent whole, and the connection is reset all the same.
    return retold(script, (*(step for step in steps if not isinstance(step, Send) or step.data), Abort()))


REFUSE: Final = Kind("refuse", Options, _refuse)
SILENCE: Final = Kind("silence", Options, _silence)
RESET_AFTER: Final = Kind("reset_after", ResetAfterOptions, _reset_after)
# An outage: beside what `refuse` does, the board ends the connections that the account already has.
DOWN: Final = Kind("down", Options, _refuse)
