"""How often did it happen lately? Exactly, in constant memory, and for the price of an addition.

A moving average hides a tight burst between two quiet spells, and a list of timestamps grows with the traffic. So time
is cut into slots, each slot is counted exactly, and the oldest slot leaves as a whole. Slots in which nothing happened
count as zero, and a silence longer than the window empties it.
"""

SLOTS = 10


class Window:
    """Exact counts of two sorts of events over the last `SLOTS` slots, the one that is running included.

    The breaker counts good calls as `recorded` and failed ones as `marked`; the retry budget counts first attempts and
    retries. A slot is `span / SLOTS` seconds long and begins at a whole multiple of that, so the window covers between
    nine tenths of `span` and all of it. A clock that steps back counts into the running slot: nothing is ever moved.

    Args:
        span: length of the window in seconds, above 0.
    """

    __slots__ = ("_marks", "_records", "_slot", "_width", "marked", "recorded")

    def __init__(self, span: float) -> None:
        self._width = span / SLOTS
        self._slot = float("-inf")
        self.clear()

    def record(self, now: float) -> None:
        """Count one event of the first sort."""
        slot = now // self._width
        if slot > self._slot:
            self._advance(slot)
        self.recorded += 1
        self._records[0] += 1

    def mark(self, now: float) -> None:
        """Count one event of the second sort."""
        slot = now // self._width
        if slot > self._slot:
            self._advance(slot)
        self.marked += 1
        self._marks[0] += 1

    def advance(self, now: float) -> None:
        """Let go of what is too old, so that `recorded` and `marked` are right for `now`."""
        slot = now // self._width
        if slot > self._slot:
            self._advance(slot)

    def clear(self) -> None:
        """Forget everything."""
        self.recorded = 0
        self.marked = 0
        self._records = [0] * SLOTS
        self._marks = [0] * SLOTS

    def _advance(self, slot: float) -> None:
        passed = slot - self._slot
        self._slot = slot
        if passed >= SLOTS:
            self.clear()
            return
        for _ in range(int(passed)):
            self.recorded -= self._records.pop()
            self.marked -= self._marks.pop()
            self._records.insert(0, 0)
            self._marks.insert(0, 0)
