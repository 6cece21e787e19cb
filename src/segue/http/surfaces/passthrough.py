"""`/passthrough/{provider}/…`: what Segue does not model, at one provider, with its key and under its breaker."""

from typing import Final
from urllib.parse import quote

from segue.app.running import Running
from segue.core.call import NO_HOLD, Call, CallOptions, OnCut
from segue.core.errors import CallFailed, ProviderFailed, RequestInvalid
from segue.core.outcome import Ending, Outcome, Stream
from segue.families.llm.passthrough import (
    PASSTHROUGH,
    Passage,
    Said,
    plain_path,
    plain_query,
    request_headers,
)
from segue.http.auth import Authenticator
from segue.http.exchange import ClientGone, Exchange, Headers
from segue.http.options import read_options
from segue.http.problem import problem
from segue.http.results import call_headers

PREFIX: Final = "/passthrough/"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class PassthroughSurface:
    """Requests that go to one provider as they are."""

    def __init__(self, running: Running, authenticator: Authenticator) -> None:
        self._engine = running.engine
        self._clock = running.engine.world.clock
        self._authenticator = authenticator

    async def serve(self, exchange: Exchange) -> None:
        """Any method of `METHODS`."""
        call: Call | None = None
        try:
            caller = self._authenticator.caller(exchange)
            body = await exchange.body(self._engine.snapshot.settings.server.body_limit)
            provider, request = self._read(exchange, body)
            options = _only(provider, read_options(exchange))
            call = self._engine.call(PASSTHROUGH, request, caller=caller, options=options, surface="passthrough")
        except ClientGone:
            return
        except CallFailed as error:
            await self._refuse(exchange, error, call)
            return
        with exchange.watch():
            outcome = await self._engine.run(call)
            await self._answer(exchange, call, request, outcome)

    def _read(self, exchange: Exchange, body: bytes) -> tuple[str, Passage]:
        raw = exchange.scope.get("raw_path") or quote(exchange.path).encode()
        name, _, rest = raw.decode("latin-1").partition("?")[0].removeprefix(PREFIX).partition("/")
        provider = self._engine.snapshot.providers.get(name)
        if provider is None:
            raise RequestInvalid(
                f"there is no provider {name[:100]!r}: write /passthrough/{{provider}}/… with one of the configuration",
                status=404,
                code="unknown_provider",
            )
        if PASSTHROUGH.id not in provider.operations:
            message = f"provider {name!r} (adapter {provider.adapter!r}) cannot be passed through to"
            raise RequestInvalid(message, status=501, code="not_offered")
        given = ((key.decode("latin-1"), value.decode("latin-1").strip()) for key, value in exchange.raw_headers)
        return name, Passage(
            exchange.method, plain_path(rest), plain_query(exchange.query), request_headers(given), body
        )

    async def _answer(self, exchange: Exchange, call: Call, request: Passage, outcome: Outcome) -> None:
        said = request.said
        refusal = outcome.refusal
        if said is None or (refusal is not None and not isinstance(refusal, ProviderFailed)):
            await self._refuse(exchange, refusal or CallFailed("the provider has said nothing"), call)
            return
        headers = [*_shown(said), *call_headers(call, self._clock.now())]
        if outcome.stream is not None:
            await _carry(exchange, outcome.stream, headers)
        else:
            # Also where the provider failed: its own words, which the caller's SDK of that vendor understands.
            await exchange.respond(said.status, said.body, headers)

    async def _refuse(self, exchange: Exchange, error: CallFailed, call: Call | None) -> None:
        status, body, headers = problem(error)
        if call is not None:
            headers += call_headers(call, self._clock.now())
        await exchange.respond(status, body, headers)


async def _carry(exchange: Exchange, stream: Stream, headers: Headers) -> None:
    """Send a stream. One that broke is not ended properly: in an unknown format nothing else can say so."""
    try:
        await exchange.start(200, headers)
        while piece := await stream.read():
            await exchange.write(piece)
    finally:
        stream.cancel()  # changes nothing once it has ended
    if stream.end is not None and stream.end.ending is Ending.COMPLETE:
        await exchange.finish()


def _only(provider: str, options: CallOptions | None) -> CallOptions:
    """The caller's wishes, for one attempt at one provider.

    Raises:
        RequestInvalid: the caller wishes for another provider.
    """
    options = options or CallOptions()
    if options.only or options.avoid or options.fallbacks:
        raise RequestInvalid(
            "headers x-segue-only, x-segue-avoid and x-segue-fallbacks mean nothing here: the path names the provider"
        )
    options.only = (provider,)
    options.max_attempts = 1
    options.hold = NO_HOLD
    options.on_cut = OnCut.ERROR
    return options


def _shown(said: Said) -> Headers:
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in said.headers.items()]
