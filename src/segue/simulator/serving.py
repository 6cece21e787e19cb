"""A command line wants the simulator to run until it is told to stop, and wants to say itself what it shows.

`serve` is the whole program but for the arguments and the printing.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from segue.simulator.server import Simulator


def _ignore(line: str) -> None:
    """Say nothing."""


async def serve(
    host: str = "127.0.0.1",
    port: int = 8089,
    faults_file: str | Path | None = None,
    seed: int = 1,
    *,
    say: Callable[[str], None] = _ignore,
    until: asyncio.Event | None = None,
) -> None:
    """Run a simulator until cancelled, or until `until` is set.

    Args:
        host: The address to listen on.
        port: The TCP port, or 0 for any free one.
        faults_file: Faults and schedules to begin with, as JSON or YAML.
        seed: Decides all content and all dice.
        say: Is given each line that is meant for the user; without it nothing is said.
        until: Ends the simulator when it is set.

    Raises:
        FaultError: When the faults file is wrong.
        OSError: When the port cannot be opened.
    """
    async with Simulator(port, seed, faults_file, host=host) as simulator:
        say(f"The simulator listens on {simulator.url} (seed {seed}).")
        say(f"  OpenAI wire format   {simulator.url}/primary/v1   (any name in place of primary is an account)")
        say(f"  OpenWeather          {simulator.url}/openweather/data/2.5/weather")
        say(f"  WeatherAPI.com       {simulator.url}/weatherapi/v1/current.json")
        say(f"  Faults and records   {simulator.url}/_sim/state")
        if faults_file is not None:
            say(f"Faults were read from {faults_file}.")
        await (until or asyncio.Event()).wait()
