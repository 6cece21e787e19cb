"""One served Segue and one client of each SDK for the whole matrix: a cell then costs milliseconds."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from sdk.columns import PROVIDERS
from sdk.drivers.chat import ChatDriver
from sdk.drivers.converse import ConverseDriver
from sdk.drivers.gemini import GeminiDriver
from sdk.drivers.langchain import LangChainDriver
from sdk.drivers.messages import MessagesDriver
from sdk.drivers.responses import ResponsesDriver
from sdk.table import DRIVERS
from sdk.wishes import Driver
from support.service import Serving, serving

DRIVING = (ChatDriver, ResponsesDriver, MessagesDriver, GeminiDriver, LangChainDriver, ConverseDriver)
CLASSES = {one.name: one for one in DRIVING}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def everyone() -> AsyncIterator[Serving]:
    """Segue before all providers of the matrix, without retries."""
    fetch = {"allow_private_network": True}
    async with serving(providers=PROVIDERS, models={}, server={"fetch": fetch}) as served:
        yield served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def drivers(everyone: Serving) -> AsyncIterator[dict[str, Driver]]:
    """A client of each SDK."""
    assert list(CLASSES) == list(DRIVERS)
    made = {name: CLASSES[name](everyone.url) for name in DRIVERS}
    yield made
    for driver in made.values():
        await driver.close()


@pytest.fixture(autouse=True)
def healthy(everyone: Serving) -> Iterator[None]:
    """No fault outlives its test."""
    yield
    everyone.sim.clear()
