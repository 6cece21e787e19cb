"""Codecs of one endpoint: translated whatever the client speaks, or passed through where it speaks the same format."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Outcome
from segue.core.ports import CannotServe, StreamReader, WireRequest
from segue.families.llm.asked import Asked
from segue.families.llm.continuing import ContinuableReader, begun, check_prefill, transcript_of
from segue.families.llm.echo import EchoWriter, beginning_of, take_off
from segue.families.llm.elsewhere import in_plain, without_extra
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.formats.envelope import EnvelopeWriter, in_envelope, needs_envelope, take_out
from segue.families.llm.formats.gemini.usage import TIER_HEADER, tier_of, with_tier
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import EXACT, STOPPED_HERE, Deed, Field
from segue.families.llm.ir.format import BadAnswer, EventWriter, ProviderFormat, Target
from segue.families.llm.ir.losses import Losses, check, loss_of, without_fetching
from segue.families.llm.late import LateWriter
from segue.families.llm.linked import keys_of, links, takes_of, with_data
from segue.families.llm.passing.converse import ConversePassing
from segue.families.llm.passing.gemini import GeminiPassing
from segue.families.llm.passing.messages import MessagesPassing
from segue.families.llm.passing.reader import PassingReader
from segue.families.llm.passing.responses import ResponsesPassing
from segue.families.llm.stopping import Sequences, StoppingWriter, cut
from segue.families.llm.stops import Stops
from segue.families.llm.transcript import Transcript
from segue.families.llm.translating import TranslatingReader

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
_OBJECTS_ONLY: Final = frozenset({"chat", "responses"})
"""Formats of vendors that refuse a schema whose root is not an object."""
_FIELDS: Final = frozenset(field.value for field in Field)
_EVENTS: Final = ("text/event-stream",)
_FRAMES: Final = _STREAMS["converse"]


class Translated:
    """Asks one endpoint in its own format, whatever the client speaks."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._format = endpoint.format
        losses = {**endpoint.format.losses, **endpoint.losses}
        self._losses = losses if endpoint.fetches else without_fetching(losses)
        self._takes = takes_of(self._losses)
        self._linked = keys_of(self._takes)

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`; what is lost is noted in the request's `warnings`."""
        request: Asked = call.request
        so_far = call.continuation.so_far if call.continuation is not None else None
        try:
            return self._written(call, candidate, so_far if isinstance(so_far, Transcript) else None)
        except CannotServe as refused:
            failure = refused.failure
            if failure.needs is None:
                raise
            # What a client's format lets through elsewhere depends on the format.
            raise CannotServe(failure.with_(needs=f"{request.client.id}.{failure.needs}")) from None

    def _written(self, call: "Call", candidate: "Candidate", so_far: Transcript | None) -> WireRequest:
        endpoint = self._endpoint
        request: Asked = call.request
        prefill = endpoint.prefill
        if so_far is not None:
            prefill = check_prefill(prefill, endpoint.model(candidate.model), candidate.name)
        try:
            conversation = request.conversation()
        except RequestInvalid as invalid:
            raise CannotServe(_invalid(invalid)) from None
        losses: Losses = self._losses
        own = request.client.id == self._format.id
        if own:
            losses = {**losses, Field.EXTRA: EXACT}
        if conversation.stop and (stops := self._stops(conversation, candidate)).own:
            stops.check(candidate.name, request.client.names.get(Field.STOP, Field.STOP.value))
            conversation = msgspec.structs.replace(conversation, stop=stops.given)
            losses = {**losses, Field.STOP: STOPPED_HERE}
        warnings = check(request.uses(), losses, self._format.vendor, candidate.name, request.client.names)
        if not own and conversation.extra:
            conversation = without_extra(conversation)
        if (Field.VENDOR_TEXTS, "") in request.uses() and loss_of(Field.VENDOR_TEXTS, losses) is not None:
            conversation = in_plain(conversation)
        if self._linked and links(request.uses(), self._linked):
            conversation = with_data(conversation, self._takes, call.fetched, request)
        if so_far is not None:
            conversation = begun(conversation, so_far)
        if not own and conversation.output is not None and self._format.id in _OBJECTS_ONLY:
            conversation = in_envelope(conversation)
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
        url = endpoint.url(candidate.model, request.stream)
        if prefill is not None and (so_far is not None or (prefill.needed and beginning_of(conversation))):
            body, url = prefill.finish(body), prefill.url(url)
        if warnings:
            request.warnings[candidate.name] = warnings
        headers = {**endpoint.headers(candidate.key.secret), **written.headers}
        return WireRequest("POST", url, headers, body)

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
        if echo := self._echo(request):
            take_off(answer, echo)
        if self._in_envelope(request):
            take_out(answer)
        if shown.conversation.stop and (own := self._stops(shown.conversation, candidate).own):
            cut(answer, Sequences(own))
        return Outcome(answer=request.client.write_answer(answer, shown), usage=with_tier(answer.usage, headers))

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """See `Codec.reader`."""
        wrong = unexpected(headers, _STREAMS.get(self._format.id, _EVENTS))
        if wrong is not None:
            return wrong
        request: Asked = call.request
        writer = request.writer(candidate.model, call.id)
        stopping = self._stopping(request, candidate, writer)
        writer = stopping or writer
        if self._in_envelope(request):
            writer = EnvelopeWriter(writer)
        if echo := self._echo(request):
            writer = EchoWriter(writer, echo)
        reader = TranslatingReader(self._format.event_reader(), writer, candidate.key.secret)
        if stopping is not None:
            stopping.listener = reader
        reader.tier = tier_of(headers.get(TIER_HEADER))
        return reader

    def continuable(
        self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]
    ) -> StreamReader | Failure | None:
        """A reader whose stream can be gone on with, or goes on with another; `None` where the request forbids it."""
        transcript = transcript_of(call, candidate, self._endpoint.prefill)
        if transcript is None or self._in_envelope(call.request):
            return None
        wrong = unexpected(headers, _STREAMS.get(self._format.id, _EVENTS))
        if wrong is not None:
            return wrong
        stopping = self._stopping(call.request, candidate, transcript)
        before: EventWriter | None = stopping
        begins = call.continuation is None or call.continuation.so_far is None
        if begins and (echo := self._echo(call.request)):  # where it goes on, the transcript takes it off
            before = EchoWriter(stopping or transcript, echo)
        reader = ContinuableReader(self._format.event_reader(), transcript, candidate.key.secret, before)
        if stopping is not None:
            stopping.listener = reader
        reader.tier = tier_of(headers.get(TIER_HEADER))
        return reader

    def _echo(self, request: Asked) -> str:
        """The beginning that the caller gave, where the answer repeats it and the caller's format does not."""
        prefill = self._endpoint.prefill
        if prefill is None or not (prefill.needed and prefill.echoes) or request.client.id == self._format.id:
            return ""
        return beginning_of(request.conversation())

    def _stops(self, conversation: Conversation, candidate: "Candidate") -> Stops:
        refused = self._endpoint.stopless(self._endpoint.model(candidate.model))
        return Stops(conversation.stop, self._format, self._losses, refused=refused)

    def _stopping(self, request: Asked, candidate: "Candidate", writer: EventWriter) -> StoppingWriter | None:
        """What ends a stream before it comes to a writer; `None` where the target stops by itself."""
        conversation = request.conversation()
        own = self._stops(conversation, candidate).own if conversation.stop else ()
        return StoppingWriter(writer, Sequences(own)) if own else None

    def _in_envelope(self, request: Asked) -> bool:
        if self._format.id not in _OBJECTS_ONLY or request.client.id == self._format.id:
            return False
        return needs_envelope(request.conversation())

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
                return Outcome(answer=whole, usage=with_tier(self._format.read_answer(whole).usage, headers))
            except BadAnswer:
                pass
        return super().decode(call, candidate, status, headers, body)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """See `Codec.reader`."""
        wrong = unexpected(headers, _FRAMES if self._format.id == "converse" else _EVENTS)
        if wrong is not None:
            # What lies between may drop Google's `alt=sse`: then an array comes, which is read and written anew.
            return super().reader(call, candidate, headers) if self._format.id == "gemini" else wrong
        request: Asked = call.request
        writer = LateWriter(request, candidate.model, call.id)
        reader = passing_reader(self._format, writer, candidate.key.secret, request)
        reader.tier = tier_of(headers.get(TIER_HEADER))
        return reader


def passing_reader(
    format_: ProviderFormat, writer: EventWriter, secret: str, request: Asked
) -> PassingReader | ConversePassing:
    """The reader that lets a stream of this format through."""
    if format_.id == "converse":
        return ConversePassing(writer, secret)
    if format_.id == "gemini":
        return GeminiPassing(format_, writer, secret, array=request.array)
    if format_.id == "messages":
        return MessagesPassing(format_, writer, secret)
    return ResponsesPassing(format_, writer, secret, request.whole)


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
