"""A demo that only looks good proves nothing: each claim is compared with what was measured."""

from dataclasses import dataclass

from segue.cli.demo.outage import GRACE, OutageFacts
from segue.cli.demo.stage import OPEN_FOR
from segue.cli.demo.story import STUMBLES, Findings
from segue.cli.demo.traffic import Traffic

HANDFUL = 3
"""Probes at most that may reach a vendor between the opening of its breaker and its recovery."""


@dataclass(frozen=True, slots=True)
class Check:
    """One claim, whether it holds, and the numbers that say so."""

    claim: str
    holds: bool
    measured: str


def checks(findings: Findings, traffic: Traffic, missed: str) -> list[Check]:
    """Every claim of the demo.

    Args:
        findings: of the story.
        traffic: whose calls must not have failed.
        missed: what did not happen in time; empty when everything did.
    """
    failed, calls = len(traffic.failures), traffic.chats.calls + traffic.weather.calls
    rescued = traffic.chats.rescued + traffic.weather.rescued
    measured = f"{failed} of {calls}; {rescued} needed more than one attempt"
    found = [Check("no call failed", failed == 0 and calls > 0, measured)]
    spoiled = findings.stumbles
    found.append(
        Check(
            "the primary failed in every way",
            all(spoiled.get(stumble.name) for stumble in STUMBLES),
            f"{sum(1 for hits in spoiled.values() if hits)} ways, {sum(spoiled.values())} requests spoiled",
        )
    )
    cut = findings.cut
    held = cut is not None and bool(cut.text and cut.error)
    shown = f"{len(cut.text.split())} words, then {cut.error or 'no error'}" if cut else "not tried"
    found.append(Check("a stream cut after content ends in a clean error", held, shown))
    for outage in findings.outages:
        found += _of_outage(outage)
    if missed:
        found.append(Check("everything happened in time", holds=False, measured=missed))
    return found


def _of_outage(outage: OutageFacts) -> list[Check]:
    name = outage.provider
    return [
        Check(
            f"only probes reach {name} while its breaker is open",
            0 < outage.probes <= HANDFUL,
            f"{outage.probes} in {outage.open_for:.1f} s (at most {HANDFUL}), "
            f"while others answered {outage.answered} calls",
        ),
        Check(
            f"traffic is back on {name}",
            outage.back_after <= OPEN_FOR + GRACE,
            f"{outage.back_after:.1f} s after its recovery (at most {OPEN_FOR + GRACE:g})",
        ),
    ]
