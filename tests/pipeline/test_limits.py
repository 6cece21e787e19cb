"""Whatever providers do, a call keeps its limits: attempts, retries, time, and who was ruled out."""

import asyncio
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as some

from pipeline.house import House, provider
from segue.core.failure import Executed, Kind, Scope
from segue.core.operation import Nature
from segue.core.ports import Limits
from segue.core.provider import ModelInfo
from segue.pipeline.failover import WORTH_A_WAIT
from segue.pipeline.parts import Policy
from segue.pipeline.retry import never_sent
from segue.testing import ScriptedProvider, answers, breaks, fails, hangs, run_virtual, streams

ODD_HINTS = [0.0, 5.0, 59.0, 61.0, 1e6, float("nan"), float("inf"), -1.0]
# What makes a call go on, and on, is what may break a limit.
TEMPTING = [Kind.SERVER_ERROR, Kind.RATE_LIMITED, Kind.CONNECT, Kind.OVERLOADED, Kind.CONNECTION_LOST]
tempting = some.builds(
    fails,
    some.sampled_from(TEMPTING),
    scope=some.sampled_from([Scope.KEY, Scope.MODEL, Scope.PROVIDER]),
    executed=some.sampled_from([Executed.NO, Executed.UNKNOWN]),
    retry_after=some.sampled_from([None, 0.2]),
)
failure = some.builds(
    fails,
    some.sampled_from(list(Kind)),
    after=some.sampled_from([0.0, 0.01, 1.0, 20.0]),
    scope=some.sampled_from(list(Scope)),
    executed=some.sampled_from(list(Executed)),
    retry_after=some.sampled_from([None, None, None, *ODD_HINTS]),
    should_retry=some.sampled_from([None, None, True, False]),
)
step = some.one_of(
    *[tempting] * 4,
    *[failure] * 3,
    some.builds(answers, after=some.sampled_from([0.0, 3.0])),
    some.builds(hangs),
    some.builds(breaks, some.just(ValueError())),
    some.just(streams(b"x", b"y", after=0.5, every=0.5)),
)
scripts = some.lists(step, max_size=6)
policies = some.builds(
    Policy,
    retries=some.integers(0, 4),
    max_attempts=some.integers(1, 9),
    deadline=some.sampled_from([0.5, 10.0, 200.0]),
    limits=some.just(Limits(total=30.0, first_content=20.0)),
)
shapes = some.lists(
    some.lists(some.tuples(some.integers(0, 2), some.sampled_from("mn")), min_size=1, max_size=3),
    min_size=1,
    max_size=3,
)


@settings(max_examples=500, deadline=None)
@given(
    some.lists(some.tuples(scripts, some.one_of(tempting, step), some.integers(0, 3)), min_size=3, max_size=3),
    shapes,
    policies,
    some.sampled_from([None, 1, 2, 5]),
    some.booleans(),
    some.integers(1, 3),
)
def test_no_script_makes_a_call_exceed_its_limits(behaviours, shape, policy, wanted, effectful, concurrent):
    windows = (ModelInfo("m", 8), ModelInfo("n", None))
    providers = [
        provider(f"p{number}", ScriptedProvider(script, then=then), keys=keys, models=windows)
        for number, (script, then, keys) in enumerate(behaviours)
    ]
    tiers = [[(providers[number], model) for number, model in dict.fromkeys(tier)] for tier in shape]

    async def main():
        nature = Nature.EFFECTFUL if effectful else Nature.REPEATABLE
        house = House(*tiers, policy=policy, nature=nature)
        options = {} if wanted is None else {"max_attempts": wanted}
        results = await asyncio.gather(*(house.ask(**options) for _ in range(concurrent)))
        took = house.clock.now()
        for call, outcome in results:
            attempts = call.attempts
            made = [attempt for attempt in attempts if attempt.failure is None or not never_sent(attempt.failure)]
            assert len(made) <= min(policy.max_attempts, wanted or policy.max_attempts)
            assert took <= policy.deadline + 1e-6
            asked = Counter(attempt.candidate.name + attempt.candidate.key.label for attempt in attempts)
            assert all(times <= policy.retries + 1 for times in asked.values())
            assert outcome.ok == (outcome.refusal is None)
            assert outcome.failure is None  # failures reach a caller as errors, with all attempts
            if effectful:
                assert all(attempt.failure.executed is Executed.NO for attempt in attempts[:-1])
            for earlier, later in pairwise(attempts):
                told = earlier.failure
                assert told is not None  # nothing is asked after an answer
                assert told.treatment.next.value != "stop"
                if later.candidate is earlier.candidate:
                    assert told.kind in WORTH_A_WAIT | {Kind.CONNECT, Kind.CONNECTION_LOST}
                    assert told.should_retry is not False
            if outcome.stream is not None:
                while await outcome.stream.read():
                    pass
        house.assert_nothing_is_left()

    run_virtual(main())
