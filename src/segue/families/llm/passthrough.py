"""What Segue does not model goes to one configured provider as it is, with that provider's own key.

Nobody models all of a vendor's API. So a caller may name a provider and the rest of an address, and gets what that
provider says. Two things must never happen: the key goes to another place than the one it was configured for, and the
caller's own credential goes anywhere. So the address is the configured one with a plain path behind it, and headers
pass in both directions by a list. What a request does is unknown here: it is sent once.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus, urlsplit

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.features import Features
from segue.core.operation import Nature, Operation
from segue.core.outcome import Outcome, Usage
from segue.core.ports import StreamReader, WireRequest

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

REQUEST_HEADERS: Final = frozenset({
    "accept", "accept-language", "anthropic-beta", "anthropic-version", "content-type", "idempotency-key", "if-match",
    "if-none-match", "openai-beta", "range",
})  # fmt: skip
"""Headers of the caller that the provider may see. None of them says who calls, or whom the provider should bill."""

ANSWER_HEADERS: Final = frozenset({
    "accept-ranges", "cache-control", "content-disposition", "content-language", "content-range", "content-type",
    "etag", "last-modified", "openai-processing-ms", "openai-version", "retry-after",
})  # fmt: skip
"""Headers of the provider that the caller may see. None of them tells of our account or leads to another address."""

MAX_PATH: Final = 2048
MAX_QUERY: Final = 8192
MAX_HEADER: Final = 1024

_PLAIN: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
_PRINTABLE: Final = re.compile(r"[ -~]*")
_VERSION: Final = re.compile(r"v\d{1,2}(?:alpha|beta)?\d{0,2}")
_HIDDEN: Final = re.compile(r"%(?:2[eEfF5]|5[cC]|[01][0-9A-Fa-f]|7[fF])")
"""Encoded dots, slashes, percents, backslashes and control characters: what is plain to us would not be to others."""
_ASKS_FOR_EVENTS: Final = re.compile(rb'"stream"\s*:\s*true')

_TOO_MANY: Final = 429
_BAD_KEY: Final = 401
_NO_MONEY: Final = 402
_BUSY: Final = frozenset({503, 529})


@dataclass(frozen=True, slots=True)
class Said:
    """A provider's answer, as the caller may see it."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(slots=True)
class Passage:
    """One request that passes through.

    Attributes:
        path: what follows the provider's address, as `plain_path` gave it.
        query: as `plain_query` gave it; "" for none.
        headers: as `request_headers` gave them.
        said: what the provider has answered; of a stream status and headers alone.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    said: Said | None = None

    @property
    def streamed(self) -> bool:
        """Whether the answer may come piece by piece: a download, or events."""
        events = "text/event-stream" in self.headers.get("accept", "") or "alt=sse" in self.query.split("&")
        return self.method == "GET" or events or _ASKS_FOR_EVENTS.search(self.body) is not None


def plain_path(raw: str) -> str:
    """What follows the provider's address, where nobody can read another address out of it.

    Args:
        raw: as it stands in the request line, without a slash at its beginning.

    Raises:
        RequestInvalid: it is empty or long, or has segments such as `..`, or something hidden by encoding.
    """
    segments = raw.split("/")
    if len(raw) > MAX_PATH or _HIDDEN.search(raw):
        raise _no_path(
            f"longer than {MAX_PATH} characters" if len(raw) > MAX_PATH else "with an encoded '.', '/' or '%'"
        )
    for place, segment in enumerate(segments):
        if not segment and place == len(segments) - 1 and place:
            continue  # a slash at the end means something to some
        if segment in {".", ".."} or not _PLAIN.fullmatch(segment):
            raise _no_path(f"with the segment {segment[:50]!r}")
    return raw


def plain_query(raw: bytes) -> str:
    """The query without `key`, which is a credential.

    Raises:
        RequestInvalid: it is too long, or no query.
    """
    text = raw.decode("latin-1")
    if len(text) > MAX_QUERY or not text.isascii() or not text.isprintable() or " " in text:
        raise RequestInvalid(f"the query must be plain text of at most {MAX_QUERY} characters", param="query")
    pairs = [pair for pair in text.split("&") if unquote_plus(pair.partition("=")[0]).strip().lower() != "key"]
    return "&".join(pairs)


def request_headers(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those of the caller's headers that pass; of a repeated one all values.

    Raises:
        RequestInvalid: one of them is too long, or not printable.
    """
    passing: dict[str, str] = {}
    for name, value in given:
        if name not in REQUEST_HEADERS:
            continue
        joined = f"{passing[name]}, {value}" if name in passing else value
        if len(joined) > MAX_HEADER or not _PRINTABLE.fullmatch(joined):
            raise RequestInvalid(f"header {name}: expected at most {MAX_HEADER} printable characters", param=name)
        passing[name] = joined
    return passing


def analyse(request: Passage) -> Features:
    """What routing and records may know of it: the method and the path stand where others name a model."""
    return Features(model=f"{request.method} /{request.path}", stream=request.streamed, size=len(request.body))


class PassthroughCodec:
    """The codec of `passthrough` at one account; see `segue.core.ports.Codec`.

    Args:
        base: the account's address, without a slash at its end.
        headers: from a key's secret: authorisation, and what the vendor wants besides.
    """

    __slots__ = ("_base", "_headers", "_version")

    def __init__(self, base: str, headers: Callable[[str], Mapping[str, str]]) -> None:
        self._base = base
        self._headers = headers
        last = urlsplit(base).path.rpartition("/")[2]
        self._version = f"{last}/" if _VERSION.fullmatch(last) else ""

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """The caller's request with the provider's address and key."""
        request: Passage = call.request
        # People write the version of an API into the address, and SDKs write it into the path.
        path = request.path.removeprefix(self._version) if self._version else request.path
        query = f"?{request.query}" if request.query else ""
        headers = {**self._headers(candidate.key.secret), **request.headers}
        if not request.body:
            headers.pop("content-type", None)
        return WireRequest(request.method, f"{self._base}/{path}{query}", headers, request.body)

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """What the provider said; what it says of its own health and of our key is a failure, too."""
        request: Passage = call.request
        failure = failure_of(status)
        if failure is None or failure.kind is not Kind.AUTH:  # that is not the caller's business
            request.said = Said(status, answer_headers(headers), _without(body, candidate.key.secret))
        return Outcome(failure=failure) if failure is not None else Outcome(answer=request.said)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:  # noqa: ARG002 - the port's own shape
        """A reader that lets everything through."""
        request: Passage = call.request
        request.said = Said(200, answer_headers(headers))
        return OpaqueReader()

    def wants_stream(self, call: "Call") -> bool:
        """See `Passage.streamed`."""
        request: Passage = call.request
        return request.streamed


class OpaqueReader:
    """Lets bytes through that nobody here understands: they are whole when their transport says so.

    See `segue.core.ports.StreamReader`.
    """

    __slots__ = ("answered", "committed", "counting", "failure", "finished", "tokens", "usage")

    def __init__(self) -> None:
        self.answered = False
        self.committed = False
        self.counting = False
        self.failure: Failure | None = None
        self.finished = False
        self.tokens = 0
        self.usage: Usage | None = None

    def feed(self, chunk: bytes) -> bytes:
        """See `StreamReader.feed`."""
        self.committed = True
        return chunk

    def end(self) -> bytes:
        """See `StreamReader.end`."""
        self.committed = self.finished = True
        return b""


def answer_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of the provider's headers that pass."""
    return {name: value for name, value in headers.items() if name in ANSWER_HEADERS}


def failure_of(status: int) -> Failure | None:
    """What a status says of the provider; `None` where it has done its part."""
    message = f"the provider answered with status {status}"

    def failure(kind: Kind, executed: Executed, scope: Scope) -> Failure:
        return Failure(kind, message, executed, scope, status=status)

    if status < 400:  # noqa: PLR2004 - HTTP's classes
        return None
    if status == _BAD_KEY:
        return failure(Kind.AUTH, Executed.NO, Scope.KEY)
    if status == _NO_MONEY:
        return failure(Kind.QUOTA, Executed.NO, Scope.KEY)
    if status == _TOO_MANY:
        return failure(Kind.RATE_LIMITED, Executed.NO, Scope.KEY)
    if status in _BUSY:
        return failure(Kind.OVERLOADED, Executed.UNKNOWN, Scope.PROVIDER)
    if status >= 500:  # noqa: PLR2004 - HTTP's classes
        return failure(Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER)
    return failure(Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST)


def _without(body: bytes, secret: str) -> bytes:
    """The body without our key, should the provider repeat it."""
    return body.replace(secret.encode(), b"[key]") if len(secret) >= 4 else body  # noqa: PLR2004 - as in openai_errors


def _no_path(why: str) -> RequestInvalid:
    return RequestInvalid(
        f"the path behind the provider cannot be passed on: {why}; write it plainly, as the vendor documents it",
        param="path",
        code="path_not_allowed",
    )


def _by_address_only(_given: Any, _text: bool = False) -> Passage:
    raise RequestInvalid("ask for it by its address: /passthrough/{provider}/…", status=404, code="unknown_operation")


PASSTHROUGH: Final = Operation(
    id="passthrough",
    family="llm",
    nature=Nature.EFFECTFUL,
    request=Passage,
    answer=bytes,
    parse=_by_address_only,
    from_fields=_by_address_only,
    analyse=analyse,
    summary="Send a request to one provider as it is.",
)
