"""Prices of vendors whom no other list has, and of models that it leaves out.

They are copied by hand, and go stale: so each names its page and the day, which are told with every cost, and a
configuration's own prices go before them. What a list says of a model goes before what stands here.
"""

from collections.abc import Mapping
from typing import Final

from segue.families.llm.catalogue.listing import Entry, Offer, Vendor


def _entry(names: str, context: int | None, rates: Mapping[str, str], batch: Mapping[str, str] | None = None) -> Entry:
    """A model by the names that mean it, with prices for a million tokens (the page tells them for a thousand)."""
    every = names.split()
    tiers = {} if batch is None else {"batch": (Offer(batch),)}
    return Entry(every[0], ["or", *(["=", name] for name in every)], context, (Offer(rates),), tiers)


def _both(amount: str) -> Mapping[str, str]:
    return {"input": amount, "output": amount}


# Tokens that Yandex reads from its cache cost as much as others with its own models, less with some of the open ones.
# The page's prices are those of customers in Russia, with their value added tax; which generation the branches /latest
# and /rc mean is told by aistudio.yandex.ru/docs/ru/ai-studio/concepts/generation/models.html. Prices of asynchronous
# requests stand as `batch`: no synchronous answer says that it was one.
_YANDEX: Final = Vendor(
    "yandex",
    r"https://(?:llm|ai)\.api\.cloud\.yandex\.net",
    (
        _entry("aliceai-llm aliceai-llm/latest", 32_768, {"input": "500", "output": "1200"}),
        _entry("yandexgpt-5.1 yandexgpt-5.1/latest yandexgpt/rc", 32_768, _both("800"), _both("400")),
        _entry(
            "yandexgpt-5-pro yandexgpt-5-pro/latest yandexgpt yandexgpt/latest", 32_768, _both("1200"), _both("600")
        ),
        _entry(
            "yandexgpt-5-lite yandexgpt-5-lite/latest yandexgpt-lite yandexgpt-lite/latest",
            32_768,
            _both("200"),
            _both("100"),
        ),
        _entry("deepseek-v32 deepseek-v32/latest", 131_072, {"input": "500", "cached_input": "130", "output": "800"}),
        _entry("qwen3-235b-a22b-fp8 qwen3-235b-a22b-fp8/latest", 262_144, _both("500")),
        _entry(
            "qwen3.5-35b-a3b-fp8 qwen3.5-35b-a3b-fp8/latest",
            262_144,
            {"input": "200", "cached_input": "50", "output": "300"},
        ),
        _entry("gpt-oss-120b gpt-oss-120b/latest", 131_072, _both("300")),
        _entry("gpt-oss-20b gpt-oss-20b/latest", 131_072, _both("100")),
        _entry("gemma-3-27b-it gemma-3-27b-it/latest", 131_072, _both("400")),
    ),
    currency="RUB",
    source="aistudio.yandex.ru/docs/ru/ai-studio/pricing, with Russian VAT",
    date="2026-07-04",
)

# The vendor's own page; the ids of the models as its API has them.
_PERPLEXITY: Final = Vendor(
    "perplexity",
    "",
    (
        _entry("pplx-embed-v1-0.6b", 32_768, {"input": "0.004"}),
        _entry("pplx-embed-v1-4b", 32_768, {"input": "0.03"}),
    ),
    source="docs.perplexity.ai/docs/embeddings",
    date="2026-11-21",
)

# Mistral's own page was not among the copies that were read. No source was found for Voxtral 2.
_MISTRAL: Final = Vendor(
    "mistral",
    "",
    (_entry("voxtral-mini-tts-3-0", None, {"character": "13"}),),
    source="micdrop.dev/blog/mistral-voice-agent-voxtral-3, as Mistral has published it",
    date="2026-11-01",
)

OWN: Final = (_YANDEX,)
"""Vendors that no list has."""

BESIDE: Final = {vendor.id: vendor for vendor in (_PERPLEXITY, _MISTRAL)}
"""Models that the list of their vendor leaves out, or has without a price."""
