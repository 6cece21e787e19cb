"""What every surface says about a call beside its answer: headers, and the `segue` part of an error."""

import math
import re
from functools import lru_cache
from typing import Any, Final

from segue.core.call import Call
from segue.core.errors import CallFailed
from segue.http.exchange import JSON, Headers

MAX_TOLD = 32
_UNPRINTABLE = re.compile(rb"[^ -~]")


ANTHROPIC: Final = "anthropic"
"""The surface whose SDKs look for the id of a request in a header of their own."""


def call_headers(call: Call, now: float) -> Headers:
    """The headers of every answer, with what is known when they are sent."""
    call_id = call.id.encode()
    headers: Headers = [
        (b"x-segue-call-id", call_id),
        (b"x-segue-attempts", b"%d" % len(call.attempts)),
        (b"x-segue-cache", b"off"),
        (b"x-request-id", call_id),
    ]
    if call.surface == ANTHROPIC:
        headers.append((b"request-id", call_id))
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
    call_id = call.id
    answered = call.answered_by
    who = "" if answered is None else _who_lines(answered.provider.id, answered.model)
    cost = call.cost
    told = "" if cost is None else f"x-segue-cost: {cost}\r\n"
    if call.surface == ANTHROPIC:
        told += f"request-id: {call_id}\r\n"
    # One string in one go: fifteen small pieces to be joined cost three times as much.
    return (
        f"content-type: application/json\r\nx-segue-call-id: {call_id}\r\nx-segue-attempts: {len(call.attempts)}\r\n"
        f"x-segue-cache: off\r\nx-request-id: {call_id}\r\n{who}{told}"
        f"x-segue-overhead-ms: {_overhead_ms(call, now):.2f}\r\n"
    ).encode("latin-1")


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
    """When to come back, and whether an SDK should try again by itself."""
    headers: Headers = []
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
