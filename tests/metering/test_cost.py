"""A cost is exact, adds up to the last digit, and is unknown rather than wrong."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.money import Charge, Cost, total_of
from segue.core.outcome import Usage
from segue.metering.cost import MOST_TOKENS, charge
from segue.metering.exchange import Exchange
from segue.metering.prices import Hours, Price, Rates, Step, Tariff, rates_of
from segue.metering.rounding import billionths, half_even


def priced(**amounts: str) -> Price:
    return Price(Tariff(rates_of({name: Decimal(amount) for name, amount in amounts.items()})), source="test")


def dollars(usage: Usage, price: Price, wall: float = 0.0) -> str | None:
    made = charge(usage, price, wall)
    return None if made is None else str(made.cost)


GPT_4O = priced(input="2.50", cached_input="1.25", output="10.00")
SONNET = Price(
    Tariff(
        rates_of({name: Decimal(x) for name, x in {
            "input": "3", "output": "15", "cached_input": "0.3", "cache_write": "3.75", "cache_write_1h": "6",
        }.items()}),
        (Step(200_000, rates_of({name: Decimal(x) for name, x in {
            "input": "6", "output": "22.5", "cached_input": "0.6", "cache_write": "7.5", "cache_write_1h": "12",
        }.items()})),),
    )
)  # fmt: skip

tokens = st.none() | st.integers(0, 10_000_000)


@st.composite
def usages_(draw: st.DrawFn) -> Usage:
    """What a vendor may say that can count: the parts are no more than the whole; a sound may come from the cache."""
    usage = Usage(draw(st.integers(0, 10_000_000)), draw(tokens))
    left = usage.input_tokens or 0
    for name in ("cached_tokens", "cache_write_tokens", "cache_write_1h_tokens"):
        part = draw(st.none() | st.integers(0, left))
        setattr(usage, name, part)
        left -= part or 0
    left = usage.input_tokens or 0
    for name in ("audio_input_tokens", "image_input_tokens"):
        part = draw(st.none() | st.integers(0, left))
        setattr(usage, name, part)
        left -= part or 0
    left = usage.output_tokens or 0
    for name in ("audio_output_tokens", "image_output_tokens"):
        part = draw(st.none() | st.integers(0, left))
        setattr(usage, name, part)
        left -= part or 0
    return usage


usages = usages_()
rates = st.integers(0, 10**12)
every_rate = st.builds(Rates, *[rates] * 10)


# Worked by hand from the vendors' pages.


def test_openai_1000_tokens_in_of_which_400_cached_and_500_out() -> None:
    # developers.openai.com/api/docs/pricing, gpt-4o: 600 * 2.50 + 400 * 1.25 + 500 * 10.00, by a million
    assert dollars(Usage(1000, 500, cached_tokens=400), GPT_4O) == "0.007 USD"


def test_anthropic_a_cache_written_for_5_minutes_and_for_an_hour_and_read() -> None:
    # platform.claude.com/docs/en/about-claude/pricing, Sonnet 4.5:
    # 50 * 3 + 100,000 * 0.30 + 2,000 * 3.75 + 1,000 * 6 + 393 * 15, by a million
    usage = Usage(103_050, 393, cached_tokens=100_000, cache_write_tokens=2000, cache_write_1h_tokens=1000)
    assert dollars(usage, SONNET) == "0.049545 USD"


def test_anthropic_one_token_above_200_000_makes_the_whole_request_long() -> None:
    assert dollars(Usage(200_000, 1000), SONNET) == "0.615 USD"
    assert dollars(Usage(200_001, 1000), SONNET) == "1.222506 USD"


def test_cached_input_counts_towards_the_length_of_a_request() -> None:
    assert dollars(Usage(200_001, 0, cached_tokens=200_001), SONNET) == "0.1200006 USD"


def test_deepseek_costs_more_in_its_busy_hours() -> None:
    # api-docs.deepseek.com/quick_start/pricing: 01:00 to 04:00 UTC
    busy = Tariff(rates_of({"input": Decimal("0.3"), "output": Decimal("1.2")}))
    price = Price(
        Tariff(rates_of({"input": Decimal("0.15"), "output": Decimal("0.6")})), hours=(Hours(3600, 14_400, busy),)
    )
    usage = Usage(1_000_000, 0)
    assert [dollars(usage, price, at) for at in (3599, 3600, 14_399, 14_400, 86_400 + 3600)] == [
        "0.15 USD", "0.30 USD", "0.30 USD", "0.15 USD", "0.30 USD",
    ]  # fmt: skip


def test_hours_may_go_over_midnight() -> None:
    night = Hours(82_800, 3600, Tariff(Rates(input=1)))
    assert [night.contain(second) for second in (82_799, 82_800, 0, 3599, 3600)] == [False, True, True, True, False]


def test_hours_may_hold_on_weekdays_alone() -> None:
    # api-docs.deepseek.com/quick_start/pricing: "01:00 - 04:00 and 06:00 - 10:00 UTC, Monday through Friday"
    busy = Hours(3600, 14_400, Tariff(Rates(input=1)), frozenset(range(5)))
    friday = datetime(2026, 11, 20, 2, tzinfo=UTC).timestamp()
    assert [busy.contain(friday + day * 86_400) for day in range(4)] == [True, False, False, True]


def test_a_batch_costs_half_and_a_tier_without_a_price_is_unknown() -> None:
    price = Price(GPT_4O.standard, tiers={"batch": GPT_4O.standard.times(Decimal("0.5"))})
    assert dollars(Usage(1000, 500, service_tier="batch"), price) == "0.00375 USD"
    assert dollars(Usage(1000, 500, service_tier="default"), price) == "0.0075 USD"
    assert dollars(Usage(1000, 500, service_tier="priority"), price) is None


def test_sound_has_prices_of_its_own() -> None:
    # gpt-4o-audio-preview: 2.50 and 10 for text, 40 and 80 for sound
    price = priced(input="2.5", output="10", audio_input="40", audio_output="80")
    usage = Usage(1000, 300, audio_input_tokens=600, audio_output_tokens=200)
    assert dollars(usage, price) == "0.042 USD"


def test_a_fee_for_each_request_comes_beside_the_tokens() -> None:
    # docs.perplexity.ai/getting-started/pricing, sonar: 1 and 1, and 5 dollars for a thousand requests
    assert dollars(Usage(1000, 1000), priced(input="1", output="1", request="0.005")) == "0.007 USD"


def test_thinking_is_a_part_of_the_output_and_not_billed_twice() -> None:
    assert dollars(Usage(0, 500, reasoning_tokens=400), GPT_4O) == dollars(Usage(0, 500), GPT_4O) == "0.005 USD"


def test_a_new_price_holds_from_its_day_on() -> None:
    price = Price(GPT_4O.standard, later=priced(input="1", output="1"), later_from=1000.0)
    assert [str(price.charge(Usage(1_000_000, 0), at).cost) for at in (999.9, 1000.0)] == ["2.50 USD", "1.00 USD"]


# What is not known.


def test_without_a_count_of_the_input_there_is_no_cost() -> None:
    assert dollars(Usage(None, 500), GPT_4O) is None
    assert dollars(Usage(None, None), GPT_4O) is None


def test_what_has_no_price_makes_the_whole_cost_unknown() -> None:
    embeddings = priced(input="0.02")
    assert dollars(Usage(1000, None), embeddings) == "0.00002 USD"
    assert dollars(Usage(1000, 0), embeddings) == "0.00002 USD"
    assert dollars(Usage(1000, 1), embeddings) is None


def test_a_model_billed_by_the_request_needs_no_count_of_tokens() -> None:
    ranking = priced(input="0", request="0.002")
    assert dollars(Usage(requests=3), ranking) == "0.006 USD"
    assert dollars(Usage(requests=3), priced(input="1", request="0.002")) is None


def test_text_that_is_said_aloud_is_billed_by_the_character_where_it_has_such_a_price() -> None:
    # developers.openai.com/api/docs/pricing, tts-1: 15 dollars for a million characters
    speech = priced(character="15")
    assert dollars(Usage(characters=4096), speech) == "0.06144 USD"
    assert dollars(Usage(characters=0), speech) is None
    assert dollars(Usage(characters=4096), priced(input="0.6", output="12")) is None
    made = charge(Usage(characters=2), speech, 0.0)
    assert made is not None
    assert [(item.name, item.quantity, item.price) for item in made.items] == [("characters", 2, 15_000_000_000)]


PAINTER = Price(
    Tariff(rates_of({"input": Decimal(0)})),
    pictures={"": 40_000, "standard 1024x1024": 40_000, "hd 1024x1024": 80_000, "1792x1024": 90_000, "low": 10_000},
)
"""In billionths of a dollar for a thousand pictures, to be short."""


@pytest.mark.parametrize(
    ("kind", "rate"),
    [
        ("", 40_000),
        ("hd 1024x1024", 80_000),
        ("hd 1792x1024", 90_000),
        ("1792x1024", 90_000),
        ("low 512x512", 10_000),
        ("low", 10_000),
        ("hd", None),
        ("1024x1024", None),
        ("hd 512x512", None),
        ("512x512", None),
    ],
)
def test_pictures_are_billed_by_the_piece_by_quality_and_size(kind: str, rate: int | None) -> None:
    made = charge(Usage(pictures=1_000_000, picture=kind), PAINTER, 0.0)
    assert (None if made is None else made.cost.billionths) == rate


def test_all_pictures_may_cost_the_same() -> None:
    price = priced(input="0", picture="0.02")
    assert dollars(Usage(pictures=3, picture="hd 1024x1024"), price) == "0.06 USD"
    assert dollars(Usage(pictures=3), priced(input="5", output="40")) is None


def test_nothing_told_is_not_nothing_taken() -> None:
    for price in (priced(input="0", output="5"), priced(audio_second="100"), priced(input="0", output="0")):
        assert dollars(Usage(), price) is None


def test_a_search_of_the_vendors_is_billed_beside_the_tokens() -> None:
    # platform.claude.com/docs/en/about-claude/pricing: 10 dollars for a thousand searches
    price = priced(input="3", output="15", web_search="0.01")
    made = charge(Usage(1000, 0, tool_calls={"web_search": 2}), price, 0.0)
    assert made is not None
    assert str(made.cost) == "0.023 USD"
    assert [(item.name, item.quantity, item.billionths) for item in made.items][-1] == ("web_search", 2, 20_000_000)


def test_a_tool_without_a_known_price_is_named_by_the_cost_that_lacks_it() -> None:
    usage = Usage(1000, 0, tool_calls={"web_search": 1, "code_interpreter": 1, "file_search": 0})
    made = charge(usage, GPT_4O, 0.0)
    assert made is not None
    assert made.cost.lacks == ("web_search", "code_interpreter")
    assert str(made.cost) == "0.0025 USD without web_search, code_interpreter"


def test_a_sum_lacks_what_its_parts_lack() -> None:
    whole = Cost(2) + Cost(3, lacks=("web_search",)) + Cost(4, lacks=("web_search", "code_interpreter"))
    assert whole == Cost(9, "USD", ("web_search", "code_interpreter"))
    rubles = Charge(Cost(1, "RUB", ("a",)), (), "", "", dollars=Cost(1, "USD", ("a",)))
    assert total_of([rubles, Charge(Cost(1), (), "", "")]) == Cost(2, "USD", ("a",))


def test_sound_from_a_cache_with_a_price_of_its_own_is_named_since_nobody_says_how_much_of_it_there_was() -> None:
    price = priced(input="0.3", cached_input="0.03", audio_input="1", cached_audio="0.1", output="2.5")
    made = charge(Usage(1000, 0, cached_tokens=500, audio_input_tokens=200), price, 0.0)
    assert made is not None
    assert made.cost.lacks == ("cached_audio",)


def test_pictures_have_prices_of_their_own() -> None:
    # gpt-image-1.5: 5 and 10 for text, 8 and 32 for pictures
    price = priced(input="5", output="10", image_input="8", image_output="32")
    assert dollars(Usage(1000, 300, image_input_tokens=600, image_output_tokens=200), price) == "0.0142 USD"


def test_free_is_a_price() -> None:
    assert dollars(Usage(1000, 500), priced(input="0", output="0")) == "0.00 USD"


def test_special_tokens_without_a_price_of_their_own_cost_what_ordinary_ones_do() -> None:
    usage = Usage(1000, 100, cached_tokens=100, cache_write_1h_tokens=100, audio_input_tokens=50, audio_output_tokens=9)
    assert dollars(usage, priced(input="2.5", output="10")) == dollars(Usage(1000, 100), GPT_4O)


# Always.


@given(usages, every_rate)
def test_the_items_add_up_to_the_cost(usage: Usage, of: Rates) -> None:
    made = charge(usage, Price(Tariff(of)), 0.0)
    assert made is not None
    assert sum(item.billionths for item in made.items) == made.cost.billionths


@given(usages, every_rate)
def test_each_token_stands_in_exactly_one_item(usage: Usage, of: Rates) -> None:
    made = charge(usage, Price(Tariff(of)), 0.0)
    assert made is not None
    counted = {item.name: item.quantity for item in made.items}
    output = counted.pop("output", 0) + counted.pop("audio_output", 0) + counted.pop("image_output", 0)
    counted.pop("requests", 0)
    assert sum(counted.values()) == usage.input_tokens
    assert output == (usage.output_tokens or 0)


@given(usages, every_rate)
def test_no_item_is_further_from_the_truth_than_half_a_billionth(usage: Usage, of: Rates) -> None:
    made = charge(usage, Price(Tariff(of)), 0.0)
    assert made is not None
    for item in made.items:
        assert abs(item.billionths - Fraction(item.quantity * item.price, 1_000_000)) <= Fraction(1, 2)


@given(usages, every_rate, st.integers(0, 1_000_000))
def test_more_output_never_costs_less(usage: Usage, of: Rates, more: int) -> None:
    price = Price(Tariff(of))
    before = charge(usage, price, 0.0)
    usage.output_tokens = (usage.output_tokens or 0) + more
    after = charge(usage, price, 0.0)
    assert before is not None
    assert after is not None
    assert after.cost.billionths >= before.cost.billionths


@given(st.integers(0, 10_000_000), st.integers(0, 10_000_000), rates, st.fractions(0, 1))
def test_cached_tokens_never_make_a_call_dearer_where_their_price_is_lower(
    total: int, cached: int, rate: int, share: Fraction
) -> None:
    total = max(total, cached)
    price = Price(Tariff(Rates(input=rate, output=rate, cached_input=int(rate * share))))
    plain, saved = charge(Usage(total, 0), price, 0.0), charge(Usage(total, 0, cached_tokens=cached), price, 0.0)
    assert plain is not None
    assert saved is not None
    assert saved.cost.billionths <= plain.cost.billionths + 1  # two roundings instead of one


huge = st.integers(-(10**40), 10**40)


@given(huge, huge, huge, huge)
def test_nonsense_from_a_vendor_is_no_negative_and_no_endless_cost(
    given_in: int, out: int, cached: int, sound: int
) -> None:
    made = charge(Usage(given_in, out, cached_tokens=cached, audio_output_tokens=sound), GPT_4O, 0.0)
    assert made is None or 0 <= made.cost.billionths <= 20 * MOST_TOKENS * 1000


@pytest.mark.parametrize(
    "usage",
    [
        Usage(-1, 5),
        Usage(5, -1),
        Usage(MOST_TOKENS + 1, 0),
        Usage(0, MOST_TOKENS + 1),
        Usage(10, 0, cached_tokens=-1),
        Usage(10, 0, cached_tokens=11),
        Usage(10, 0, cached_tokens=6, cache_write_tokens=5),
        Usage(10, 0, audio_input_tokens=11),
        Usage(10, 5, audio_output_tokens=6),
        Usage(10, 5, image_output_tokens=-6),
    ],
)
def test_counts_that_cannot_be_have_no_cost(usage: Usage) -> None:
    assert charge(usage, GPT_4O, 0.0) is None


@pytest.mark.parametrize(
    "usage", [Usage(MOST_TOKENS, MOST_TOKENS), Usage(10, 0, cached_tokens=6, cache_write_tokens=4)]
)
def test_counts_at_their_limits_have_one(usage: Usage) -> None:
    assert charge(usage, GPT_4O, 0.0) is not None


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**9))
def test_rounding_goes_to_the_nearest_and_from_the_middle_to_the_even(numerator: int, denominator: int) -> None:
    assert half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@given(st.decimals(0, 1_000_000, places=9))
def test_an_amount_becomes_billionths_without_loss(amount: Decimal) -> None:
    assert Decimal(billionths(amount)) / 10**9 == amount


@pytest.mark.parametrize("amount", ["-1", "1000001", "NaN", "Infinity", "0.0000000001"])
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        billionths(Decimal(amount))


def test_threads_that_share_a_price_get_the_same_costs() -> None:
    price = Price(SONNET.standard, tiers={"batch": SONNET.standard.times(Decimal("0.5"))})
    asked = [Usage(n * 97, n, cached_tokens=n, service_tier="batch" if n % 2 else "") for n in range(4000)]
    alone = [price.charge(usage, 0.0) for usage in asked]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda usage: price.charge(usage, 0.0), asked))
    assert together == alone


# Currencies.


RUBLE = Exchange("RUB", billionths(Decimal("0.0125")), "2026-11-20", "cbr.ru")


def test_a_cost_keeps_its_currency_and_is_told_in_dollars_with_the_day_of_the_rate() -> None:
    price = Price(Tariff(rates_of({"input": Decimal(800), "output": Decimal(800)})), currency="RUB", exchange=RUBLE)
    made = price.charge(Usage(1000, 500), 0.0)
    assert made is not None
    assert (str(made.cost), str(made.dollars), made.exchange) == ("1.20 RUB", "0.015 USD", "2026-11-20 cbr.ru")


def test_costs_in_several_currencies_are_added_up_in_dollars_or_not_at_all() -> None:
    rubles = Charge(Cost(10**9, "RUB"), (), "", "", dollars=Cost(12_500_000))
    cents = Charge(Cost(10_000_000), (), "", "")
    assert str(total_of([rubles, cents])) == "0.0225 USD"
    assert str(total_of([rubles, rubles])) == "2.00 RUB"
    assert total_of([Charge(Cost(1, "RUB"), (), "", ""), cents]) is None
    assert total_of([]) is None


def test_a_rate_for_another_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="RUB says nothing of EUR"):
        RUBLE.to_dollars(Cost(1, "EUR"))


@pytest.mark.parametrize("name", ["inptu", "cached"])
def test_an_unknown_rate_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ValueError, match="there are audio_input"):
        rates_of({name: Decimal(1)})
