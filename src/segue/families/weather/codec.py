"""`weather.current` over a vendor's single GET endpoint, sans-IO.

The vendors differ in parameters, shapes and codes, and in nothing else. What differs is a `Dialect`, one module per
vendor; what does not, is here once: the URL, the order in which a body is judged, and the promise that `decode` never
raises and never takes for weather what is none.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import quote, urlencode

from segue.core.call import Call
from segue.core.failure import Failure, Kind, Scope
from segue.core.outcome import Outcome, Usage
from segue.core.ports import Codec, ProviderSpec, WireRequest
from segue.core.provider import Candidate
from segue.families.weather.failures import VendorError, failure, kind_of_status
from segue.families.weather.operations import CURRENT
from segue.families.weather.types import CurrentRequest, CurrentWeather, Source

UNREADABLE = (ValueError, RecursionError)
"""What reading a foreign body may raise: malformed or misshapen JSON, bytes that are no UTF-8, a reading that cannot
be true (all of them `ValueError`), and nesting deeper than the interpreter's stack."""

_OK = 200
_SERVER_FAULTS = 500


class Dialect(Protocol):
    """How one vendor is spoken to. Pure.

    Attributes:
        source: who it is.
        base_url: the prefix that `base_url` of a configuration replaces, exactly.
        path: what comes after it.
    """

    source: Source
    base_url: str
    path: str

    def parameters(self, request: CurrentRequest, secret: str) -> Sequence[tuple[str, str]]:
        """The parameters of the query string, not yet encoded."""
        ...

    def answer(self, body: bytes) -> CurrentWeather | None:
        """The weather in this body; `None` when the body itself says that it is an error.

        Raises:
            ValueError: the body is no such thing.
            RecursionError: it is nested too deeply.
        """
        ...

    def error(self, body: bytes) -> VendorError | None:
        """The vendor's error in this body; `None`, or what `answer` raises, when there is none."""
        ...

    def kind(self, error: VendorError) -> Kind | None:
        """What this error means; `None` for one that is not documented."""
        ...

    def param(self, error: VendorError) -> str | None:
        """The field of the request that this error means, if the vendor tells."""
        ...


class CurrentCodec:
    """`weather.current` in one vendor's dialect, at one address."""

    __slots__ = ("_dialect", "_url")

    def __init__(self, dialect: Dialect, base_url: str | None) -> None:
        self._dialect = dialect
        self._url = f"{(base_url or dialect.base_url).rstrip('/')}/{dialect.path}"

    def encode(self, call: Call, candidate: Candidate) -> WireRequest:
        """The request for this candidate. Its URL holds the key."""
        parameters = self._dialect.parameters(call.request, candidate.key.secret)
        # Percent-encoding throughout: not every server reads a plus sign in a query as a space.
        query = urlencode(parameters, quote_via=quote, safe="")
        return WireRequest("GET", f"{self._url}?{query}", {"accept": "application/json"})

    def decode(
        self,
        call: Call,  # noqa: ARG002 - the port's shape
        candidate: Candidate,
        status: int,
        headers: Mapping[str, str],  # noqa: ARG002 - the port's shape: a content type proves nothing, the body does
        body: bytes,
    ) -> Outcome:
        """The weather, or the classified failure; never raises.

        `retry_after` is left open: this code has no clock, and whoever runs it reads the headers.
        """
        problem = f"HTTP status {status} without an error message that is documented"
        if status == _OK:
            try:
                answer = self._dialect.answer(body)
            except UNREADABLE as unreadable:
                problem = f"the body is not current weather: {_why(unreadable)}"
            else:
                if answer is not None:
                    return Outcome(answer=answer, usage=Usage())
        return Outcome(failure=self._failure(candidate.key.secret, status, body, problem))

    def reader(self, call: Call, candidate: Candidate, headers: Mapping[str, str]) -> Failure:  # noqa: ARG002 - the port's shape
        """Always a failure: there is no weather by the word."""
        return Failure(Kind.UNSUPPORTED, f"{self._dialect.source.name} does not stream", scope=Scope.REQUEST)

    def wants_stream(self, call: Call) -> bool:  # noqa: ARG002 - the port's shape
        """Never."""
        return False

    def _failure(self, secret: str, status: int, body: bytes, problem: str) -> Failure:
        name = self._dialect.source.name
        error = self._error(body)
        if error is None:
            return failure(kind_of_status(status), problem, vendor=name, secret=secret, status=status)
        # A server that says 5xx is ill whatever its body says: its "not found" must not end the search elsewhere.
        known = self._dialect.kind(error) if status < _SERVER_FAULTS else None
        return failure(
            known or kind_of_status(status),
            error.message or problem,
            vendor=name,
            secret=secret,
            status=status,
            code=error.code,
            param=self._dialect.param(error),
        )

    def _error(self, body: bytes) -> VendorError | None:
        try:
            return self._dialect.error(body)
        except UNREADABLE:
            return None


def _why(unreadable: Exception) -> str:
    """What is wrong with a body, without quoting it."""
    if isinstance(unreadable, RecursionError):
        return "it is nested too deeply"
    return "it is not UTF-8" if isinstance(unreadable, UnicodeError) else str(unreadable)


class WeatherAdapter:
    """One configured account of a weather vendor."""

    __slots__ = ("allow_private", "codecs")

    def __init__(self, dialect: Dialect, spec: ProviderSpec) -> None:
        self.codecs: Mapping[str, Codec] = {CURRENT.id: CurrentCodec(dialect, spec.base_url)}
        self.allow_private = spec.allow_private


class WeatherVendor:
    """A weather vendor that can be configured: what the registry finds in the vendor's module.

    Args:
        dialect: how it is spoken to; its source's `vendor` is the adapter's id.
        environment: variables in which a key is looked for when nothing is configured.
        priority: the place among those that were found there; lower is tried earlier.
    """

    __slots__ = ("_dialect", "environment", "id", "models", "needs_key", "operations", "priority")

    def __init__(self, dialect: Dialect, environment: Sequence[str], *, priority: int = 1) -> None:
        self._dialect = dialect
        self.id = dialect.source.vendor
        self.operations = frozenset({CURRENT.id})
        self.needs_key = True
        self.environment: Sequence[str] = environment
        self.priority = priority
        self.models: Sequence[str] = ()

    def build(self, spec: ProviderSpec) -> WeatherAdapter:
        """The adapter for one configured account."""
        return WeatherAdapter(self._dialect, spec)
