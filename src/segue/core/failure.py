"""Failures are classified once, where they are seen, into properties that every policy can read.

A status code means something else at each vendor: 400 is "not found" at one weather service, 403 is "monthly quota
used up", and 200 may carry an error. So the adapter that knows the vendor turns what it saw into a `Failure`, and
nobody further up ever looks at a status code or a text again: they read `kind`, `executed`, `scope` and
`retry_after`, and look the rest up in `TREATMENTS`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What went wrong, in words that hold for every vendor. The list is closed."""

    INVALID_REQUEST = "invalid_request"  # the caller's fault: it would fail anywhere
    NOT_FOUND = "not_found"  # a valid question without an answer: no such place
    CONTEXT_LENGTH = "context_length_exceeded"  # too large for this model's window
    CONTENT_FILTER = "content_filter"  # refused for its content
    UNSUPPORTED = "unsupported"  # this provider cannot do what the request needs
    MODEL_MISSING = "model_not_found"  # the provider does not have this model
    AUTH = "provider_auth"  # our key was refused
    PERMISSION = "provider_permission"  # our key is good, our plan lacks this
    QUOTA = "quota_exhausted"  # a day's or a month's allowance is used up, or the money is
    RATE_LIMITED = "rate_limited"  # too fast: a short wait helps
    OVERLOADED = "overloaded"  # the provider says that it has too much to do
    SERVER_ERROR = "server_error"  # the provider's own fault
    CONNECT = "connect_failed"  # no connection: nothing was sent
    CONNECTION_LOST = "connection_lost"  # cut after something was sent, before an answer
    TIMEOUT = "timeout"  # silence beyond a limit
    BAD_RESPONSE = "bad_response"  # an answer that is none: HTML, half a JSON, a wrong shape
    STREAM_CUT = "stream_cut"  # a stream that ended before its end, or stalled
    DEADLINE = "deadline_exceeded"  # the caller's own time ran out while the provider worked


class Executed(StrEnum):
    """Whether the provider carried the request out."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """How much of a provider a failure speaks of; the breaker of that name counts it."""

    REQUEST = "request"
    KEY = "key"
    MODEL = "model"
    PROVIDER = "provider"


class Next(StrEnum):
    """What to do after a failure."""

    STOP = "stop"  # tell the caller
    RETRY_SAME = "retry_same"  # the same candidate again, within its retries; then elsewhere
    NEXT_KEY = "next_key"  # another key of the same provider; then elsewhere
    ELSEWHERE = "elsewhere"  # never this one again in this call
    RESOLVE = "resolve"  # find out first whether it happened (effectful operations)


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a kind of failure is treated unless a policy says otherwise.

    Attributes:
        next: the step that may help.
        counts: whether it speaks against the health of what `Failure.scope` names.
        status: the HTTP status for the caller when nothing helped.
    """

    next: Next
    counts: bool
    status: int


TREATMENTS: MappingProxyType[Kind, Treatment] = MappingProxyType(
    {
        Kind.INVALID_REQUEST: Treatment(Next.STOP, counts=False, status=400),
        Kind.NOT_FOUND: Treatment(Next.STOP, counts=False, status=404),
        Kind.CONTEXT_LENGTH: Treatment(Next.ELSEWHERE, counts=False, status=400),
        Kind.CONTENT_FILTER: Treatment(Next.STOP, counts=False, status=400),
        Kind.UNSUPPORTED: Treatment(Next.ELSEWHERE, counts=False, status=400),
        Kind.MODEL_MISSING: Treatment(Next.ELSEWHERE, counts=False, status=404),
        # Our key's trouble is not the caller's: a 401 would make its SDK believe that the caller's key is bad.
        Kind.AUTH: Treatment(Next.NEXT_KEY, counts=True, status=502),
        Kind.PERMISSION: Treatment(Next.NEXT_KEY, counts=True, status=502),
        Kind.QUOTA: Treatment(Next.NEXT_KEY, counts=True, status=429),
        Kind.RATE_LIMITED: Treatment(Next.NEXT_KEY, counts=True, status=429),
        Kind.OVERLOADED: Treatment(Next.RETRY_SAME, counts=True, status=503),
        Kind.SERVER_ERROR: Treatment(Next.RETRY_SAME, counts=True, status=502),
        Kind.CONNECT: Treatment(Next.RETRY_SAME, counts=True, status=502),
        Kind.CONNECTION_LOST: Treatment(Next.RETRY_SAME, counts=True, status=502),
        # Silence is dear: it is paid once and not asked for again.
        Kind.TIMEOUT: Treatment(Next.ELSEWHERE, counts=True, status=504),
        Kind.BAD_RESPONSE: Treatment(Next.ELSEWHERE, counts=True, status=502),
        Kind.STREAM_CUT: Treatment(Next.ELSEWHERE, counts=True, status=502),
        # A caller with a tiny deadline must not be able to open a breaker for everybody.
        Kind.DEADLINE: Treatment(Next.STOP, counts=False, status=504),
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a provider (or the way to it) did wrong. Decided once, in the adapter or at the transport.

    Attributes:
        kind: what went wrong.
        message: one sentence for people, with no secret and no internal address in it.
        executed: whether the provider carried the request out.
        scope: what the failure speaks of.
        retry_after: seconds after which the provider wants to be asked again; raw, each reader caps it.
        should_retry: the vendor's own word on trying the same again, where it gives one; False is obeyed.
        needs: a capability whose lack was the reason, e.g. `context:200000`.
        status: the vendor's HTTP status, for records and for the caller's own mistakes only.
        vendor_type, vendor_code, param: the vendor's own words, passed on to an SDK that knows them.
        mended: whether the adapter has changed what was refused: the same candidate may take the request now.
        code: our own word for what is wrong with the request, where the kind says too little (`media_not_fetched`).
    """

    kind: Kind
    message: str
    executed: Executed = Executed.UNKNOWN
    scope: Scope = Scope.PROVIDER
    retry_after: float | None = None
    should_retry: bool | None = None
    needs: str | None = None
    status: int | None = None
    vendor_type: str | None = None
    vendor_code: str | None = None
    param: str | None = None
    mended: bool = False
    code: str | None = None

    @property
    def treatment(self) -> Treatment:
        """The default treatment of this kind."""
        return TREATMENTS[self.kind]

    def with_(self, **changes: object) -> "Failure":
        """A copy with some properties changed."""
        return replace(self, **changes)  # type: ignore[arg-type]  # dataclasses.replace checks the names itself
