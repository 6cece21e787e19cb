"""Every fault, plain and streaming, alone and with a fallback: what the caller gets, and who was asked how often."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from faults.cells import Cell, Observed, all_cells
from faults.continued import CONTINUED
from faults.disputed import DISPUTED
from faults.expected import SLACK, Answer, Broken, Continued, Error, Expected, agrees
from faults.measuring import Measured, measure
from faults.page import PAGE, page
from faults.table import ROWS
from segue.simulator import KINDS

pytestmark = pytest.mark.timeout(120)

CELLS = tuple(all_cells())
MOST_MEMORY = 200 * 1024 * 1024


@pytest.fixture(scope="module")
def measured(request: pytest.FixtureRequest) -> Measured:
    """Every cell that a chosen test asks for, carried out once."""
    params = (getattr(item, "callspec", None) for item in request.session.items)
    wanted = {spec.params["cell"] for spec in params if spec is not None and "cell" in spec.params}
    return asyncio.run(measure([cell for cell in CELLS if cell in wanted]))


@pytest.fixture
def observed(measured: Measured, cell: Cell) -> Observed:
    return measured.cells[cell]


def behaviour(cell: Cell) -> Expected:
    """What the table says, or what happens instead as long as that is disputed."""
    dispute = None if cell.continued else DISPUTED.get(cell.row.name)
    pair = dispute and (dispute.stream if cell.stream else dispute.plain)
    return (pair.backed if cell.backed else pair.alone) if pair else cell.expected


def cells(**chosen: bool) -> pytest.MarkDecorator:
    """The cells whose attributes are as chosen; all but the ones about bytes unless said otherwise."""

    def some() -> Iterator[Cell]:
        for cell in CELLS:
            if all(getattr(cell, name) is value for name, value in {"raw": False, **chosen}.items()):
                yield cell

    return pytest.mark.parametrize("cell", [pytest.param(cell, id=str(cell)) for cell in some()])


@cells()
def test_the_caller_gets_what_the_table_says(cell: Cell, observed: Observed) -> None:
    assert agrees(behaviour(cell).outcome, observed.outcome), observed.outcome


@cells()
def test_the_providers_are_asked_as_often_as_the_table_says(cell: Cell, observed: Observed) -> None:
    expected = behaviour(cell)
    assert (observed.primary, observed.backup) == (expected.primary, expected.backup)
    seen = expected.primary if expected.seen is None else expected.seen
    assert (observed.seen, observed.seen_backup) == (seen, expected.backup)


@cells()
def test_each_failed_attempt_is_recorded_as_what_it_was(cell: Cell, observed: Observed) -> None:
    expected = behaviour(cell)
    answered = isinstance(expected.outcome, Answer | Continued) and expected.outcome.who == "primary"
    assert observed.kinds == [expected.kind] * (expected.primary - answered)


@cells()
def test_a_fault_costs_its_time_once_and_nothing_hangs(cell: Cell, observed: Observed) -> None:
    expected = behaviour(cell)
    assert expected.takes - 0.05 <= observed.elapsed < expected.takes + SLACK


@cells()
def test_the_sdk_does_not_multiply_attempts(cell: Cell, observed: Observed) -> None:
    """The SDK has two retries of its own and makes use of none."""
    assert observed.calls == 1
    assert observed.should_retry == ("false" if isinstance(observed.outcome, Error) else None)


@cells()
def test_the_service_answers_normally_afterwards(cell: Cell, observed: Observed) -> None:
    assert observed.afterwards == 200
    assert observed.in_flight == 0


@cells(raw=True, continued=True)
def test_the_bytes_of_a_stream_that_is_gone_on_with_are_those_of_one(cell: Cell, observed: Observed) -> None:
    """One id, one beginning, one end."""
    expected = behaviour(cell).outcome
    if isinstance(expected, Error):
        return
    events = [event.removeprefix(b"data: ") for event in observed.body.split(b"\n\n")[:-1]]
    chunks = [json.loads(event) for event in events if event != b"[DONE]"]
    chunks = [chunk for chunk in chunks if "error" not in chunk]
    assert len({(chunk["id"], chunk["model"], chunk["created"]) for chunk in chunks}) == 1
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert sum("role" in choice["delta"] for choice in choices) == 1
    ends = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    assert ends == ([] if isinstance(expected, Broken) else [getattr(expected, "finish", "stop")])


@cells(raw=True)
def test_the_bytes_of_a_stream_are_whole_or_say_that_they_are_not(cell: Cell, observed: Observed) -> None:
    """A whole one ends with `[DONE]`, once; a broken one with an error event and no `[DONE]`."""
    expected = behaviour(cell).outcome
    if isinstance(expected, Error):
        assert observed.outcome == f"status {expected.status}"
        assert json.loads(observed.body)["error"]["message"]
        return
    assert observed.outcome == "status 200"
    events = observed.body.split(b"\n\n")
    assert events.pop() == b""
    data = [event.removeprefix(b"data: ") for event in events]
    if isinstance(expected, Answer | Continued):
        assert data.pop() == b"[DONE]"
        documents = [json.loads(document) for document in data]
        assert not any("error" in document for document in documents)
        foreign = isinstance(expected, Answer) and expected.foreign
        assert foreign is any("choices" not in document for document in documents)
    else:
        assert json.loads(data[-1])["error"]["code"] == expected.code
    assert b"[DONE]" not in data


@pytest.mark.parametrize(
    "cell", [pytest.param(cell, id=str(cell)) for cell in CELLS if cell.row.heavy and not cell.raw]
)
def test_what_is_endless_is_cut_off_and_memory_stays_bounded(cell: Cell, observed: Observed) -> None:
    assert observed.growth < MOST_MEMORY


def test_in_the_end_nothing_is_under_way_any_more(measured: Measured) -> None:
    assert (measured.under_way, measured.in_flight) == (0, 0)
    assert measured.open == 0, "a provider still holds a connection that was given up"


def test_no_redirect_was_followed(measured: Measured) -> None:
    assert measured.elsewhere == 0


def test_every_kind_of_fault_has_a_row() -> None:
    assert {row.kind for row in ROWS} == set(KINDS)


def test_what_continuing_leads_to_is_said_of_every_stream_that_breaks_after_content() -> None:
    assert {row.name for row in ROWS if isinstance(row.stream.backed.outcome, Broken)} <= set(CONTINUED)
    assert set(CONTINUED) <= {row.name for row in ROWS}


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_the_page_says_what_the_table_says() -> None:
    """After a change of the table: `PYTHONPATH=tests python -m faults.page`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_only_rows_of_the_table_are_disputed_and_only_where_they_differ() -> None:
    rows = {row.name: row for row in ROWS}
    for name, dispute in DISPUTED.items():
        assert (dispute.plain, dispute.stream) != (None, None)
        assert dispute.plain != rows[name].plain
        assert dispute.stream != rows[name].stream
