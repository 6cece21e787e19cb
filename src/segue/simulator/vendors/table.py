"""Several vendors share one port, so the path must say which of them is meant and under which account.

The account is an optional first segment; the vendor is told by the rest of the path alone. A path that no vendor
knows still goes to the vendor that it resembles most, because a wrong path deserves that vendor's own error.
"""

import re
from typing import Final, Protocol

from segue.simulator.exchange import Exchange
from segue.simulator.script import Script
from segue.simulator.vendors.openai_api import OpenAIVendor
from segue.simulator.vendors.openweather import OpenWeatherVendor
from segue.simulator.vendors.weatherapi import WeatherApiVendor

DEFAULT_ACCOUNT: Final = "default"
_OWN_SEGMENTS: Final = frozenset({"v1", "data"})
_ACCOUNT: Final = re.compile(r"/([a-z0-9-]+)(/.*)?")


class Vendor(Protocol):
    """What the simulator has to know of a vendor."""

    name: str

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error: by status, by the vendor's own code, or both; None leaves it to the vendor."""


_OPENAI: Final = OpenAIVendor()
_OPENWEATHER: Final = OpenWeatherVendor()
_WEATHERAPI: Final = WeatherApiVendor()


def route(path: str, default: str = DEFAULT_ACCOUNT) -> tuple[str, Vendor, str]:
    """Split a request path into account (`default` where the path has none), vendor and the vendor's own path."""
    account, own_path = default, path
    match = _ACCOUNT.fullmatch(path)
    if match and match[1] not in _OWN_SEGMENTS:
        account, own_path = match[1], match[2] or "/"
    if own_path.startswith("/data/"):
        return account, _OPENWEATHER, own_path
    if own_path.endswith((".json", ".xml")):
        return account, _WEATHERAPI, own_path
    return account, _OPENAI, own_path
