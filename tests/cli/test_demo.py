"""`segue demo`: an outage in front of everybody's eyes, and not one failed call."""

import asyncio
import signal
import subprocess
import sys

import pytest

from cli.support import LIMIT, SEGUE, clean_environment
from segue.cli.demo.outage import OutageFacts
from segue.cli.demo.stage import OPEN_FOR
from segue.cli.demo.story import STUMBLES, CutFacts, Findings
from segue.cli.demo.traffic import Tally
from segue.cli.demo.verdict import HANDFUL, checks


@pytest.mark.timeout(120)
def test_no_call_fails_while_providers_break_and_everything_that_is_claimed_holds(tmp_path):
    shown = subprocess.run(
        [*SEGUE, "demo", "--once"], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=110
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert not shown.stderr
    assert "calls that failed: 0" in shown.stdout
    claims = shown.stdout.partition("What it shows")[2]
    assert claims.count(" yes ") == 7
    assert " NO " not in claims
    assert "the SDK raised\n  openai.APIError: " in shown.stdout
    assert not list(tmp_path.iterdir())


async def test_an_interrupted_demo_leaves_in_order(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *SEGUE, "demo",
        cwd=tmp_path, env=clean_environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    while b"everybody is well" not in await asyncio.wait_for(process.stdout.readline(), LIMIT):
        pass
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), LIMIT)
    assert (process.returncode, err) == (130, b"")


def test_without_the_sdk_it_names_the_extra(tmp_path):
    program = (
        "import sys; sys.modules['openai'] = None; from segue.cli.main import run; sys.argv = ['segue', 'demo']; run()"
    )
    shown = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert shown.returncode == 1
    assert "pip install 'segue[demo]'" in shown.stderr
    assert "Traceback" not in shown.stderr


class FakeTraffic:
    def __init__(self) -> None:
        self.chats, self.weather = Tally(), Tally()
        self.chats.note(1.0, "primary", 1, streamed=False)

    @property
    def failures(self) -> list[str]:
        return self.chats.failures


def story() -> Findings:
    return Findings(
        {stumble.name: 3 for stumble in STUMBLES},
        CutFacts("some words", "openai.APIError", "cut"),
        [OutageFacts("primary", 0.2, 10.5, 1, 300, 9.8)],
    )


def broken(findings: Findings, traffic: FakeTraffic, missed: str = "") -> list[str]:
    return [check.claim for check in checks(findings, traffic, missed) if not check.holds]


def test_a_story_in_which_all_went_well_holds():
    assert broken(story(), FakeTraffic()) == []


def test_one_failed_call_breaks_the_claim():
    traffic = FakeTraffic()
    traffic.chats.failures.append("APIError: x")
    assert broken(story(), traffic) == ["no call failed"]


def test_no_call_at_all_is_no_proof():
    traffic = FakeTraffic()
    traffic.chats = Tally()
    assert broken(story(), traffic) == ["no call failed"]


def test_a_fault_that_hit_nobody_is_no_proof():
    findings = story()
    findings.stumbles[STUMBLES[0].name] = 0
    assert broken(findings, FakeTraffic()) == ["the primary failed in every way"]


@pytest.mark.parametrize("cut", [None, CutFacts("", "openai.APIError", "x"), CutFacts("words", "", "")])
def test_a_cut_must_come_after_content_and_raise(cut: CutFacts | None):
    findings = story()
    findings.cut = cut
    assert broken(findings, FakeTraffic()) == ["a stream cut after content ends in a clean error"]


@pytest.mark.parametrize("probes", [0, HANDFUL + 1])
def test_probes_must_come_and_must_be_few(probes: int):
    findings = story()
    findings.outages = [OutageFacts("primary", 0.2, 10.5, probes, 300, 9.8)]
    assert broken(findings, FakeTraffic()) == ["only probes reach primary while its breaker is open"]


def test_a_late_return_breaks_the_claim():
    findings = story()
    findings.outages = [OutageFacts("primary", 0.2, 10.5, 1, 300, OPEN_FOR + 5.1)]
    assert broken(findings, FakeTraffic()) == ["traffic is back on primary"]


def test_what_did_not_happen_in_time_is_a_failure():
    assert broken(story(), FakeTraffic(), "a probe reaches primary: not within 15 s") == ["everything happened in time"]


def test_shares_are_of_the_last_moments_only():
    tally = Tally()
    tally.note(0.0, "primary", 1, streamed=False)
    tally.note(10.0, "backup", 2, streamed=True)
    assert tally.share(10.5, "backup") == 1.0
    assert tally.share(20.0, "backup") is None
    assert (tally.answered["primary"], tally.rescued, tally.streamed) == (1, 1, 1)


def test_a_row_begins_anew_with_every_change_of_provider():
    tally = Tally()
    for now, provider in ((1.0, "a"), (2.0, "b"), (3.0, "a"), (4.0, "a")):
        tally.note(now, provider, 1, streamed=False)
    assert (tally.row, tally.row_of, tally.row_since) == (2, "a", 3.0)
