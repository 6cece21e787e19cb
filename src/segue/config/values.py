"""Durations and sizes as people write them, so that no number in a configuration lacks its unit.

`timeout: 30` means seconds to one reader and milliseconds to the next; `30s` means one thing. Units follow common
usage: SI for `kB MB GB` (powers of 1000), IEC 80000-13 for `KiB MiB GiB` (powers of 1024).
"""

import re

from segue.config.problems import Hidden, Unusable, shown
from segue.core.call import NO_HOLD, Hold

_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,6})?"
DURATION_PATTERN = rf"^(?=.)(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m(?!s))?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?$"
"""What a duration looks like, for the JSON Schema: units in falling order, each at most once."""

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(DURATION_PATTERN, re.ASCII)
_PART = re.compile(rf"({_NUMBER})(ms|[dhms])", re.ASCII)

_BYTES = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "kiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
SIZE_PATTERN = rf"^{_NUMBER} ?(?:{'|'.join(_BYTES)})$"
"""What a size looks like, for the JSON Schema."""

MOST_HELD_TOKENS = 100_000
"""Of any answer that is streamed today this is all; the bound in bytes comes first."""
LEAST_HELD = 0.001
LONGEST_HELD = 600.0
"""Seconds; nobody waits longer for a first word."""
HOLD_PATTERN = r"^(none|all|[0-9]{1,6} tokens?)$"
"""What a hold that is no duration looks like, for the JSON Schema."""
_TOKENS = re.compile(r"([0-9]{1,6}) tokens?", re.ASCII)
_HOLDS = "none, a number of tokens such as 64 tokens, a duration such as 2s, or all"

_WIDEST_SHOWN = 64
_SIZE = re.compile(rf"({_NUMBER}) ?({'|'.join(_BYTES)})", re.ASCII)


def parse_duration(text: object) -> float:
    """Seconds of `500ms`, `30s`, `5m`, `24h`, `30d` or `1h30m`.

    Raises:
        Unusable: with the remedy; a bare number is refused because it has no unit.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise Unusable("must be a duration such as 30s, 5m or 1h30m")
    if not isinstance(text, str) or _bare(text):
        raise Unusable(f"a duration needs its unit: say {_as_text(text)}s if you mean seconds")
    if not _DURATION.fullmatch(text):
        raise Unusable(f"{shown(text)} is no duration: write it like 500ms, 30s, 5m, 1h30m, 24h or 30d")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def parse_size(text: object) -> int:
    """Bytes of `512kB`, `10MB` or `32MiB`.

    Raises:
        Unusable: with the remedy; a bare number is refused because it has no unit.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise Unusable("must be a size such as 512kB, 10MB or 32MiB")
    if not isinstance(text, str) or _bare(text):
        raise Unusable(f"a size needs its unit: say {_as_text(text)}B if you mean bytes")
    found = _SIZE.fullmatch(text)
    if not found:
        raise Unusable(f"{shown(text)} is no size: write it like 512kB, 10MB or 32MiB")
    number, unit = found.groups()
    return round(float(number) * _BYTES[unit])


def parse_hold(text: object) -> Hold:
    """How much of a stream to keep back: `none`, `64 tokens`, `2s` or `all`.

    Raises:
        Unusable: with the remedy; a bare number is refused because it has no unit.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise Unusable(f"must be {_HOLDS}")
    if not isinstance(text, str) or _bare(text):
        raise Unusable(f"needs a unit: write it like {_HOLDS}")
    if text == "none":
        return NO_HOLD
    if text == "all":
        return Hold(whole=True)
    if found := _TOKENS.fullmatch(text):
        tokens = int(found[1])
        if not 1 <= tokens <= MOST_HELD_TOKENS:
            raise Unusable(f"must be from 1 to {MOST_HELD_TOKENS} tokens, not {shown(text)}")
        return Hold(tokens=tokens)
    if not _DURATION.fullmatch(text):
        raise Unusable(f"must be {_HOLDS}, not {shown(text)}")
    seconds = parse_duration(text)
    if not LEAST_HELD <= seconds <= LONGEST_HELD:
        bounds = f"{format_duration(LEAST_HELD)} to {format_duration(LONGEST_HELD)}"
        raise Unusable(f"must be from {bounds}, not {shown(text)}")
    return Hold(seconds=seconds)


def format_hold(hold: Hold) -> str:
    """A hold as it would be written."""
    if hold.whole:
        return "all"
    parts = [f"{hold.tokens} tokens"] if hold.tokens else []
    parts += [format_duration(hold.seconds)] if hold.seconds else []
    return " and ".join(parts) or "none"


def format_duration(seconds: float) -> str:
    """A duration as it would be written: `90.0` is `1m30s`."""
    milliseconds = round(seconds * 1000)
    text = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            text += f"{count}{unit}"
    return text or "0s"


def format_size(size: int) -> str:
    """A size as it would be written, in the largest unit that divides it."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"


def _bare(text: str) -> bool:
    return re.fullmatch(_NUMBER, text, re.ASCII) is not None


def _as_text(number: str | float) -> str:
    if isinstance(number, Hidden) or (isinstance(number, int) and number.bit_length() > _WIDEST_SHOWN):
        return "30"
    return f"{number:g}" if isinstance(number, float) else str(number)
