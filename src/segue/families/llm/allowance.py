"""What a vendor says is left of its rate limits, before there is nothing left.

Most vendors tell with every answer how many requests and tokens may still come. A key that has said "none" is known to
refuse the next request; with another key beside it nobody needs to try. Headers as documented by OpenAI (and Azure,
Groq, xAI, Fireworks: `x-ratelimit-remaining-requests`), Anthropic (`anthropic-ratelimit-requests-remaining`), Cerebras
(`x-ratelimit-remaining-requests-day`), Together and OpenRouter (`x-ratelimit-remaining`). Mistral documents none, but
sends `x-ratelimit-remaining-req-minute` without a reset. DeepSeek, Cohere, Perplexity, NVIDIA and Hugging Face document
none; theirs are read where they have one of these names.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from segue.core.provider import Allowance
from segue.resilience.retry_after import parse_reset

LONGEST: Final = 86_400.0
"""Seconds: a reset that lies further away is taken for this."""

UNKNOWN_RESET: Final = 5.0
"""Seconds: how long "none left" is believed where the vendor does not say when there will be more."""

_MAX_TEXT: Final = 64
_NUMBER: Final = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
# Remaining and reset, for requests and for tokens.
_STYLES: Final = (
    (
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
        ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ),
    (
        ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
        ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ),
    (
        ("x-ratelimit-remaining-requests-day", "x-ratelimit-reset-requests-day"),
        ("x-ratelimit-remaining-tokens-minute", "x-ratelimit-reset-tokens-minute"),
    ),
    (("x-ratelimit-remaining-req-minute", ""), ("x-ratelimit-remaining-tokens-minute", "")),
    (("x-ratelimit-remaining", "x-ratelimit-reset"), ("", "")),
)


class RateLimitHeaders:
    """The meter of all vendors of language models; see `segue.core.ports.Meter`."""

    names: Final = frozenset(pair[0] for style in _STYLES for pair in style if pair[0])

    def read(self, headers: Mapping[str, str], now: float, wall: float) -> Allowance | None:
        """See `Meter.read`."""
        return read_allowance(headers, now, wall)


METER: Final = RateLimitHeaders()


def read_allowance(headers: Mapping[str, str], now: float, wall: float) -> Allowance | None:
    """What is left, as far as the headers of an answer tell; `None` where they tell nothing.

    Args:
        headers: names in lower case.
        now: seconds on the monotonic clock.
        wall: seconds since 1970-01-01 UTC, for resets that are dates.
    """
    for requests, tokens in _spoken(headers):
        requests_left, tokens_left = _number(headers.get(requests[0])), _number(headers.get(tokens[0]))
        if requests_left is None and tokens_left is None:
            continue
        spent_until = 0.0
        for left, name in ((requests_left, requests[1]), (tokens_left, tokens[1])):
            if left == 0:
                reset = _seconds(headers.get(name), wall)
                spent_until = max(spent_until, now + min(UNKNOWN_RESET if reset is None else reset, LONGEST))
        return Allowance(requests_left, tokens_left, now, spent_until)
    return None


def _spoken(headers: Mapping[str, str]) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """The styles of which there are headers; those that tell of requests come first, for two share one for tokens."""
    told = [style for style in _STYLES if style[0][0] in headers]
    return told or [style for style in _STYLES if style[1][0] in headers]


def _number(text: str | None) -> int | None:
    return int(float(text)) if text and len(text) <= _MAX_TEXT and _NUMBER.fullmatch(text) else None


def _seconds(text: str | None, wall: float) -> float | None:
    """Seconds until a reset: `1s`, `6m0s`, a number of seconds, or a date of RFC 3339, in seconds or milliseconds."""
    if not text or len(text) > _MAX_TEXT:
        return None
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number > wall * 100:  # milliseconds since 1970 (OpenRouter)
            number /= 1000
        return max(0.0, number - wall) if number > wall / 2 else number  # a date in seconds since 1970, or a time
    reset = parse_reset(text)
    if reset is not None:
        return reset
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - wall)
