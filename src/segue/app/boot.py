"""From what a user typed to a Running that can be started: which configuration counts, and what stands above it.

Precedence: flag, environment, file, default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from segue.app.engine import Engine, known
from segue.app.library import discovered
from segue.app.running import Running
from segue.app.world import World
from segue.config.discover import find_file
from segue.config.load import Loaded, Override, load_settings
from segue.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Booted:
    """A service that is ready to be started.

    Attributes:
        source: what the configuration came from, in words for the first screen.
        notes: what should be said at the start: warnings, and providers that lack something.
    """

    running: Running
    host: str
    port: int
    source: str
    notes: tuple[str, ...]


def boot(
    config: Path | None,
    environ: Mapping[str, str],
    *,
    host: str | None = None,
    port: int | None = None,
    directory: Path | None = None,
    world: World | None = None,
) -> Booted:
    """Prepare a service.

    Args:
        config: a configuration file; without it `segue.yaml` in `directory`, else the environment.
        environ: `PORT`, `DATABASE_URL`, `REDIS_URL`, the providers' keys, and whatever the file refers to.
        host: of the command line.
        port: of the command line.
        directory: where to look; by default the current one.
        world: for tests.

    Raises:
        ConfigError: each problem with its place and its remedy.
    """
    world = world or World()
    overrides = _overrides(environ, host, port)
    path = config or find_file(directory or Path())
    if path is not None and path.is_dir():
        raise ConfigError([f"{path}: is a directory: name a file, such as {path / 'segue.yaml'}"])

    def read() -> Loaded:
        if path is not None:
            return load_settings(path, environ, known(world), overrides=overrides)
        return _from_environment(environ, world, overrides)

    loaded = read()
    engine = Engine(loaded.settings, world, warnings=loaded.warnings)
    running = Running(
        engine,
        store_url=loaded.settings.store,
        read=read if path is not None else None,
        files=loaded.files,
    )
    server = loaded.settings.server
    source = str(path) if path is not None else "the environment"
    notes = list(loaded.warnings)
    if environ.get("REDIS_URL"):
        notes.append(
            "REDIS_URL is set, but this version keeps its state in memory: each process has breakers of its own"
        )
    return Booted(running, server.host, server.port, source, tuple(notes))


def _overrides(environ: Mapping[str, str], host: str | None, port: int | None) -> list[Override]:
    found = []
    if environ.get("DATABASE_URL"):
        found.append(Override(("store",), environ["DATABASE_URL"], "DATABASE_URL"))
    if port is not None:
        found.append(Override(("server", "port"), port, "--port"))
    elif environ.get("PORT"):
        text = environ["PORT"]
        found.append(Override(("server", "port"), int(text) if text.isdigit() else text, "PORT"))
    if host is not None:
        found.append(Override(("server", "host"), host, "--host"))
    return found


def _from_environment(environ: Mapping[str, str], world: World, overrides: list[Override]) -> Loaded:
    found = discovered(environ, world, overrides)
    return replace(found.loaded, warnings=(*found.loaded.warnings, *found.lacking.values()))
