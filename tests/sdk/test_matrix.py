"""Six official SDKs before every provider: what an application expects holds in each of the cells."""

import pytest

from sdk.behaviours import BEHAVIOURS, Scene
from sdk.columns import COLUMNS, Column
from sdk.page import PAGE, page
from sdk.table import DRIVERS, Verdict, verdict
from sdk.wishes import Driver
from support.service import Serving

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    # The SDKs' own: google-genai still calls what Python has deprecated, langchain-openai says what it leaves out.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Cannot currently include response headers:UserWarning"),
]
CELLS = [
    pytest.param(behaviour, name, column, id=f"{behaviour}-{name}-{column.name}")
    for behaviour in BEHAVIOURS
    for name in DRIVERS
    for column in COLUMNS
    if verdict(behaviour, name, column.name) is not Verdict.NONE
]


@pytest.mark.parametrize(("behaviour", "name", "column"), CELLS)
async def test_cell(everyone: Serving, drivers: dict[str, Driver], behaviour: str, name: str, column: Column) -> None:
    driver = drivers[name]
    scene = Scene(driver, column, everyone, column.model_of(behaviour))
    if verdict(behaviour, name, column.name) is Verdict.WORKS:
        await BEHAVIOURS[behaviour](scene)
        return
    with pytest.raises(driver.errors[400]) as refused:
        await BEHAVIOURS[behaviour](scene)
    assert "can serve this request" in str(refused.value)


async def test_the_page_says_what_the_matrix_says() -> None:
    assert PAGE.read_text() == page(), "PYTHONPATH=tests python -m sdk.page writes it anew"
