"""What routing and caching may know of a request without knowing its type."""

from typing import Final

import msgspec

FIELD: Final = "field:"
"""Before the name of a field of the request, as a need: whether a candidate refuses it; asked only for errors."""


class Features(msgspec.Struct, frozen=True, gc=False):
    """Facts of one request, in words that all families share.

    Attributes:
        model: the name that the caller asked for; empty when the operation has no models.
        stream: whether the caller wants the answer piece by piece.
        size: bytes of the request.
        tokens: estimated tokens of the request; 0 where tokens mean nothing.
        needs: what a candidate must be able to do: capabilities such as `tools`, and things that are bound to a vendor,
            as `anthropic:web_search` or `files:openai`.
        wishes: those of the needs without which a candidate is asked when no other is left.
    """

    model: str = ""
    stream: bool = False
    size: int = 0
    tokens: int = 0
    needs: frozenset[str] = frozenset()
    wishes: frozenset[str] = frozenset()
