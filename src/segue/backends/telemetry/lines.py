"""Log lines of one form: an event in words, and facts by name.

The standard library's logging carries them; here are only the two ways to write a line, for programs and for people.
A library for this exists and was used: it loads a terminal's colours and a highlighter into every service, 7 MB and a
tenth of a second, for what fits on this page (docs/performance.md).
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any, Final

_FACTS: Final = "segue_facts"
_BOUND: dict[str, Any] = {}
_COLOURS: Final = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}
_PLAIN: Final = "\x1b[0m"
_WIDTH: Final = 30


def bind(**facts: Any) -> None:
    """Facts that every further line of this process holds, such as a worker's number."""
    _BOUND.update(facts)


class Log:
    """Writes lines under one logger's name."""

    def __init__(self, name: str = "segue") -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **facts: Any) -> None:
        """Something happened as it should."""
        self._logger.info(event, extra={_FACTS: facts})

    def warning(self, event: str, **facts: Any) -> None:
        """Somebody may have to look."""
        self._logger.warning(event, extra={_FACTS: facts})

    def error(self, event: str, **facts: Any) -> None:
        """Somebody has to look."""
        self._logger.error(event, extra={_FACTS: facts})


class JsonLines(logging.Formatter):
    """One JSON object a line; a line break in a fact cannot forge another line."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        line: dict[str, Any] = {"event": record.getMessage(), **_facts(record)}
        line |= {"level": _level(record), "logger": record.name, "timestamp": _time(record)}
        if record.exc_info:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        return json.dumps(line, default=str)


class PeoplesLines(logging.Formatter):
    """The time, the level, the event and its facts as `name=value`; in colours where `colours` says so."""

    def __init__(self, *, colours: bool) -> None:
        super().__init__()
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        level = _level(record)
        shown = f"{_COLOURS.get(level, '')}{level:<8}{_PLAIN}" if self._colours else f"{level:<8}"
        facts = " ".join(f"{name}={_shown(value)}" for name, value in _facts(record).items())
        event = _shown(record.getMessage())
        line = f"{_time(record)} {shown} {event:<{_WIDTH}} {facts}".rstrip()
        if record.exc_info:
            line += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        return line


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return {**_BOUND, **getattr(record, _FACTS, {})}


def _level(record: logging.LogRecord) -> str:
    return record.levelname.lower()


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if text.isprintable() else repr(text)
