"""Some vendors do not answer wrongly, they do not answer: connections refused, reset, or silent. These are those.

Whether a connection is accepted at all can be decided only for a listener of the account's own (`door`); on the port
that all accounts share, a request has to be read before it is known whose it is.
"""

from typing import Final, Literal

from segue.simulator.faults.kinds import Count, Door, Kind, Options, Positive, Situation, document_instead, retold
from segue.simulator.script import Abort, Hang, Head, Script, Send, Step


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


class ShortBodyOptions(Options, frozen=True):
    """`missing` is how many bytes more than are sent were announced; `reset` ends with a reset, not with a close."""

    missing: Positive = 100
    reset: bool = False


def _short_body(script: Script, options: ShortBodyOptions, _situation: Situation) -> Script:
    body = b"".join(step.data for step in script.steps if isinstance(step, Send))
    steps = tuple(
        Head(step.status, step.headers, len(body) + options.missing) if isinstance(step, Head) else step
        for step in document_instead(script, body).steps
    )
    return retold(script, (*steps, Abort(options.reset)))


class DownOptions(Options, frozen=True):
    """What an account's own listener does in an outage: accept and `reset`, or be `closed`."""

    listener: Literal["reset", "closed"] = "reset"


def _door_when_down(options: DownOptions) -> Door:
    return "closed" if options.listener == "closed" else "open"


def _closed(_options: Options) -> Door:
    return "closed"


class NoAcceptOptions(Options, frozen=True):
    """Whether connecting still succeeds (`open`: the queue has room) or hangs as well (`full`)."""

    queue: Literal["open", "full"] = "open"


def _door_unaccepted(options: NoAcceptOptions) -> Door:
    return "full" if options.queue == "full" else "unaccepted"


REFUSE: Final = Kind(
    name="refuse",
    summary="The request is read and the connection reset before any header.",
    options=Options,
    rewrite=_refuse,
)
REFUSE_CONNECT: Final = Kind(
    name="refuse_connect",
    summary="The account's own listener is closed: connecting is refused. On the shared port as `refuse`.",
    options=Options,
    rewrite=_refuse,
    door=_closed,
    ends_connections=True,
)
NO_ACCEPT: Final = Kind(
    name="no_accept",
    summary="The account's own listener accepts no connection: the first byte never comes, or connecting hangs. "
    "On the shared port as `silence`.",
    options=NoAcceptOptions,
    rewrite=_silence,
    door=_door_unaccepted,
    ends_connections=True,
)
SILENCE: Final = Kind(name="silence", summary="Nothing, until the client hangs up.", options=Options, rewrite=_silence)
RESET_AFTER: Final = Kind(
    name="reset_after",
    summary="A TCP reset after so many bytes of the body.",
    options=ResetAfterOptions,
    rewrite=_reset_after,
    example={"bytes": 20},
)
SHORT_BODY: Final = Kind(
    name="short_body",
    summary="A Content-Length larger than the body, then the connection ends.",
    options=ShortBodyOptions,
    rewrite=_short_body,
)
DOWN: Final = Kind(
    name="down",
    summary="An outage: open connections of the account are reset, new requests as well (or refused).",
    options=DownOptions,
    rewrite=_refuse,
    door=_door_when_down,
    ends_connections=True,
)
