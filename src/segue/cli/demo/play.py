"""Puts stage, traffic, story and screen together, and says in the end whether every claim held."""

import asyncio
from contextlib import suppress

from rich.console import Console

from segue.cli.demo.outage import NotReached
from segue.cli.demo.screen import WIDTH, Screen
from segue.cli.demo.stage import Stage, set_up
from segue.cli.demo.story import Findings, Story
from segue.cli.demo.traffic import MODEL, Traffic
from segue.cli.demo.verdict import checks
from segue.cli.loop import told_to_stop
from segue.cli.output import say, warn
from segue.core.clock import Clock

FRAME = 0.2
"""Seconds between two pictures."""
INTERRUPTED = 130


async def play(*, once: bool) -> int:
    """Play the demo, and unless `once` serve until a signal.

    Returns:
        The exit code: 0 when every claim held.
    """
    stopping = told_to_stop()
    async with set_up() as stage:
        telling = asyncio.create_task(_tell(stage))
        told = asyncio.create_task(stopping.wait())
        await asyncio.wait({telling, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not telling.done():
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
            return INTERRUPTED
        code = telling.result()
        if not once:
            _invite(stage)
            await stage.service.until_signal()
    return code


async def _tell(stage: Stage) -> int:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    vendors = ", ".join(f"{name} at {vendor.url}" for name, vendor in stage.vendors.items())
    say(f"Segue serves at {stage.service.url}; simulated are {vendors}.")
    missed = ""
    async with Traffic(stage) as traffic:
        with Screen(stage, traffic, console) as screen:
            story = Story(stage, traffic, screen.begin, screen.tell)
            drawing = asyncio.create_task(_draw(screen, stage.clock))
            try:
                await story.play()
            except NotReached as error:
                missed = str(error)
            finally:
                drawing.cancel()
        await traffic.stop()
    return _conclude(screen, story.findings, traffic, missed)


async def _draw(screen: Screen, clock: Clock) -> None:
    while True:
        screen.refresh()
        await clock.sleep(FRAME)


def _conclude(screen: Screen, findings: Findings, traffic: Traffic, missed: str) -> int:
    found = checks(findings, traffic, missed)
    screen.conclude(found, findings.cut)
    for line in traffic.failures[:5]:
        warn(f"a call failed: {line}")
    broken = [check for check in found if not check.holds]
    for check in broken:
        warn(f"does not hold: {check.claim}: {check.measured}")
    return 1 if broken else 0


def _invite(stage: Stage) -> None:
    url, primary = stage.service.url, stage.vendors["primary"].url
    say(f"\nSegue goes on serving at {url} until Ctrl-C (docs: {url}/docs). Try it:")
    say(f"  curl -s {url}/v1/chat/completions -H 'content-type: application/json' \\")
    say(f"""    -d '{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "hello"}}]}}'""")
    say("Break the primary yourself, and ask again:")
    say(f"""  curl -s {primary}/_sim/faults -d '{{"account": "primary", "kind": "status", "code": 503}}'""")
