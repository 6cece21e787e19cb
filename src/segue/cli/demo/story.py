"""What happens in the demo, in order; each step waits for what it wants to show, within a limit."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from segue.cli.demo.outage import GRACE, Outage, OutageFacts, until
from segue.cli.demo.stage import OPEN_FOR, Stage
from segue.cli.demo.traffic import QUESTION, Tally, Traffic
from segue.simulator import Record

WARM = 40
"""Answers before anything is broken."""
HITS = 3
"""Requests that each kind of stumble spoils: fewer than the failures in a row that open a breaker."""
CUT_MODEL = "primary/sim-cut-5"


@dataclass(frozen=True, slots=True)
class Stumble:
    """A way in which the primary fails now and then; `fault` and `options` as the simulator takes them."""

    name: str
    fault: str
    options: dict[str, Any] = field(default_factory=dict)


STUMBLES = (
    Stumble("answers 503", "status", {"code": 503}),
    Stumble("resets connections", "refuse"),
    Stumble("is silent", "silence"),
    Stumble("answers 429 with Retry-After", "status", {"code": 429, "error": "rate_limit_exceeded", "retry_after": 1}),
    Stumble("cuts streams before their content", "cut", {"after": 0, "match": {"stream": True}}),
)


@dataclass(frozen=True, slots=True)
class CutFacts:
    """A stream that was cut after content: what had come, and what the SDK raised (empty: nothing)."""

    text: str
    error: str
    message: str


@dataclass(slots=True)
class Findings:
    """What the story has shown.

    Attributes:
        stumbles: by their name, how many requests the fault spoiled.
    """

    stumbles: dict[str, int] = field(default_factory=dict)
    cut: CutFacts | None = None
    outages: list[OutageFacts] = field(default_factory=list)


class Story:
    """Plays it all.

    Args:
        stage: where.
        traffic: who calls meanwhile.
        begin: is given the name of each phase as it begins.
        tell: is given a line for what happens in it.
    """

    def __init__(
        self, stage: Stage, traffic: Traffic, begin: Callable[[str], None], tell: Callable[[str], None]
    ) -> None:
        self.findings = Findings()
        self._stage = stage
        self._traffic = traffic
        self._begin = begin
        self._tell = tell

    async def play(self) -> None:
        """From the first call to the last recovery; `findings` grow on the way.

        Raises:
            NotReached: something that was to be shown did not happen.
        """
        self._begin("everybody is well")
        await self._wait(lambda: self._traffic.chats.answered.total() >= WARM, "the first answers")
        for stumble in STUMBLES:
            await self._stumble(stumble)
        self._begin("one stream is cut after its content, on purpose")
        self.findings.cut = await self._cut()
        self._begin("both first choices are down: primary answers 503, later nobody is there; openweather is gone")
        chats = self._outage(self._traffic.chats, "primary", ("status", {"code": 503}), ("down", {}))
        weather = self._outage(self._traffic.weather, "openweather", ("down", {}), ("status", {"code": 500}))
        self.findings.outages += await asyncio.gather(chats.play(), weather.play())
        self._begin("everybody is well again")
        await self._wait(self._undivided, "all traffic is on the first choices again")

    async def _stumble(self, stumble: Stumble) -> None:
        self._begin(f"primary {stumble.name}, {HITS} times")
        simulator, chats = self._stage.vendors["primary"], self._traffic.chats
        calls, before = chats.calls, len(self._spoiled(stumble))
        simulator.fault("primary", stumble.fault, times=HITS, **stumble.options)
        # A 429 keeps everybody away for the second that it names: then it has hit fewer, and that is the point.
        enough = 1 if "retry_after" in stumble.options else HITS
        await self._wait(lambda: len(self._spoiled(stumble)) - before >= enough, f"the primary {stumble.name}")
        # Silence is noticed only when the attempt's time is up.
        await self._wait(lambda: all(record.outcome != "open" for record in self._spoiled(stumble)), "all is noticed")
        simulator.clear("primary")
        # Good answers in between, so that what comes next is another stumble and not yet an outage.
        well = chats.answered["primary"] + 2 * HITS
        await self._wait(lambda: chats.answered["primary"] >= well, "the primary answers again")
        hits = self.findings.stumbles[stumble.name] = len(self._spoiled(stumble)) - before
        ended, failed = chats.calls - calls, len(self._traffic.failures)
        self._tell(f"{hits} requests spoiled, {ended} chats ended meanwhile; calls that failed so far: {failed}")

    async def _cut(self) -> CutFacts:
        from openai import APIError

        stream = await self._stage.client.chat.completions.create(
            model=CUT_MODEL, messages=[{"role": "user", "content": QUESTION}], stream=True
        )
        text = ""
        try:
            async for chunk in stream:
                if chunk.choices:
                    text += chunk.choices[0].delta.content or ""
        except APIError as error:
            return CutFacts(text, f"openai.{type(error).__name__}", str(error))
        return CutFacts(text, "", "")

    def _outage(
        self, tally: Tally, provider: str, first: tuple[str, dict[str, Any]], then: tuple[str, dict[str, Any]]
    ) -> Outage:
        return Outage(self._stage, tally, provider, first=first, then=then, tell=self._tell)

    def _undivided(self) -> bool:
        now = self._stage.clock.now()
        shares = (self._traffic.chats.share(now, "primary"), self._traffic.weather.share(now, "openweather"))
        return shares == (1.0, 1.0)

    def _spoiled(self, stumble: Stumble) -> list[Record]:
        return [record for record in self._stage.vendors["primary"].seen() if record.fault == stumble.fault]

    async def _wait(self, condition: Callable[[], bool], what: str) -> None:
        await until(self._stage.clock, condition, OPEN_FOR + GRACE, what)
