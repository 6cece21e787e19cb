"""Five official SDKs before every provider: what an application expects holds in each of the cells."""

import pytest

from sdk.behaviours import BEHAVIOURS, Scene
from sdk.columns import COLUMNS, Column
from sdk.table import DRIVERS
from sdk.wishes import Driver
from support.service import Serving

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_cell(
    everyone: Serving, drivers: dict[str, Driver], behaviour: str, name: str, column: Column
) -> None:
    scene = Scene(drivers[name], column, everyone, column.model_of(behaviour))
    await BEHAVIOURS[behaviour](scene)
