"""What a vendor says itself that an answer took: the one price that nobody can have wrong.

Three say it, each in its own way: a number of dollars (OpenRouter), a sum with its parts (Perplexity), and ticks of a
ten-billionth (xAI, docs.x.ai/developers/cost-tracking).
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final

import msgspec

from segue.families.llm.formats.counts import NOTHING

_MOST: Final = 1_000_000  # dollars for one answer
_BILLIONTH: Final = Decimal("1e-9")
_TICKS: Final = Decimal(10**10)

Ticks = Annotated[int, msgspec.Meta(ge=0, le=10**16)]
"""Ten-billionths of a dollar."""


class _Sum(msgspec.Struct, gc=False):
    total_cost: Decimal | None = None


_sum: Final = msgspec.json.Decoder(Decimal | _Sum)


def billed_of(cost: msgspec.Raw, ticks: int | None = None) -> int | None:
    """Billionths of a dollar; `None` where it is not told, or cannot be.

    Args:
        cost: what stands at `usage.cost`, whatever it is.
        ticks: what stands at `usage.cost_in_usd_ticks`.
    """
    if ticks is not None:
        return _billionths(Decimal(ticks) / _TICKS)
    if cost is NOTHING or bytes(cost) == b"null":
        return None
    try:
        told = _sum.decode(cost)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return _billionths(told.total_cost if isinstance(told, _Sum) else told)


def _billionths(dollars: Decimal | None) -> int | None:
    if dollars is None or not dollars.is_finite() or not 0 <= dollars <= _MOST:
        return None
    return int(dollars.quantize(_BILLIONTH, ROUND_HALF_EVEN).scaleb(9))
