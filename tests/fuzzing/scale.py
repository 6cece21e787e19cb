"""How much is tried: a sample with every run of the tests, a million with `make proof`.

The same test does both, so that what the proof proves is what the sample shows. `SEGUE_FUZZ` sets the size of the full
scale (`SEGUE_FUZZ=20000 pytest -m slow …`), for a look that takes minutes; the sample stays as it is.
"""

import os
from collections.abc import Sequence
from typing import Any, Final

import pytest

MILLION: Final = 1_000_000
SAMPLE: Final = 2_000
_SECONDS: Final = 3 * 3600
"""The most that one full scale may take; docs/proof.md says what each takes."""
_WANTED: Final = int(os.environ.get("SEGUE_FUZZ", "0"))


def scales(*, sample: int = SAMPLE) -> Sequence[Any]:
    """The values of a parameter `count`: the sample, and the full scale that only `make proof` runs."""
    marks = (pytest.mark.slow, pytest.mark.timeout(_SECONDS))
    return [pytest.param(sample, id="sample"), pytest.param(_WANTED or MILLION, id="full", marks=marks)]
