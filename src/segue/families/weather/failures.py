"""What a vendor's refusal means, in words that hold for every vendor.

The status line alone misleads: WeatherAPI.com says 403 for an exhausted month and 400 for a fault of its own,
OpenWeather puts the status into the body, once as a number and once as a string. So the vendor's own code decides
where it is known; the status decides only where it cannot be misread; and everything else is an answer that is none.
"""

import html
import re
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from segue.core.failure import Executed, Failure, Kind, Scope

MAX_MESSAGE = 300
"""Characters of a vendor's message that are passed on."""

_CODE = re.compile(r"[0-9]{1,5}")

_SCOPES: MappingProxyType[Kind, Scope] = MappingProxyType(
    {
        Kind.INVALID_REQUEST: Scope.REQUEST,
        Kind.NOT_FOUND: Scope.REQUEST,
        Kind.AUTH: Scope.KEY,
        Kind.PERMISSION: Scope.KEY,
        Kind.QUOTA: Scope.KEY,
        Kind.RATE_LIMITED: Scope.KEY,
    }
)

_EXECUTED: MappingProxyType[Kind, Executed] = MappingProxyType(
    {
        Kind.INVALID_REQUEST: Executed.NO,
        Kind.NOT_FOUND: Executed.YES,  # the place was looked for
        Kind.AUTH: Executed.NO,
        Kind.PERMISSION: Executed.NO,
        Kind.QUOTA: Executed.NO,
        Kind.RATE_LIMITED: Executed.NO,
        Kind.OVERLOADED: Executed.NO,
    }
)


@dataclass(frozen=True, slots=True)
class VendorError:
    """An error in the vendor's own words.

    Attributes:
        code: the vendor's number for it.
        message: the vendor's sentence, not yet fit to be shown.
    """

    code: int
    message: str


def vendor_error(code: int | str, message: object) -> VendorError | None:
    """The error with this code, written as a number or as a string of digits; `None` when it is neither."""
    return VendorError(int(code), message if isinstance(message, str) else "") if _CODE.fullmatch(str(code)) else None


def kind_of_status(status: int) -> Kind:
    """What an HTTP status means when the body does not say.

    404 and 403 are missing on purpose: without the vendor's own error body they come from a wrong address or from a
    proxy on the way, and "no such place" would be a lie.
    """
    match status:
        case 401:
            return Kind.AUTH
        case 429:
            return Kind.RATE_LIMITED
        case 503:
            return Kind.OVERLOADED
        case _ if 500 <= status <= 599:  # noqa: PLR2004 - HTTP's own classes
            return Kind.SERVER_ERROR
        case _:
            return Kind.BAD_RESPONSE


def failure(
    kind: Kind, text: str, *, vendor: str, secret: str, status: int, code: int | None = None, param: str | None = None
) -> Failure:
    """A failure of this kind, with a message that is safe to show.

    Args:
        kind: what went wrong.
        text: the vendor's message, or our own words.
        vendor: the vendor's name, put before the message.
        secret: the key that was sent; it is removed from the message in every spelling that a vendor may echo.
        status: the HTTP status that came.
        code: the vendor's own number, if it gave one.
        param: the field of the request that is meant.
    """
    return Failure(
        kind,
        f"{vendor}: {presentable(text, secret) or 'no message'}",
        executed=_EXECUTED.get(kind, Executed.UNKNOWN),
        scope=_SCOPES.get(kind, Scope.PROVIDER),
        status=status,
        vendor_code=None if code is None else str(code),
        param=param,
    )


def presentable(text: str, secret: str) -> str:
    """One line of at most `MAX_MESSAGE` characters, without control characters and without the secret.

    The order matters: a secret is looked for after the control characters that could split it are gone, and before
    the cut that could leave a part of it.
    """
    clean = "".join(letter for letter in text if letter.isprintable() or letter.isspace())
    clean = " ".join(clean.split())
    if secret:
        clean = _spellings(secret).sub("[key]", clean)
    return clean if len(clean) <= MAX_MESSAGE else clean[: MAX_MESSAGE - 1] + "…"


def _spellings(secret: str) -> re.Pattern[str]:
    """The secret plain, percent-encoded or escaped for HTML: each character by itself, and in either case."""
    letters = []
    for letter in secret:
        point = ord(letter)
        ways = {
            letter,
            quote(letter, safe="", errors="replace"),
            html.escape(letter),
            f"%{point:02X}",
            f"&#{point};",
            f"&#x{point:x};",
        }
        letters.append(f"(?:{'|'.join(re.escape(way) for way in sorted(ways, key=len, reverse=True))})")
    return re.compile("".join(letters), re.IGNORECASE)
