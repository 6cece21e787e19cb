"""An outage worth showing is worth keeping: faults and schedules can be read from a file instead of typed again.

The file is JSON, or YAML when its name ends in `.yaml` or `.yml`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from segue.simulator.faults.board import Board
from segue.simulator.faults.fault import FaultError, Window

_ALLOWED = "listeners, faults and schedules, each a list"


class _Schedule(msgspec.Struct, forbid_unknown_fields=True):
    """What a schedule has beside the faults in its windows."""

    account: str
    windows: list[dict[str, object]]
    since: Literal["now", "start"] = "now"


def read_file(path: Path) -> object:
    """The document in a JSON or YAML file."""
    try:
        text = path.read_bytes()
        if path.suffix.lower() in {".yaml", ".yml"}:
            return _yaml(text)
        return msgspec.json.decode(text)
    except OSError as error:
        raise FaultError(f"{path}: cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FaultError(f"{path}: is not valid JSON: {error}.") from error


def _yaml(text: bytes) -> object:
    # YAML is wanted by files alone, and its reader takes long to import.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise FaultError(f"faults file: is not valid YAML: {error}") from error


def schedule(board: Board, values: object) -> list[str]:
    """Set the faults of one schedule; all of its windows are checked before the first is set. Returns their ids."""
    try:
        plan = msgspec.convert(values, _Schedule)
    except msgspec.ValidationError as error:
        raise FaultError(
            f"schedule: {error}. Allowed fields: account, since ('now' or 'start'), and windows: a list of objects "
            "with start, end (seconds) and the fields of a fault."
        ) from error
    entries: list[tuple[Mapping[str, object], Window]] = []
    for number, values_of_window in enumerate(plan.windows):
        fault = {"account": plan.account, **values_of_window}
        bounds = {name: fault.pop(name) for name in ("start", "end") if name in fault}
        try:
            window = msgspec.convert(bounds, Window)
            board.check(fault)
        except (msgspec.ValidationError, FaultError) as error:
            raise FaultError(f"windows[{number}]: {error}") from error
        if window.end is not None and window.end <= window.start:
            raise FaultError(f"windows[{number}].end: must be later than start.")
        entries.append((fault, window))
    origin = 0.0 if plan.since == "start" else None
    return [board.set(fault, window, origin) for fault, window in entries]


class _Listener(msgspec.Struct, forbid_unknown_fields=True):
    """A listener for one account; `port` 0 is any free one."""

    account: str
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0


def listen(port_of: Callable[[str, int], int], values: object) -> int:
    """Start the listener that an object with `account` and `port` asks for; returns its port."""
    try:
        wanted = msgspec.convert(values, _Listener)
        return port_of(wanted.account, wanted.port)
    except msgspec.ValidationError as error:
        raise FaultError(f"listener: {error}. Allowed fields: account, port.") from error
    except RuntimeError as error:
        raise FaultError(f"listener: {error}") from error
    except OSError as error:
        raise FaultError(f"port: cannot be opened: {error.strerror}. Use another, or 0 for any free one.") from error


def load(board: Board, path: Path, port_of: Callable[[str, int], int]) -> list[str]:
    """Set everything that a file asks for; returns the ids of faults. Nothing of a file's list is skipped silently."""
    document = read_file(path)
    if not isinstance(document, dict) or not set(document) <= {"listeners", "faults", "schedules"}:
        raise FaultError(f"{path}: must be an object with {_ALLOWED}.")
    identifiers: list[str] = []
    for name in ("listeners", "faults", "schedules"):
        items = document.get(name)
        if items is None:
            continue
        if not isinstance(items, list):
            raise FaultError(f"{path}: {name}: must be a list.")
        for number, item in enumerate(items):
            if not isinstance(item, dict):
                raise FaultError(f"{path}: {name}[{number}]: must be an object.")
            try:
                if name == "listeners":
                    listen(port_of, item)
                else:
                    identifiers += [board.set(item)] if name == "faults" else schedule(board, item)
            except FaultError as error:
                raise FaultError(f"{path}: {name}[{number}]: {error}") from error
    return identifiers
