"""Numbers with labels, cheap enough to be changed on every call.

The client library's own counters take a lock and several look-ups per change. Ours are plain dictionaries changed in
place on one thread, and the client library renders them when somebody looks.
"""

from bisect import bisect_left
from collections.abc import Sequence

MOST_SERIES = 1000
OTHER = "other"

Labels = tuple[str, ...]


class Counter:
    """Totals by labels; beyond 1,000 combinations all further ones are counted under `other`."""

    __slots__ = ("documentation", "labels", "name", "values")

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        self.name = name
        self.documentation = documentation
        self.labels = tuple(labels)
        self.values: dict[Labels, int] = {}

    def add(self, labels: Labels, amount: int = 1) -> None:
        """Count."""
        values = self.values
        if labels in values:
            values[labels] += amount
        elif len(values) < MOST_SERIES:
            values[labels] = amount
        else:
            rest = (OTHER,) * len(labels)
            values[rest] = values.get(rest, 0) + amount

    def total(self) -> int:
        """Over all labels."""
        return sum(self.values.values())


class Distribution:
    """How many observations of one series fell into each bucket, and their sum."""

    __slots__ = ("counts", "sum")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.sum = 0.0


class Histogram:
    """Distributions by one label; bounded as `Counter` is.

    Args:
        bounds: upper ends of the buckets, inclusive, ascending; a last one without end is added.
    """

    __slots__ = ("bounds", "documentation", "label", "name", "values")

    def __init__(self, name: str, documentation: str, label: str, bounds: Sequence[float]) -> None:
        self.name = name
        self.documentation = documentation
        self.label = label
        self.bounds = tuple(bounds)
        self.values: dict[str, Distribution] = {}

    def observe(self, label: str, value: float) -> None:
        """Note one observation."""
        found = self.values.get(label) or self.series(label)
        found.counts[bisect_left(self.bounds, value)] += 1
        found.sum += value

    def series(self, label: str) -> Distribution:
        """The distribution in which this label is noted."""
        if label not in self.values and len(self.values) >= MOST_SERIES:
            label = OTHER
        return self.values.setdefault(label, Distribution(len(self.bounds) + 1))
