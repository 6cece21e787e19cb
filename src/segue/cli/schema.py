"""`segue schema` and `segue openapi`: descriptions for machines, printed without a configuration or a server."""

from typing import Any

from segue.cli.output import say_json


def schema() -> None:
    """Print the configuration's JSON Schema."""
    from segue.app.engine import known
    from segue.config.schema import json_schema

    say_json(json_schema(known()))


def openapi() -> None:
    """Print the service's OpenAPI description."""
    from segue.app.engine import Engine, known
    from segue.app.running import Running
    from segue.config.load import parse_settings
    from segue.http.auth import Authenticator
    from segue.http.pages import make_pages

    running = Running(Engine(parse_settings({}, known()).settings))
    pages: Any = make_pages(running, Authenticator(running, mode="keys", loopback=True))
    say_json(pages.openapi())
