"""Callers that failed together must not come back together.

A fixed wait, or one that only doubles, keeps a crowd in step: it hits the provider in waves. Full jitter spreads each
wait evenly over the whole interval, which of the schemes compared in "Exponential Backoff And Jitter" (AWS
Architecture Blog, 2015) needs the fewest calls.
"""

from segue.core.clock import Chance

BASE = 0.1  # seconds: the longest first wait
CAP = 5.0  # seconds: the longest wait at all

# 2.0 to the power of an unlimited number raises OverflowError; a loop that retries for days gets there.
_LARGEST_EXPONENT = 60


def full_jitter(attempt_index: int, chance: Chance, base: float = BASE, cap: float = CAP) -> float:
    """Seconds to wait before the same provider is asked again: even over [0, min(cap, base · 2^attempt_index)).

    Args:
        attempt_index: 0 for the first retry; less counts as 0.
        chance: where the randomness comes from.
        base: the longest first wait, in seconds.
        cap: the longest wait at all, in seconds.
    """
    exponent = min(max(attempt_index, 0), _LARGEST_EXPONENT)
    return chance.random() * min(cap, base * 2.0**exponent)
