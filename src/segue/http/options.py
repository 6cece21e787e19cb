"""What callers may ask of the way their call is treated, read from headers.

A header that is there and cannot be read is an error: whoever sends `x-segue-deadline-ms: 2s` wants a deadline, and
silence would give none.
"""

from segue.config.values import parse_hold
from segue.core.call import CallOptions, Hold, OnCut
from segue.core.errors import RequestInvalid
from segue.http.exchange import Exchange

PREFIX = b"x-segue-"
SDK_TIMEOUT = b"x-stainless-read-timeout"
KNOWN = frozenset({
    b"x-segue-deadline-ms", b"x-segue-max-attempts", b"x-segue-only", b"x-segue-avoid", b"x-segue-fallbacks",
    b"x-segue-hold", b"x-segue-on-cut", b"x-segue-tags", b"x-segue-user", b"x-segue-cache",
})  # fmt: skip
MAX_NAMES = 32
MAX_TAGS = 16
MAX_TEXT = 256


def read_options(exchange: Exchange, fallbacks: tuple[str, ...] = ()) -> CallOptions | None:
    """The caller's wishes; `None` when there are none, which is the usual case.

    Args:
        exchange: the request.
        fallbacks: names of models out of the body; those of the header come after them.

    Raises:
        RequestInvalid: naming the header.
    """
    headers = exchange.headers
    wishes = []
    for name in headers:  # a comprehension is a call of its own
        if name.startswith(PREFIX):
            wishes.append(name)  # noqa: PERF401 - see above
    sdk_timeout = headers.get(SDK_TIMEOUT)
    if not wishes and sdk_timeout is None and not fallbacks:
        return None
    for name in wishes:
        if name not in KNOWN:
            there_are = ", ".join(sorted(one.decode() for one in KNOWN))
            raise RequestInvalid(
                f"unknown header {name.decode('latin-1')[:MAX_TEXT]}: there are {there_are}",
                param=name.decode("latin-1")[:MAX_TEXT],
            )
        if len(exchange.values(name)) > 1:
            raise RequestInvalid(f"header {name.decode()} is given twice: give it once", param=name.decode())
    if headers.get(b"x-segue-cache", b"off") != b"off":
        raise RequestInvalid("header x-segue-cache: only `off` is known: there is no cache yet", param="x-segue-cache")
    options = CallOptions(fallbacks=fallbacks)
    options.deadline = _deadline(exchange, sdk_timeout)
    if b"x-segue-max-attempts" in headers:
        options.max_attempts = int(_number(exchange, b"x-segue-max-attempts", whole=True))
    options.only = _names(exchange, b"x-segue-only")
    options.avoid = _names(exchange, b"x-segue-avoid")
    options.fallbacks += _names(exchange, b"x-segue-fallbacks")
    options.hold = _hold(exchange)
    options.on_cut = _on_cut(exchange)
    options.tags = _tags(exchange)
    options.user = (exchange.header(b"x-segue-user") or "")[:MAX_TEXT]
    return options


def _deadline(exchange: Exchange, sdk_timeout: bytes | None) -> float | None:
    wanted = None
    if b"x-segue-deadline-ms" in exchange.headers:
        wanted = _number(exchange, b"x-segue-deadline-ms") / 1000
    if sdk_timeout is not None:
        # The SDK's own time limit. Some clients write "None" or worse into it: then it says nothing.
        try:
            seconds = float(sdk_timeout)
        except ValueError:
            return wanted
        if 0 < seconds < float("inf"):
            wanted = seconds if wanted is None else min(wanted, seconds)
    return wanted


def _number(exchange: Exchange, name: bytes, *, whole: bool = False) -> float:
    text = exchange.header(name) or ""
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e12:  # noqa: PLR2004 - any sane number of milliseconds or attempts
        kind = "a whole number, 1 or more" if whole else "a number above 0"
        raise RequestInvalid(f"header {name.decode()}: expected {kind}, got {text[:50]!r}", param=name.decode())
    return number


def _names(exchange: Exchange, name: bytes) -> tuple[str, ...]:
    text = exchange.header(name)
    if text is None:
        return ()
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names or len(names) > MAX_NAMES:
        raise RequestInvalid(f"header {name.decode()}: expected 1 to {MAX_NAMES} names", param=name.decode())
    return names


def _hold(exchange: Exchange) -> Hold | None:
    text = exchange.header(b"x-segue-hold")
    if text is None:
        return None
    try:
        return parse_hold(text)
    except ValueError as error:
        raise RequestInvalid(f"header x-segue-hold: {error}", param="x-segue-hold") from None


def _on_cut(exchange: Exchange) -> OnCut | None:
    text = exchange.header(b"x-segue-on-cut")
    if text is None:
        return None
    try:
        return OnCut(text)
    except ValueError:
        raise RequestInvalid(
            f"header x-segue-on-cut: expected {' or '.join(OnCut)}, got {text[:50]!r}", param="x-segue-on-cut"
        ) from None


def _tags(exchange: Exchange) -> dict[str, str]:
    text = exchange.header(b"x-segue-tags")
    if text is None:
        return {}
    tags: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.strip().partition("=")
        if not key or not equals or len(part) > MAX_TEXT:
            raise RequestInvalid("header x-segue-tags: expected a=b,c=d", param="x-segue-tags")
        tags[key] = value
    if len(tags) > MAX_TAGS:
        raise RequestInvalid(f"header x-segue-tags: more than {MAX_TAGS} tags", param="x-segue-tags")
    return tags
