"""What Segue's components said while a test ran."""

from typing import TypeVar

from segue.core.signals import AttemptEnded, BreakerChanged, CallEnded, ConfigurationChanged, Signals

Record = TypeVar("Record")

KINDS: tuple[type, ...] = (AttemptEnded, CallEnded, BreakerChanged, ConfigurationChanged)


class CapturedSignals:
    """Keeps every record that is emitted from now on.

    Attributes:
        records: all of them, in order.
    """

    def __init__(self, signals: Signals) -> None:
        self.records: list[object] = []
        for kind in KINDS:
            signals.subscribe(kind, self.records.append)

    def of(self, kind: type[Record]) -> list[Record]:
        """Those of one type, in order."""
        return [record for record in self.records if isinstance(record, kind)]

    def clear(self) -> None:
        """Forget what was kept."""
        self.records.clear()
