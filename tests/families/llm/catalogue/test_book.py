"""Models are found as vendors write them, at the vendor that bills them, and nowhere else."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from segue.core.outcome import Usage
from segue.families.llm.catalogue.abilities import abilities_of
from segue.families.llm.catalogue.book import (
    FACTOR_SOURCES,
    FACTORS,
    ONLY_TOLD,
    VENDORS,
    Catalogue,
    Shelf,
    price_of,
    shipped,
)
from segue.families.llm.catalogue.extract import FILE, extract
from segue.families.llm.catalogue.listing import Entry, Offer, PriceList, Vendor, matcher
from segue.families.llm.catalogue.own import BESIDE, OWN
from segue.metering.exchange import BUILT_IN
from segue.metering.rounding import billionths

NOW = datetime(2026, 11, 21, tzinfo=UTC).timestamp()

# Dollars for a million tokens: of input, of output.
REAL = [
    ("openai", "gpt-4o", "2.50", "10.00"),
    ("openai", "gpt-4o-2024-08-06", "2.50", "10.00"),
    ("openai", "gpt-4o-2024-05-13", "5.00", "15.00"),
    ("openai", "gpt-4o-mini", "0.15", "0.60"),
    ("openai", "gpt-4o-mini-2024-07-18", "0.15", "0.60"),
    ("openai", "gpt-4.1", "2.00", "8.00"),
    ("openai", "gpt-4.1-mini-2025-04-14", "0.40", "1.60"),
    ("openai", "gpt-4.1-nano", "0.10", "0.40"),
    ("openai", "gpt-5", "1.25", "10.00"),
    ("openai", "gpt-5-2025-08-07", "1.25", "10.00"),
    ("openai", "gpt-5-mini", "0.25", "2.00"),
    ("openai", "gpt-5-nano", "0.05", "0.40"),
    ("openai-responses", "gpt-5.1", "1.25", "10.00"),
    ("openai", "gpt-6-astra", "10.00", "50.00"),
    ("openai", "o3", "2.00", "8.00"),
    ("openai", "o4-mini", "1.10", "4.40"),
    ("openai", "o1", "15.00", "60.00"),
    ("openai", "gpt-3.5-turbo", "0.50", "1.50"),
    ("azure", "gpt-4o", "2.50", "10.00"),
    ("anthropic", "claude-opus-5-5", "4.00", "20.00"),
    ("anthropic", "claude-sonnet-5-5", "2.00", "10.00"),
    ("anthropic", "claude-haiku-5-5", "0.10", "0.50"),
    ("anthropic", "claude-sonnet-4-5-20250929", "3.00", "15.00"),
    ("anthropic", "claude-haiku-4-5", "1.00", "5.00"),
    ("anthropic", "claude-opus-4-1-20250805", "15.00", "75.00"),
    ("anthropic", "claude-3-5-haiku-20241022", "0.80", "4.00"),
    ("bedrock", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", "3.00", "15.00"),
    ("vertex", "claude-sonnet-4-5@20250929", "3.00", "15.00"),
    ("gemini", "gemini-2.5-pro", "1.25", "10.00"),
    ("gemini", "models/gemini-2.5-flash", "0.30", "2.50"),
    ("gemini", "gemini-2.5-flash-lite", "0.10", "0.40"),
    ("gemini", "gemini-3.8-flash", "0.75", "3.75"),
    ("mistral", "mistral-large-2407", "2.00", "6.00"),
    ("groq", "llama-3.3-70b-versatile", "0.59", "0.79"),
    ("openrouter", "anthropic/claude-sonnet-4.5", "3.00", "15.00"),
    ("perplexity", "sonar", "1.00", "1.00"),
    ("xai", "grok-3", "3.00", "15.00"),
]


def cost_of(adapter: str, model: str, usage: Usage, base_url: str | None = None) -> str | None:
    price = shipped().facts(adapter, base_url, model).price
    made = None if price is None else price.charge(usage, NOW)
    return None if made is None else str(made.cost).removesuffix(" USD")


@pytest.mark.parametrize(("adapter", "model", "input_", "output"), REAL)
def test_a_real_model_has_its_price(adapter: str, model: str, input_: str, output: str) -> None:
    # A thousand of each: no request is long, and a fee for the request itself is left out of the account.
    fee = float(cost_of(adapter, model, Usage(0, 0)) or 0)
    told = [float(cost_of(adapter, model, usage) or -1) - fee for usage in (Usage(1000, 0), Usage(0, 1000))]
    assert told == pytest.approx([float(input_) / 1000, float(output) / 1000], rel=1e-9)


def test_an_unknown_model_has_no_price() -> None:
    assert shipped().facts("openai", None, "gpt-99-imaginary").price is None


def test_the_same_name_on_a_machine_of_ones_own_has_no_price() -> None:
    assert shipped().facts("openai", "http://127.0.0.1:9001/v1", "gpt-4o").price is None


def test_a_compatible_vendor_is_known_by_its_address() -> None:
    url = "https://api.groq.com/openai/v1"
    assert cost_of("openai", "llama-3.3-70b-versatile", Usage(1000, 0), url) == "0.00059"
    assert shipped().facts("openai", url, "gpt-4o").price is None


def test_an_azure_resource_is_azures_whatever_its_address() -> None:
    assert cost_of("azure", "gpt-4o", Usage(1000, 0), "https://acme.openai.azure.com") == "0.0025"


def test_a_new_snapshot_is_priced_as_its_model_and_the_source_says_so() -> None:
    price = shipped().facts("openai", None, "gpt-4o-mini-2026-12-24").price
    assert price is not None
    assert price.source.endswith(", as gpt-4o-mini")


def test_a_price_names_its_source_and_day() -> None:
    price = shipped().facts("openai", None, "gpt-4o").price
    assert price is not None
    assert price.source.startswith("genai-prices ")
    assert datetime.fromisoformat(price.date)


def test_models_billed_in_units_that_no_usage_tells_have_no_price() -> None:
    for model in ("gpt-live-1", "gpt-4o-mini-search-preview", "gpt-5-search-api"):
        assert shipped().facts("openai", None, model).price is None


@pytest.mark.parametrize(
    ("adapter", "model", "dollars"),
    [
        ("openai", "tts-1", "0.0015"),  # 15 for a million characters
        ("openai", "tts-1-hd", "0.003"),
        ("groq", "canopylabs/orpheus-v1-english", "0.0022"),
        ("mistral", "voxtral-mini-tts-3-0", "0.0013"),
        ("mistral", "voxtral-mini-tts-2603", None),
        ("openai", "gpt-4o-mini-tts", None),  # tokens, which sound does not tell
        ("openai", "gpt-4o", None),
    ],
)
def test_speech_that_is_billed_by_the_character_costs_what_its_text_does(
    adapter: str, model: str, dollars: str | None
) -> None:
    assert cost_of(adapter, model, Usage(characters=100)) == dollars


def test_what_stands_beside_the_list_names_its_own_source_and_day_and_the_list_goes_before_it() -> None:
    price = shipped().facts("mistral", None, "voxtral-mini-tts-3-0").price
    assert price is not None
    assert (price.source, price.date) == (BESIDE["mistral"].source, BESIDE["mistral"].date)
    entry = Entry("voxtral-mini-tts-3-0", ["=", "voxtral-mini-tts-3-0"], 7, (Offer({"character": "99"}),))
    unpriced = Entry("voxtral-mini-tts-3-0", ["=", "voxtral-mini-tts-3-0"], 7)
    for listed, expected in ((entry, "99.00 USD"), (unpriced, "13.00 USD")):
        book = Catalogue(PriceList("s", "d", "", (Vendor("mistral", "https://x", (listed,)),)))
        found = book.facts("mistral", None, "voxtral-mini-tts-3-0").price
        assert found is not None
        assert str(found.charge(Usage(characters=1_000_000), NOW).cost) == expected


def test_perplexitys_vectors_have_the_price_of_its_page_where_it_tells_none_itself() -> None:
    assert cost_of("perplexity", "pplx-embed-v1-0.6b", Usage(1_000_000)) == "0.004"
    assert cost_of("perplexity", "pplx-embed-v1-4b", Usage(1_000_000)) == "0.03"
    assert cost_of("perplexity", "pplx-embed-v1-4b", Usage(1_000_000, billed=5)) == "0.000000005"


@pytest.mark.parametrize(
    ("tier", "dollars"), [("", "0.0008"), ("default", "0.0008"), ("flex", "0.0004"), ("priority", "0.0014")]
)
def test_bedrocks_tiers_cost_what_its_price_list_says(tier: str, dollars: str) -> None:
    # AWS Price List, USE1-NovaPro-input-tokens, -flex, -priority: 0.0008, 0.0004 and 0.0014 for a thousand
    assert cost_of("bedrock", "us.amazon.nova-pro-v1:0", Usage(1000, 0, service_tier=tier)) == dollars


def test_a_factor_of_ours_names_its_source_beside_that_of_the_price() -> None:
    price = shipped().facts("bedrock", None, "us.amazon.nova-pro-v1:0").price
    assert price is not None
    plain, flex = (price.charge(Usage(1000, 0, service_tier=tier), NOW).source for tier in ("", "flex"))
    assert plain == price.source
    assert flex == f"{price.source}; flex: AWS Price List (AmazonBedrock) as public code quotes it, 2026-07-30"


@pytest.mark.parametrize(
    ("adapter", "model", "tier"),
    [
        ("bedrock", "us.amazon.nova-pro-v1:0", "reserved"),
        ("anthropic", "claude-sonnet-4-5", "priority"),
        ("anthropic", "claude-sonnet-4-5", "priority-us"),
    ],
)
def test_capacity_that_was_bought_beforehand_has_no_price_by_the_token(adapter: str, model: str, tier: str) -> None:
    assert cost_of(adapter, model, Usage(1000, 0, service_tier=tier)) is None


def test_the_page_has_every_factor_with_its_source_and_day() -> None:
    page = (Path(__file__).parents[4] / "docs" / "prices.md").read_text(encoding="utf-8")
    adapters = {vendor: adapter for adapter, vendor in reversed(VENDORS.items())}
    assert FACTORS.keys() == FACTOR_SOURCES.keys()
    for vendor, factors in FACTORS.items():
        assert re.search(r", \d{4}-\d\d-\d\d$", FACTOR_SOURCES[vendor])
        for tier, factor in factors.items():
            assert f"| `{adapters[vendor]}` | `{tier}` | {factor} | {FACTOR_SOURCES[vendor]} |" in page


def test_the_page_has_what_stands_beside_the_list_with_its_source_and_day() -> None:
    page = (Path(__file__).parents[4] / "docs" / "prices.md").read_text(encoding="utf-8")
    for vendor in BESIDE.values():
        assert vendor.source.partition(",")[0] in page
        assert vendor.date in page
        for entry in vendor.models:
            assert f"`{entry.id}`" in page
            assert all(amount in page for amount in entry.offers[0].rates.values())


def test_a_transcript_that_is_billed_by_time_costs_what_its_seconds_do_and_is_unknown_without_them() -> None:
    # developers.openai.com/api/docs/pricing: 0.006 dollars a minute
    assert cost_of("openai", "whisper-1", Usage(audio_seconds=60)) == "0.006"
    assert cost_of("openai", "whisper-1", Usage(audio_seconds=61)) == "0.0061"
    assert cost_of("openai", "whisper-1", Usage()) is None
    assert cost_of("openai", "whisper-1", Usage(10, 5)) is None
    assert cost_of("openai", "gpt-4o-transcribe", Usage(audio_seconds=60)) is None
    assert shipped().facts("groq", None, "whisper-large-v3").price is None


def test_openais_service_tiers_and_batches_have_prices_of_their_own() -> None:
    costs = [cost_of("openai", "o3", Usage(1000, 0, service_tier=tier)) for tier in ("default", "flex", "batch")]
    assert costs == ["0.002", "0.001", "0.001"]


def test_a_price_that_begins_later_waits_for_its_day() -> None:
    offers = (
        Offer({"input": "1"}),
        Offer({"input": "2"}, since="2026-12-01"),
        Offer({"input": "3"}, since="2027-01-01"),
    )
    entry = Entry("m", ["=", "m"], 100, offers)
    price = (
        Catalogue(PriceList("s", "d", "", (Vendor("openai", "https://x", (entry,)),))).facts("openai", None, "m").price
    )
    assert price is not None
    days = (NOW, datetime(2026, 12, 1, tzinfo=UTC).timestamp(), datetime(2027, 1, 1, tzinfo=UTC).timestamp())
    assert [price.charge(Usage(1_000_000), day).cost.billionths // 10**9 for day in days] == [1, 2, 3]


STRANGERS = [
    ("openai", "gpt-5-nano-pro"),
    ("openai", "gpt-4o-audio-preview-max"),
    ("openai", "gpt-3.5-turbo-instruct-xl"),
    ("anthropic", "claude-opus-4-9"),
    ("anthropic", "claude-sonnet-4-5-turbo"),
    ("anthropic", "claude-3-5-haiku-plus"),
    ("gemini", "gemini-3.6-flash-ultra"),
    ("gemini", "gemini-2.5-pro-vision"),
    ("vertex", "claude-opus-4-9@20270101"),
    ("bedrock", "us.anthropic.claude-opus-4-9-v1:0"),
    ("bedrock", "amazon.nova-pro-max-v1:0"),
    ("bedrock", "us.meta.llama3-1-8b-instruct-turbo-v1:0"),
    ("mistral", "magistral-small-vision"),
    ("deepseek", "deepseek-v4-flash-vision-exp"),
    ("cohere", "command-light-nightly-2"),
    ("azure", "my-o4-mini-copy"),
    ("yandex", "yandexgpt-6"),
    ("yandex", "yandexgpt-lite/latest@tuned"),
    ("yandex", "ds://b1gabc/yandexgpt"),
]


@pytest.mark.parametrize(("adapter", "model"), STRANGERS)
def test_a_model_that_the_list_does_not_know_gets_no_other_models_price(adapter: str, model: str) -> None:
    """Its maker's names begin alike; a price list's patterns would take it for its elder sister."""
    assert shipped().facts(adapter, None, model).price is None


FAMILIAR = [
    ("bedrock", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0"),
    ("bedrock", "amazon.nova-lite-v1:0"),
    ("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("bedrock", "mistral.mistral-7b-instruct-v0:2"),
    ("vertex", "claude-opus-4@20250514"),
    ("vertex", "publishers/anthropic/models/claude-haiku-4-5@20251001"),
    ("gemini", "gemini-2.0-flash-001"),
    ("gemini", "gemini-2.5-flash-lite-preview-09-2025"),
    ("anthropic", "claude-3-5-haiku-latest"),
    ("openai", "ft:gpt-4o-2024-08-06:acme::9abc"),
    ("openai", "gpt-4o-mini-audio-preview-2024-12-17"),
    ("mistral", "magistral-medium-latest"),
    ("cohere", "c4ai-aya-expanse-8b"),
]


@pytest.mark.parametrize(("adapter", "model"), FAMILIAR)
def test_a_date_a_revision_a_region_and_an_owner_make_no_other_model(adapter: str, model: str) -> None:
    assert shipped().facts(adapter, None, model).price is not None


def test_every_model_of_the_list_is_meant_by_its_own_name() -> None:
    for vendor in msgspec.json.decode(FILE.read_bytes(), type=PriceList).vendors:
        shelf = Shelf(vendor.models)
        lost = [entry.id for entry in vendor.models if shelf.find(entry.id.lower()) is None]
        assert not lost, vendor.id


YANDEX = [
    ("yandexgpt-lite", "0.40"),
    ("yandexgpt/rc", "1.60"),
    ("gpt://b1gabc/yandexgpt-5.1/latest", "1.60"),
    ("yandexgpt", "2.40"),
    ("aliceai-llm", "1.70"),
]


@pytest.mark.parametrize(("model", "rubles"), YANDEX)
def test_yandex_bills_in_rubles_for_a_thousand_tokens(model: str, rubles: str) -> None:
    price = shipped().facts("yandex", None, model).price
    assert price is not None
    made = price.charge(Usage(1000, 1000), NOW)
    assert str(made.cost) == f"{rubles} RUB"
    assert made.source.startswith("aistudio.yandex.ru/")
    assert "VAT" in made.source
    assert made.date == "2026-07-04"


def test_the_page_has_yandexs_prices_and_the_rate_of_the_ruble() -> None:
    page = (Path(__file__).parents[4] / "docs" / "prices.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[a-z].*?`) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    (yandex,) = (vendor for vendor in OWN if vendor.id == "yandex")
    assert len(rows) == len(yandex.models)
    for names, *thousands in rows:
        for name in re.findall(r"`(.*?)`", names):
            price = shipped().facts("yandex", None, name).price
            assert price is not None
            rates = price.standard.rates
            assert [rates.input, rates.output, rates.cached_input] == [billionths(Decimal(x)) * 1000 for x in thousands]
    ruble = BUILT_IN["RUB"]
    assert f"| RUB | {Decimal(ruble.rate).scaleb(-9)} (83.2454 rubles for a dollar) | {ruble.date} |" in page


def test_yandex_at_another_address_has_no_price() -> None:
    assert shipped().facts("yandex", "http://127.0.0.1:9001", "yandexgpt").price is None


def test_a_search_of_openais_and_of_anthropics_costs_a_cent_and_googles_has_no_known_price() -> None:
    searched = Usage(0, 0, tool_calls={"web_search": 1})
    assert cost_of("openai", "gpt-5", searched) == "0.01"
    assert cost_of("anthropic", "claude-opus-5-5", searched) == "0.01"
    assert cost_of("gemini", "gemini-2.5-flash", searched) == "0.00 USD without web_search"
    assert cost_of("openai", "gpt-5", Usage(0, 0, tool_calls={"file_search": 2})) == "0.005"


def test_what_openrouter_perplexity_and_xai_say_that_they_took_goes_before_the_list() -> None:
    usage = Usage(1000, 1000, billed=12_345_678)
    for adapter, model in (
        ("openrouter", "anthropic/claude-sonnet-4.5"),
        ("perplexity", "sonar"),
        ("xai", "grok-3"),
    ):
        price = shipped().facts(adapter, None, model).price
        assert price is not None
        made = price.charge(usage, NOW)
        assert (str(made.cost), made.source, made.date) == ("0.012345678 USD", "the provider's answer", "2026-11-21")
    assert cost_of("openai", "gpt-4o", usage) == "0.0125", "nobody else's word on its own price is taken"


@pytest.mark.parametrize(
    ("adapter", "model"),
    [("openrouter", "acme/whisper-nine"), ("xai", "grok-imagine-image"), ("perplexity", "preset-nobody-lists")],
)
def test_a_model_that_no_list_has_costs_what_its_vendor_says_and_nothing_is_known_without_its_word(
    adapter: str, model: str
) -> None:
    assert cost_of(adapter, model, Usage(billed=20_000_000)) == "0.02"
    assert cost_of(adapter, model, Usage(10, 5, billed=20_000_000)) == "0.02"
    for usage in (Usage(10, 5), Usage(), Usage(pictures=1), Usage(characters=9), Usage(audio_seconds=9)):
        assert cost_of(adapter, model, usage) is None
    assert shipped().facts(adapter, "https://llm.example.com/v1", model).price is None
    assert shipped().facts(adapter, None, model).price is ONLY_TOLD


def test_deepseeks_busy_hours_are_those_of_weekdays() -> None:
    price = shipped().facts("deepseek", None, "deepseek-flash").price
    assert price is not None
    friday = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
    at = {hour: friday + hour * 3600 for hour in (0, 1, 3.999, 4, 6, 10, 24 + 2, 48 + 7, 72 + 2)}
    told = {hour: str(price.charge(Usage(1_000_000, 0), wall).cost) for hour, wall in at.items()}
    assert [hour for hour, cost in told.items() if cost == "0.30 USD"] == [1, 3.999, 6, 72 + 2]
    assert set(told.values()) == {"0.15 USD", "0.30 USD"}


def test_the_long_price_begins_one_token_above_its_limit() -> None:
    costs = [cost_of("openai", "gpt-5.4", Usage(tokens, 0)) for tokens in (271_999, 272_000, 272_001)]
    assert costs == ["0.6799975", "0.68", "1.360005"]


def test_a_tier_that_begins_later_waits_for_its_day_and_has_none_before() -> None:
    entry = Entry(
        "m",
        ["=", "m"],
        100,
        (Offer({"input": "2"}),),
        {"flex": (Offer({"input": "1"}, since="2026-12-01"), Offer({"input": "0.5"}, since="2027-01-01"))},
    )
    price = price_of(entry, "s", "2026-11-20")
    assert price is not None
    days = (NOW, datetime(2026, 12, 1, tzinfo=UTC).timestamp(), datetime(2027, 1, 1, tzinfo=UTC).timestamp())
    made = [price.charge(Usage(1_000_000, service_tier="flex"), day) for day in days]
    assert [None if one is None else str(one.cost) for one in made] == [None, "1.00 USD", "0.50 USD"]
    assert [str(price.charge(Usage(1_000_000), day).cost) for day in days] == ["2.00 USD"] * 3


def test_the_shipped_file_is_what_the_package_gives() -> None:
    file = msgspec.json.decode(FILE.read_bytes(), type=PriceList)
    fresh = extract(datetime.fromisoformat(file.date).date())
    if fresh.source != file.source:
        pytest.skip(f"made from {file.source}, installed is {fresh.source}: run the module extract")
    assert fresh == file


def test_every_price_of_the_list_can_be_used() -> None:
    count = 0
    for vendor in msgspec.json.decode(FILE.read_bytes(), type=PriceList).vendors:
        for entry in vendor.models:
            price = price_of(entry, "s", "2026-11-20")
            count += price is not None
    assert count > 1500


def test_cached_input_is_hardly_ever_dearer_than_input() -> None:
    dearer = [
        (vendor.id, entry.id)
        for vendor in msgspec.json.decode(FILE.read_bytes(), type=PriceList).vendors
        for entry in vendor.models
        for offer in entry.offers
        if float(offer.rates.get("cached_input", 0)) > float(offer.rates.get("input", 0))
    ]
    assert len(dearer) <= 5, dearer


@pytest.mark.parametrize(
    ("clause", "fits", "does_not"),
    [
        (["=", "A"], "a", "ab"),
        (["^", "a"], "a-2026-11-20", "x.a"),
        (["$", "a"], "x.a", "a-latest"),
        (["*", "b"], "us.b-v1:0", "ac"),
        (["re", "^a.c$"], "abc", "abcd"),
        (["or", ["=", "a"], ["=", "b"]], "b", "c"),
        (["and", ["^", "a"], ["re", "^(?!.*20)"]], "a-latest", "a-20261120"),
    ],
)
def test_a_clause_means_what_it_says(clause: list[object], fits: str, does_not: str) -> None:
    match = matcher(clause)
    assert match(fits)
    assert not match(does_not)


def test_an_unknown_clause_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown clause 'near'"):
        matcher(["near", "a"])


ABILITIES = [
    ("gpt-4o", 128_000, 16_384, {"vision", "tools", "json_schema"}, {"reasoning"}),
    ("gpt-4o-2024-08-06", 128_000, 16_384, {"vision"}, set()),
    ("azure/gpt-4.1-mini", 1_047_576, 32_768, {"documents"}, {"reasoning"}),
    ("gpt-5-mini", 400_000, 128_000, {"reasoning", "vision"}, {"audio"}),
    ("gpt-5-chat-latest", 128_000, 16_384, {"vision"}, {"reasoning"}),
    ("openai/gpt-6-luna", None, 128_000, {"reasoning", "json_schema"}, set()),
    ("o3-mini", 200_000, 100_000, {"reasoning"}, {"vision"}),
    ("claude-opus-5-5", 1_000_000, 128_000, {"reasoning", "documents"}, set()),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 200_000, 64_000, {"json_schema", "reasoning"}, set()),
    ("claude-sonnet-4-20250514", 200_000, 64_000, {"reasoning"}, {"json_schema"}),
    ("claude-3-5-haiku-20241022", 200_000, 8_192, {"tools"}, {"reasoning"}),
    ("claude-opus-4-1", 200_000, 32_000, {"reasoning"}, set()),
    ("models/gemini-2.5-flash", 1_048_576, 65_536, {"audio", "video", "reasoning"}, set()),
    ("gemini-2.5-flash-image", None, None, set(), {"tools"}),
    ("gpt-4o-transcribe", None, None, set(), {"tools"}),
    ("gpt-4", 8_192, 8_192, {"tools"}, {"vision"}),
    ("my-own-model", None, None, set(), {"tools"}),
]


@pytest.mark.parametrize(("model", "context", "most", "has", "lacks"), ABILITIES)
def test_well_known_models_can_do_what_their_pages_say(
    model: str, context: int | None, most: int | None, has: set[str], lacks: set[str]
) -> None:
    told = abilities_of(model)
    assert (told.context, told.max_output) == (context, most)
    assert has <= told.words
    assert not lacks & told.words


def test_what_is_told_of_a_model_names_its_page() -> None:
    assert all(abilities_of(model).source for model, context, *_ in ABILITIES if context)
