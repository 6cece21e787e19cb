"""`segue demo`: see it work before any key is bought."""

from importlib.util import find_spec
from typing import Annotated

import typer

from segue.cli.output import fail


def demo(
    once: Annotated[bool, typer.Option("--once", help="Leave after the story instead of serving until Ctrl-C.")] = False,
) -> None:
    """Break simulated providers under real SDK traffic, and show that no call fails.

    Exits 1 when a call failed or a claim of the last table does not hold.
    """
    if find_spec("openai") is None:
        fail("the demo drives the real OpenAI SDK, which is not installed: pip install 'segue[demo]'")
    from segue.cli.demo.play import play
    from segue.cli.loop import run_async

    code = run_async(play(once=once))
    if code:
        raise typer.Exit(code)
