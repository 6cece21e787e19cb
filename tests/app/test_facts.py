"""What is known of a model: the user's word goes before the catalogue's, the nearer word before the farther."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from app.places import completion, library, world
from segue import Segue
from segue.app.engine import known
from segue.app.facts import ModelFacts
from segue.app.world import World
from segue.config.load import parse_settings
from segue.core.errors import ConfigError
from segue.core.outcome import Usage
from segue.core.provider import ModelInfo
from segue.families.llm.catalogue.book import _packaged
from segue.testing import ScriptedAdapter, answers, run_virtual

OPENAI = {"adapter": "openai", "key": "k"}


def info(model: str, models: Any = ("*",), *, prices: Any = None, **more: Any) -> ModelInfo:
    world = World()
    data = {"providers": {"a": {**OPENAI, "models": models, **more}}, **({"prices": prices} if prices else {})}
    settings = parse_settings(data, known(world)).settings
    return ModelFacts(settings, world).info("a", settings.providers["a"], model)


def cost(of: ModelInfo, usage: Usage | None = None) -> str | None:
    charge = of.price.charge(usage or Usage(1_000_000, 0), 0.0) if of.price else None
    return None if charge is None else str(charge.cost)


def test_without_a_word_of_the_user_the_catalogue_counts() -> None:
    found = info("gpt-4o")
    assert (found.context, found.max_output, cost(found)) == (128_000, 16_384, "2.50 USD")
    assert {"vision", "tools"} <= found.capabilities


def test_at_an_address_that_nobody_knows_there_is_no_price() -> None:
    found = info("gpt-4o", base_url="https://llm.example.com/v1")
    assert (found.price, found.context) == (None, None)
    assert found.max_output == 16_384


def test_the_users_word_on_a_model_goes_before_everything() -> None:
    said = {"gpt-4o": {"context": 5, "max_output": 6, "capabilities": ["tools"], "prices": {"input": 7, "output": 8}}}
    found = info("gpt-4o", said, prices={"overrides": {"a/gpt-4o": {"input": 9}}})
    assert (found.context, found.max_output, found.capabilities) == (5, 6, frozenset({"tools"}))
    assert cost(found) == "7.00 USD"


def test_a_model_can_be_said_to_have_no_abilities() -> None:
    assert info("gpt-4o", {"gpt-4o": {"capabilities": []}}).capabilities == frozenset()


@pytest.mark.parametrize(
    ("model", "costs"), [("gpt-4o", "1.00 USD"), ("gpt-4o-mini", "2.00 USD"), ("o3", "3.00 USD"), ("gpt-5", "3.00 USD")]
)
def test_of_several_patterns_the_exact_name_and_then_the_longest_counts(model: str, costs: str) -> None:
    overrides = {"a/*": {"input": 3}, "*/gpt-4o*": {"input": 2}, "a/gpt-4o": {"input": 1}}
    assert cost(info(model, prices={"overrides": overrides})) == costs


def test_a_pattern_takes_all_else_literally() -> None:
    assert cost(info("gpt-4.1", prices={"overrides": {"a/gpt.4*": {"input": 3}}})) == "2.00 USD"


def test_long_requests_service_tiers_and_fees_can_be_given() -> None:
    own = {"input": 1, "output": 2, "request": 0.01, "above": {"1000": {"input": 10}}, "service_tiers": {"batch": 0.5}}
    found = info("m", {"m": {"prices": own}})
    assert cost(found, Usage(1000, 0)) == "0.011 USD"
    assert cost(found, Usage(1001, 0)) == "0.02001 USD"
    assert cost(found, Usage(1000, 0, service_tier="batch")) == "0.0055 USD"
    assert cost(found, Usage(1001, 1)) is None, "nothing was said of the output of long requests"


def test_speech_and_pictures_can_be_given_prices() -> None:
    own = {"input": 0, "character": 15, "picture": "0.02", "service_tiers": {"flex": 0.5}}
    found = info("m", {"m": {"prices": own}})
    assert cost(found, Usage(characters=1000)) == "0.015 USD"
    assert cost(found, Usage(pictures=2, picture="hd 1024x1024")) == "0.04 USD"
    kinds = info("m", {"m": {"prices": {"input": 0, "pictures": {"default": 0.04, "hd 1024x1792": "0.12"}}}})
    assert cost(kinds, Usage(pictures=2)) == "0.08 USD"
    assert cost(kinds, Usage(pictures=1, picture="hd 1024x1792")) == "0.12 USD"
    assert cost(kinds, Usage(pictures=1, picture="hd 512x512")) is None


@pytest.mark.parametrize("kind", ["", "HD", "hd 1024", "hd  1024x1024", "hd 1024x1024 x", "hd 0x1"])
def test_a_kind_of_pictures_that_cannot_be_is_refused_with_an_example(kind: str) -> None:
    with pytest.raises(ConfigError, match="is none of kinds of pictures: write it like hd 1024x1792"):
        info("m", {"m": {"prices": {"input": 0, "pictures": {kind: 1}}}})


def test_a_price_written_as_text_is_as_good_as_a_number() -> None:
    assert cost(info("m", {"m": {"prices": {"input": "0.1"}}})) == cost(info("m", {"m": {"prices": {"input": 0.1}}}))


def test_the_installed_package_can_be_the_price_list(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cost(info("gpt-4o", prices={"source": "package"})) == "2.50 USD"
    _packaged.cache_clear()
    monkeypatch.setitem(sys.modules, "genai_prices.data", None)
    with pytest.raises(ConfigError, match=r"pip install 'segue\[prices\]'"):
        info("gpt-4o", prices={"source": "package"})


def test_a_package_of_another_form_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    _packaged.cache_clear()
    monkeypatch.setitem(sys.modules, "genai_prices.data", SimpleNamespace(providers=[object()]))
    with pytest.raises(ConfigError, match=r"cannot be read \(AttributeError\): use 'shipped'"):
        info("gpt-4o", prices={"source": "package"})


def test_a_currency_without_a_rate_is_a_warning() -> None:
    data = {"providers": {"a": {**OPENAI, "models": {"m": {"prices": {"input": 1, "currency": "KZT"}}}}}}
    (warning,) = parse_settings(data, known(World())).warnings
    assert warning.startswith("providers.a.models.m.prices.currency: KZT has no rate under 'prices.exchange'")


def test_rubles_are_told_in_dollars_by_the_built_in_rate_with_its_day_and_source() -> None:
    yandex = {"adapter": "yandex", "folder": "b1gabc"}
    found = info("yandexgpt-5.1", **yandex).price
    assert found is not None
    made = found.charge(Usage(1000, 1000), 0.0)
    assert made is not None
    # 1.60 rubles at 83.2454 for a dollar
    assert (str(made.cost), str(made.dollars), made.exchange) == ("1.60 RUB", "0.019220282 USD", "2026-10-02 cbr.ru")


def test_a_rate_of_ones_own_goes_before_the_built_in_one() -> None:
    yandex = {"adapter": "yandex", "folder": "b1gabc"}
    rate = {"RUB": {"rate": "0.0125", "date": "2026-11-19", "source": "ecb"}}
    found = info("yandexgpt-5.1", prices={"exchange": rate}, **yandex).price
    assert found is not None
    made = found.charge(Usage(1000, 1000), 0.0)
    assert made is not None
    assert (str(made.dollars), made.exchange) == ("0.02 USD", "2026-11-19 ecb")


def test_the_library_tells_what_an_answer_cost() -> None:
    adapter = ScriptedAdapter(("chat",))
    adapter.script("a", then=answers(completion(), usage=Usage(3, 5)))

    async def main() -> None:
        async with library(adapter, a={"models": {"m": {"prices": {"input": 1, "output": 2}}}}) as segue:
            assert str((await segue.chat("hello", model="a/m")).cost) == "0.000013 USD"

    run_virtual(main())


def test_a_cost_that_is_known_to_lack_something_says_so() -> None:
    adapter = ScriptedAdapter(("chat",))
    adapter.script("a", then=answers(completion(), usage=Usage(3, 5, tool_calls={"web_search": 1})))

    async def main() -> None:
        async with library(adapter, a={"models": {"m": {"prices": {"input": 1, "output": 2}}}}) as segue:
            assert str((await segue.chat("hello", model="a/m")).cost) == "0.000013 USD without web_search"

    run_virtual(main())


def test_a_search_with_a_price_of_ones_own_is_a_part_of_the_cost() -> None:
    own = {"input": 1, "output": 2, "web_search": "0.01", "service_tiers": {"flex": "0.5"}}
    found = info("m", {"m": {"prices": own}})
    searched = Usage(1_000_000, 0, tool_calls={"web_search": 2})
    assert cost(found, searched) == "1.02 USD"
    searched.service_tier = "flex"
    assert cost(found, searched) == "0.52 USD", "no service tier changes the fee for a search"


def test_a_ranking_is_billed_by_search_units_whatever_its_tokens() -> None:
    found = info("rerank-v3.5", {"rerank-v3.5": {"prices": {"input": 0, "request": "0.002"}}})
    assert cost(found, Usage(requests=3)) == "0.006 USD"


def test_a_call_with_a_part_whose_cost_is_unknown_has_no_cost() -> None:
    adapter = ScriptedAdapter(("chat",))
    adapter.script("a", then=answers(completion(), usage=Usage(None, 5)))

    async def main() -> None:
        async with library(adapter, a={"models": {"m": {"prices": {"input": 1, "output": 2}}}}) as segue:
            assert (await segue.chat("hello", model="a/m")).cost is None

    run_virtual(main())


def test_a_name_that_a_caller_gives_to_a_provider_that_takes_any_is_priced_too() -> None:
    adapter = ScriptedAdapter(("chat",))
    adapter.script("a", then=answers(completion(), usage=Usage(1_000_000, 0)))

    async def main() -> None:
        overrides = {"a/new-*": {"input": 4}}
        made = Segue({"prices": {"overrides": overrides}, "providers": {"a": {**OPENAI, "key": "k"}}}, world=world())
        async with made as segue:
            segue.register_provider("a", adapter=adapter, models=["*"])
            assert str((await segue.chat("hello", model="a/new-model")).cost) == "4.00 USD"
            assert (await segue.chat("hello", model="a/old-model")).cost is None

    run_virtual(main())
