"""Models are found as vendors write them, at the vendor that bills them, and nowhere else."""

from datetime import UTC, datetime

import msgspec
import pytest

from segue.core.outcome import Usage
from segue.families.llm.catalogue.abilities import abilities_of
from segue.families.llm.catalogue.book import Catalogue, shipped
from segue.families.llm.catalogue.extract import FILE, extract
from segue.families.llm.catalogue.listing import Entry, Offer, PriceList, Vendor, matcher

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
    for model in ("whisper-1", "gpt-image-1", "tts-1"):
        assert shipped().facts("openai", None, model).price is None


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


def test_the_shipped_file_is_what_the_package_gives() -> None:
    file = msgspec.json.decode(FILE.read_bytes(), type=PriceList)
    fresh = extract(datetime.fromisoformat(file.date).date())
    if fresh.source != file.source:
        pytest.skip(f"made from {file.source}, installed is {fresh.source}: run the module extract")
    assert fresh == file


def test_every_price_of_the_list_can_be_used() -> None:
    catalogue, count = shipped(), 0
    for vendor in msgspec.json.decode(FILE.read_bytes(), type=PriceList).vendors:
        for entry in vendor.models:
            price = catalogue._price(entry, "s")
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
        (["^", "a"], "ab", "ba"),
        (["$", "a"], "ba", "ab"),
        (["*", "b"], "abc", "ac"),
        (["re", "^a.c$"], "abc", "abcd"),
        (["or", ["=", "a"], ["=", "b"]], "b", "c"),
        (["and", ["^", "a"], ["$", "c"]], "abc", "ab"),
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
