"""What attempts took is charged whether they answered or not, and a sum is told only where it is one."""

from decimal import Decimal

from pipeline.house import House, provider
from segue.core.call import Attempt, Call
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Outcome, Usage
from segue.core.ports import Limits
from segue.core.provider import ModelInfo
from segue.metering.exchange import Exchange
from segue.metering.prices import Price, Tariff, rates_of
from segue.pipeline.parts import Policy
from segue.testing import run_virtual

ALONE = Policy(retries=0)
RATES = {"input": Decimal(1), "output": Decimal(2)}
DOLLARS = Price(Tariff(rates_of(RATES)), source="test")
RUBLES = Price(Tariff(rates_of(RATES)), currency="RUB", source="test")
CHANGED = Price(
    Tariff(rates_of(RATES)), currency="RUB", source="test", exchange=Exchange("RUB", 12_500_000, "2026-11-20", "cbr.ru")
)


class Takes:
    """A provider that says what it took, and answers or fails."""

    def __init__(self, usage: Usage | None, *, fails: bool = False) -> None:
        self._usage = usage
        self._fails = fails

    async def execute(self, _call: Call, attempt: Attempt, _limits: Limits) -> Outcome:
        attempt.usage = self._usage
        if not self._fails:
            return Outcome(answer=b"ok", usage=self._usage)
        failure = Failure(Kind.BAD_RESPONSE, "no answer", Executed.YES, Scope.PROVIDER)
        return Outcome(failure=failure, usage=self._usage)


def asked(*places: tuple[str, Takes, Price | None]) -> Call:
    """One call over providers in this order."""
    tiers = [
        [(provider(name, takes, models=(ModelInfo("m", price=price),)), "m")]  # type: ignore[arg-type]  # all that is used
        for name, takes, price in places
    ]

    async def main() -> Call:
        call, _ = await House(*tiers, policy=ALONE).ask()
        return call

    return run_virtual(main())


def costs(call: Call) -> list[str | None]:
    return [None if attempt.charge is None else str(attempt.charge.cost) for attempt in call.attempts]


def failed(usage: Usage | None) -> Takes:
    return Takes(usage, fails=True)


def test_an_attempt_that_failed_and_told_what_it_took_is_a_part_of_the_sum() -> None:
    call = asked(("a", failed(Usage(1000, 500)), DOLLARS), ("b", Takes(Usage(10, 5)), DOLLARS))
    assert costs(call) == ["0.002 USD", "0.00002 USD"]
    assert str(call.cost) == "0.00202 USD"


def test_what_was_told_whole_is_no_estimate_though_the_attempt_failed() -> None:
    call = asked(("a", failed(Usage(1000, 500)), DOLLARS), ("b", Takes(Usage(10, 5)), DOLLARS))
    assert [attempt.charge.estimated for attempt in call.attempts if attempt.charge] == [False, False]


def test_what_was_told_in_part_is_one() -> None:
    call = asked(("a", failed(Usage(1000, None)), DOLLARS), ("b", Takes(Usage(10, 5)), DOLLARS))
    assert call.attempts[0].charge is not None
    assert call.attempts[0].charge.estimated
    assert costs(call)[0] == "0.001 USD"


def test_an_attempt_that_failed_without_taking_anything_costs_nothing() -> None:
    call = asked(("a", failed(None), DOLLARS), ("b", Takes(Usage(10, 5)), DOLLARS))
    assert costs(call) == [None, "0.00002 USD"]
    assert str(call.cost) == "0.00002 USD"


def test_a_sum_with_an_unknown_part_is_no_sum() -> None:
    call = asked(("a", failed(Usage(1000, 500)), None), ("b", Takes(Usage(10, 5)), DOLLARS))
    assert costs(call) == [None, "0.00002 USD"]
    assert call.cost is None


def test_two_currencies_are_never_added_up_without_a_rate() -> None:
    call = asked(("a", failed(Usage(1000, 500)), RUBLES), ("b", Takes(Usage(10, 5)), DOLLARS))
    assert costs(call) == ["0.002 RUB", "0.00002 USD"]
    assert call.cost is None


def test_with_a_rate_they_are_added_up_in_dollars() -> None:
    call = asked(("a", failed(Usage(1000, 500)), CHANGED), ("b", Takes(Usage(10, 5)), DOLLARS))
    assert str(call.cost) == "0.000045 USD"


def test_one_currency_stays_as_it_is() -> None:
    call = asked(("a", failed(Usage(1000, 500)), CHANGED), ("b", Takes(Usage(10, 5)), CHANGED))
    assert str(call.cost) == "0.00202 RUB"


def test_an_answer_that_tells_nothing_has_no_cost_and_not_none_at_all() -> None:
    assert asked(("a", Takes(None), DOLLARS)).cost is None


def test_an_answer_that_tells_nonsense_has_no_cost() -> None:
    assert asked(("a", Takes(Usage(-5, 10**30)), DOLLARS)).cost is None
