"""The wall: whatever breaks at a provider of whatever format, no client of any format takes a part for the whole."""

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest

from faults.callers import CALLERS, Heard
from faults.formats import (
    BY_NAME,
    EXAMPLES,
    SECRET,
    SPEAKERS,
    TELLING,
    Breaks,
    Cell,
    Ends,
    Fails,
    Fault,
    Fine,
    cells,
    is_a_pair,
)
from faults.wall import MOST, Wall, measure
from segue.core.failure import TREATMENTS, Next

pytestmark = pytest.mark.timeout(240)

CLIENTS = {caller.name: caller for caller in CALLERS}
ODD = frozenset({"`duplicate_event`", "`endless_body`"})
"""Examples whose words themselves are not the healthy ones."""


def chosen(fault: Fault, speaker: str, *, quick: bool) -> list[Cell]:
    """The cells of a fault and a provider's format: those that stand for the others, or the rest."""
    return [
        cell for cell in cells(fault)
        if cell.speaker == speaker and (fault.telling or is_a_pair(cell)) is quick
    ]  # fmt: skip


def groups() -> Iterator[pytest.param]:
    for quick in (True, False):
        for fault in (*TELLING, *EXAMPLES):
            for speaker in SPEAKERS:
                some = chosen(fault, speaker, quick=quick)
                if some:
                    marks = () if quick else pytest.mark.slow
                    yield pytest.param(some, id=f"{fault.name}, {speaker}{'' if quick else ', the rest'}", marks=marks)


GROUPS = list(groups())
every_group = pytest.mark.parametrize("group", GROUPS)


@pytest.fixture(scope="module")
def wall(request: pytest.FixtureRequest) -> Wall:
    """Every cell that a chosen test asks for, carried out once."""
    params = (getattr(item, "callspec", None) for item in request.session.items if item.path == request.path)
    wanted = [spec.params["group"] for spec in params if spec is not None and "group" in spec.params]
    return asyncio.run(measure(list(dict.fromkeys(cell for group in wanted for cell in group))))


def all_well(group: list[Cell], judge: Callable[[Cell], str]) -> None:
    """No cell of the group is judged to be wrong; of the others all are told at once."""
    verdicts = {str(cell): verdict for cell in group if (verdict := judge(cell))}
    assert not verdicts, "\n" + "\n".join(f"{name}: {verdict}" for name, verdict in verdicts.items())


class Judge:
    """What is right in one cell."""

    def __init__(self, wall: Wall, cell: Cell) -> None:
        self.cell = cell
        self.heard = wall.cells[cell]
        self.attempts = wall.attempts[cell]
        self.caller = CLIENTS[cell.caller]
        speaker = SPEAKERS[cell.speaker]
        self.own = wall.references[cell.caller, cell.speaker, cell.stream]
        self.other = wall.references[cell.caller, speaker.fallback, cell.stream]
        self.backup = f"well-{speaker.fallback}"

    def outcome(self) -> str:
        heard, expected = self.heard, self.cell.expected
        if heard.wrong:
            return heard.wrong
        if isinstance(expected, Fine):
            return self._whole(self.own)
        if isinstance(expected, Breaks):
            return self._broken(expected.words)
        if isinstance(expected, Ends):
            return self._ended(expected)
        if isinstance(expected, Fails):
            treatment = TREATMENTS[expected.kind]
            if self.cell.backed and treatment.next is not Next.STOP:
                return self._whole(self.other)
            return self._failed(treatment.status, expected.kind.value, expected.retry_after)
        return self._safe()

    def _ended(self, expected: Ends) -> str:
        heard = self.heard
        words = "" if heard.raised else heard.text
        right = heard.reason == self.caller.words[expected.reason] and self.own.text.startswith(words)
        return "" if right and len(words.split()) == expected.words else f"{heard.reason}: {self._told()}"

    def _safe(self) -> str:
        heard = self.heard
        if heard.reason and not heard.raised:
            known = heard.text in {self.own.text, self.other.text}
            return "" if (heard.whole and known) or self.cell.fault in ODD or not heard.whole else self._told()
        if self.heard.status == 200:
            return self._broken(None)
        return "" if self.heard.raised == self.caller.raises(self.heard.status) else self._told()

    def _told(self) -> str:
        heard = self.heard
        return f"{heard.raised or 'an answer'}, status {heard.status}, {heard.text!r}, {bytes(heard.body[-300:])!r}"

    def _whole(self, reference: Heard) -> str:
        return "" if self.heard.whole and self.heard.text == reference.text else self._told()

    def _failed(self, status: int, code: str, retry_after: str | None) -> str:
        heard = self.heard
        status = self.caller.statuses.get(code, status)
        right = (
            (heard.status, heard.raised, heard.text) == (status, self.caller.raises(status), "")
            and heard.code == code
            and heard.headers.get("x-should-retry") == "false"
            and (retry_after is None or heard.headers.get("retry-after") == retry_after)
        )
        return "" if right else f"{self._told()}, retry-after {heard.headers.get('retry-after')}"

    def _broken(self, words: int | None) -> str:
        heard, whole = self.heard, self.own.text
        if heard.status != 200 or heard.raised not in self.caller.breaks or heard.reason:
            return self._told()
        if not whole.startswith(heard.text) and self.cell.fault not in ODD:
            return f"other words: {self._told()}"
        if words is not None and len(heard.text.split()) != words:
            return f"{len(heard.text.split())} words: {self._told()}"
        return ""

    def record(self) -> str:
        expected, told = self.cell.expected, self.attempts
        if isinstance(expected, Fine | Ends):
            right = [(self.cell.provider, None)]
        elif isinstance(expected, Breaks):
            right = [(self.cell.provider, expected.kind.value)]
        elif isinstance(expected, Fails):
            right = [(self.cell.provider, expected.kind.value)]
            if self.cell.backed and TREATMENTS[expected.kind].next is not Next.STOP:
                right.append((self.backup, None))
        else:
            return "" if told and len(told) <= 2 and all(kind for _, kind in told[:-1]) else repr(told)
        return "" if told == right else f"{told} instead of {right}"

    def ends(self) -> str:
        """A body is ended properly, and only a whole answer has what ends one."""
        heard = self.heard
        if not heard.ended:
            return "the body was cut"
        if self.cell.stream and not heard.reason and any(end in heard.body for end in self.caller.ends):
            return f"it looks like a whole one: {self._told()}"
        if "array" in self.caller.name:
            json.loads(bytes(heard.body))
        return ""


@every_group
def test_the_caller_gets_an_answer_an_exception_or_a_stream_that_says_that_it_broke(wall: Wall, group) -> None:
    all_well(group, lambda cell: Judge(wall, cell).outcome())


@every_group
def test_attempts_are_counted_and_classified(wall: Wall, group) -> None:
    all_well(group, lambda cell: Judge(wall, cell).record())


@every_group
def test_every_body_is_ended_and_only_a_whole_one_has_the_formats_end(wall: Wall, group) -> None:
    all_well(group, lambda cell: Judge(wall, cell).ends())


@every_group
def test_nothing_hangs(wall: Wall, group) -> None:
    all_well(group, lambda cell: "" if (took := wall.cells[cell].elapsed) < MOST else f"{took:.1f} s")


@every_group
def test_no_answer_has_a_secret_in_it(wall: Wall, group) -> None:
    def judge(cell: Cell) -> str:
        heard = wall.cells[cell]
        return "it is in it" if SECRET.encode() in heard.body or SECRET in str(heard.headers) else ""

    all_well(group, judge)


def test_the_service_answers_before_and_after_all_that(wall: Wall) -> None:
    assert wall.references
    for which, heard in wall.references.items():
        after = wall.afterwards[which]
        assert (heard.whole, heard.raised, heard.wrong, len(heard.text.split())) == (True, "", "", 12), which
        assert (after.whole, after.text) == (True, heard.text), which


def test_in_the_end_nothing_is_under_way_any_more(wall: Wall) -> None:
    assert (wall.under_way, wall.in_flight) == (0, 0)
    assert wall.open == 0, "a provider still holds a connection that was given up"


def test_a_prompt_that_google_refuses_is_a_refusal_for_every_client(wall: Wall) -> None:
    """Google's answer is 200 with a reason and no candidate; nobody else is shown what was refused."""
    assert wall.refused
    for which, heard in wall.refused.items():
        judged = (heard.status, heard.raised, heard.wrong, heard.text)
        assert judged == (400, CLIENTS[which[0]].raises(400), "", ""), which
        assert heard.code == "content_filter", which


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(TELLING) + len(EXAMPLES)
