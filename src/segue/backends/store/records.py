"""A call as it is written down, and the way from the pipeline's objects to it.

The row is made when a call ends, with texts cut and cleaned, and waits as one tuple (`Ended`). It holds nothing of the
request itself: 10,000 waiting bodies would be too much memory, and what callers said is nobody's business here.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from segue.backends.store.tables import ATTEMPTS, CALLS
from segue.core.call import Attempt
from segue.core.money import Charge, Cost
from segue.core.signals import CallEnded

_TAGS = 50
_TAG_CHARACTERS = 256
_MESSAGE_CHARACTERS = 500
NAME_CHARACTERS = 200
LARGEST = 2**63 - 1  # what an integer column holds
_LONGEST_MS = 2**31 - 1
LONGEST_CALL = 86_400.0  # seconds; what takes longer is written with more care


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
    charge: Charge | None = None


class CallRecord(msgspec.Struct, frozen=True):
    """One recorded call.

    Attributes:
        provider, model: who answered; `None` when nobody did.
        started_at: milliseconds since 1970-01-01 UTC.
        input_tokens, output_tokens: of all attempts that reported them; `None` when none did.
        cost_billionths, currency: see `segue.core.money.Cost`; of all attempts together, `None` when it is not known.
        cost: the same as people write it.
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
    cost: str | None = None
    tags: Mapping[str, str] = {}
    attempts: Sequence[AttemptRecord] = ()


class Ended(tuple[Any, ...]):
    """What is kept of a call between its end and its being written: values of `CALL_COLUMNS`, then rows of attempts.

    One flat tuple, made at once: what a call leaves behind would else be kept, and ten thousand waiting calls were a
    hundred thousand objects that the processor's cache has no room for.
    """

    __slots__ = ()

    @property
    def id(self) -> str:
        """The call's."""
        return self[0]  # type: ignore[no-any-return]  # the first column

    @property
    def attempts(self) -> Sequence[tuple[Any, ...]]:
        """For each attempt that does not stand in the call's own row the values of `ATTEMPT_COLUMNS`."""
        return self[-1]  # type: ignore[no-any-return]  # the last value


def ended(signal: CallEnded) -> Ended:
    """What is to be written of a call. Called for every call of a busy service, so it is written out."""
    call = signal.call
    by, caller, options, features, attempts = call.answered_by, call.caller, call.options, call.features, call.attempts
    key_label = started_ms = attempt_ms = first_byte_ms = tokens_in = tokens_out = None
    rows: list[tuple[Any, ...]] | tuple[()] = ()
    model = features.model
    attempt = attempts[0] if len(attempts) == 1 else None
    cost = charges = None
    if attempt is None or attempt.charge is not None:
        cost, charges = call.cost, _charges(attempts)
    if (
        attempt is not None  # and all there is to be told of it is that it answered, and when
        and by is attempt.candidate
        and attempt.failure is None
        and not attempt.cancelled
        and 0.0 <= attempt.elapsed <= signal.elapsed < LONGEST_CALL
    ):
        usage, first_byte = attempt.usage, attempt.first_byte
        key_label = by.key.label
        started_ms = round((attempt.started - call.started) * 1000)
        attempt_ms = round(attempt.elapsed * 1000)
        elapsed_ms = round(signal.elapsed * 1000)
        first_byte_ms = None if first_byte is None else round(first_byte * 1000)
        if usage is not None:
            tokens_in, tokens_out = usage.input_tokens, usage.output_tokens
            if (tokens_in is not None and not 0 <= tokens_in <= LARGEST) or (
                tokens_out is not None and not 0 <= tokens_out <= LARGEST
            ):
                tokens_in, tokens_out = _add(None, tokens_in), _add(None, tokens_out)
    else:
        elapsed_ms = _ms(signal.elapsed)
        rows = [_attempt(call.id, number, attempt, call.started) for number, attempt in enumerate(attempts, 1)]
        for each in attempts:
            usage = each.usage
            if usage is not None:
                tokens_in = _add(tokens_in, usage.input_tokens)
                tokens_out = _add(tokens_out, usage.output_tokens)
    return Ended((
        call.id,
        call.operation.id,
        call.surface,
        caller.id,
        _caller_name(caller.name),
        model if len(model) <= NAME_CHARACTERS and model.isascii() else text_of(model, NAME_CHARACTERS),
        *(_NOBODY if by is None else who_of(by.provider.id, by.model)),
        signal.status,
        signal.code,
        features.stream,
        int(call.started_wall * 1000),
        elapsed_ms,
        len(attempts),
        tokens_in,
        tokens_out,
        *(_UNPRICED if cost is None else (min(cost.billionths, LARGEST), cost.currency)),
        None if options is None or not options.tags else msgspec.json.encode(_tags(options.tags)).decode(),
        "" if options is None else text_of(options.user, 200),
        key_label,
        started_ms,
        attempt_ms,
        first_byte_ms,
        charges,
        rows,
    ))  # fmt: skip


def to_record(call: Ended) -> CallRecord:
    """The record of a call that waits to be written: what will be read back later."""
    row = dict(zip(CALL_COLUMNS, call[:-1], strict=True))
    return from_row(row, [dict(zip(ATTEMPT_COLUMNS, values, strict=True)) for values in call.attempts])


def from_row(row: Mapping[Any, Any], attempts: Sequence[Mapping[Any, Any]]) -> CallRecord:
    """The record behind a row of `calls` and its rows of `attempts`."""
    each = _attempts(row, attempts)
    cost = None
    if row["cost_billionths"] is not None:
        lacks = dict.fromkeys(name for one in each if one.charge is not None for name in one.charge.cost.lacks)
        cost = str(Cost(row["cost_billionths"], row["currency"], tuple(lacks)))
    return CallRecord(
        **{name: row[name] for name in _PLAIN},
        tags=msgspec.json.decode(row["tags"], type=dict[str, str]) if row["tags"] else {},
        cost=cost,
        attempts=each,
    )


def _attempts(row: Mapping[Any, Any], attempts: Sequence[Mapping[Any, Any]]) -> tuple[AttemptRecord, ...]:
    charges = dict(_CHARGES.decode(row["charges"])) if row["charges"] else {}
    if row["key_label"] is None:
        return tuple(
            AttemptRecord(**{name: each[name] for name in _OF_ATTEMPT}, charge=charges.get(each["number"]))
            for each in attempts
        )
    only = AttemptRecord(
        number=1,
        provider=row["provider"],
        model=row["model"],
        key_label=row["key_label"],
        started_ms=row["attempt_started_ms"],
        elapsed_ms=row["attempt_ms"],
        first_byte_ms=row["first_byte_ms"],
        kind=None,
        status=None,
        message=None,
        executed=None,
        cancelled=False,
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        charge=charges.get(1),
    )
    return (only,)


_CHARGES = msgspec.json.Decoder(list[tuple[int, Charge]])


CALL_COLUMNS = tuple(column.name for column in CALLS.columns)
ATTEMPT_COLUMNS = tuple(column.name for column in ATTEMPTS.columns)  # `call_id` is the first
_OF_THE_USUAL = frozenset({"key_label", "attempt_started_ms", "attempt_ms", "first_byte_ms", "charges"})
_PLAIN = tuple(
    column.name
    for column in CALLS.columns
    if column.name not in {"tags", "attempts"} and column.name not in _OF_THE_USUAL
)
_OF_ATTEMPT = ATTEMPT_COLUMNS[1:]


@lru_cache(maxsize=4096)
def _caller_name(name: str) -> str:
    return text_of(name, NAME_CHARACTERS)


@lru_cache(maxsize=4096)
def who_of(provider: str, model: str) -> tuple[str, str]:
    """Provider and model as they are written; the same few again and again."""
    return text_of(provider, 100), text_of(model, NAME_CHARACTERS)


_NOBODY = (None, None)
_UNPRICED = (None, None)


def _charges(attempts: Sequence[Attempt]) -> str | None:
    """What each attempt cost, by its number, as it is written; `None` when nothing is known of any."""
    told = [(number, attempt.charge) for number, attempt in enumerate(attempts, 1) if attempt.charge is not None]
    return msgspec.json.encode(told).decode() if told else None


def _attempt(call_id: str, number: int, attempt: Attempt, call_started: float) -> tuple[Any, ...]:
    candidate, failure, usage = attempt.candidate, attempt.failure, attempt.usage
    return (
        call_id,
        number,
        text_of(candidate.provider.id, 100),
        text_of(candidate.model, 200),
        text_of(candidate.key.label, 100),
        _ms(attempt.started - call_started),
        _ms(attempt.elapsed),
        None if attempt.first_byte is None else _ms(attempt.first_byte),
        None if failure is None else failure.kind.value,
        None if failure is None else failure.status,
        None if failure is None else text_of(failure.message, _MESSAGE_CHARACTERS),
        None if failure is None else failure.executed.value,
        attempt.cancelled,
        None if usage is None else _add(None, usage.input_tokens),
        None if usage is None else _add(None, usage.output_tokens),
    )


def text_of(text: str, longest: int) -> str:
    """A text as a column takes it: no longer than that, and without what cannot be written."""
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    # A lone surrogate, which JSON can carry, cannot be written.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {text_of(str(name), 64): text_of(str(tags[name]), _TAG_CHARACTERS) for name in list(tags)[:_TAGS]}


def _ms(seconds: float) -> int:
    return max(0, min(round(seconds * 1000), _LONGEST_MS))


def _add(sum_: int | None, tokens: int | None) -> int | None:
    """A sum of what was reported, as large as a column holds; `None` when nothing was."""
    if tokens is None:
        return sum_
    return max(0, min((sum_ or 0) + tokens, LARGEST))
