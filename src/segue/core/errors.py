"""Every exception that a user of Segue can meet, in one tree.

    SegueError
    ├── ConfigError            a configuration that cannot be used: one problem a line, each with its remedy
    └── CallFailed             a call without an answer
        ├── Refused            *we* said no: nothing (more) was sent
        │   ├── RequestInvalid     the request cannot be understood
        │   ├── Unauthenticated    no key, or a wrong one
        │   ├── Forbidden          the key may not do this
        │   ├── UnknownModel       no provider and no alias of this name
        │   ├── UnknownOperation   nobody serves this operation
        │   ├── NoCandidate        providers exist, none may serve this call
        │   │   └── Unservable     none of them can do what the request needs
        │   ├── Unavailable        every candidate is held back by its breaker or its rate limit
        │   ├── Overloaded         Segue itself has too much to do, or is stopping
        │   └── DeadlineExceeded   the call's time ran out before an answer came
        └── ProviderFailed     *they* failed: the last failure, and every attempt

`code` and `status` are stable: programs may rely on them; messages may change.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from segue.core.failure import Failure, Kind

if TYPE_CHECKING:
    from segue.core.call import Attempt


class SegueError(Exception):
    """Everything that Segue raises on purpose."""


class ConfigError(SegueError):
    """A configuration that cannot be used.

    Attributes:
        problems: one line each: `file:line: what is wrong and how to mend it`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class CallFailed(SegueError):
    """A call that got no answer.

    Attributes:
        code: a stable word for programs.
        status: the HTTP status that says the same.
        message: one or two sentences for people: what happened, and the remedy where there is one.
        param: the field of the request that is meant, if one is.
        retry_after: seconds after which trying again may help.
        should_retry: False where another try by the caller's own SDK is pointless or would multiply attempts.
        call_id, attempts: filled in by the pipeline.
    """

    code = "call_failed"
    status = 500
    should_retry: bool = False

    def __init__(self, message: str, *, param: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.call_id = ""
        self.attempts: Sequence[Attempt] = ()


class Refused(CallFailed):
    """We said no: nothing (more) was sent to a provider."""

    code = "refused"
    status = 503


LONGEST_MESSAGE = 1_000
"""Characters of what a caller is told of its own mistake: a message that quotes a field must not be as long as it."""


class RequestInvalid(Refused):
    """The request cannot be understood; `param` names the field, the message where there is none.

    Both are cut to `LONGEST_MESSAGE` characters.
    """

    code = "invalid_request"
    status = 400

    def __init__(
        self, message: str, *, param: str | None = None, status: int = 400, code: str = "invalid_request"
    ) -> None:
        super().__init__(shortened(message), param=None if param is None else shortened(param))
        self.status = status
        self.code = code


def shortened(text: str) -> str:
    """A text of at most `LONGEST_MESSAGE` characters, of which the beginning and the end count most."""
    if len(text) <= LONGEST_MESSAGE:
        return text
    half = LONGEST_MESSAGE // 2 - 1
    return f"{text[:half]}…{text[-half:]}"


class Unauthenticated(Refused):
    """No key, or one that is wrong, revoked or contradicted by another."""

    code = "invalid_api_key"
    status = 401


class Forbidden(Refused):
    """The key is good but may not do this."""

    code = "forbidden"
    status = 403


class UnknownModel(Refused):
    """No alias, provider or listed model has this name."""

    code = "model_not_found"
    status = 404


class UnknownOperation(Refused):
    """No operation of this name, or no provider that serves it."""

    code = "unknown_operation"
    status = 404


class NoCandidate(Refused):
    """Providers exist, but none of them may serve this call."""

    code = "no_candidate"
    status = 503


class Unservable(NoCandidate):
    """Nobody who could be asked is able to do what the request needs; time does not help, another model may."""

    code = "unsupported"
    status = 400


class Unavailable(Refused):
    """Every candidate is held back by its breaker or its rate limit; `retry_after` says for how long."""

    code = "unavailable"
    status = 503


class Overloaded(Refused):
    """Segue itself has too much to do, or is stopping. Nothing was tried, so trying again is harmless."""

    code = "segue_overloaded"
    status = 503
    should_retry = True


class DeadlineExceeded(Refused):
    """The call's time ran out before an answer came."""

    code = "deadline_exceeded"
    status = 504


class ProviderFailed(CallFailed):
    """Every attempt that was allowed has failed; `failure` is the one that decided.

    The status is the one of the failure's kind; only for mistakes of the caller's own is it the vendor's.
    """

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message, param=failure.param, retry_after=failure.retry_after)
        self.failure = failure
        self.code = failure.kind.value
        own_mistake = failure.kind in {Kind.INVALID_REQUEST, Kind.CONTEXT_LENGTH, Kind.CONTENT_FILTER}
        if own_mistake and failure.status is not None and 400 <= failure.status < 500:  # noqa: PLR2004 - HTTP's classes
            # 401, 403 and 407 speak of a key, and the caller's own is good.
            self.status = 400 if failure.status in {401, 403, 407} else failure.status
        else:
            self.status = failure.treatment.status
