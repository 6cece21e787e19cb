"""Applications and the gateway speak to Amazon Bedrock's runtime; this is that interface, simulated.

Under `POST /model/{model}` it offers `converse`, `converse-stream`, `count-tokens`, `invoke` and
`invoke-with-response-stream`, and beside them the token service at `/`; it refuses as the vendor does.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from segue.simulator.exchange import BODY_LIMIT, UNDECODABLE, Exchange, decode
from segue.simulator.script import Script, whole
from segue.simulator.vendors.anthropic_cache import Cached, cached
from segue.simulator.vendors.anthropic_content import answer_to, ask_of
from segue.simulator.vendors.anthropic_errors import AnthropicError
from segue.simulator.vendors.anthropic_requests import check_request
from segue.simulator.vendors.aws_access import check_access
from segue.simulator.vendors.aws_sts import answer_sts, is_sts, refusal
from segue.simulator.vendors.bedrock_answers import Rendering, blocked, standard_headers
from segue.simulator.vendors.bedrock_content import translated
from segue.simulator.vendors.bedrock_conversation import check_conversation
from segue.simulator.vendors.bedrock_errors import AwsError, by_model, invalid, named_error
from segue.simulator.vendors.bedrock_grammar import COUNT, converse
from segue.simulator.vendors.bedrock_invoke import invoke, read
from segue.simulator.vendors.bedrock_models import BedrockModel, model_of

_PATH: Final = re.compile(
    r"/model/(.+)/(converse|converse-stream|count-tokens|invoke|invoke-with-response-stream)", re.DOTALL
)
_WHOLE: Final = converse(stream=False)
_STREAM: Final = converse(stream=True)
# Fields of Claude's own format that have nothing to do with the length of the prompt.
_ONLY_GENERATING: Final = frozenset({"anthropic_beta", "max_tokens", "stop_sequences", "temperature", "top_k", "top_p"})
_Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Request:
    exchange: Exchange
    model: BedrockModel
    stream: bool


def _check_abilities(document: _Json, request: _Request) -> None:
    model = request.model
    if document.get("system") and not model.system:
        raise invalid(
            "This model doesn't support system messages. Try again without a system message or use a model that "
            "supports system messages."
        )
    if document.get("toolConfig") and not model.tools:
        raise invalid("This model doesn't support tool use.")
    if document.get("toolConfig") and request.stream and not model.streamed_tools:
        raise invalid("This model doesn't support tool use in streaming mode.")
    kinds = {kind for message in document["messages"] for block in message["content"] for kind in block}
    for kind in ("video", "audio"):
        if kind in kinds and not model.media:
            raise invalid(f"This model doesn't support the {kind} content block that you provided.")
    guardrail = document.get("guardrailConfig") or {}
    if bool(guardrail.get("guardrailIdentifier")) != bool(guardrail.get("guardrailVersion")):
        raise invalid("The guardrailIdentifier and guardrailVersion fields must be given together.")


def _converse(request: _Request) -> Script:
    exchange, model = request.exchange, request.model
    document: _Json = {"messages": []} | read(exchange, _STREAM if request.stream else _WHOLE)
    check_conversation(document)
    _check_abilities(document, request)
    asked = translated(document, model, exchange.seed)
    ask = ask_of(asked, model.facts)
    if ask.tokens > model.facts.context:
        raise by_model(f"prompt is too long: {ask.tokens} tokens > {model.facts.context} maximum")
    guarded = bool((document.get("guardrailConfig") or {}).get("guardrailIdentifier"))
    if guarded and "please block" in ask.question.lower():
        rendering = Rendering(exchange, document, blocked(), ask.tokens, Cached(), signs=False)
    else:
        answer = answer_to(exchange, asked, model.facts)
        found = cached(exchange, asked, model.facts, model.name)
        rendering = Rendering(exchange, document, answer, ask.tokens, found, signs=model.claude is not None)
    return rendering.stream() if request.stream else rendering.document()


def _inner(body: str) -> object:
    try:
        return decode(base64.b64decode(body, validate=True))
    except (binascii.Error, ValueError):
        return UNDECODABLE


def _count(request: _Request) -> Script:
    """How many tokens a request to `converse`, or to the model itself, has."""
    exchange, model = request.exchange, request.model
    if model.claude is None:
        raise invalid("The provided model doesn't support counting tokens.")
    given = read(exchange, COUNT)["input"]
    if given.get("converse") is not None:
        document: _Json = {"messages": []} | given["converse"]
        check_conversation(document)
        asked = translated(document, model, exchange.seed, counting=True)
    else:
        inner = _inner(given["invokeModel"]["body"])
        if not isinstance(inner, dict) or not isinstance(inner.get("messages"), list):
            raise invalid("Malformed input request, please reformat your input and try again.")
        known = {name: value for name, value in inner.items() if name not in _ONLY_GENERATING}
        try:
            asked = check_request(known, model=model.claude, seed=exchange.seed, counting=True)
        except AnthropicError as error:
            raise by_model(error.message) from None
    tokens = ask_of(asked, model.facts).tokens
    return whole(200, msgspec.json.encode({"inputTokens": tokens}), standard_headers(exchange))


class BedrockVendor:
    """Amazon Bedrock's runtime, and the token service that gives keys for it."""

    name = "bedrock"

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""
        if is_sts(exchange):
            return answer_sts(exchange)
        try:
            return self._answer(exchange)
        except AwsError as error:
            return self._refusal(exchange, error)

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error: by status, by the vendor's own name, or both; None leaves it to the vendor."""
        return self._refusal(exchange, named_error(status, error, message))

    @staticmethod
    def _refusal(exchange: Exchange, error: AwsError) -> Script:
        if is_sts(exchange):
            return refusal(exchange, error)
        return whole(error.status, error.body(), (*standard_headers(exchange), error.header))

    @staticmethod
    def _answer(exchange: Exchange) -> Script:
        path = _PATH.fullmatch(exchange.path)
        if path is None or exchange.method != "POST":
            raise AwsError(
                404, "UnknownOperationException", "The requested operation is not recognized by the service."
            )
        if len(exchange.body) > BODY_LIMIT:
            raise named_error(413, None, "Request body is too large.")
        check_access(exchange, "bedrock")
        operation = path[2]
        request = _Request(exchange, model_of(path[1]), "stream" in operation)
        if operation == "count-tokens":
            return _count(request)
        if operation.startswith("invoke"):
            return invoke(exchange, request.model, stream=request.stream)
        return _converse(request)
