"""From a file, or a dictionary, to settings: the one way in, which collects every problem before it gives up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from segue.config import problems as words
from segue.config.document import DEEPEST, MOST_VALUES, Document, read_document
from segue.config.known import Known
from segue.config.models import Settings
from segue.config.problems import MOST_PROBLEMS, Problem, unknown_key
from segue.config.secrets import Expander
from segue.config.sections import Sections
from segue.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Override:
    """A value that stands above the file: of a flag, or of a variable such as `PORT`.

    Attributes:
        path: where it goes, e.g. `("server", "port")`.
        value: taken as it is: nothing in it is expanded.
        source: how messages call it: `--port`, `PORT`.
    """

    path: tuple[str, ...]
    value: object
    source: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used.

    Attributes:
        settings: what it says. `settings.model_fields_set` tells which sections were given.
        warnings: what is allowed and probably not meant, one line each.
        source: the file, if there is one.
        files: all files that were read, secrets included: when one changes, so may the settings.
    """

    settings: Settings
    warnings: tuple[str, ...] = ()
    source: Path | None = None
    files: tuple[Path, ...] = ()


def load_settings(
    path: Path, environ: Mapping[str, str], known: Known, *, overrides: Sequence[Override] = ()
) -> Loaded:
    """Read, expand and check a file.

    Args:
        path: of a YAML (or JSON) file.
        environ: the variables for `${NAME}`.
        known: the names that it may use.
        overrides: values above those of the file; later ones win.

    Raises:
        ConfigError: every problem as `file:line: key: what is wrong and how to mend it`.
    """
    document = read_document(path)
    loaded = _settings(document.plain(), environ, known, overrides, _place_in(document))
    return Loaded(loaded.settings, loaded.warnings, path, (path, *loaded.files))


def parse_settings(
    data: Mapping[str, Any],
    known: Known,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Sequence[Override] = (),
) -> Loaded:
    """Check a configuration given as plain data, for the library.

    Args:
        data: sections as in the file. A secret may be a `SecretStr`.
        known: the names that it may use.
        environ: the variables for `${NAME}`; none when absent.
        overrides: values above those of `data`; later ones win.

    Raises:
        ConfigError: every problem as `key: what is wrong and how to mend it`.
    """
    return _settings(_as_plain(data), environ or {}, known, overrides, lambda _path: "")


def _settings(
    data: dict[str, Any],
    environ: Mapping[str, str],
    known: Known,
    overrides: Sequence[Override],
    place: Callable[[words.Place], str],
) -> Loaded:
    expander = Expander(environ)
    expanded = expander.expand(data)
    unresolved = {problem.path for problem in expander.problems}
    first = [*expander.problems, *_take_nulls(expanded, unresolved)]
    sources: dict[words.Place, str] = {}
    for override in overrides:
        _set(expanded, override.path, override.value)
        sources[override.path] = override.source
    first = [problem for problem in first if problem.path not in sources]
    _hide_literal_secrets(expanded, expander)

    sections = Sections(expanded, known)
    later = [problem for problem in sections.problems if not _follows_from(problem.path, unresolved)]

    def line(problem: Problem) -> str:
        above = next((name for path, name in sources.items() if problem.path[: len(path)] == path), None)
        where = place(problem.path) if above is None else f"{above}: "
        key = words.dotted(problem.path)
        return f"{where}{key}{': ' if key else ''}{expander.clean(problem.message)}"

    found = list(dict.fromkeys(line(problem) for problem in (*first, *later)))
    if len(found) > MOST_PROBLEMS:
        found[MOST_PROBLEMS:] = ["and more problems: mend these first"]
    if found:
        raise ConfigError(found)
    warnings = tuple(dict.fromkeys(line(problem) for problem in sections.warnings))
    return Loaded(sections.settings(), warnings, files=tuple(expander.files))


def _place_in(document: Document) -> Callable[[words.Place], str]:
    def place(path: words.Place) -> str:
        name, line, _ = document.position(path)
        return f"{name}:{line}: "

    return place


def _take_nulls(value: Any, unresolved: set[words.Place]) -> list[Problem]:
    """Remove every key without a value, and name those that were left so in the file.

    A section whose lines are all commented out, and a model of which nothing is said, may be empty.
    """
    found: list[Problem] = []

    def visit(inner: Any, path: words.Place) -> None:
        if isinstance(inner, dict):
            if len(path) == 3 and path[0] == "providers" and path[2] == "models":  # noqa: PLR2004 - providers.<id>.models
                return
            for key in [key for key, one in inner.items() if one is None]:
                del inner[key]
                if path and (*path, key) not in unresolved:
                    message = unknown_key(key, ()) if ":" in key else "has no value: give it one, or remove the line"
                    found.append(Problem((*path, key), message))
            for key, one in inner.items():
                visit(one, (*path, key))
        elif isinstance(inner, list):
            for index, one in enumerate(inner):
                if one is None and (*path, index) not in unresolved:
                    found.append(Problem((*path, index), "is empty: give it a value, or remove it"))
                visit(one, (*path, index))
            inner[:] = [one for one in inner if one is not None]

    visit(value, ())
    return found


def _follows_from(path: words.Place, unresolved: set[words.Place]) -> bool:
    """Whether a problem may only be there because a value below it was left out."""
    return len(path) > 1 and any(place[: len(path)] == path or path[: len(place)] == place for place in unresolved)


def _set(data: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for part in path[:-1]:
        inner = data.get(part)
        if not isinstance(inner, dict):
            if inner is not None:
                return  # the file has something else here: that is a problem of its own
            inner = data[part] = {}
        data = inner
    data[path[-1]] = value


def _hide_literal_secrets(data: dict[str, Any], expander: Expander) -> None:
    providers = data.get("providers")
    for provider in providers.values() if isinstance(providers, dict) else ():
        if isinstance(provider, dict):
            keys = provider.get("keys")
            for one in (provider.get("key"), *(keys if isinstance(keys, list) else ())):
                given = one.get("key") if isinstance(one, dict) else one
                secret = given.get_secret_value() if isinstance(given, SecretStr) else given
                if isinstance(secret, str):
                    expander.hide(secret)


def _as_plain(data: object) -> dict[str, Any]:
    """A copy of what a program passed, as dictionaries and lists, within the limits of a file."""
    count = 0

    def copy(value: object, path: words.Place) -> Any:
        nonlocal count
        count += 1
        if count > MOST_VALUES:
            raise ConfigError([f"{words.dotted(path)}: more than {MOST_VALUES} values"])
        if len(path) >= DEEPEST:
            raise ConfigError([f"{words.dotted(path[:3])}…: more than {DEEPEST} levels of nesting"])
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise ConfigError(
                        [f"{words.dotted(path) or 'settings'}: keys must be text, not {words.kind_of(key)}"]
                    )
            return {str(key): copy(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [copy(inner, (*path, index)) for index, inner in enumerate(value)]
        return value

    if not isinstance(data, Mapping):
        raise ConfigError([f"settings must be a mapping of sections such as 'providers', not {words.kind_of(data)}"])
    plain: dict[str, Any] = copy(data, ())
    return plain
