"""Without a file, providers come from the environment, and what was looked for is said."""

from pathlib import Path

import pytest

from segue.config.discover import AdapterNeeds, discover, find_file
from segue.config.known import Known
from segue.core.errors import ConfigError

NEEDS = (
    AdapterNeeds("openai", ("OPENAI_API_KEY",)),
    AdapterNeeds("anthropic", ("ANTHROPIC_API_KEY", "CLAUDE_API_KEY")),
    AdapterNeeds("groq", ("OPENAI_API_KEY", "GROQ_API_KEY")),
    AdapterNeeds("cloud", ("CLOUD_KEY",), extra={"base_url": "CLOUD_URL", "region": "CLOUD_REGION"}),
    AdapterNeeds("chatty", (), needs_key=False),
)


def test_a_provider_is_made_of_each_key_that_is_set(known: Known):
    found = discover(NEEDS, {"OPENAI_API_KEY": "a", "CLAUDE_API_KEY": "b", "OTHER": "c"}, known)
    providers = found.loaded.settings.providers
    assert {name: one.adapter for name, one in providers.items()} == {"openai": "openai", "anthropic": "anthropic"}
    assert providers["anthropic"].all_keys[0].get_secret_value() == "b"
    assert found.found == {"openai": "OPENAI_API_KEY", "anthropic": "CLAUDE_API_KEY"}
    assert found.looked_for == ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "CLAUDE_API_KEY", "GROQ_API_KEY", "CLOUD_KEY")
    assert found.lacking == {}


def test_a_variable_that_two_adapters_share_goes_to_the_first_and_the_second_may_use_its_own(known: Known):
    assert set(discover(NEEDS, {"OPENAI_API_KEY": "a"}, known).found) == {"openai"}
    both = discover(NEEDS, {"OPENAI_API_KEY": "a", "GROQ_API_KEY": "g"}, known)
    assert both.found == {"openai": "OPENAI_API_KEY", "groq": "GROQ_API_KEY"}


def test_what_a_provider_lacks_besides_its_key_is_said(known: Known):
    found = discover(NEEDS, {"OPENAI_API_KEY": "a", "CLOUD_KEY": "k", "CLOUD_URL": "https://x.test"}, known)
    assert set(found.found) == {"openai"}
    assert found.lacking == {"cloud": "cloud: CLOUD_KEY is set, but it needs CLOUD_REGION (region), too"}


def test_a_provider_gets_what_it_needs_besides_its_key(known: Known):
    environ = {"CLOUD_KEY": "k", "CLOUD_URL": "https://x.test", "CLOUD_REGION": "eu"}
    one = discover(NEEDS, environ, known).loaded.settings.providers["cloud"]
    assert (one.base_url, one.options["region"]) == ("https://x.test", "eu")


def test_finding_nothing_says_what_was_looked_for_and_suggests_the_demo(known: Known):
    with pytest.raises(ConfigError) as caught:
        discover(NEEDS, {"OPENAI_API_KEY": " ", "CLOUD_KEY": "secret-word"}, known)
    text = str(caught.value)
    for word in ("segue demo", "./segue.yaml", "OPENAI_API_KEY", "GROQ_API_KEY", "CLOUD_URL (base_url)"):
        assert word in text
    assert "secret-word" not in text


def test_a_bad_value_is_a_problem_that_does_not_show_it(known: Known):
    with pytest.raises(ConfigError, match=r"providers.openai.key: must be printable ASCII") as caught:
        discover(NEEDS, {"OPENAI_API_KEY": "secret\nword"}, known)
    assert "word" not in str(caught.value)


def test_the_file_is_found_in_the_folder_and_a_folder_of_that_name_is_none(tmp_path: Path):
    assert find_file(tmp_path) is None
    (tmp_path / "segue.yaml").mkdir()
    assert find_file(tmp_path) is None
    (tmp_path / "segue.yaml").rmdir()
    (tmp_path / "segue.yaml").write_text("state: memory")
    assert find_file(tmp_path) == tmp_path / "segue.yaml"
