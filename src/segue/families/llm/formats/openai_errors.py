"""What OpenAI's error bodies mean, also at the many vendors who imitate them.

The status alone is not enough: 400 may be a full context window or a refused content, 429 a short pause or an empty
purse, and some vendors answer a bad key with 400. Source: OpenAI's guide "Error codes" and the bodies that the
vendors document.
"""

import re
from typing import Any, Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope

_CONTEXT: Final = frozenset(
    {
        *("context_length_exceeded", "string_above_max_length", "request_too_large", "exceed_context_size_error"),
        "too_many_prompt_tokens",  # Perplexity
    }
)
_NOT_WRITTEN: Final = frozenset({"tool_use_failed", "json_validate_failed"})
"""Groq checks what its models write: a call that does not fit its schema, or no JSON, is answered with 400. Nothing is
wrong with the request, and another model may do better (console.groq.com/docs/errors)."""
_CONTENT: Final = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})
_NO_MONEY: Final = frozenset({
    "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance",
    "quota_exceeded", "exceeded_current_quota_error",
})  # fmt: skip
_BAD_KEY: Final = frozenset({"invalid_api_key", "invalid_authentication", "account_deactivated", "incorrect_api_key"})
_NO_MODEL: Final = frozenset({"model_not_found", "model_decommissioned", "invalid_model"})
_BUSY: Final = frozenset(
    {"overloaded", "overloaded_error", "engine_overloaded", "server_overloaded", "model_overloaded"}
)
_BUSY_MODEL: Final = frozenset({"service_tier_capacity_exceeded", "queue_exceeded"})
"""One model has too much to do, whoever asks: Mistral's 429 with code 3505, Cerebras's with a full queue."""

_TOO_LONG: Final = re.compile(
    r"maximum (?:context|prompt) length|reduce the length of (?:the|your) (?:messages|prompt|input)"
    r"|exceeds? the (?:available |model's )?(?:context|maximum context)|tokens in the prompt cannot exceed"
    r"|prompt (?:is )?too long|`inputs` tokens \+ `max_new_tokens` must|greater than the context length",
    re.IGNORECASE,
)
"""How vendors without a code for it say that a request is too long: vLLM, NVIDIA, DeepSeek, Mistral (context length),
xAI (prompt length), Groq and Cerebras (reduce), llama.cpp and Ollama (exceeds), Cohere, TGI, LM Studio."""
SIZE: Final = re.compile(r"(?:requested|resulted in) (?:about )?([\d,]{1,15}) tokens")
"""How large the request was, in the sentence of OpenAI, DeepSeek and OpenRouter."""
_WORDED_KEY: Final = re.compile(r"(?:incorrect|invalid) api key|api key not valid", re.IGNORECASE)
"""xAI answers a bad key with 400."""
_WORDED_MONEY: Final = re.compile(
    r"used all available credits|monthly spending limit|insufficient (?:balance|credits|funds)", re.IGNORECASE
)
"""An empty purse with 403, 412 or 429 and no code for it: xAI, Fireworks."""
_WORDED_CONTENT: Final = re.compile(r"content violates usage guidelines|flagged (?:as|for) ", re.IGNORECASE)
"""Refused for its content with 403 and no code for it: xAI, OpenRouter."""

MAX_MESSAGE: Final = 1000
MAX_WORD: Final = 200

_REFUSALS: Final = frozenset({200, 400, 413, 422, 500})
_NOT_ALLOWED: Final = frozenset({400, 403, 412, 429})
_NO_RESOURCE: Final = "insufficient_system_resource"
_BROKEN_OFF: Final = frozenset({"error", "aborted", _NO_RESOURCE})

_ERROR_STATUS: Final = re.compile(r"[45]\d\d")

_STATUS: Final[dict[int, tuple[Kind, Executed, Scope]]] = {
    400: (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    401: (Kind.AUTH, Executed.NO, Scope.KEY),
    402: (Kind.QUOTA, Executed.NO, Scope.KEY),
    403: (Kind.PERMISSION, Executed.NO, Scope.KEY),
    404: (Kind.MODEL_MISSING, Executed.NO, Scope.MODEL),
    405: (Kind.BAD_RESPONSE, Executed.NO, Scope.PROVIDER),
    408: (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
    409: (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
    412: (Kind.PERMISSION, Executed.NO, Scope.KEY),  # Fireworks: the account is suspended
    413: (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    415: (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    422: (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    429: (Kind.RATE_LIMITED, Executed.NO, Scope.KEY),
    498: (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),  # Groq: no capacity for the flex tier
    503: (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
    529: (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
}


def classify(status: int, error: dict[str, Any] | None, secret: str) -> Failure:
    """The failure behind an error answer.

    Args:
        status: the HTTP status; 200 for an error inside a stream or a body that claims success.
        error: the `error` object of the body, `None` when the body is not of this format.
        secret: the key that was sent, which some vendors echo: it is cut out of the message.
    """
    if error is None:
        return _unreadable(status)
    message = _word(error.get("message"))
    vendor_type, code, param = (_redacted(_word(error.get(name)), secret) for name in ("type", "code", "param"))
    if status == 200 and code is not None and _ERROR_STATUS.fullmatch(code):  # noqa: PLR2004 - HTTP's own number
        status = int(code)  # where the answer's own status could not tell it any more (OpenRouter)
    words = {word.lower() for word in (vendor_type, code) if word}
    kind, executed, scope = (
        _by_words(words, message or "") or _by_text(status, message or "", error) or _by_status(status)
    )
    size = SIZE.search(message or "") if kind is Kind.CONTEXT_LENGTH else None
    return Failure(
        kind,
        redact(message or f"HTTP {status} without a message", secret),
        executed=executed,
        scope=scope,
        needs=None if size is None else f"context:{size[1].replace(',', '')}",
        status=status,
        vendor_type=vendor_type,
        vendor_code=code,
        param=param,
    )


def error_object(body: bytes) -> dict[str, Any] | None:
    """The `error` object of a body, in any of the shapes that vendors use; `None` when there is none."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    if not isinstance(decoded, dict):
        return None
    error = decoded.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {**decoded, "message": error}
    for name in ("message", "detail"):
        if name in decoded:
            return {**decoded, "message": decoded[name]}
    return None


def redact(text: str, secret: str) -> str:
    """The text without the key, and not longer than `MAX_MESSAGE`."""
    if len(secret) >= 4:  # noqa: PLR2004 - shorter ones would tear words apart
        text = text.replace(secret, "[key]")
    return text[:MAX_MESSAGE]


def without_secret(failure: Failure, secret: str) -> Failure:
    """A failure whose words were read where the key was not known, without it."""
    words = {name: _redacted(getattr(failure, name), secret) for name in ("vendor_type", "vendor_code", "param")}
    return failure.with_(message=redact(failure.message, secret), **words)


def _by_words(words: set[str], message: str) -> tuple[Kind, Executed, Scope] | None:
    if words & _CONTEXT or "maximum context length" in message:
        return Kind.CONTEXT_LENGTH, Executed.NO, Scope.MODEL
    if words & _NOT_WRITTEN:
        return Kind.UNSUPPORTED, Executed.NO, Scope.MODEL
    if words & _CONTENT:
        return Kind.CONTENT_FILTER, Executed.NO, Scope.REQUEST
    if words & _NO_MONEY:
        return Kind.QUOTA, Executed.NO, Scope.KEY
    if words & _BAD_KEY:
        return Kind.AUTH, Executed.NO, Scope.KEY
    if words & _NO_MODEL:
        return Kind.MODEL_MISSING, Executed.NO, Scope.MODEL
    if words & _BUSY:
        return Kind.OVERLOADED, Executed.NO, Scope.PROVIDER
    if words & _BUSY_MODEL:
        return Kind.OVERLOADED, Executed.NO, Scope.MODEL
    if "rate_limit_exceeded" in words:
        return Kind.RATE_LIMITED, Executed.NO, Scope.KEY
    return None


def _by_text(status: int, message: str, error: dict[str, Any]) -> tuple[Kind, Executed, Scope] | None:
    """What only the sentence tells; each is looked for at the statuses with which vendors send it, and nowhere else."""
    if status in _REFUSALS and _TOO_LONG.search(message):
        return Kind.CONTEXT_LENGTH, Executed.NO, Scope.MODEL
    if status == 400 and _WORDED_KEY.search(message):  # noqa: PLR2004 - HTTP's own number
        return Kind.AUTH, Executed.NO, Scope.KEY
    if status in _NOT_ALLOWED and _WORDED_MONEY.search(message):
        return Kind.QUOTA, Executed.NO, Scope.KEY
    if status == 403 and (_WORDED_CONTENT.search(message) or _moderated(error)):  # noqa: PLR2004 - HTTP's own number
        return Kind.CONTENT_FILTER, Executed.NO, Scope.REQUEST
    return None


def _moderated(error: dict[str, Any]) -> bool:
    """Whether OpenRouter names the reasons for which an input was flagged."""
    metadata = error.get("metadata")
    return isinstance(metadata, dict) and bool(metadata.get("reasons"))


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")


class _Choices(msgspec.Struct):
    choices: list[_Choice] | None = None


_choices: Final = msgspec.json.Decoder(_Choices)


def broken_off(body: bytes, secret: str) -> Failure | None:
    """The failure behind a whole answer with status 200 that the provider broke off; else `None`.

    OpenRouter tells the error beside the choice that it ended (`choices[0].error`).
    """
    try:
        found = _choices.decode(body).choices
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    failure = gave_up(found[0].finish_reason) if found else None
    if failure is None or not found or bytes(found[0].error) == b"null":
        return failure
    error = error_object(b'{"error":' + bytes(found[0].error) + b"}")
    return failure if error is None else classify(200, error, secret)


def gave_up(reason: str | None) -> Failure | None:
    """The failure behind a `finish_reason` that is no end of an answer but its breaking off; else `None`.

    `error` is OpenRouter's and Mistral's word, `insufficient_system_resource` DeepSeek's.
    """
    if reason not in _BROKEN_OFF:
        return None
    kind = Kind.OVERLOADED if reason == _NO_RESOURCE else Kind.SERVER_ERROR
    return Failure(kind, f"the provider broke the answer off: {reason}", Executed.YES, Scope.PROVIDER)


def _by_status(status: int) -> tuple[Kind, Executed, Scope]:
    known = _STATUS.get(status)
    if known is not None:
        return known
    if 400 <= status < 500:  # noqa: PLR2004 - HTTP's classes
        return Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST
    return Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER


def _unreadable(status: int) -> Failure:
    """An answer that is not of this format: the status says something only where it cannot be a stranger's."""
    kind, executed, scope = _by_status(status)
    if kind in {Kind.INVALID_REQUEST, Kind.MODEL_MISSING} or status < 400:  # noqa: PLR2004 - HTTP's classes
        kind, scope = Kind.BAD_RESPONSE, Scope.PROVIDER
    message = f"HTTP {status} with a body that is not in OpenAI's format (is base_url right?)"
    return Failure(kind, message, executed=executed, scope=scope, status=status)


def _word(value: object) -> str | None:
    if value is None or isinstance(value, (bool, dict)):
        return None
    return str(value)


def _redacted(word: str | None, secret: str) -> str | None:
    return None if word is None else redact(word, secret)[:MAX_WORD]
