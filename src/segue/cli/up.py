"""`segue up`: run the service, and say once, clearly, where it is and who may call it."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.cli.options import Config, Json
from segue.cli.output import environment, say, say_json, warn

if TYPE_CHECKING:
    from segue.app.boot import Booted
    from segue.http.server import Service


MOST_WORKERS = 256


def up(
    config: Config = None,
    host: Annotated[str | None, typer.Option(metavar="H", help="The address.  [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=65535, help="The TCP port, 0 for any.  [default: 3002]")
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, max=MOST_WORKERS, help="Processes that share the address and the work.")
    ] = 1,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
    log_format: Annotated[
        str, typer.Option(metavar="FORMAT", help="json, console, or auto: console on a terminal, json elsewhere.")
    ] = "auto",
    json: Json = False,
) -> None:
    """Run the service until SIGTERM or Ctrl-C.

    SIGHUP reads the configuration anew, and so does a change of its file. It finishes the calls that are under way
    before it leaves. Log lines go to standard error. With --json the first screen is one line of JSON.
    """
    from segue.backends.telemetry.logs import FORMATS, configure_logging
    from segue.cli.loop import run_async

    if log_format not in FORMATS:
        raise typer.BadParameter(f"use one of {', '.join(FORMATS)}", param_hint="--log-format")
    configure_logging(log_format, "debug" if verbose else "info")
    if workers > 1:
        _serve_with_workers(config, host, port, workers, json=json)
    else:
        run_async(_serve(config, host, port, json=json))


async def _serve(config: Path | None, host: str | None, port: int | None, *, json: bool) -> None:
    from segue.app.boot import boot
    from segue.backends.telemetry.logs import LogLines
    from segue.http.server import Service

    booted = boot(config, environment(), host=host, port=port)
    LogLines().subscribe(booted.running.engine.world.signals)
    service = Service(booted.running, host=booted.host, port=booted.port)
    await service.start()
    serving = asyncio.create_task(service.until_signal())
    # Whoever reads the first screen may send a signal at once: by then the handlers must stand.
    await booted.running.engine.world.clock.sleep(0)
    _show(first_screen(booted, service), json=json)
    await serving


def _serve_with_workers(config: Path | None, host: str | None, port: int | None, count: int, *, json: bool) -> None:
    from segue.app.boot import boot
    from segue.cli.loop import run_async
    from segue.cli.workers import Workers, notes

    booted = boot(config, environment(), host=host, port=port)
    workers = Workers(booted, count)
    workers.check()
    service = run_async(workers.prepare())
    facts = first_screen(booted, service, workers=count)
    facts["notes"] += notes(count)
    workers.run(lambda: _show(facts, json=json))


def first_screen(booted: "Booted", service: "Service", *, workers: int = 1) -> dict[str, Any]:
    """What the first screen says. The first admin key is in it, this once."""
    snapshot = booted.running.engine.snapshot
    return {
        "url": service.url,
        "workers": workers,
        "configuration": booted.source,
        "store": snapshot.settings.store,
        "providers": [name for name, provider in snapshot.providers.items() if provider.enabled],
        "names": list(snapshot.settings.models),
        "auth": snapshot.settings.auth.mode,
        "open": service.authenticator.is_open,
        "first_key": service.first_key,
        "notes": list(booted.notes),
    }


def _show(facts: dict[str, Any], *, json: bool) -> None:
    if json:
        say_json(facts, indent=None)
        return
    say(f"Segue serves at {facts['url']}")
    say(f"  configuration  {facts['configuration']}")
    say(f"  providers      {', '.join(facts['providers']) or 'none'}")
    if facts["names"]:
        say(f"  model names    {', '.join(facts['names'])}")
    say(f"  store          {facts['store']}")
    if facts["workers"] > 1:
        say(f"  workers        {facts['workers']} processes")
    if facts["first_key"]:
        say("  callers        need an API key; this first one is an administrator's, and is shown only now:")
        say(f"                 {facts['first_key']}")
    elif facts["auth"] == "open":
        say("  callers        anybody who reaches it, without a key (auth.mode is open)")
    elif facts["open"]:
        say("  callers        anybody on this machine, without a key (`segue keys create NAME` ends that)")
    else:
        say("  callers        need an API key (`segue keys create NAME` makes one)")
    say(f"  docs           {facts['url']}/docs")
    for note in facts["notes"]:
        warn(f"note: {note}")
