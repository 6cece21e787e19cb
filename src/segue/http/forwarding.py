"""Headers of a client's that a configuration lets some provider see, such as those of a trace."""

from segue.core.call import Call
from segue.http.exchange import Exchange

MAX_FORWARDED = 8192
"""Bytes of one header; servers refuse longer ones."""


def forward(call: Call, exchange: Exchange, wanted: frozenset[bytes]) -> None:
    """Note those of the headers that are there; each provider is sent those that its configuration names.

    Args:
        call: gets them.
        exchange: the client's request.
        wanted: names in lower case.
    """
    headers = {}
    for name in sorted(wanted & exchange.headers.keys()):
        text = ", ".join(exchange.values(name))
        if len(text) <= MAX_FORWARDED and text.isascii() and text.isprintable():
            headers[name.decode()] = text
    call.headers = headers
