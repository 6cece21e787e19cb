"""Fixtures for every room; `support.service.serving` starts the whole service with a configuration of one's own."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.service import Serving


@pytest.fixture
async def served() -> AsyncIterator["Serving"]:
    """The service with `support.service.PROVIDERS` and `MODELS`, before a simulator with seed 1; no retries."""
    from support.service import serving  # here, so that a room without the service needs nothing of it

    async with serving() as made:
        yield made
