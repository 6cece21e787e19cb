"""What a provider did not come to tell is estimated, and never passes for exact."""

from segue.core.outcome import Usage
from segue.metering.estimate import estimated


def test_without_any_word_of_the_provider_both_sides_are_estimated() -> None:
    assert estimated(None, 100, 20) == Usage(100, 20, estimated=True)


def test_what_the_provider_told_of_the_input_is_kept() -> None:
    told = Usage(90, 1, cached_tokens=50, cache_write_tokens=10, service_tier="priority")
    made = estimated(told, 100, 20)
    assert made == Usage(90, 20, cached_tokens=50, cache_write_tokens=10, service_tier="priority", estimated=True)


def test_of_two_counts_of_the_output_the_larger_is_nearer() -> None:
    assert estimated(Usage(90, 30), 100, 20) == Usage(90, 30, estimated=True)


def test_without_any_idea_of_the_input_there_is_no_estimate() -> None:
    assert estimated(None, 0, 20) is None
    assert estimated(Usage(None, 5), 0, 20) is None
