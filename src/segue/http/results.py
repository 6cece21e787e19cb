"""What every surface says about a call beside its answer: headers, and the `segue` part of an error."""

import math
import re
from functools import lru_cache
from typing import Any, Final

from segue.core.call import Call
from segue.core.errors import CallFailed
from segue.core.money import Cost
from segue.core.signals import Answered
from segue.http.exchange import JSON, Headers
from segue.http.unpacking import UNDERSTOOD, UnknownCoding

MAX_TOLD = 32
_UNPRINTABLE = re.compile(rb"[^ -~]")


BEDROCK: Final = "bedrock"
"""The surface whose clients read in headers what a whole answer took."""
OWN_ID: Final = {"anthropic": "request-id", BEDROCK: "x-amzn-requestid"}
"""Surfaces whose SDKs look for the id of a request in a header of their own, and that header."""


def call_headers(call: Call, now: float) -> Headers:
    """The headers of every answer, with what is known when they are sent."""
    call_id = call.id.encode()
    headers: Headers = [
        (b"x-segue-call-id", call_id),
        (b"x-segue-attempts", b"%d" % len(call.attempts)),
        (b"x-segue-cache", b"off"),
        (b"x-request-id", call_id),
    ]
    if call.surface in OWN_ID:
        headers.append((OWN_ID[call.surface].encode(), call_id))
    answered = call.answered_by
    if answered is not None:
        headers += _who(answered.provider.id, answered.model)
    cost = call.cost
    if cost is not None:
        headers.append((b"x-segue-cost", str(cost).encode()))
    headers.append((b"x-segue-overhead-ms", b"%.2f" % _overhead_ms(call, now)))
    return headers


def call_head(call: Call, now: float) -> bytes:
    """The same headers and the content type of JSON, rendered: what nearly every answer begins with."""
    answered = call.answered_by
    told = "" if answered is None else _who_lines(answered.provider.id, answered.model)
    if call.surface in OWN_ID:
        told += f"{OWN_ID[call.surface]}: {call.id}\r\n"
        if call.surface == BEDROCK:
            told += "".join(f"x-amzn-bedrock-{name}-token-count: {count}\r\n" for name, count in _counts(call))
    return _head(call.id, len(call.attempts), told, call.cost, _overhead_ms(call, now))


def answered_head(answered: Answered, now: float) -> bytes:
    """The same of a usual call, on a surface whose clients look for no headers of their own."""
    candidate, charge = answered.candidate, answered.charge
    overhead = (now - answered.started - (answered.ended - answered.sent)) * 1000
    cost = None if charge is None else charge.cost
    return _head(answered.id, 1, _who_lines(candidate.provider.id, candidate.model), cost, max(0.0, overhead))


def _head(call_id: str, attempts: int, told: str, cost: Cost | None, overhead_ms: float) -> bytes:
    if cost is not None:
        told += f"x-segue-cost: {cost}\r\n"
    # One string in one go: fifteen small pieces to be joined cost three times as much.
    return (
        f"content-type: application/json\r\nx-segue-call-id: {call_id}\r\nx-segue-attempts: {attempts}\r\n"
        f"x-segue-cache: off\r\nx-request-id: {call_id}\r\n{told}"
        f"x-segue-overhead-ms: {overhead_ms:.2f}\r\n"
    ).encode("latin-1")


def _counts(call: Call) -> list[tuple[str, int]]:
    """What the last attempt took, in Bedrock's words: its input is without what came from or went to the cache."""
    usage = call.attempts[-1].usage if call.attempts else None
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return []
    read = usage.cached_tokens or 0
    written = (usage.cache_write_tokens or 0) + (usage.cache_write_1h_tokens or 0)
    plain = max(0, usage.input_tokens - read - written)
    counts = [("input", plain), ("output", usage.output_tokens)]
    return counts + [(f"cache-{name}-input", count) for name, count in (("read", read), ("write", written)) if count]


def _overhead_ms(call: Call, now: float) -> float:
    """Milliseconds that were neither waited on purpose nor spent by a provider."""
    overhead = now - call.started - call.waited
    for attempt in call.attempts:
        overhead -= attempt.elapsed if attempt.ended else now - attempt.started
    return max(0.0, overhead * 1000)


@lru_cache(maxsize=4096)
def _who(provider: str, model: str) -> Headers:
    """Who answered; the same few again and again."""
    headers: Headers = [(b"x-segue-provider", provider.encode())]
    if model:
        # A caller may ask a provider for any name at all, one with a line break included.
        headers.append((b"x-segue-model", _UNPRINTABLE.sub(b"?", model.encode("latin-1", "replace"))))
    return headers


@lru_cache(maxsize=4096)
def _who_lines(provider: str, model: str) -> str:
    lines = [b"%b: %b\r\n" % (name, _UNPRINTABLE.sub(b"?", value)) for name, value in _who(provider, model)]
    return b"".join(lines).decode("latin-1")


def typed(media: str) -> Headers:
    """The content type of a whole answer, or of sound as it comes; a browser is not to guess another one.

    Args:
        media: the vendor's content type, checked; "" for JSON.
    """
    if not media or media.startswith("application/json"):
        return [JSON]
    return [(b"content-type", media.encode("latin-1")), (b"x-content-type-options", b"nosniff")]


def error_headers(error: CallFailed) -> Headers:
    """When to come back, whether an SDK should try again by itself, and how bodies may be compressed."""
    headers: Headers = []
    if isinstance(error, UnknownCoding):
        headers.append((b"accept-encoding", UNDERSTOOD.encode()))
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % math.ceil(min(error.retry_after, 86_400.0))))
    if not error.should_retry:
        headers.append((b"x-should-retry", b"false"))
    return headers


def told(error: CallFailed) -> dict[str, Any]:
    """The `segue` object of an error: a stable code, the call and what was tried."""
    return {
        "code": error.code,
        "call_id": error.call_id,
        "attempts": [
            {
                "provider": attempt.candidate.provider.id,
                "model": attempt.candidate.model or None,
                "key": attempt.candidate.key.label,
                "failure": attempt.failure.kind.value if attempt.failure else None,
                "status": attempt.failure.status if attempt.failure else None,
                "message": attempt.failure.message if attempt.failure else None,
                "elapsed_ms": round(attempt.elapsed * 1000, 1),
            }
            for attempt in list(error.attempts)[:MAX_TOLD]
        ],
    }
