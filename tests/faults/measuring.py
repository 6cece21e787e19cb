"""Carries every cell of the table out: one service and one simulator, for each cell providers of its own.

So that cells can run side by side and still be counted one by one, each has an account of the simulator, a provider
(or two, with the one to fall back on) and a model name that no other cell uses.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import openai
import psutil

from faults.cells import Cell, Observed
from faults.expected import SLACK, WORDS, Answer, Broken, Continued, Error, Outcome
from faults.outcomes import POLICY
from segue.simulator import Simulator
from support.service import HELLO, Serving, eventually, serving

AT_ONCE = 16
LLAMA = "llama-3.3-70b-versatile"
LONGEST = 15.0
"""Seconds after which a call is taken for one that hangs: longer than its deadline and the longest stream."""


@dataclass
class Measured:
    """All cells, and what was left when they were done.

    Attributes:
        elsewhere: requests at the address that redirects point to.
        open: requests that a provider still believed to be under way.
        under_way, in_flight: calls and attempts that the service still counted.
    """

    cells: dict[Cell, Observed] = field(default_factory=dict)
    elsewhere: int = 0
    open: int = 0
    under_way: int = 0
    in_flight: int = 0


async def measure(cells: Sequence[Cell]) -> Measured:
    """Carry cells out, the heavy ones one after the other."""
    measured = Measured()
    async with Simulator() as sim, _serving(sim, cells) as served, served.sdk(max_retries=2) as sdk:
        words = await _words(sim)
        places = asyncio.Semaphore(AT_ONCE)

        async def run(cell: Cell) -> None:
            async with places:
                measured.cells[cell] = await _Run(served, sdk, words, cell).carried_out()

        async with asyncio.TaskGroup() as group:
            for cell in cells:
                if not cell.row.heavy:
                    group.create_task(run(cell))
        for cell in cells:
            if cell.row.heavy:
                await run(cell)
        gate = served.service.running.engine.world.gate
        await _settled(lambda: not gate.under_way and not any(record.outcome == "open" for record in sim.seen()))
        measured.elsewhere = len(sim.seen("elsewhere"))
        measured.open = sum(record.outcome == "open" for record in sim.seen())
        measured.under_way, measured.in_flight = gate.under_way, served.in_flight()
    return measured


@asynccontextmanager
async def _serving(sim: Simulator, cells: Iterable[Cell]) -> AsyncIterator[Serving]:
    providers: dict[str, Any] = {"healthy": _provider(f"{sim.url}/healthy")}
    models: dict[str, Any] = {"well": ["healthy/gpt-4o"]}
    for cell in cells:
        at = sim.url_of(cell.name) if cell.row.own_port else f"{sim.url}/{cell.name}"
        provider, model = (_going_on, LLAMA) if cell.continued else (_provider, "gpt-4o")
        providers[cell.name] = provider(at)
        candidates = [f"{cell.name}/{model}"]
        if cell.backed:
            providers[cell.backup] = provider(f"{sim.url}/{cell.backup}")
            candidates.append(f"{cell.backup}/{model}")
        models[cell.model] = {"tiers": candidates, "on_cut": "continue"} if cell.continued else candidates
    async with serving(providers=providers, models=models, policies={"default": POLICY}, sim=sim) as served:
        yield served


def _provider(address: str) -> dict[str, Any]:
    return {"adapter": "openai", "base_url": f"{address}/v1", "key": "sk-of-nobody", "models": ["gpt-4o"]}


def _going_on(address: str) -> dict[str, Any]:
    """One that documents that it goes on with an answer that was begun."""
    return {"adapter": "groq", "base_url": f"{address}/openai/v1", "key": "sk-of-nobody", "models": [LLAMA]}


async def _words(sim: Simulator) -> list[str]:
    """The words of the healthy answer, from the simulator itself."""
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/reference/v1", api_key="sk-of-nobody") as sdk:
        stream = await sdk.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
        words = [text async for piece in stream if (text := piece.choices[0].delta.content)]
    assert len(words) == WORDS
    return words


class _Run:
    """One cell."""

    def __init__(self, served: Serving, sdk: openai.AsyncOpenAI, words: list[str], cell: Cell) -> None:
        self._served = served
        self._sim = served.sim
        self._sdk = sdk
        self._words = words
        self._cell = cell
        self._observed = Observed()

    async def carried_out(self) -> Observed:
        """Break the provider, call, count, mend the provider, and see whether all is well again."""
        cell, observed = self._cell, self._observed
        for kind, options in ((cell.row.kind, cell.row.options), *cell.row.also):
            self._sim.fault(cell.name, kind, **options)
        for _ in range(cell.row.used_up):
            await _directly(f"{self._sim.url}/{cell.name}/v1")
        self._sim.requests.clear(cell.name)
        started = time.monotonic()
        memory = asyncio.create_task(_growth()) if cell.row.heavy else None
        try:
            async with asyncio.timeout(LONGEST):
                observed.outcome = await (self._bytes() if cell.raw else self._call())
        except TimeoutError:
            observed.outcome = f"nothing within {LONGEST:g} s"
        observed.elapsed = time.monotonic() - started
        if memory is not None:
            memory.cancel()
            observed.growth = await memory
        await self._count()
        self._sim.clear(cell.name)
        async with asyncio.timeout(SLACK):
            observed.afterwards = (await self._served.chat("well")).status
        return observed

    async def _count(self) -> None:
        cell, observed, served = self._cell, self._observed, self._served
        loads = served.service.running.engine.world.loads
        ours = [loads[name] for name in (cell.name, cell.backup) if name in loads]
        await _settled(lambda: not any(load.in_flight for load in ours))
        observed.in_flight = sum(load.in_flight for load in ours)
        calls = [ended for ended in served.calls if ended.call.features.model == cell.model]
        observed.calls = len(calls)
        attempts = [attempt for ended in calls for attempt in ended.call.attempts]
        primary = [attempt for attempt in attempts if attempt.candidate.provider.id == cell.name]
        observed.primary, observed.backup = len(primary), len(attempts) - len(primary)
        observed.kinds = [attempt.failure.kind.value for attempt in primary if attempt.failure]
        observed.seen = len(self._sim.seen(cell.name))
        observed.seen_backup = len(self._sim.seen(cell.backup))

    async def _call(self) -> Outcome | str:
        """Call by the SDK, and put what came into the table's words."""
        completions = self._sdk.chat.completions.with_raw_response
        extra = {"stream": True, "stream_options": {"include_usage": True}} if self._cell.stream else {}
        pieces: list[str] = []
        try:
            raw = await completions.create(model=self._cell.model, messages=HELLO, **extra)
            made = raw.parse()
            who = raw.headers.get("x-segue-provider")
            if not self._cell.stream:
                (choice,) = made.choices
                return self._answer(who, [choice.message.content], choice.finish_reason, usage=made.usage is not None)
            finish, usage, foreign = None, False, False
            seams: list[dict[str, Any]] = []
            async for piece in made:
                seams += (piece.model_extra or {}).get("segue", {}).get("continued", ())
                usage = usage or piece.usage is not None
                foreign = foreign or piece.choices is None
                for choice in piece.choices or ():
                    pieces += [choice.delta.content] if choice.delta.content else []
                    finish = choice.finish_reason or finish
            answer = self._answer(who, pieces, finish, usage=usage, foreign=foreign)
            return self._continued(answer, "".join(pieces), seams) if seams else answer
        except openai.APIStatusError as error:
            headers = error.response.headers
            self._observed.should_retry = headers.get("x-should-retry")
            return Error(type(error).__name__, error.status_code, str(error.code), headers.get("retry-after"))
        except openai.APIError as error:
            if type(error) is not openai.APIError:
                return repr(error)
            known = self._of_words(pieces)
            return Broken(known[0] if known else len(pieces), str(error.code))
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises besides is what the test has to show
            return repr(error)

    def _answer(
        self, who: str | None, pieces: Sequence[str], finish: str | None, *, usage: bool, foreign: bool = False
    ) -> Answer | str:
        known = self._of_words(pieces)
        if known is None:
            return f"other words: {pieces}"
        return Answer(self._role(who), *known, str(finish), usage, foreign)

    def _continued(self, answer: Answer | str, text: str, seams: Sequence[dict[str, Any]]) -> Continued | str:
        """A whole answer of two attempts, the first at the primary; anything else as text."""
        if len(seams) != 1 or answer != Answer(usage=getattr(answer, "usage", True)):
            return f"{answer}, gone on with: {seams}"
        (seam,) = seams
        return Continued(self._role(seam["provider"]), len(text[: seam["after_characters"]].split()), answer.usage)

    def _role(self, provider: str | None) -> str:
        return {self._cell.name: "primary", self._cell.backup: "backup"}.get(provider or "", str(provider))

    def _of_words(self, pieces: Sequence[str]) -> tuple[int, int] | None:
        """How many of the healthy answer's words these are, and which of them comes twice."""
        text, words = "".join(pieces), self._words
        for count in range(len(words) + 1):
            for twice in range(count + 1):
                if text == "".join(words[:count] if not twice else words[:twice] + words[twice - 1 : count]):
                    return count, twice
        return None

    async def _bytes(self) -> str:
        fields = {"model": self._cell.model, "messages": HELLO, "stream": True}
        answer = await self._served.ask("POST", "/v1/chat/completions", json=fields)
        self._observed.body = answer.body
        return f"status {answer.status}"


async def _directly(base_url: str) -> None:
    async with openai.AsyncOpenAI(base_url=base_url, api_key="sk-of-nobody", max_retries=0) as sdk:
        await sdk.chat.completions.create(model="gpt-4o", messages=HELLO)


async def _settled(condition: Any) -> None:
    """Give what ends by itself a moment; whether it has ended is for the tests to say."""
    try:
        await eventually(condition, SLACK)
    except TimeoutError:
        return


async def _growth() -> int:
    """The most by which this process grows until it is cancelled, in bytes."""
    process = psutil.Process()
    before = most = process.memory_info().rss
    try:
        while True:
            await asyncio.sleep(0.02)
            most = max(most, process.memory_info().rss)
    except asyncio.CancelledError:
        return max(most, process.memory_info().rss) - before
