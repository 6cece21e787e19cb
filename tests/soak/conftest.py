"""A simulator of this room's own, since its source of load is asked for before the service starts."""

from collections.abc import AsyncIterator

import pytest

from segue.simulator import Simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(record=False) as simulator:
        yield simulator
