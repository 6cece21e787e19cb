"""Bedrock's surface: `/model/{model}/converse`, `/invoke` and their relatives, for AWS's SDKs and Anthropic's.

The model stands in the path, and may be the ARN of a profile with colons and slashes. Converse asks any model; what is
invoked is asked in the format of its maker, of which Anthropic's is served. AWS's SDKs sign requests with a secret that
never leaves the client: Segue cannot check such a signature, so it accepts none, and an access key id by itself says
nothing. They all send a bearer token as well, where they are given a Bedrock API key: there a key of Segue's goes.
"""

from functools import partial
from typing import Final

from segue.app.running import Running
from segue.core.call import Call
from segue.core.errors import CallFailed, RequestInvalid, Unauthenticated
from segue.core.failure import Failure
from segue.core.outcome import Stream
from segue.families.llm.formats.converse.errors_out import ERROR_TYPE, broken_off, named
from segue.families.llm.formats.converse.format import CONVERSE_FOR_CLIENTS
from segue.families.llm.formats.converse.request import ConverseRequest
from segue.families.llm.formats.messages.clouds import Frames, plain_request
from segue.http.auth import Authenticator
from segue.http.exchange import JSON, Exchange, Headers
from segue.http.results import BEDROCK, call_headers, error_headers, told
from segue.http.surfaces.anthropic import FORWARDED
from segue.http.surfaces.llm import LlmSurface
from segue.http.surfaces.openai_other import TaskSurface

PREFIXES: Final = ("/model/", "/bedrock/")
"""How its paths begin; `/bedrock` may stand before all of them."""
OFFERED: Final = ("converse", "converse-stream", "count-tokens", "invoke", "invoke-with-response-stream")
GUARDRAIL: Final = b"x-amzn-bedrock-guardrailidentifier"

_SIGNED: Final = b"AWS4-"
_FRAMES: Final[Headers] = [(b"content-type", b"application/vnd.amazon.eventstream"), (b"cache-control", b"no-cache")]
_CHUNKS: Final[Headers] = [*_FRAMES, (b"x-amzn-bedrock-content-type", b"application/json")]


class BedrockSurface(LlmSurface):
    """Chats as clients of Bedrock Runtime ask for them.

    Args:
        running: what serves.
        authenticator: who may call.
        tasks: serves counts.
    """

    def __init__(self, running: Running, authenticator: Authenticator, tasks: TaskSurface) -> None:
        super().__init__(running, authenticator, CONVERSE_FOR_CLIENTS, surface=BEDROCK, forwarded=FORWARDED)
        self._tasks = tasks

    async def serve(self, exchange: Exchange) -> None:
        """Every path of Bedrock Runtime's."""
        model, action = _asked_for(exchange.path)
        if exchange.method != "POST" or not model or action not in OFFERED:
            await self.refuse(exchange, _nothing_at(exchange))
        elif action == "count-tokens":
            await self._tasks.bedrock_count(exchange, model, partial(_head, exchange))
        elif action in {"converse", "converse-stream"}:
            stream = action == "converse-stream"
            parse = partial(ConverseRequest, model=model, stream=stream, clock=self._clock)
            await self.ask(exchange, parse, stream_headers=_FRAMES)
        elif exchange.header(GUARDRAIL):
            message = f"header {GUARDRAIL.decode()}: no guardrail is applied to what is invoked: use Converse"
            await self.refuse(exchange, RequestInvalid(message, param=GUARDRAIL.decode()))
        else:
            stream = action == "invoke-with-response-stream"
            parse_invoked = partial(plain_request, model=model, stream=stream)
            await self.ask(exchange, parse_invoked, stream_headers=_CHUNKS, frame=Frames() if stream else None)

    def broken_off(self, call: Call, stream: Stream, failure: Failure) -> bytes:  # noqa: ARG002 - other surfaces look
        """See `LlmSurface.broken_off`: an exception, whatever was streamed."""
        return broken_off(failure)

    async def refuse(
        self, exchange: Exchange, error: CallFailed, *more: tuple[bytes, bytes], call: Call | None = None
    ) -> None:
        """See `LlmSurface.refuse`: SDKs look for the name of an exception in a header."""
        status, own = _head(exchange, error)
        headers = [JSON, *error_headers(error), *own, *more]
        if call is not None:
            headers += call_headers(call, self._clock.now())
        await exchange.respond(status, self.client.write_error(error, told(error)), headers)


def _head(exchange: Exchange, error: CallFailed) -> tuple[int, Headers]:
    """The status and the headers of an error; one that a signature is the reason of is told the remedy."""
    if isinstance(error, Unauthenticated) and exchange.headers.get(b"authorization", b"").startswith(_SIGNED):
        error.message = (
            "signatures of AWS credentials cannot be checked here, since their secret is not known here: send a key "
            "of Segue's in place of a Bedrock API key (AWS_BEARER_TOKEN_BEDROCK=<key>, or the SDK's api_key), "
            "without AWS credentials; boto3 without TLS sends it as x-api-key, unsigned (`segue keys create` makes one)"
        )
    status, name = named(error)
    return status, [(ERROR_TYPE, name.encode())]


def _asked_for(path: str) -> tuple[str, str]:
    """The model and the action of a path; both empty where it names none."""
    plain = path.removeprefix("/bedrock")
    if not plain.startswith("/model/"):
        return "", ""
    model, _, action = plain.removeprefix("/model/").rpartition("/")
    return model, action


def _nothing_at(exchange: Exchange) -> RequestInvalid:
    path = exchange.path[:200]
    if _asked_for(exchange.path)[1] not in OFFERED or exchange.method == "POST":
        message = f"Segue does not offer {path}: there are /model/{{model}}/{', '.join(OFFERED)}"
        return RequestInvalid(message, status=501, code="not_offered")
    message = f"{exchange.method[:20]} is not served at {path}: use POST"
    return RequestInvalid(message, status=405, code="method_not_allowed")
