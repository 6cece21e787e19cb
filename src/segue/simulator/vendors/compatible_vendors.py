"""Which relative of OpenAI is meant is told by the account's name, or by a path that only one vendor has.

Azure and Cohere have paths of their own; all others are flavours.
"""

import re
from dataclasses import replace
from typing import Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Script
from segue.simulator.vendors import compatible_errors as errors
from segue.simulator.vendors.cohere_chat import chat
from segue.simulator.vendors.cohere_embed import embed
from segue.simulator.vendors.compatible_flavours import FLAVOURS
from segue.simulator.vendors.compatible_rerank import cohere
from segue.simulator.vendors.openai_access import Request
from segue.simulator.vendors.openai_api import OpenAIVendor
from segue.simulator.vendors.openai_errors import OpenAIError, unknown_address
from segue.simulator.vendors.openai_filters import azure_error
from segue.simulator.vendors.openai_flavour import OPENAI, Flavour

_DEPLOYMENT: Final = re.compile(r"/openai/deployments/([^/]+)(/.+)")
AZURE: Final = replace(
    OPENAI,
    name="azure",
    errors=azure_error,
    extra=frozenset({"data_sources"}),
    headers=(
        ("x-ms-region", "East US"),
        ("x-ratelimit-remaining-requests", "499"),
        ("x-ratelimit-remaining-tokens", "199000"),
    ),
    key_header="api-key",
    filters=True,
)
COHERE: Final = Flavour(name="cohere", errors=errors.cohere, headers=())
_OF_COHERE: Final = {"/v2/chat": chat, "/v2/embed": embed, "/v2/rerank": cohere}


class AzureVendor(OpenAIVendor):
    """Azure OpenAI: a deployment in the path stands for the model, and the version of the interface must be named.

    Written from https://learn.microsoft.com/azure/ai-foundry/openai/reference; `/openai/v1/` needs no version.
    """

    def __init__(self) -> None:
        super().__init__(AZURE)

    def path_of(self, exchange: Exchange) -> str | None:
        """What follows the deployment, `/openai/v1` or `/openai`."""
        if exchange.path.startswith("/openai/v1/"):
            return exchange.path.removeprefix("/openai/v1")
        if not exchange.query.get("api-version"):
            raise OpenAIError(404, "Resource not found", None, None, "404")
        deployment = _DEPLOYMENT.fullmatch(exchange.path)
        if deployment is None:
            return exchange.path.removeprefix("/openai")
        if isinstance(exchange.document, dict):
            # The deployment decides, whatever model the body names.
            exchange.document["model"] = deployment[1]
        return deployment[2]


class CohereVendor(OpenAIVendor):
    """Cohere: `POST /v2/chat`, `/v2/embed` and `/v2/rerank`."""

    def __init__(self) -> None:
        super().__init__(COHERE)

    def _answer(self, exchange: Exchange) -> Script:
        endpoint = _OF_COHERE.get(exchange.path)
        if endpoint is None:
            raise unknown_address(exchange.method, exchange.path)
        return endpoint(Request(exchange, exchange.path, self.flavour))

    def error_event(self, exchange: Exchange, body: bytes, sent: int, *, terminal: bool) -> bytes | None:
        """An error inside a stream: the answer ends, with the reason `ERROR`."""
        del exchange, sent, terminal
        message = msgspec.json.decode(body).get("message")
        ending = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}}
        return b"event: message-end\ndata: " + msgspec.json.encode(ending) + b"\n\n"


_OPENAI: Final = OpenAIVendor()
_AZURE: Final = AzureVendor()
_COHERE: Final = CohereVendor()
_VENDORS: Final = {name: OpenAIVendor(flavour) for name, flavour in FLAVOURS.items()}


def openai_vendor(account: str, path: str) -> OpenAIVendor:
    """Who answers for an account in OpenAI's format: its own vendor, Azure, Cohere, or OpenAI."""
    own = _VENDORS.get(account.partition("-")[0])
    if own is not None:
        return own
    if path.startswith("/openai/"):
        return _AZURE
    return _COHERE if path in _OF_COHERE else _OPENAI
