"""What users write about prices: those of their own contracts, and what other currencies are worth.

A price list is right for nobody who has a contract. So every price can be replaced: of one model where it is listed, of
many by a pattern. Amounts are decimals and stay decimals: `0.1` is a tenth, not the nearest float.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from segue.config.fields import ELSEWHERE, LONGEST_TEXT, REFERENCE, Section, choice, text
from segue.config.problems import Unusable, kind_of, shown

LARGEST_AMOUNT = 1_000_000
"""Units of currency for a million tokens: one a token."""
FINEST = 9
"""Decimal places of an amount: a billionth."""
MOST_PATTERNS = 10_000
MOST_CURRENCIES = 200
MOST_STEPS = 10
MOST_SERVICE_TIERS = 20
MOST_PICTURES = 100
LARGEST_FACTOR = 100

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_STEP = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
_PICTURE = re.compile(r"[a-z0-9]{1,20}( [1-9][0-9]{1,4}x[1-9][0-9]{1,4})?", re.ASCII)
PRICED = re.compile(r"[^/\s]+/\S(.*\S)?")
"""What a pattern of `provider/model` looks like."""


def _decimal(value: object, largest: int, *, zero: bool, what: str) -> Decimal:
    range_ = f"{'from' if zero else 'above'} 0 {'to' if zero else 'and up to'} {largest}"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unusable(f"must be {what} {range_}, such as 2.5, not {kind_of(value)}")
    try:
        # The shortest text that means this float is what was written.
        number = Decimal(value if isinstance(value, str) else repr(value)) if len(str(value)) <= 40 else None  # noqa: PLR2004 - far more digits than are allowed
    except (InvalidOperation, ValueError):
        number = None
    if number is None or not number.is_finite():
        raise Unusable(f"must be {what} {range_}, such as 2.5, not {shown(value)}")
    if not 0 <= number <= largest or (not zero and number == 0):
        raise Unusable(f"must be {range_}, not {shown(value)}")
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > FINEST:
        raise Unusable(f"has more than {FINEST} decimal places, which nobody bills")
    return number


def _amount(value: object) -> Decimal:
    return _decimal(value, LARGEST_AMOUNT, zero=True, what="an amount")


def _factor(value: object) -> Decimal:
    return _decimal(value, LARGEST_FACTOR, zero=True, what="a factor")


def _rate(value: object) -> Decimal:
    return _decimal(value, LARGEST_AMOUNT, zero=False, what="an amount of dollars")


def _currency(value: object) -> str:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        given = shown(value) if isinstance(value, str) else kind_of(value)
        raise Unusable(f"must be a code of ISO 4217 such as USD, EUR or RUB, not {given}")
    return str(value)


def _day(value: object) -> str:
    try:
        return date.fromisoformat(value).isoformat() if isinstance(value, str) else _no_day(value)
    except ValueError:
        return _no_day(value)


def _no_day(value: object) -> str:
    given = shown(value) if isinstance(value, str) else kind_of(value)
    raise Unusable(f"must be a day such as 2026-11-20, not {given}")


def _mapping(what: str, pattern: re.Pattern[str], example: str, most: int) -> Any:
    """A validator for a mapping whose keys look like `pattern`; `what` names them, `example` shows one."""

    def check(value: object) -> object:
        if not isinstance(value, Mapping):
            raise Unusable(f"must be a mapping from {what} such as {example}, not {kind_of(value)}")
        if len(value) > most:
            raise Unusable(f"has {len(value)} entries, more than {most}")
        for key in value:
            if not isinstance(key, str) or len(key) > LONGEST_TEXT or not pattern.fullmatch(key):
                raise Unusable(f"{shown(key)} is none of {what}: write it like {example}")
        return value

    return BeforeValidator(check)


def _number_schema(largest: int, *, above: bool = False) -> WithJsonSchema:
    least = {"exclusiveMinimum": 0} if above else {"minimum": 0}
    pattern = rf"{ELSEWHERE}|^[0-9]{{1,7}}(\.[0-9]{{1,9}})?$"
    return WithJsonSchema(
        {"anyOf": [{"type": "number", **least, "maximum": largest}, {"type": "string", "pattern": pattern}]}
    )


def _keys(pattern: re.Pattern[str], most: int) -> dict[str, Any]:
    return {"propertyNames": {"pattern": f"^{pattern.pattern}$"}, "maxProperties": most}


Amount = Annotated[Decimal, BeforeValidator(_amount), _number_schema(LARGEST_AMOUNT)]
Factor = Annotated[Decimal, BeforeValidator(_factor), _number_schema(LARGEST_FACTOR)]
Rate = Annotated[Decimal, BeforeValidator(_rate), _number_schema(LARGEST_AMOUNT, above=True)]
Currency = Annotated[
    str,
    BeforeValidator(_currency),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^[A-Z]{3}$"}, REFERENCE]}),
]
Day = Annotated[
    str,
    BeforeValidator(_day),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}, REFERENCE]}),
]


CURRENCIES: Final = frozenset({"USD", "RUB"})
"""Those whose worth in dollars is known without a configuration; see `segue.metering.exchange`."""


class TokenPrices(Section):
    """Units of the currency for a million tokens."""

    input: Amount
    """For a million tokens of requests; 0 for what is billed by the request, the character or the picture."""
    output: Amount | None = None
    """For a million tokens of answers, thinking included. Without it an answer with any has no known cost."""
    cached_input: Amount | None = None
    """For input that is read from the provider's cache; without it as `input`."""
    cache_write: Amount | None = None
    """For input that is written to the provider's cache; without it as `input`."""
    cache_write_1h: Amount | None = None
    """For input that is written to the provider's cache for an hour; without it as `cache_write`."""
    audio_input: Amount | None = None
    """For sound in requests; without it as `input`."""
    audio_output: Amount | None = None
    """For sound in answers; without it as `output`."""
    image_input: Amount | None = None
    """For pictures in requests; without it as `input`."""
    image_output: Amount | None = None
    """For pictures in answers; without it as `output`."""


class ModelPrices(TokenPrices):
    """What a model costs: it replaces the price list's price as a whole."""

    request: Amount | None = None
    """For each request, beside its tokens; of a ranking for each of the vendor's search units."""
    character: Amount | None = None
    """For a million characters of text that is said aloud, where the vendor bills those."""
    picture: Amount | None = None
    """For each picture that is made, where the vendor bills those and not their tokens."""
    pictures: (
        Annotated[Mapping[str, Amount], _mapping("kinds of pictures", _PICTURE, "hd 1024x1792", MOST_PICTURES)] | None
    ) = Field(default=None, json_schema_extra=_keys(_PICTURE, MOST_PICTURES))
    """The same by quality and size (`hd 1024x1792`, `1024x1792` or `hd`); `default` where a request says neither. Other
    pictures then have no known cost."""
    web_search: Amount | None = None
    """For each search of the web that the vendor's own tool makes. Without it the cost says that it lacks them."""
    file_search: Amount | None = None
    """For each search in files that the vendor's own tool makes. Without it the cost says that it lacks them."""
    above: Annotated[Mapping[str, TokenPrices], _mapping("numbers of tokens", _STEP, "200000", MOST_STEPS)] = Field(
        default_factory=dict, json_schema_extra=_keys(_STEP, MOST_STEPS)
    )
    """Prices of requests with more input tokens than this; they hold for the whole request."""
    service_tiers: (
        Annotated[Mapping[str, Factor], _mapping("service tiers", _WORD, "batch", MOST_SERVICE_TIERS)] | None
    ) = Field(default=None, json_schema_extra=_keys(_WORD, MOST_SERVICE_TIERS))
    """Factors by the service tier that the provider says it served in, such as `{batch: 0.5, priority: 2}`."""
    currency: Currency = "USD"
    """The currency of the bill, as ISO 4217 writes it."""
    date: Day | None = None
    """The day of which the prices are; told with every cost."""


class ExchangeRate(Section):
    """What one unit of a currency was worth on a day."""

    rate: Rate
    """Dollars for one unit."""
    date: Day
    """The day of the rate."""
    source: Annotated[str, text("ecb.europa.eu", longest=200)]
    """Who published it."""


class Prices(Section):
    """Where prices come from, and those of your own."""

    source: Annotated[
        str, choice("shipped", "package"), WithJsonSchema({"anyOf": [{"enum": ["shipped", "package"]}, REFERENCE]})
    ] = "shipped"
    """The price list: `shipped` came with this release; `package` is that of the installed package genai-prices, which
    can be newer (`pip install 'segue[prices]'`)."""
    overrides: Annotated[
        Mapping[str, ModelPrices], _mapping("provider/model", PRICED, "openai/gpt-4o*", MOST_PATTERNS)
    ] = Field(default_factory=dict, json_schema_extra=_keys(PRICED, MOST_PATTERNS))
    """Prices of your own, by `provider/model`; `*` stands for any text, and the longest pattern wins."""
    exchange: Annotated[Mapping[str, ExchangeRate], _mapping("currencies", _CURRENCY, "RUB", MOST_CURRENCIES)] = Field(
        default_factory=dict, json_schema_extra=_keys(_CURRENCY, MOST_CURRENCIES)
    )
    """What other currencies are worth, by their codes; without a rate a cost is not told in dollars. For RUB the
    official one of 2026-10-02 is built in."""
