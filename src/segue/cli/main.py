"""A user's mistake must never end in a traceback: here is the one place where errors become lines and exit codes.

Exit codes: 0 it worked; 1 a configuration, a request or a check that failed, said on standard error; 2 a command line
that cannot be understood.
"""

import sys
from typing import Annotated

import typer

from segue import __version__
from segue.cli.check import check
from segue.cli.demo.command import demo
from segue.cli.explain import explain
from segue.cli.keys import keys
from segue.cli.schema import openapi, schema
from segue.cli.simulate import simulate
from segue.cli.test import try_provider
from segue.cli.up import up
from segue.core.errors import CallFailed, ConfigError, SegueError

# Markup and rich tracebacks cost a tenth of a second of every `--help`, and a traceback is never for users.
app = typer.Typer(
    name="segue",
    help="One call to one API: Segue decides who serves it, and when that one fails the next carries on.",
    epilog="Exit codes: 0 it worked, 1 a problem that is named on standard error, 2 a wrong command line.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for name, command in (
    ("up", up),
    ("demo", demo),
    ("check", check),
    ("explain", explain),
    ("test", try_provider),
    ("simulate", simulate),
    ("schema", schema),
    ("openapi", openapi),
):
    app.command(name)(command)
app.add_typer(keys, name="keys")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"segue {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """One call to one API: Segue decides who serves it, and when that one fails the next carries on."""


def run() -> None:
    """Run the command of `sys.argv` and leave with its exit code."""
    try:
        app()
    except ConfigError as error:
        _fail(*error.problems)
    except CallFailed as error:
        _fail(error.message)
    except SegueError as error:
        _fail(str(error))


def _fail(*lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)
    sys.exit(1)
