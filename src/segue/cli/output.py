"""What a program reads and what a person reads go different ways: results to standard output, the rest to error."""

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
    """A value or a record as JSON, on standard output; `indent=None` puts it on one line."""
    import msgspec

    say(msgspec.json.format(msgspec.json.encode(value), indent=0 if indent is None else indent).decode())


def plain(record: Any) -> dict[str, Any]:
    """A record as what JSON can say."""
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(record)
    return found


def environment() -> dict[str, str]:
    """The variables of this process, as they are now."""
    return dict(os.environ)
