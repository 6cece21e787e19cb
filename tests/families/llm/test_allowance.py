"""What vendors say is left of their limits, and what becomes of a key that has nothing left."""

import pytest

from segue.core.provider import Allowance, Load
from segue.families.llm.allowance import LONGEST, UNKNOWN_RESET, read_allowance

NOON = 1_790_000_000.0


@pytest.mark.parametrize(
    ("headers", "requests", "tokens", "spent_for"),
    [
        ({"x-ratelimit-remaining-requests": "59", "x-ratelimit-remaining-tokens": "149984"}, 59, 149_984, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 0, None, 360.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, None, 0, 0.02),
        ({"anthropic-ratelimit-requests-remaining": "12"}, 12, None, None),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-09-21T13:34:20Z",
            },
            0,
            None,
            60.0,
        ),
        (
            {"x-ratelimit-remaining-requests-day": "0", "x-ratelimit-reset-requests-day": "33011.382"},
            0,
            None,
            33011.382,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON) + 7)}, 0, None, 7.0),
        # OpenRouter: milliseconds since 1970
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str((int(NOON) + 7) * 1000)}, 0, None, 7.0),
        # Mistral: by the minute, without a reset
        (
            {"x-ratelimit-remaining-req-minute": "59", "x-ratelimit-remaining-tokens-minute": "47196"},
            59,
            47_196,
            None,
        ),
        ({"x-ratelimit-remaining-req-minute": "0"}, 0, None, UNKNOWN_RESET),
        # Cerebras shares one of these names
        (
            {"x-ratelimit-remaining-tokens-minute": "0", "x-ratelimit-reset-tokens-minute": "12.5"},
            None,
            0,
            12.5,
        ),
        ({"x-ratelimit-remaining-requests": "0"}, 0, None, UNKNOWN_RESET),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "nonsense"}, 0, None, UNKNOWN_RESET),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "9999h0m0s"}, 0, None, LONGEST),
    ],
)
def test_each_vendors_way_of_telling_is_understood(headers, requests, tokens, spent_for):
    wall = 1_789_997_600.0 if "anthropic-ratelimit-requests-reset" in headers else NOON
    found = read_allowance(headers, 100.0, wall)
    assert found is not None
    assert (found.requests, found.tokens, found.told_at) == (requests, tokens, 100.0)
    if spent_for is None:
        assert found.spent_until == 0
    else:
        assert found.spent_until == pytest.approx(100.0 + spent_for, abs=0.001)


@pytest.mark.parametrize("value", ["", "-1", "many", "1e9", "9" * 100, "0x10"])
def test_nonsense_tells_nothing(value):
    assert read_allowance({"x-ratelimit-remaining-requests": value}, 0.0, NOON) is None


def test_an_answer_without_such_headers_tells_nothing():
    assert read_allowance({"content-type": "application/json"}, 0.0, NOON) is None


def test_a_key_is_spent_until_its_reset_has_passed_or_it_has_something_left_again():
    load = Load()
    load.tell("key-1", Allowance(0, None, 10.0, 70.0))
    load.tell("key-2", Allowance(5, None, 20.0))
    assert load.spent == {"key-1": 70.0}
    load.tell("key-2", Allowance(4, None, 71.0))
    assert load.spent == {}
    load.tell("key-1", Allowance(0, None, 80.0, 90.0))
    load.tell("key-1", Allowance(3, None, 81.0))
    assert load.spent == {}
