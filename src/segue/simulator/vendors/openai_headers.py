"""Clients read limits and request ids from headers, so an answer has those that its vendor documents."""

import time

from segue.simulator.exchange import Exchange
from segue.simulator.vendors.openai_flavour import Flavour
from segue.simulator.vendors.scripting import digest


def standard_headers(exchange: Exchange, flavour: Flavour) -> tuple[tuple[str, str], ...]:
    """The headers that the vendor puts on every answer."""
    identifier = f"req_{digest(exchange.seed, exchange.number, 'request', length=32)}"
    if flavour.headers is not None:
        return (("x-request-id", identifier), *flavour.headers)
    return (
        ("x-request-id", identifier),
        ("openai-organization", "org-simulated"),
        ("openai-processing-ms", str(max(1, int((time.time() - exchange.started) * 1000)))),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-remaining-requests", "499"),
        ("x-ratelimit-reset-requests", "120ms"),
        ("x-ratelimit-limit-tokens", "200000"),
        ("x-ratelimit-remaining-tokens", "199000"),
        ("x-ratelimit-reset-tokens", "300ms"),
    )
