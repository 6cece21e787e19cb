"""What an error answer tells when its body is in nobody's format: only its status.

Proxies, load balancers and wrong addresses answer with HTML or nothing. Their 404 is no missing model and their 400
no mistake of the caller's.
"""

import re
from typing import Final

from segue.core.failure import Executed, Failure, Kind, Scope

Verdict = tuple[Kind, Executed, Scope]
"""What went wrong, whether the request was carried out, and what it speaks of."""

Words = tuple[tuple[re.Pattern[str], Verdict], ...]
"""What words of a message mean; of several the first counts."""

_BY_STATUS: Final[dict[int, Verdict]] = {
    401: (Kind.AUTH, Executed.NO, Scope.KEY),
    402: (Kind.QUOTA, Executed.NO, Scope.KEY),
    403: (Kind.PERMISSION, Executed.NO, Scope.KEY),
    404: (Kind.MODEL_MISSING, Executed.NO, Scope.MODEL),
    405: (Kind.BAD_RESPONSE, Executed.NO, Scope.PROVIDER),
    408: (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
    409: (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
    424: (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
    429: (Kind.RATE_LIMITED, Executed.NO, Scope.KEY),
    503: (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
    529: (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
}


def by_status(status: int) -> Verdict:
    """What a status means in an answer that is in the vendor's format."""
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if 400 <= status < 500:  # noqa: PLR2004 - HTTP's classes
        return Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST
    if status < 400:  # noqa: PLR2004 - HTTP's classes
        return Kind.BAD_RESPONSE, Executed.UNKNOWN, Scope.PROVIDER
    return Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER


def by_words(message: str, words: Words) -> Verdict | None:
    """What the words of a message mean; `None` where it has none that are known."""
    return next((verdict for pattern, verdict in words if pattern.search(message)), None)


def unreadable(status: int, whose: str) -> Failure:
    """The failure behind an answer that is not in the format of `whose`."""
    kind, executed, scope = by_status(status)
    if kind in {Kind.INVALID_REQUEST, Kind.MODEL_MISSING}:
        kind, scope = Kind.BAD_RESPONSE, Scope.PROVIDER
    message = f"HTTP {status} with a body that is not in {whose}'s format (is base_url right?)"
    return Failure(kind, message, executed=executed, scope=scope, status=status)
