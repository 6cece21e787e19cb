"""A first call without any file: providers are taken from the variables that people have set already.

What was looked for is reported as well, found or not, because "it does not work" is otherwise all that anybody knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segue.config.known import Known
from segue.config.load import Loaded, Override, parse_settings
from segue.core.errors import ConfigError

FILE = "segue.yaml"


@dataclass(frozen=True, slots=True)
class AdapterNeeds:
    """What must be in the environment for an adapter to work without a file.

    Attributes:
        id: of the adapter; the provider gets the same.
        environment: variables that may hold its key, the first that is set counts.
        needs_key: whether it cannot work without. Adapters without a key and without variables are not looked for:
            nothing would say that they are meant.
        priority: the provider's, lower is tried earlier: which of two is the spare one.
        extra: what it needs besides, as setting → variable: `{"base_url": "AZURE_OPENAI_ENDPOINT"}`.
    """

    id: str
    environment: Sequence[str]
    needs_key: bool = True
    priority: int = 1
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Discovered:
    """What the environment holds.

    Attributes:
        loaded: the settings, with the providers that were found.
        found: provider → the variable that its key came from.
        lacking: adapter → what it lacks although its key is there, in a sentence.
        looked_for: every variable that was looked for, in order.
    """

    loaded: Loaded
    found: Mapping[str, str]
    lacking: Mapping[str, str]
    looked_for: tuple[str, ...]


def find_file(directory: Path) -> Path | None:
    """The configuration file that counts when none is named; `None` when there is none."""
    path = directory / FILE
    return path if path.is_file() else None


def discover(
    adapters: Sequence[AdapterNeeds],
    environ: Mapping[str, str],
    known: Known,
    *,
    overrides: Sequence[Override] = (),
) -> Discovered:
    """Settings from the environment alone.

    A variable makes one provider: where two adapters share it, the first gets it.

    Raises:
        ConfigError: no provider was found; it says what was looked for.
    """
    providers: dict[str, dict[str, object]] = {}
    found: dict[str, str] = {}
    lacking: dict[str, str] = {}
    looked_for: dict[str, None] = {}
    for adapter in adapters:
        looked_for.update(dict.fromkeys(adapter.environment))
        free = (name for name in adapter.environment if name not in found.values())
        variable = next((name for name in free if environ.get(name, "").strip()), None)
        if variable is None:
            continue
        missing = [f"{name} ({key})" for key, name in adapter.extra.items() if not environ.get(name)]
        if missing:
            lacking[adapter.id] = f"{adapter.id}: {variable} is set, but it needs {' and '.join(missing)}, too"
            continue
        found[adapter.id] = variable
        extra = {key: f"${{{name}}}" for key, name in adapter.extra.items()}
        wanted = {"adapter": adapter.id, "key": f"${{{variable}}}", "priority": adapter.priority}
        providers[adapter.id] = {**wanted, **extra}
    if not providers:
        raise ConfigError(_nothing(lacking, looked_for))
    loaded = parse_settings({"providers": providers}, known, environ=environ, overrides=overrides)
    return Discovered(loaded, found, lacking, tuple(looked_for))


def _nothing(lacking: Mapping[str, str], looked_for: Mapping[str, None]) -> list[str]:
    variables = ", ".join(looked_for) or "(no adapter names any)"
    return [
        "no provider found: set the key of one, write a segue.yaml, or see it work first with 'segue demo'",
        f"looked for the file ./{FILE} and the variables {variables}",
        *lacking.values(),
    ]
