"""The command line, the admin interface and the tests must agree on what can be asked for: this is that one list.

It also holds the model names that ask for a fault, for applications that can choose a model but not call an admin
interface.
"""

import re
from typing import Any, Final

from segue.simulator.faults import (
    answers,
    connections,
    endings,
    events,
    framing,
    limits,
    streams,
    timing,
    usage,
    volume,
)
from segue.simulator.faults.kinds import Kind

# The order matters twice: tables have it, and of the kinds that change only the form, each works on what the ones
# before it have made (events first, then compression, then segments, then HTTP itself).
_ALL: Final[tuple[Kind[Any], ...]] = (
    answers.STATUS,
    answers.ERROR_IN_200,
    answers.EMPTY_BODY,
    answers.HTML,
    answers.WRONG_TYPE,
    answers.HALF_JSON,
    answers.REDIRECT,
    connections.REFUSE,
    connections.REFUSE_CONNECT,
    connections.NO_ACCEPT,
    connections.DOWN,
    connections.SILENCE,
    connections.RESET_AFTER,
    connections.SHORT_BODY,
    limits.CONCURRENCY,
    limits.RATE_LIMIT,
    timing.LATENCY,
    timing.SLOW_HEADERS,
    timing.SLOW_FIRST_TOKEN,
    timing.PACE,
    streams.STALL,
    streams.CUT,
    streams.END_WITHOUT_DONE,
    streams.MALFORMED,
    streams.ERROR_EVENT,
    endings.FINISH_REASON,
    framing.MALFORMED_HTTP,
    framing.ENDLESS_HEADERS,
    framing.EARLY_RESPONSE,
    volume.GZIP_BOMB,
    volume.WRONG_GZIP,
    volume.ENDLESS_BODY,
    events.DUPLICATE_EVENT,
    usage.USAGE,
    events.EMPTY_CHOICES,
    events.COMMENTS,
    events.UNKNOWN_EVENTS,
    events.LINE_ENDINGS,
    events.BYTE_ORDER_MARK,
    events.MERGE,
    volume.GZIP,
    events.SPLIT,
    answers.HEADERS,
    framing.LARGE_HEADERS,
    framing.TRICKLE,
    framing.INFORMATIONAL,
)

KINDS: Final[dict[str, Kind[Any]]] = {kind.name: kind for kind in _ALL}

# Model name without its prefix: the kind, its fixed options, and the option that a number at the end would set.
MODEL_FAULTS: Final[dict[str, tuple[str, dict[str, object], str | None]]] = {
    "status": ("status", {}, "code"),
    "rate-limit": ("status", {"error": "rate_limit_exceeded"}, "retry_after"),
    "quota": ("status", {"error": "insufficient_quota"}, None),
    "overloaded": ("status", {"code": 503}, None),
    "context-length": ("status", {"error": "context_length_exceeded"}, None),
    "content-filter": ("status", {"error": "content_filter"}, None),
    "refuse": ("refuse", {}, None),
    "silence": ("silence", {}, None),
    "slow-headers": ("slow_headers", {"seconds": 2.0}, "seconds"),
    "slow": ("slow_first_token", {"seconds": 2.0}, "seconds"),
    "slow-tokens": ("pace", {"first_token_delay": 0.5, "token_delay": 0.2}, None),
    "stall": ("stall", {"after": 3}, "after"),
    "cut": ("cut", {"after": 3}, "after"),
    "no-done": ("end_without_done", {}, None),
    "malformed": ("malformed", {}, "event"),
    "error-event": ("error_event", {"after": 3}, "after"),
    "empty": ("empty_body", {}, None),
    "html": ("html", {}, None),
    "wrong-type": ("wrong_type", {}, None),
    "error-in-200": ("error_in_200", {}, None),
    "reset": ("reset_after", {"bytes": 100}, "bytes"),
}
MODEL_PREFIX: Final = "sim-"
_NUMBERED: Final = re.compile(r"(.+)-([0-9]{1,6})", re.ASCII)


def fault_in_model_name(model: str | None) -> tuple[str, dict[str, object]] | None:
    """The kind and options that a model name such as `sim-status-503` asks for; None for every other name."""
    if model is None or not model.startswith(MODEL_PREFIX):
        return None
    name = model.removeprefix(MODEL_PREFIX)
    if name in MODEL_FAULTS:
        kind, options, _ = MODEL_FAULTS[name]
        return kind, options
    match = _NUMBERED.fullmatch(name)
    if match is None or match[1] not in MODEL_FAULTS:
        return None
    kind, options, numbered = MODEL_FAULTS[match[1]]
    return (kind, options | {numbered: int(match[2])}) if numbered is not None else None
