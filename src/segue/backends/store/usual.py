"""Usual calls as they are written down: what many rows have in common is kept, and written, once.

A busy service makes thousands of rows a second that differ in an id and seven numbers. So all else of a row is worked
out when a caller asks a candidate for the first time (`Shared`), and a call leaves no more than its measured numbers
(`Usual`). The statement that writes them is in `statements`.
"""

from typing import Any

import msgspec

from segue.backends.store.records import CALL_COLUMNS, LARGEST, LONGEST_CALL, NAME_CHARACTERS, Ended, text_of, who_of
from segue.core.signals import Answered

SHARED_COLUMNS = (
    "operation", "surface", "caller_id", "caller_name", "requested_model", "provider", "model",
    "status", "code", "streamed", "attempts", "user", "key_label",
)  # fmt: skip
MEASURED = ("id", "wall", "started", "sent", "first_byte", "done", "input_tokens", "output_tokens")
PRICED = ("cost_billionths", "currency", "charges")
OWN_COLUMNS = {
    "id": "id",
    "started_at": "CAST(wall * 1000 AS INTEGER)",
    "elapsed_ms": "CAST(round((done - started) * 1000) AS INTEGER)",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "attempt_started_ms": "CAST(round((sent - started) * 1000) AS INTEGER)",
    "attempt_ms": "CAST(round((done - sent) * 1000) AS INTEGER)",
    "first_byte_ms": "CAST(round(first_byte * 1000) AS INTEGER)",
}
"""The columns that rows of usual calls do not share, and what they are made of."""


class Shared:
    """What the rows of one caller's usual calls of one model have in common.

    Attributes:
        caller, model, surface: the caller's name, the name that was asked for, and where.
        values: those of `SHARED_COLUMNS`.
    """

    __slots__ = ("caller", "model", "surface", "values")

    def __init__(self, signal: Answered) -> None:
        candidate = signal.candidate
        self.caller = signal.caller.name
        self.model = signal.model
        self.surface = signal.surface
        self.values = (
            signal.operation,
            signal.surface,
            signal.caller.id,
            text_of(signal.caller.name, NAME_CHARACTERS),
            text_of(signal.model, NAME_CHARACTERS),
            *who_of(candidate.provider.id, candidate.model),
            200,
            "ok",
            False,
            1,
            "",
            candidate.key.label,
        )

    def holds(self, signal: Answered) -> bool:
        """Whether another call has this in common with them."""
        return self.caller == signal.caller.name and self.model == signal.model and self.surface == signal.surface


class Usual(tuple[Any, ...]):
    """What is kept of a usual call until it is written.

    Values of `MEASURED`, for priced calls of `PRICED`, too, and last what it shares with others. Numbers are
    kept as they were measured, and worked out by the statement that writes them (`OWN_COLUMNS`).
    """

    __slots__ = ()

    @property
    def id(self) -> str:
        """The call's."""
        return self[0]  # type: ignore[no-any-return]  # the first value

    @property
    def shared(self) -> Shared:
        """What its row has in common with others."""
        return self[-1]  # type: ignore[no-any-return]  # the last value


def usual(signal: Answered, shared: Shared) -> Usual | None:
    """What is kept of a usual call; `None` where its numbers are not usual."""
    usage, charge = signal.usage, signal.charge
    tokens_in, tokens_out = usage.input_tokens, usage.output_tokens
    sent, done = signal.sent, signal.ended
    if (
        not signal.started <= sent <= done < sent + LONGEST_CALL
        or (tokens_in is not None and not 0 <= tokens_in <= LARGEST)
        or (tokens_out is not None and not 0 <= tokens_out <= LARGEST)
    ):
        return None
    wall, started, first_byte = signal.started_wall, signal.started, signal.first_byte
    if charge is None:
        return Usual((signal.id, wall, started, sent, first_byte, done, tokens_in, tokens_out, shared))
    cost = charge.cost
    told = min(cost.billionths, LARGEST), cost.currency, msgspec.json.encode(((1, charge),)).decode()
    return Usual((signal.id, wall, started, sent, first_byte, done, tokens_in, tokens_out, *told, shared))


def spelt_out(call: Usual) -> Ended:
    """The same as `ended` writes of a call that went through every layer."""
    call_id, wall, started, sent, first_byte, done, tokens_in, tokens_out, *priced, shared = call
    cost, currency, charges = priced or (None, None, None)
    values = dict(zip(SHARED_COLUMNS, shared.values, strict=True)) | {
        "id": call_id,
        "started_at": int(wall * 1000),
        "elapsed_ms": round((done - started) * 1000),
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cost_billionths": cost,
        "currency": currency,
        "attempt_started_ms": round((sent - started) * 1000),
        "attempt_ms": round((done - sent) * 1000),
        "first_byte_ms": round(first_byte * 1000),
        "charges": charges,
    }
    return Ended((*(values.get(column) for column in CALL_COLUMNS), ()))
