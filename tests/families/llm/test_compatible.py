"""Vendors that speak OpenAI's formats are data, and the data are right. What they send is in `test_vendors.py`."""

import re

import pytest

from families.llm.support import call, candidate
from segue.app.catalogue import ADAPTERS
from segue.core.ports import ProviderSpec
from segue.families.llm.compatible import OpenAICompatible
from segue.families.llm.other.vendors import PATHS

VENDORS = {name: ADAPTERS.get(name) for name in ADAPTERS.ids() if isinstance(ADAPTERS.get(name), OpenAICompatible)}


def sent_by(vendor: OpenAICompatible, base_url: str | None = None, model: str = "m"):
    built = vendor.build(ProviderSpec("mine", vendor.id, base_url))
    return built.codecs["chat"].encode(call(), candidate(model))


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendors_data_are_well_formed(name: str) -> None:
    vendor = VENDORS[name]
    assert vendor.id == name
    assert "chat" in vendor.operations
    assert vendor.operations <= {"chat", *PATHS}
    assert not vendor.base_url.endswith("/")
    # Azure's address is each customer's own.
    assert vendor.base_url.startswith("https://") or vendor.local or "base_url" in vendor.extra
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*_(API_KEY|TOKEN)", variable) for variable in vendor.environment)
    # openai-responses leaves the variable to openai: without a configuration one key makes one provider.
    assert bool(vendor.environment) == (vendor.needs_key and name != "openai-responses")
    assert set(vendor.formats) | set(vendor.more_formats) <= {"chat", "responses"}


@pytest.mark.parametrize(
    "base", ["https://mine.example.com/v1", "https://mine.example.com/v1/", "https://mine.example.com/v1//"]
)
def test_another_address_replaces_the_vendors_own_with_or_without_its_slash(base: str) -> None:
    assert sent_by(VENDORS["openai"], base).url == "https://mine.example.com/v1/chat/completions"


def test_names_of_models_with_slashes_and_colons_go_through_unchanged() -> None:
    assert b'"meta-llama/llama-3:free"' in sent_by(VENDORS["openrouter"], model="meta-llama/llama-3:free").body


def test_only_a_vendor_on_this_machine_may_be_private_unasked_and_only_at_its_own_address() -> None:
    def private(name: str, **values) -> bool:
        return VENDORS[name].build(ProviderSpec("mine", name, **values)).allow_private

    assert private("ollama")
    assert not private("ollama", base_url="http://10.0.0.1/v1")
    assert not private("openai")
    assert private("openai", base_url="http://10.0.0.1/v1", allow_private=True)
