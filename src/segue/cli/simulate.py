"""`segue simulate`: vendors on a local port, and their outages, without anything else of Segue."""

from pathlib import Path
from typing import Annotated

import typer

from segue.cli.output import fail, say


def simulate(
    host: Annotated[str, typer.Option(metavar="H", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="The TCP port, 0 for any.")] = 8089,
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Faults and schedules to begin with, JSON or YAML.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Decides all content and all dice.")] = 1,
) -> None:
    """Run the provider simulator alone."""
    from segue.cli.loop import run_async, told_to_stop
    from segue.simulator import FaultError, serve

    async def main() -> None:
        await serve(host, port, faults, seed, say=say, until=told_to_stop())

    try:
        run_async(main())
    except FaultError as error:
        fail(str(error))
    except OSError as error:
        fail(f"the simulator cannot listen on {host}:{port}, or read its faults: {error.strerror or error}")
