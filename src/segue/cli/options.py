"""Options that several commands share are described once, so that they mean the same everywhere."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Config: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="PATH", help="The configuration. Without it: ./segue.yaml, else the "
                 "providers whose keys are in the environment."),
]  # fmt: skip
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and nothing else.")]
Store: TypeAlias = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help="The store, such as sqlite:///segue.db. Without it: DATABASE_URL, "
                 "else the one of the configuration."),
]  # fmt: skip
