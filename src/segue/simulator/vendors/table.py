"""Several vendors share one port, so the path must say which of them is meant and under which account.

The account is an optional first segment; the vendor is told by the rest of the path alone. A path that no vendor
knows still goes to the vendor that it resembles most, because a wrong path deserves that vendor's own error.
"""

import re
from typing import Final, Protocol, runtime_checkable

from segue.simulator.exchange import Exchange
from segue.simulator.script import Script
from segue.simulator.vendors.anthropic_api import AnthropicVendor, is_anthropic
from segue.simulator.vendors.aws_sts import is_sts
from segue.simulator.vendors.bedrock_api import BedrockVendor
from segue.simulator.vendors.compatible_vendors import openai_vendor
from segue.simulator.vendors.gemini_api import GeminiVendor
from segue.simulator.vendors.ollama_api import OllamaVendor, is_ollama
from segue.simulator.vendors.openweather import OpenWeatherVendor
from segue.simulator.vendors.vertex_api import VertexVendor, is_vertex
from segue.simulator.vendors.weatherapi import WeatherApiVendor
from segue.simulator.vendors.yandex_api import YandexVendor, is_yandex

DEFAULT_ACCOUNT: Final = "default"
_OF_GEMINI: Final = ("/v1beta/", "/v1alpha/", "/v1/cachedContents")
_OWN_SEGMENTS: Final = frozenset({"v1", "v1alpha", "v1beta", "v1beta1", "v2", "data", "model", "api"})
_ACCOUNT: Final = re.compile(r"/([a-z0-9-]+)(/.*)?")


class Vendor(Protocol):
    """What the simulator has to know of a vendor."""

    name: str

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error: by status, by the vendor's own code, or both; None leaves it to the vendor."""


@runtime_checkable
class ErrorEvents(Protocol):
    """A vendor whose streams word an error in another way than as an event with the body of a refusal."""

    def error_event(self, exchange: Exchange, body: bytes, sent: int, *, terminal: bool) -> bytes | None:
        """The bytes of one event, its empty line included; None leaves it to the general form.

        Args:
            exchange: The request.
            body: The body of the refusal that the error would have been.
            sent: How many events came before it.
            terminal: Whether the event that ends a failed answer is wanted, where the vendor tells it from an error.
        """


_ANTHROPIC: Final = AnthropicVendor()
_BEDROCK: Final = BedrockVendor()
_GEMINI: Final = GeminiVendor()
_VERTEX: Final = VertexVendor()
_OLLAMA: Final = OllamaVendor()
_YANDEX: Final = YandexVendor()
_OPENWEATHER: Final = OpenWeatherVendor()
_WEATHERAPI: Final = WeatherApiVendor()


class _ModelsVendor:
    """The list of models, which several vendors have at the same path: the headers say which of them is meant."""

    name = "models"

    @staticmethod
    def _meant(exchange: Exchange) -> Vendor:
        if "x-goog-api-key" in exchange.headers or "key" in exchange.query:
            return _GEMINI
        return _ANTHROPIC if is_anthropic(exchange) else openai_vendor(exchange.account, exchange.path)

    def answer(self, exchange: Exchange) -> Script:
        """The answer of the vendor that is meant."""
        return self._meant(exchange).answer(exchange)

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error of the vendor that is meant."""
        return self._meant(exchange).failure(exchange, status, error, message)


class _RootVendor(_ModelsVendor):
    """The path `/`, which is Amazon's token service for a request that names an action, and else nobody's."""

    name = "root"

    @staticmethod
    def _meant(exchange: Exchange) -> Vendor:
        return _BEDROCK if is_sts(exchange) else openai_vendor(exchange.account, exchange.path)


_MODELS: Final = _ModelsVendor()
_ROOT: Final = _RootVendor()


def route(path: str, default: str = DEFAULT_ACCOUNT) -> tuple[str, Vendor, str]:
    """Split a request path into account (`default` where the path has none), vendor and the vendor's own path."""
    account, own_path = default, path
    match = _ACCOUNT.fullmatch(path)
    if match and match[1] not in _OWN_SEGMENTS and not path.startswith("/openai/deployments/"):
        account, own_path = match[1], match[2] or "/"
    if own_path.startswith("/data/"):
        return account, _OPENWEATHER, own_path
    if own_path.startswith("/model/"):
        return account, _BEDROCK, own_path
    if is_yandex(own_path):
        return account, _YANDEX, own_path
    if is_ollama(own_path):
        return account, _OLLAMA, own_path
    if own_path == "/":
        return account, _ROOT, own_path
    if own_path.endswith((".json", ".xml")):
        return account, _WEATHERAPI, own_path
    if own_path == "/v1/messages" or own_path.startswith("/v1/messages/"):
        return account, _ANTHROPIC, own_path
    if is_vertex(own_path):
        return account, _VERTEX, own_path
    if own_path.startswith(_OF_GEMINI) or (own_path.startswith("/v1/models/") and ":" in own_path):
        return account, _GEMINI, own_path
    if own_path == "/v1/models" or own_path.startswith("/v1/models/"):
        return account, _MODELS, own_path
    return account, openai_vendor(account, own_path), own_path
