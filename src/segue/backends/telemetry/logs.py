"""Log lines for whoever runs Segue: what changed, and which calls failed.

A call that succeeds writes no line: at a thousand a second nobody reads them, and the call log has them all. No line
holds what a caller said, a key, or an address.
"""

import logging
import sys
from typing import TextIO

from segue.backends.telemetry.lines import JsonLines, Log, PeoplesLines
from segue.core.signals import BreakerChanged, CallEnded, ConfigurationChanged, Signals, unheard

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "json", "console")
# Their lines of level INFO say nothing that ours do not.
_TALKATIVE = ("aiohttp", "aiosqlite", "alembic", "asyncio", "sqlalchemy", "uvicorn.access")


def configure_logging(format: str = "auto", level: str = "info", *, stream: TextIO | None = None) -> None:  # noqa: A002
    """Have every line of the process, libraries' included, written in one form to one place.

    Args:
        format: `json` for one object a line, `console` for people, `auto` for whichever suits the stream.
        level: the least important kind that is written: `debug`, `info`, `warning` or `error`.
        stream: where to; by default standard error, so that what a command prints stays clean.

    Raises:
        ValueError: an unknown format or level.
    """
    if format not in FORMATS:
        raise ValueError(f"logging format {format!r} is unknown: use one of {', '.join(FORMATS)}")
    if level not in LEVELS:
        raise ValueError(f"logging level {level!r} is unknown: use one of {', '.join(LEVELS)}")
    target = sys.stderr if stream is None else stream
    console = format == "console" or (format == "auto" and target.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(target)
    handler.setFormatter(PeoplesLines(colours=target.isatty()) if console else JsonLines())
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old.formatter, PeoplesLines | JsonLines):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


class LogLines:
    """Writes a line for what changed and for each call that failed."""

    def __init__(self) -> None:
        self._log = Log()

    def subscribe(self, signals: Signals) -> None:
        """Listen."""
        signals.subscribe(CallEnded, self.call_ended, answered=unheard)  # a success writes no line
        signals.subscribe(BreakerChanged, self.breaker_changed)
        signals.subscribe(ConfigurationChanged, self.configuration_changed)

    def call_ended(self, ended: CallEnded) -> None:
        """One line for a call that failed; none for one that succeeded or was given up."""
        if ended.code in {"ok", "cancelled"}:
            return
        call = ended.call
        self._log.info(
            "call failed",
            call_id=call.id,
            operation=call.operation.id,
            code=ended.code,
            status=ended.status,
            elapsed_ms=round(ended.elapsed * 1000),
            attempts=[
                f"{attempt.candidate.name}: {attempt.failure.kind.value if attempt.failure else 'ok'}"
                for attempt in call.attempts
            ],
        )

    def breaker_changed(self, changed: BreakerChanged) -> None:
        """One line; a warning, for somebody may have to look."""
        self._log.warning(
            "breaker changed", name=changed.name, before=changed.before, after=changed.after, reason=changed.reason
        )

    def configuration_changed(self, changed: ConfigurationChanged) -> None:
        """One line; a refused configuration is an error, with every problem in it."""
        if changed.accepted:
            self._log.info("configuration in force", version=changed.version)
        else:
            self._log.error("configuration refused", version=changed.version, problems=list(changed.problems))
