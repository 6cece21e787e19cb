"""Whether a provider may be asked now, and how long to wait before it is asked again.

Only decisions live here: plain synchronous functions of what happened and of the time they are told. `HealthBook` is
the one thing that the rest of Segue holds; docs/resilience.md has the defaults with their reasons.
"""

from segue.resilience.backoff import full_jitter
from segue.resilience.breaker import Breaker, BreakerOptions, BreakerSnapshot, State
from segue.resilience.budget import RetryBudget
from segue.resilience.guard import CandidateGuard, GuardPermit
from segue.resilience.health import HealthBook
from segue.resilience.retry_after import parse_reset, parse_retry_after

__all__ = [
    "Breaker",
    "BreakerOptions",
    "BreakerSnapshot",
    "CandidateGuard",
    "GuardPermit",
    "HealthBook",
    "RetryBudget",
    "State",
    "full_jitter",
    "parse_reset",
    "parse_retry_after",
]
