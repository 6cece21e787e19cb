"""What all surfaces of language models share: a request in a client's format in, an answer in that format out.

A surface differs from the next only in its paths, in how a request is read from them, and in its format. So the way of
a call, its headers, its warnings and its errors are written once, here.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from segue.app.running import Running
from segue.core.call import Call, Caller
from segue.core.errors import CallFailed, RequestInvalid
from segue.core.failure import Failure
from segue.core.outcome import Outcome, Stream
from segue.families.llm.asked import Asked
from segue.families.llm.ir.format import ClientFormat
from segue.families.llm.operations import CHAT
from segue.http.auth import Authenticator
from segue.http.exchange import JSON, ClientGone, Exchange, Headers
from segue.http.forwarding import forward
from segue.http.options import read_options
from segue.http.pump import EVENT_STREAM, pump
from segue.http.results import call_head, call_headers, error_headers, told

MAX_WARNINGS: Final = 4000
"""Characters of `x-segue-warnings`: many clients read no more than 8 kB of headers in all."""

MAX_FORWARDED: Final = 4096
"""Characters of a client's header that a provider of its own format may see."""

_GIVEN_UP: Final = b""


class LlmSurface:
    """The way of a call through one client's format.

    Args:
        running: what serves.
        authenticator: who may call.
        client: the format.
        surface: its name in records.
        forwarded: headers of the client's that providers of its own format may see, in lower case.
        looks_up: whether it keeps answers, and requests may name them: only then are `look_up` and `answered` asked.
    """

    def __init__(
        self,
        running: Running,
        authenticator: Authenticator,
        client: ClientFormat,
        *,
        surface: str,
        forwarded: frozenset[bytes] = frozenset(),
        looks_up: bool = False,
    ) -> None:
        self._running = running
        self._engine = running.engine
        self._clock = running.engine.world.clock
        self._authenticator = authenticator
        self.client = client
        self.surface = surface
        self._forwarded = forwarded
        self._looks_up = looks_up

    async def ask(
        self,
        exchange: Exchange,
        parse: Callable[[bytes], Asked],
        *,
        query_key: str | None = None,
        stream_headers: Headers = EVENT_STREAM,
        frame: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Serve one chat.

        Args:
            exchange: the request.
            parse: reads its body.
            query_key: a key out of the URL.
            stream_headers: of a streamed answer.
            frame: see `pump`.
        """
        engine = self._engine
        call: Call | None = None
        try:
            caller = self._authenticator.caller(exchange, query_key)
            snapshot = engine.snapshot
            request = parse(await exchange.body(snapshot.settings.server.body_limit))
            if self._looks_up:
                request = await self.look_up(caller, request)
            if self._forwarded:
                self._forward(exchange, request)
            options = read_options(exchange, request.fallbacks)
            call = engine.call(CHAT, request, caller=caller, options=options, surface=self.surface)
            request.created = int(call.started_wall)
            if snapshot.forwarded:
                forward(call, exchange, snapshot.forwarded)
        except ClientGone:
            return
        except CallFailed as error:
            await self.refuse(exchange, error, call=call)
            return
        del request  # nobody is to hold it longer than the call does
        await self.carry_out(exchange, call, partial(engine.run, call), stream_headers, frame)

    async def carry_out(
        self,
        exchange: Exchange,
        call: Call,
        run: Callable[[], Awaitable[Outcome]],
        stream_headers: Headers = EVENT_STREAM,
        frame: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Have a call run and answer it; the arguments are those of `ask`."""
        request: Asked = call.request
        with exchange.watch():
            outcome = await run()
            if outcome.refusal is not None:
                await self.refuse(exchange, self.refusal(call, outcome.refusal), call=call)
            elif outcome.stream is not None:
                stream, told_by = outcome.stream, partial(self.broken_off, call, outcome.stream)
                # Its request may be large, a stream long, and nobody is asked again. The headers are handed over.
                del request, outcome
                await pump(exchange, stream, self._begin(call, stream_headers), told_by, frame)
            else:
                head = call_head(call, self._clock.now())
                notes = self.answered(call, outcome.answer) if self._looks_up else ()
                if request.warnings or notes:
                    head += b"".join(b"%b: %b\r\n" % header for header in warning_headers(call, notes))
                await exchange.respond(200, outcome.answer, head)

    def _begin(self, call: Call, stream_headers: Headers) -> Headers:
        """The headers of a streamed answer; the last that its request and its plan are needed for."""
        headers = [*stream_headers, *call_headers(call, self._clock.now()), *warning_headers(call)]
        call.request = call.plan = None
        return headers

    async def look_up(self, caller: Caller, request: Asked) -> Asked:  # noqa: ARG002 - for surfaces that keep something of each caller
        """The request with what it names put in its place.

        Raises:
            CallFailed: it cannot be served.
        """
        return request

    def answered(self, call: Call, answer: bytes) -> Sequence[str]:  # noqa: ARG002 - as above
        """Hear of a whole answer before it is sent; what its caller should be warned of."""
        return ()

    def refusal(self, call: Call, error: CallFailed) -> CallFailed:  # noqa: ARG002 - as above
        """The error that the caller is told, for surfaces that know a better word for one."""
        return error

    def broken_off(self, call: Call, stream: Stream, failure: Failure) -> bytes:  # noqa: ARG002 - as above
        """What ends a stream whose content had begun, in the client's own protocol."""
        tell = getattr(stream, "broken", None)
        return tell(failure) if tell is not None else _GIVEN_UP

    async def refuse(
        self, exchange: Exchange, error: CallFailed, *more: tuple[bytes, bytes], call: Call | None = None
    ) -> None:
        """Answer with an error in the client's own shape."""
        headers = [JSON, *error_headers(error), *more]
        if call is not None:
            headers += call_headers(call, self._clock.now())
        await exchange.respond(error.status, self.client.write_error(error, told(error)), headers)

    def _forward(self, exchange: Exchange, request: Asked) -> None:
        for name in self._forwarded:
            values = exchange.values(name)
            if values:
                joined = ",".join(values)
                if len(joined) > MAX_FORWARDED or not (joined.isascii() and joined.isprintable()):
                    # A provider's server would refuse it in words of its own, and be thought ill for it.
                    message = f"header {name.decode()}: expected at most {MAX_FORWARDED} printable characters"
                    raise RequestInvalid(message, param=name.decode())
                request.headers[name.decode()] = joined


def warning_headers(call: Call, notes: Sequence[str] = ()) -> Headers:
    """What translating the request lost, for the candidate that answered; and the surface's own notes."""
    request: Asked = call.request
    lost = request.warnings.get(call.answered_by.name, ()) if request.warnings and call.answered_by else ()
    warnings = "; ".join((*lost, *notes))
    if not warnings:
        return []
    text = "".join(character if " " <= character <= "~" else "?" for character in warnings)
    return [(b"x-segue-warnings", text[:MAX_WARNINGS].encode("ascii"))]
