"""What a vendor asks, in a form that can be multiplied without thinking.

Price lists are full of cases: a token read from a cache costs a tenth, one written to it a quarter more, a long request
costs double from its first token on, a batch half, nights less than days. Every case that is forgotten is a wrong bill,
so a price holds them all, and what a price list leaves out is filled in here by one rule: a special kind of token that
has no price of its own costs what an ordinary one costs.

All numbers are integers: billionths of the currency for a million tokens (2.50 USD for a million is 2_500_000_000).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from segue.core.money import Charge
from segue.core.outcome import Usage
from segue.metering.cost import charge
from segue.metering.exchange import Exchange
from segue.metering.rounding import billionths

STANDARD: Final = frozenset({"", "standard", "default", "auto", "on_demand"})
"""What vendors call serving as usual (OpenAI: default, Anthropic: standard, Groq: on_demand)."""

EACH: Final = frozenset({"request", "picture", "web_search", "file_search"})
"""Rates that are told for one, and not for a million."""

_TOOLS: Final = frozenset({"web_search", "file_search"})

EVERY_DAY: Final = frozenset(range(7))
_DAY: Final = 86_400
_THURSDAY: Final = 3  # 1970-01-01 was one; Monday is 0


@dataclass(frozen=True, slots=True)
class Rates:
    """Billionths of the currency for a million of each; `None` where the price list says nothing.

    Attributes:
        input: tokens of the request.
        output: tokens of the answer, thinking included.
        cached_input: of the input, read from the provider's cache; without it as `input`.
        cache_write: of the input, written to that cache for its usual time; without it as `input`.
        cache_write_1h: the same for an hour; without it as `cache_write`.
        audio_input: of the input, sound; without it as `input`.
        audio_output: of the output, sound; without it as `output`.
        image_input: of the input, pictures; without it as `input`.
        image_output: of the output, pictures; without it as `output`.
        cached_audio, cached_image: of the cached input, sound and pictures; without them as `cached_input`.
        audio_second: for a million seconds of sound that is heard, where tokens are not counted.
        character: for a million characters of text that is said aloud, where tokens are not counted.
        picture: for a million pictures that are made, where tokens are not counted and all cost the same.
        request: for a million requests, beside their tokens; 0 when there is no such fee.
        web_search, file_search: for a million uses of the vendor's own tools, beside the tokens.
    """

    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    request: int = 0
    image_input: int | None = None
    image_output: int | None = None
    cached_audio: int | None = None
    cached_image: int | None = None
    web_search: int | None = None
    file_search: int | None = None
    audio_second: int | None = None
    character: int | None = None
    picture: int | None = None

    def filled(self) -> "Rates":
        """The same with the ordinary rate wherever a special one is missing."""
        read = self.input if self.cached_input is None else self.cached_input
        write = self.input if self.cache_write is None else self.cache_write
        return replace(
            self,
            cached_input=read,
            cache_write=write,
            cache_write_1h=write if self.cache_write_1h is None else self.cache_write_1h,
            audio_input=self.input if self.audio_input is None else self.audio_input,
            audio_output=self.output if self.audio_output is None else self.audio_output,
            image_input=self.input if self.image_input is None else self.image_input,
            image_output=self.output if self.image_output is None else self.image_output,
            cached_audio=read if self.cached_audio is None else self.cached_audio,
            cached_image=read if self.cached_image is None else self.cached_image,
        )

    def times(self, factor: Decimal) -> "Rates":
        """Every rate times a factor, rounded half to even to a billionth for a million.

        Fees for the vendor's tools stay as they are: no service tier changes them.
        """
        scaled: dict[str, int] = {}
        for each in fields(self):
            rate = getattr(self, each.name)
            if rate is not None and each.name in _TOOLS:
                scaled[each.name] = rate
            elif rate is not None:
                scaled[each.name] = int((Decimal(rate) * factor).to_integral_value(ROUND_HALF_EVEN))
        return Rates(**scaled)


def rates_of(amounts: Mapping[str, Decimal]) -> Rates:
    """Rates from units of currency for a million tokens (of `EACH`: for one).

    Raises:
        ValueError: an amount is out of range, or a name is none of `Rates`.
    """
    known = {each.name for each in fields(Rates)}
    if unknown := sorted(set(amounts) - known):
        raise ValueError(f"unknown rate {unknown[0]!r}: there are {', '.join(sorted(known))}")
    rates = {name: billionths(amount) for name, amount in amounts.items()}
    for fee in EACH & rates.keys():
        rates[fee] *= 1_000_000
    return Rates(**rates)


@dataclass(frozen=True, slots=True)
class Step:
    """The rates of a request whose input has more than `above` tokens; they hold for all of it."""

    above: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class Tariff:
    """Rates, and those of long requests.

    Attributes:
        steps: by `above`, ascending.
    """

    rates: Rates
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rates", self.rates.filled())
        steps = sorted(self.steps, key=lambda step: step.above)
        object.__setattr__(self, "steps", tuple(Step(step.above, step.rates.filled()) for step in steps))

    def rates_for(self, input_tokens: int) -> Rates:
        """The rates of a request with so much input."""
        rates = self.rates
        for step in self.steps:
            if input_tokens <= step.above:
                break
            rates = step.rates
        return rates

    def times(self, factor: Decimal) -> "Tariff":
        """Every rate times a factor."""
        return Tariff(
            self.rates.times(factor), tuple(Step(step.above, step.rates.times(factor)) for step in self.steps)
        )


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day with a tariff of its own: seconds after midnight UTC, `start` included, `end` not.

    One whose end is before its start goes over midnight.

    Attributes:
        days: on which days of the week (UTC; Monday is 0).
    """

    start: int
    end: int
    tariff: Tariff
    days: frozenset[int] = EVERY_DAY

    def contain(self, wall: float) -> bool:
        """Whether this time (seconds since 1970-01-01 UTC) is among them."""
        day, second = divmod(int(wall), _DAY)
        if (day + _THURSDAY) % 7 not in self.days:
            return False
        if self.start <= self.end:
            return self.start <= second < self.end
        return second >= self.start or second < self.end


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs at one vendor.

    Attributes:
        standard: the ordinary tariff.
        tiers: tariffs by the service tier that the vendor says it served in: `batch`, `flex`, `priority`, …
        hours: tariffs of parts of the day; they go before `standard`.
        currency: ISO 4217.
        source: where it comes from: a price list's address, a package and its version, `configuration`.
        date: the day on which it was read there, as `2026-11-20`.
        later: the price that follows, from `later_from` on (seconds since 1970-01-01 UTC).
        exchange: what the currency is worth, where it is not the dollar.
        told: whether the vendor tells with its answers what they cost (`Usage.billed`); that goes before the list.
        pictures: billionths of the currency for a million pictures of a quality and a size, of either, or (under "")
            of those of which nothing was said; they go before `Rates.picture`.
        tier_sources: where the price of a service tier comes from, if it is another source than the rest's.
    """

    standard: Tariff
    tiers: Mapping[str, Tariff] = field(default_factory=dict)
    hours: tuple[Hours, ...] = ()
    currency: str = "USD"
    source: str = ""
    date: str = ""
    later: "Price | None" = None
    later_from: float = float("inf")
    exchange: Exchange | None = None
    told: bool = False
    pictures: Mapping[str, int] = field(default_factory=dict)
    tier_sources: Mapping[str, str] = field(default_factory=dict)

    def at(self, wall: float) -> "Price":
        """The price that is valid at this time."""
        price = self
        while price.later is not None and wall >= price.later_from:
            price = price.later
        return price

    def tariff(self, service_tier: str, wall: float) -> Tariff | None:
        """The tariff of a service tier at this time; `None` for a tier whose price is not known."""
        if service_tier not in STANDARD:
            return self.tiers.get(service_tier)
        for hours in self.hours:
            if hours.contain(wall):
                return hours.tariff
        return self.standard

    def picture(self, kind: str, rates: Rates) -> int | None:
        """The rate of a picture of this quality and size; `None` where it is not known.

        What was priced for both goes before what was for the size alone, and that before the quality alone.
        """
        if not self.pictures:
            return rates.picture
        if not kind:
            return self.pictures.get("")
        quality, _, size = kind.rpartition(" ")
        named = (name for name in (kind, size, quality) if name)
        return next((self.pictures[name] for name in named if name in self.pictures), None)

    def charge(self, usage: Usage, wall: float) -> Charge | None:
        """What a usage cost; see `segue.metering.cost.charge`."""
        return charge(usage, self if self.later is None else self.at(wall), wall)
