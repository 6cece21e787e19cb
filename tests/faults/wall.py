"""Carries the cells of the wall out: one service and one simulator for all of them.

Faults are set once and stay. Calls are told apart by their ids, so that cells can share a provider; only where a
failure holds its provider back has each cell one of its own.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from faults.callers import CALLERS, Caller, Heard, web
from faults.formats import BY_NAME, GOOGLE, REASONS, SPEAKERS, Cell
from segue.core.call import Call
from segue.simulator import Simulator
from support.service import CALM, Serving, eventually, serving

AT_ONCE: Final = 6
WAITING_AT_ONCE: Final = 48
LONGEST: Final = 12.0
POLICY: Final = {
    "default": {
        **CALM["default"],
        "deadline": "8s",
        "timeouts": {
            "connect": "1s",
            "total": "2500ms",
            "first_byte": "2s",
            "first_content": "2500ms",
            "idle": "1500ms",
            "stream": "3s",
        },
    }
}
MOST: Final = 6.0
"""Seconds that a call may take: its provider's limits, and what a busy machine adds."""


@dataclass
class Wall:
    """What was observed.

    Attributes:
        cells: what each caller heard.
        attempts: by cell, what each attempt was recorded as; `None` for one that succeeded.
        references: the healthy answers, by caller, provider's format and mode.
        afterwards: the same calls after all faults.
        refused: what became of a prompt that Google refuses, with a healthy fallback.
        open: requests that a provider still believed to be under way.
        under_way, in_flight: what the service still counted.
    """

    cells: dict[Cell, Heard] = field(default_factory=dict)
    attempts: dict[Cell, list[tuple[str, str | None]]] = field(default_factory=dict)
    references: dict[tuple[str, str, bool], Heard] = field(default_factory=dict)
    afterwards: dict[tuple[str, str, bool], Heard] = field(default_factory=dict)
    refused: dict[tuple[str, str, bool], Heard] = field(default_factory=dict)
    open: int = 0
    under_way: int = 0
    in_flight: int = 0


async def measure(cells: Sequence[Cell]) -> Wall:
    """Carry cells out; first those that wait for a limit of time, many at once."""
    wall = Wall()
    async with Simulator() as sim, _serving(sim, cells) as served, web() as client:
        callers = {made.name: made(served.url, client) for made in CALLERS}
        wall.references = await _healthy(callers)
        wall.refused = await _refused(callers)
        for kind, options, account in _faults(cells):
            sim.fault(account, kind, **options)
        for waiting, at_once in ((True, WAITING_AT_ONCE), (False, AT_ONCE)):
            await _all(wall, callers, [cell for cell in cells if BY_NAME[cell.fault].waits is waiting], at_once)
        sim.clear()
        wall.afterwards = await _healthy(callers)
        gate = served.service.running.engine.world.gate
        with suppress(TimeoutError):  # whether it has ended is for the tests to say
            await eventually(
                lambda: not gate.under_way and not any(record.outcome == "open" for record in sim.seen()), 3.0
            )
        wall.open = sum(record.outcome == "open" for record in sim.seen())
        wall.under_way, wall.in_flight = gate.under_way, served.in_flight()
        calls = {ended.call.id: ended.call for ended in served.calls}
        for cell, heard in wall.cells.items():
            call = calls.get(heard.headers.get("x-segue-call-id", ""))
            wall.attempts[cell] = _attempts(call)
    return wall


def _attempts(call: Call | None) -> list[tuple[str, str | None]]:
    return [
        (attempt.candidate.provider.id, attempt.failure.kind.value if attempt.failure else None)
        for attempt in (call.attempts if call is not None else ())
    ]


def _faults(cells: Iterable[Cell]) -> Iterable[tuple[str, dict[str, Any], str]]:
    for account, cell in {cell.provider: cell for cell in cells}.items():
        fault = BY_NAME[cell.fault]
        options = dict(fault.options)
        if "event" in options and fault.telling:
            options["event"] += SPEAKERS[cell.speaker].first - 1
        if "reason" in options:
            options["reason"] = REASONS[options["reason"]][cell.speaker]
        yield fault.kind, options, account
        for kind, more in fault.also:
            yield kind, dict(more), account


@asynccontextmanager
async def _serving(sim: Simulator, cells: Iterable[Cell]) -> AsyncIterator[Serving]:
    """Each fault with a provider of each format, and a healthy provider of each format behind them."""
    providers = {f"well-{name}": speaker.at(f"well-{name}") for name, speaker in SPEAKERS.items()}
    models = {f"healthy-{name}": [f"well-{name}/{speaker.model}"] for name, speaker in SPEAKERS.items()}
    models |= {f"backed-{name}": [*models[f"healthy-{name}"], *models["healthy-chat"]] for name in GOOGLE}
    for cell in cells:
        speaker = SPEAKERS[cell.speaker]
        if cell.provider not in providers:
            settings = speaker.at(cell.provider)
            own = sim.url_of(cell.provider) if BY_NAME[cell.fault].kind in OWN_PORT else None
            if own is not None:
                settings["base_url"] = own + settings["base_url"].partition(f"/{cell.provider}")[2]
            providers[cell.provider] = settings
        models[cell.model] = [f"{cell.provider}/{speaker.model}"]
        if cell.backed:
            models[cell.model].append(f"well-{speaker.fallback}/{SPEAKERS[speaker.fallback].model}")
    async with serving(providers=providers, models=models, policies=POLICY, sim=sim) as served:
        yield served


OWN_PORT: Final = {"refuse_connect", "no_accept"}


async def _healthy(callers: dict[str, Caller]) -> dict[tuple[str, str, bool], Heard]:
    return {
        (caller.name, name, stream): await caller.ask(f"healthy-{name}", stream=stream)
        for caller in callers.values()
        for name in SPEAKERS
        for stream in caller.modes
    }


async def _refused(callers: dict[str, Caller]) -> dict[tuple[str, str, bool], Heard]:
    return {
        (caller.name, name, stream): await caller.ask(f"backed-{name}", "please block this", stream=stream)
        for caller in callers.values()
        for name in GOOGLE
        for stream in caller.modes
    }


async def _all(wall: Wall, callers: dict[str, Caller], cells: Iterable[Cell], at_once: int) -> None:
    places = asyncio.Semaphore(at_once)

    async def run(cell: Cell) -> None:
        async with places:
            started = time.monotonic()
            heard = Heard(wrong=f"nothing within {LONGEST:g} s")
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST):
                    heard = await callers[cell.caller].ask(cell.model, stream=cell.stream)
            heard.elapsed = time.monotonic() - started
            wall.cells[cell] = heard

    async with asyncio.TaskGroup() as group:
        for cell in cells:
            group.create_task(run(cell))
