"""`segue demo`: see it work before any key is bought."""

from importlib.util import find_spec
from typing import Annotated

import typer

from segue.cli.output import fail


def demo(
    once: Annotated[bool, typer.Option("--once", help="Leave after the story.")] = False,
) -> None:
    """Break simulated providers; no call fails.

    Real SDK traffic runs all the while, and everything shown is measured. Afterwards it serves until Ctrl-C.

    Exits 1 when a call failed or a claim of the last table does not hold.
    """
    if find_spec("openai") is None:
        fail("the demo drives the real OpenAI SDK, which is not installed: pip install 'segue[demo]'")
    from segue.cli.demo.play import play
    from segue.cli.loop import run_async

    code = run_async(play(once=once))
    if code:
        raise typer.Exit(code)
