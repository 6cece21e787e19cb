"""A call as it is written down, and the way from the pipeline's objects to it.

The hot path hands over one tuple of references (`Ended`); turning it into rows, with texts cut and cleaned, is the
writer's work. The tuple holds nothing of the request itself: 10,000 waiting bodies would be too much memory, and what
callers said is nobody's business here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from segue.backends.store.tables import ATTEMPTS, CALLS
from segue.core.call import Attempt, Caller, CallOptions
from segue.core.provider import Candidate
from segue.core.signals import CallEnded

_TAGS = 50
_TAG_CHARACTERS = 256
_MESSAGE_CHARACTERS = 500
_LARGEST = 2**63 - 1  # what an integer column holds
_LONGEST_MS = 2**31 - 1


class AttemptRecord(msgspec.Struct, frozen=True):
    """One attempt of a recorded call; times in milliseconds, `started_ms` after the call's start, `number` from 1."""

    number: int
    provider: str
    model: str
    key_label: str
    started_ms: int
    elapsed_ms: int
    first_byte_ms: int | None
    kind: str | None
    status: int | None
    message: str | None
    executed: str | None
    cancelled: bool
    input_tokens: int | None
    output_tokens: int | None


class CallRecord(msgspec.Struct, frozen=True):
    """One recorded call.

    Attributes:
        provider, model: who answered; `None` when nobody did.
        started_at: milliseconds since 1970-01-01 UTC.
        input_tokens, output_tokens: of all attempts that reported them; `None` when none did.
        cost_billionths, currency: see `segue.core.money.Cost`; `None` when no price is known.
        attempts: what was tried, in order.
    """

    id: str
    operation: str
    surface: str
    caller_id: str
    caller_name: str
    requested_model: str
    provider: str | None
    model: str | None
    status: int
    code: str
    streamed: bool
    started_at: int
    elapsed_ms: int
    input_tokens: int | None
    output_tokens: int | None
    cost_billionths: int | None
    currency: str | None
    user: str
    tags: Mapping[str, str] = {}
    attempts: Sequence[AttemptRecord] = ()


class Ended(NamedTuple):
    """What is kept of a call between its end and its being written."""

    id: str
    operation: str
    surface: str
    caller: Caller
    model: str
    streamed: bool
    answered_by: Candidate | None
    started: float
    started_wall: float
    status: int
    code: str
    elapsed: float
    attempts: list[Attempt]
    options: CallOptions | None


def ended(signal: CallEnded) -> Ended:
    """The references worth keeping; on the hot path."""
    call = signal.call
    features = call.features
    return Ended(
        call.id,
        call.operation.id,
        call.surface,
        call.caller,
        features.model,
        features.stream,
        call.answered_by,
        call.started,
        call.started_wall,
        signal.status,
        signal.code,
        signal.elapsed,
        call.attempts,
        call.options,
    )


def to_record(call: Ended) -> CallRecord:
    """The record of a call that waits to be written: what will be read back later."""
    row = dict(zip(CALL_COLUMNS, call_row(call), strict=True))
    attempts = [dict(zip(ATTEMPT_COLUMNS, values, strict=True)) for values in attempt_rows(call)]
    return from_row(row, attempts)


def call_row(call: Ended) -> tuple[Any, ...]:
    """The values of `CALL_COLUMNS`. Called for every call of a busy service, so it is written out."""
    by, options, attempts = call.answered_by, call.options, call.attempts
    tokens_in = tokens_out = None
    for attempt in attempts:
        usage = attempt.usage
        if usage is not None:
            tokens_in = _add(tokens_in, usage.input_tokens)
            tokens_out = _add(tokens_out, usage.output_tokens)
    return (
        call.id,
        call.operation,
        call.surface,
        call.caller.id,
        _text(call.caller.name, 200),
        _text(call.model, 200),
        None if by is None else _text(by.provider.id, 100),
        None if by is None else _text(by.model, 200),
        call.status,
        call.code,
        call.streamed,
        int(call.started_wall * 1000),
        _ms(call.elapsed),
        len(attempts),
        tokens_in,
        tokens_out,
        None,
        None,
        None if options is None or not options.tags else msgspec.json.encode(_tags(options.tags)).decode(),
        "" if options is None else _text(options.user, 200),
    )


def attempt_rows(call: Ended) -> list[tuple[Any, ...]]:
    """For each attempt the values of `ATTEMPT_COLUMNS`."""
    return [_attempt(call.id, number, attempt, call.started) for number, attempt in enumerate(call.attempts, 1)]


def from_row(row: Mapping[Any, Any], attempts: Sequence[Mapping[Any, Any]]) -> CallRecord:
    """The record behind a row of `calls` and its rows of `attempts`."""
    return CallRecord(
        **{name: row[name] for name in _PLAIN},
        tags=msgspec.json.decode(row["tags"], type=dict[str, str]) if row["tags"] else {},
        attempts=tuple(AttemptRecord(**{name: each[name] for name in _OF_ATTEMPT}) for each in attempts),
    )


CALL_COLUMNS = tuple(column.name for column in CALLS.columns)
ATTEMPT_COLUMNS = tuple(column.name for column in ATTEMPTS.columns)  # `call_id` is the first
_PLAIN = tuple(name for name in CALL_COLUMNS if name not in {"tags", "attempts"})
_OF_ATTEMPT = ATTEMPT_COLUMNS[1:]


def _attempt(call_id: str, number: int, attempt: Attempt, call_started: float) -> tuple[Any, ...]:
    candidate, failure, usage = attempt.candidate, attempt.failure, attempt.usage
    return (
        call_id,
        number,
        _text(candidate.provider.id, 100),
        _text(candidate.model, 200),
        _text(candidate.key.label, 100),
        _ms(attempt.started - call_started),
        _ms(attempt.elapsed),
        None if attempt.first_byte is None else _ms(attempt.first_byte),
        None if failure is None else failure.kind.value,
        None if failure is None else failure.status,
        None if failure is None else _text(failure.message, _MESSAGE_CHARACTERS),
        None if failure is None else failure.executed.value,
        attempt.cancelled,
        None if usage is None else _add(None, usage.input_tokens),
        None if usage is None else _add(None, usage.output_tokens),
    )


def _text(text: str, longest: int) -> str:
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    # A lone surrogate, which JSON can carry, cannot be written.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {_text(str(name), 64): _text(str(tags[name]), _TAG_CHARACTERS) for name in list(tags)[:_TAGS]}


def _ms(seconds: float) -> int:
    return max(0, min(round(seconds * 1000), _LONGEST_MS))


def _add(sum_: int | None, tokens: int | None) -> int | None:
    """A sum of what was reported, as large as a column holds; `None` when nothing was."""
    if tokens is None:
        return sum_
    return max(0, min((sum_ or 0) + tokens, _LARGEST))
