"""What a program reads and what a person reads go different ways: results to standard output, the rest to error."""

import json
import os
import sys
from typing import Any, NoReturn

import typer


def say(line: str = "") -> None:
    """A line of the result, on standard output."""
    typer.echo(line)
    sys.stdout.flush()


def warn(line: str) -> None:
    """A line beside the result, on standard error."""
    typer.echo(line, err=True)


def fail(*lines: str) -> NoReturn:
    """End with exit code 1, saying why on standard error."""
    for line in lines:
        warn(line)
    raise typer.Exit(1)


def say_json(value: Any, *, indent: int | None = 2) -> None:
    """A value as JSON, on standard output."""
    say(json.dumps(value, indent=indent, ensure_ascii=False))


def environment() -> dict[str, str]:
    """The variables of this process, as they are now."""
    return dict(os.environ)
