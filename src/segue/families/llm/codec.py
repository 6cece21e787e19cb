"""The codec of `chat` at a provider: bytes where the client speaks its format, translation where it does not.

A provider speaks one format or several. Which one is used for a call follows from the client's format alone, so that
the request and its answer always agree: the client's own where the provider speaks it, else the provider's first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.features import FIELD
from segue.core.outcome import Outcome, Usage
from segue.core.ports import CannotServe, Codec, StreamReader, WireRequest
from segue.families.llm.asked import BYTES_PER_TOKEN, Asked
from segue.families.llm.formats.openai_errors import redact
from segue.families.llm.history import ANYTHING
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Broke,
    Counted,
    Ended,
    Event,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import EXACT, Deed, Field
from segue.families.llm.ir.format import BadAnswer, EventReader, EventWriter, ProviderFormat, Target
from segue.families.llm.ir.losses import Losses, check, loss_of
from segue.families.llm.late import LateWriter
from segue.families.llm.needs import can_carry
from segue.families.llm.passing import GeminiPassing, MessagesPassing, PassingReader, ResponsesPassing

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

_OK: Final = 200
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_STREAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "converse": ("application/vnd.amazon.eventstream",),
    "gemini": ("text/event-stream", "application/json"),
    "ollama": ("application/x-ndjson", "application/json"),
    "yandex": ("application/json", "application/x-ndjson", "text/event-stream"),
}
_FIELDS: Final = frozenset(field.value for field in Field)
_EVENTS: Final = ("text/event-stream",)


def no_flags(_model: str) -> frozenset[str]:
    """All models of a vendor have the same habits."""
    return frozenset()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One format that a provider speaks, and where.

    Attributes:
        format: how it is spoken.
        url: from the provider's name of a model, and whether the answer is streamed.
        headers: from a key's secret: authorisation and what the vendor wants besides.
        flags: habits of the vendor (see `Target.flags`).
        losses: what the vendor cannot do although its format can; laid over the format's table.
        model: the provider's own name of a model, where it is not the one in the configuration (Yandex's URIs).
        model_flags: habits of one model, by its name; added to `flags`.
        finish: changes a body that is written (or passes through) into what this vendor wants: from the body, the
            candidate's name and the warnings so far, to which it adds. Raises `CannotServe`.
    """

    format: ProviderFormat
    url: Callable[[str, bool], str]
    headers: Callable[[str], Mapping[str, str]]
    flags: frozenset[str] = frozenset()
    losses: Losses = field(default_factory=dict)
    model: Callable[[str], str] = str
    model_flags: Callable[[str], frozenset[str]] = no_flags
    finish: Callable[[bytes, str, list[str]], bytes] | None = None


class Translated:
    """Asks one endpoint in its own format, whatever the client speaks."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._format = endpoint.format
        self._losses = {**endpoint.format.losses, **endpoint.losses}

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`; what is lost is noted in the request's `warnings`."""
        request: Asked = call.request
        try:
            return self._written(request, candidate)
        except CannotServe as refused:
            failure = refused.failure
            if failure.needs is None:
                raise
            # What a client's format lets through elsewhere depends on the format.
            raise CannotServe(failure.with_(needs=f"{request.client.id}.{failure.needs}")) from None

    def _written(self, request: Asked, candidate: "Candidate") -> WireRequest:
        endpoint = self._endpoint
        try:
            conversation = request.conversation()
        except RequestInvalid as invalid:
            raise CannotServe(_invalid(invalid)) from None
        losses: Losses = self._losses
        own = request.client.id == self._format.id
        if own:
            losses = {**losses, Field.EXTRA: EXACT}
        warnings = check(request.uses(), losses, self._format.vendor, candidate.name, request.client.names)
        if not own and conversation.extra:
            conversation = _without_extra(conversation)
        info = candidate.info
        target = Target(
            endpoint.model(candidate.model),
            candidate.provider.id,
            endpoint.flags | endpoint.model_flags(candidate.model),
            info.capabilities if info is not None else frozenset(),
            info.max_output if info is not None else None,
        )
        written = self._format.write_request(conversation, target)
        warnings += written.warnings
        body = written.body
        if endpoint.finish is not None:
            body = endpoint.finish(body, candidate.name, warnings)
        if warnings:
            request.warnings[candidate.name] = warnings
        headers = {**endpoint.headers(candidate.key.secret), **written.headers}
        return WireRequest("POST", endpoint.url(candidate.model, request.stream), headers, body)

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """See `Codec.decode`."""
        if status != _OK:
            return Outcome(failure=self._format.read_error(status, headers, body, candidate.key.secret))
        try:
            answer = self._format.read_answer(body)
        except BadAnswer as bad:
            failure = self._format.read_error(status, headers, body, candidate.key.secret)
            if failure.kind is Kind.BAD_RESPONSE:
                failure = failure.with_(message=f"status 200 with a body that is no answer: {bad}")
            return Outcome(failure=failure)
        request: Asked = call.request
        shown = request.shown(candidate.model, call.id)
        return Outcome(answer=request.client.write_answer(answer, shown), usage=answer.usage)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """See `Codec.reader`."""
        wrong = unexpected(headers, _STREAMS.get(self._format.id, _EVENTS))
        if wrong is not None:
            return wrong
        request: Asked = call.request
        writer = request.writer(candidate.model, call.id)
        return TranslatingReader(self._format.event_reader(), writer, candidate.key.secret)

    def wants_stream(self, call: "Call") -> bool:
        """See `Codec.wants_stream`."""
        request: Asked = call.request
        return request.stream

    def serves(self, field_: str) -> bool:
        """Whether a request that makes use of a field is not refused for it."""
        loss = loss_of(Field(field_), self._losses) if field_ in _FIELDS else None
        return loss is None or loss.deed is not Deed.REFUSE


class Passed(Translated):
    """Asks an endpoint whose format the client speaks: the bytes go through, both ways."""

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        request: Asked = call.request
        endpoint = self._endpoint
        body = request.body(endpoint.model(candidate.model), ask_usage=True)
        if endpoint.finish is not None:
            warnings: list[str] = []
            body = endpoint.finish(body, candidate.name, warnings)
            if warnings:
                request.warnings[candidate.name] = warnings
        headers = {**endpoint.headers(candidate.key.secret), **request.headers}
        return WireRequest("POST", endpoint.url(candidate.model, request.stream), headers, body)

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """See `Codec.decode`: the answer's own bytes, once they have been seen to be an answer."""
        if status == _OK:
            try:
                # Clients' parsers trip over a byte order mark, which JSON does not allow (RFC 8259, section 8.1).
                whole = body.removeprefix(_BYTE_ORDER_MARK)
                return Outcome(answer=whole, usage=self._format.read_answer(whole).usage)
            except BadAnswer:
                pass
        return super().decode(call, candidate, status, headers, body)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """See `Codec.reader`."""
        wrong = unexpected(headers, _EVENTS)
        if wrong is not None:
            return wrong
        request: Asked = call.request
        writer = LateWriter(request, candidate.model, call.id)
        return passing_reader(self._format, writer, candidate.key.secret, request)


def passing_reader(format_: ProviderFormat, writer: EventWriter, secret: str, request: Asked) -> PassingReader:
    """The reader that lets a stream of this format through."""
    if format_.id == "gemini":
        return GeminiPassing(format_, writer, secret, array=request.array)
    if format_.id == "messages":
        return MessagesPassing(format_, writer, secret)
    return ResponsesPassing(format_, writer, secret, request.whole)


class ChatCodec:
    """Chooses between passing through and translating, by the client's format.

    Args:
        endpoints: the formats that the provider speaks, the preferred one first.
        chat: the codec that passes Chat Completions through, where the provider speaks it.
        imitates: whether the formats are another vendor's: then that vendor's files do not lie here.
        history: what it takes back in earlier turns (see `segue.families.llm.history`).
    """

    __slots__ = ("_default", "_direct", "_history", "_translated", "_vendors")

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        chat: Codec | None = None,
        *,
        imitates: bool = False,
        history: frozenset[str] = ANYTHING,
    ) -> None:
        self._history = history
        self._direct: dict[str, Codec] = {
            endpoint.format.id: Passed(endpoint)
            for endpoint in endpoints
            if endpoint.format.id in {"messages", "responses", "gemini"}
        }
        if chat is not None:
            self._direct["chat"] = chat
        self._translated = {endpoint.format.id: Translated(endpoint) for endpoint in endpoints}
        self._default = self._translated[endpoints[0].format.id]
        self._vendors = frozenset() if imitates else frozenset(endpoint.format.vendor for endpoint in endpoints)

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        request: Asked = call.request
        # Nearly always it passes, so this is not left to `_of`.
        passed = None if request.sealed or request.history else self._direct.get(request.client.id)
        return (passed or self._of(call)).encode(call, candidate)

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """See `Codec.decode`."""
        request: Asked = call.request
        passed = None if request.sealed or request.history else self._direct.get(request.client.id)
        return (passed or self._of(call)).decode(call, candidate, status, headers, body)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """See `Codec.reader`."""
        return self._of(call).reader(call, candidate, headers)

    def wants_stream(self, call: "Call") -> bool:
        """See `Codec.wants_stream`."""
        request: Asked = call.request
        return request.stream

    def formats(self, _model: str) -> frozenset[str]:
        """The wire formats in which a model can be asked, for selectors."""
        return frozenset((*self._direct, *self._translated))

    def carries(self, need: str, _model: str) -> bool:
        """Whether a need that is bound to a vendor can be sent; see `segue.families.llm.needs`.

        `field:chat.several_answers` asks whether that field of a client's format is not refused.
        """
        if need.startswith(FIELD):
            client, _, name = need.removeprefix(FIELD).partition(".")
            return client in self._direct or self._translated.get(client, self._default).serves(name)
        return can_carry(need, self._vendors, self._translated)

    def _of(self, call: "Call") -> Codec:
        request: Asked = call.request
        name = request.client.id
        if not request.sealed and request.history <= self._history:
            direct = self._direct.get(name)
            if direct is not None:
                return direct
        return self._translated.get(name, self._default)


class TranslatingReader:
    """One streamed answer from a provider's format into the client's; see `segue.core.ports.StreamReader`."""

    __slots__ = (
        "_reader",
        "_secret",
        "_writer",
        "answered",
        "committed",
        "counting",
        "failure",
        "finished",
        "tokens",
        "usage",
    )

    def __init__(self, reader: EventReader, writer: EventWriter, secret: str = "") -> None:
        self._reader = reader
        self._secret = secret
        self._writer = writer
        self.answered = False
        self.committed = False
        self.counting = False
        self.failure: Failure | None = None
        self.finished = False
        self.tokens = 0
        self.usage: Usage | None = None

    def feed(self, chunk: bytes) -> bytes:
        """See `StreamReader.feed`."""
        return b"" if self._settled() else self._write(self._reader.feed(chunk))

    def end(self) -> bytes:
        """See `StreamReader.end`."""
        if self._settled():
            return b""
        out = self._write(self._reader.end())
        if not self._settled():
            self.failure = Failure(Kind.STREAM_CUT, "the stream ended before the answer had", Executed.UNKNOWN)
        return out

    def broken(self, failure: Failure) -> bytes:
        """What ends the caller's stream after a failure, so that its SDK raises."""
        return self._writer.broken(failure)

    def _settled(self) -> bool:
        return self.finished or self.failure is not None

    def _write(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, (TextMore, ArgumentsMore, ThinkingMore)):
                self.committed = True
                self.tokens += max(1, len(event.text) // BYTES_PER_TOKEN)
            elif isinstance(event, Counted):
                self.usage = event.usage
            elif isinstance(event, Stopped):
                self.answered = self.committed = True
            elif isinstance(event, Broke):
                failure = event.failure
                self.failure = failure.with_(message=redact(failure.message, self._secret))
                break
            elif isinstance(event, Ended):
                self.finished = True
            out.append(self._writer.write(event))
        return b"".join(out)


def unexpected(headers: Mapping[str, str], expected: tuple[str, ...]) -> Failure | None:
    """A failure where the headers say that this is no stream of the expected kind."""
    told = headers.get("content-type", "")
    if told.lower().startswith(expected):
        return None
    message = f"expected {expected[0]}, got {told[:60] or 'no content type'!r}"
    return Failure(Kind.BAD_RESPONSE, message, Executed.UNKNOWN, Scope.PROVIDER)


def _invalid(invalid: RequestInvalid) -> Failure:
    return Failure(
        Kind.INVALID_REQUEST,
        invalid.message,
        executed=Executed.NO,
        scope=Scope.REQUEST,
        param=invalid.param,
        status=invalid.status,
    )


def _without_extra(conversation: Conversation) -> Conversation:
    return msgspec.structs.replace(conversation, extra={})
