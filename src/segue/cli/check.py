"""`segue check`: every problem of a configuration at once, where it stands, before a service meets it."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from segue.cli.options import Json
from segue.cli.output import fail, say, say_json, warn
from segue.cli.prepare import booted
from segue.core.errors import ConfigError

_PLACED = re.compile(r"(?P<file>.+?):(?P<line>\d+): (?P<message>.*)", re.DOTALL)


def check(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH",
            help="The file. Without it: ./segue.yaml, else the environment.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Validate a configuration.

    Each problem is a line `file:line: what is wrong and how to mend it` on standard error; then the exit code is 1.
    Variables and secret files that it refers to must be there, as for `segue up`.
    """
    try:
        ready = booted(path)
    except ConfigError as error:
        if json:
            say_json({"ok": False, "problems": [_placed(problem) for problem in error.problems], "warnings": []})
            raise typer.Exit(1) from None
        fail(*error.problems)
    if json:
        say_json({"ok": True, "problems": [], "warnings": [_placed(note) for note in ready.notes]})
        return
    for note in ready.notes:
        warn(f"warning: {note}")
    snapshot = ready.running.engine.snapshot
    say(f"{ready.source}: valid; providers: {len(snapshot.providers)}, model names: {len(snapshot.settings.models)}")


def _placed(problem: str) -> dict[str, Any]:
    found = _PLACED.fullmatch(problem)
    if found is None:
        return {"file": None, "line": None, "message": problem}
    return {"file": found["file"], "line": int(found["line"]), "message": found["message"]}
