"""Runs every wire adapter: encode, send, read, decode.

An adapter that is sans-IO can be tested with bytes and cannot leak a connection; this is the one place that does its
I/O. It owns the response until a whole answer was read or a stream has reached its commit point, and closes it on
every other way out, cancellation included.
"""

from collections.abc import Mapping
from math import inf

from segue.core.call import Attempt, Call
from segue.core.clock import Clock
from segue.core.express import ExpressCodec, Line, LineKeeper
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.fetching import Fetcher, MustFetch
from segue.core.outcome import Outcome
from segue.core.ports import (
    Authoriser,
    CannotServe,
    Codec,
    Limits,
    Meter,
    StreamReader,
    Transport,
    TransportError,
    WireAdapter,
    WireRequest,
    WireResponse,
)
from segue.core.provider import Candidate
from segue.pipeline.hold import hold_back
from segue.pipeline.stream import OpenedStream
from segue.resilience.retry_after import parse_retry_after

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of a whole answer: images in base64 are large, endless bodies are larger."""

MAX_UNCOMMITTED = 1024 * 1024
"""Bytes of a stream that are kept back while no content has come."""


READ_EVERY = 1.0
"""Seconds: within this time what is left of a key's limits is not read again, unless nothing was left."""


FETCH_SHARE = 0.5
"""Of an attempt's time: what fetching may take of it. The rest is the provider's."""

_TOKENS = frozenset({"authorization", "x-amz-security-token"})
_SHORTEST_TOKEN = 8
"""Characters: anything shorter is no token, and would tear words apart."""


class WireExecutor:
    """Carries out attempts at one provider over a transport.

    Args:
        adapter: how it is spoken to.
        transport: the way to it.
        clock: for dates and for what answers tell of limits.
        fetcher: fetches what a codec lacks; without one such a request is not served.
    """

    def __init__(
        self, adapter: WireAdapter, transport: Transport, clock: Clock, fetcher: Fetcher | None = None
    ) -> None:
        self._codecs = adapter.codecs
        self._allow_private = adapter.allow_private
        self._transport = transport
        self._clock = clock
        self._fetcher = fetcher
        self._meter: Meter | None = getattr(adapter, "meter", None)
        self._authoriser: Authoriser | None = getattr(adapter, "authoriser", None)

    async def execute(self, call: Call, attempt: Attempt, limits: Limits) -> Outcome:
        """Ask once; see `segue.core.ports.Executor`."""
        codec = self._codecs[call.operation.id]
        try:
            request = codec.encode(call, attempt.candidate)
        except CannotServe as cannot:
            return Outcome(failure=cannot.failure.with_(executed=Executed.NO))
        except MustFetch as must:
            fetched = await self._fetch(call, attempt, codec, must, limits)
            if isinstance(fetched, Failure):
                return Outcome(failure=fetched)
            request = fetched
        streamed = codec.wants_stream(call)
        if streamed:
            attempt.timer.enter("first_byte", limits.first_byte)
        else:
            attempt.timer.enter("total", limits.total)
        try:
            if self._authoriser is not None:
                secret = attempt.candidate.key.secret
                request = await self._authoriser.authorise(request, secret, self._transport, self._clock)
            response = await self._transport.send(request, connect=limits.connect, allow_private=self._allow_private)
            try:
                now = self._clock.now()
                attempt.first_byte = now - attempt.started
                self.hear(attempt.candidate, response.headers, now)
                if streamed and response.status == 200:  # noqa: PLR2004 - HTTP's own number
                    outcome = await self._open(call, attempt, codec, response, limits)
                else:
                    outcome = await self._read(call, attempt, codec, response)
                if outcome.failure is not None and self._authoriser is not None:
                    outcome.failure = _without_token(outcome.failure, request)
                return outcome
            except BaseException:
                response.close()
                raise
        except TransportError as error:
            return Outcome(failure=error.failure)

    async def _fetch(
        self, call: Call, attempt: Attempt, codec: Codec, must: MustFetch, limits: Limits
    ) -> WireRequest | Failure:
        """The request, once what it lacks was looked for; or why it cannot be written all the same."""
        if self._fetcher is not None:
            # Only the call's deadline may cut this off: a limit of the attempt's would count against the provider.
            attempt.timer.enter("fetch", inf)
            phase = limits.first_byte if codec.wants_stream(call) else limits.total
            await self._fetcher.fetch(call, must.wanted, phase * FETCH_SHARE)
            try:
                return codec.encode(call, attempt.candidate)
            except CannotServe as cannot:
                return cannot.failure.with_(executed=Executed.NO)
            except MustFetch:
                pass
        return Failure(Kind.UNSUPPORTED, "the request holds what is not fetched here", Executed.NO, Scope.REQUEST)

    def hear(self, candidate: Candidate, headers: Mapping[str, str], now: float) -> None:
        """Look at the headers of an answer, whatever its status is."""
        if self._meter is not None and not self._meter.names.isdisjoint(headers):
            self._note_allowance(self._meter, candidate, headers, now)

    async def finish(self, call: Call, attempt: Attempt, response: WireResponse) -> Outcome:
        """Read an answer that is not streamed, and whose head has come and was heard of."""
        try:
            try:
                return await self._read(call, attempt, self._codecs[call.operation.id], response)
            except BaseException:
                response.close()
                raise
        except TransportError as error:
            return Outcome(failure=error.failure)

    def way(self, operation: str, client: str, candidate: Candidate) -> tuple[ExpressCodec, Line] | None:
        """How plain requests of a client's format go to this candidate quickly; `None` where they cannot."""
        express = getattr(self._codecs.get(operation), "express", None)
        codec: ExpressCodec | None = None if express is None else express(client)
        if codec is None or self._authoriser is not None or not isinstance(self._transport, LineKeeper):
            return None
        try:
            line = self._transport.line(codec.example(candidate), allow_private=self._allow_private)
        except TransportError:
            return None  # whoever sends it the usual way will hear of that
        return None if line is None else (codec, line)

    def _note_allowance(self, meter: Meter, candidate: Candidate, headers: Mapping[str, str], now: float) -> None:
        """Keep what the vendor says is left of the key's rate limits."""
        load, label = candidate.provider.load, candidate.key.label
        known = load.allowances.get(label)
        if known is not None and now - known.told_at < READ_EVERY and known.requests != 1 and not known.spent_until:
            return
        allowance = meter.read(headers, now, self._clock.wall())
        if allowance is not None:
            load.tell(label, allowance)

    async def _read(self, call: Call, attempt: Attempt, codec: Codec, response: WireResponse) -> Outcome:
        body = await response.read_whole(MAX_ANSWER)
        outcome = codec.decode(call, attempt.candidate, response.status, response.headers, body)
        failure = outcome.failure
        if failure is not None:
            outcome.failure = self._with_hints(failure, response)
        return outcome

    def _with_hints(self, failure: Failure, response: WireResponse) -> Failure:
        """Add what headers that all vendors share say of trying again."""
        # An empty purse is not filled when the minute's allowance is: only a wait that it names itself counts.
        if failure.retry_after is None and (failure.kind is not Kind.QUOTA or "retry-after" in response.headers):
            wait = parse_retry_after(response.headers, self._clock.wall())
            if wait is not None:
                failure = failure.with_(retry_after=wait)
        if failure.should_retry is None and response.headers.get("x-should-retry") == "false":
            failure = failure.with_(should_retry=False)
        return failure

    async def _open(
        self, call: Call, attempt: Attempt, codec: Codec, response: WireResponse, limits: Limits
    ) -> Outcome:
        """Read a stream up to its commit point; until then every failure can still be failed over."""
        reader = codec.reader(call, attempt.candidate, response.headers)
        if isinstance(reader, Failure):
            outcome = await self._read(call, attempt, codec, response)
            return outcome if outcome.failure is not None else Outcome(failure=reader)
        attempt.timer.enter("first_content", limits.first_content)
        hold = call.hold
        if hold.tokens:
            reader.counting = True
        held = bytearray()
        failure = await _first_content(response, reader, held)
        if failure is not None:
            response.close()
            return Outcome(failure=self._with_hints(failure, response), usage=reader.usage)
        stream = OpenedStream(response, reader, limits)
        if hold:
            # The provider is well and has kept the deadline; only the stream's own limits count from here on. The
            # timer stands behind them, for good measure.
            if attempt.permit is not None:
                attempt.permit.proven(self._clock.now())
            attempt.timer.renew("stream", limits.stream + limits.idle)
            try:
                failure = await hold_back(hold, stream, reader, held)
            except BaseException:
                attempt.usage = reader.usage
                stream.cancel()
                raise
            if failure is not None:
                stream.cancel()
                return Outcome(failure=self._with_hints(failure, response), usage=reader.usage)
        if call.fetched is not None and call.continuation is None:
            call.fetched = None  # megabytes; nobody else will be asked, and a stream may be long
        stream.show(bytes(held))
        return Outcome(stream=stream)


async def _first_content(response: WireResponse, reader: StreamReader, held: bytearray) -> Failure | None:
    """Read until the first content, adding what the caller will see of it; why none will come, if so."""
    while True:
        chunk = await response.read_chunk()
        held += reader.feed(chunk) if chunk else reader.end()
        if reader.failure is not None:
            return reader.failure
        if reader.committed or reader.finished:
            return None
        if not chunk:
            return Failure(Kind.STREAM_CUT, "the stream ended without any content")
        if len(held) > MAX_UNCOMMITTED:
            return Failure(Kind.BAD_RESPONSE, "a stream of 1 MiB without any content")


def _without_token(failure: Failure, request: WireRequest) -> Failure:
    """The failure without the token that an authoriser put in: it is no candidate's key, so no format cuts it out."""
    for name, value in request.headers.items():
        token = value.rpartition(" ")[2]
        if name.lower() in _TOKENS and len(token) >= _SHORTEST_TOKEN and token in failure.message:
            failure = failure.with_(message=failure.message.replace(token, "[key]"))
    return failure
