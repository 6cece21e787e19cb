"""Kept answers: found at once, written behind the caller's back, whose they are, and not for ever."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from segue.backends.store.responses import ResponseStore
from segue.backends.store.shelf import KEPT_FOR, LONGEST_NAME, Kept, Shelf
from segue.backends.store.store import Store
from segue.core.errors import Unavailable


class Clock:
    """A wall clock moved by hand; long sleeps end when `morning` comes, short ones soon."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0
        self.morning = asyncio.Event()

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        if seconds < 60:
            await asyncio.sleep(0.001)
        else:
            await self.morning.wait()
            self.morning.clear()


class Stubborn:
    """A store that fails as long as it is told to."""

    def __init__(self) -> None:
        self.away = True
        self.saved: dict[tuple[str, str], Kept] = {}

    async def save(self, kept: Sequence[Kept]) -> None:
        self._answer()
        self.saved |= {(one.caller_id, one.id): one for one in kept}

    async def load(self, caller_id: str, name: str) -> Kept | None:
        self._answer()
        return self.saved.get((caller_id, name))

    async def delete(self, caller_id: str, name: str) -> bool:
        self._answer()
        return self.saved.pop((caller_id, name), None) is not None

    async def purge(self, wall: float) -> int:
        self._answer()
        return 0

    def _answer(self) -> None:
        if self.away:
            raise OSError


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/a.db")
    yield opened
    await opened.close()


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_an_answer_is_found_before_it_is_written_and_after_a_restart(store: Store) -> None:
    clock = Clock()
    shelf = Shelf(clock, ResponseStore(store))
    assert shelf.put("me", "resp_1", b"record", b"answer")
    found = await shelf.find("me", "resp_1")
    assert found is not None
    assert shelf.written == 0
    shelf.start()
    await shelf.close()
    assert shelf.written == 1
    again = await Shelf(clock, ResponseStore(store)).find("me", "resp_1")
    assert again == found
    assert (again.record, again.answer) == (b"record", b"answer")


async def test_two_callers_may_have_answers_of_the_same_id(store: Store) -> None:
    shelf = Shelf(Clock(), ResponseStore(store))
    shelf.start()
    shelf.put("me", "resp_1", b"mine", b"")
    shelf.put("you", "resp_1", b"yours", b"")
    await until(lambda: shelf.written == 2)
    fresh = Shelf(Clock(), ResponseStore(store))
    for caller, record in (("me", b"mine"), ("you", b"yours"), ("nobody", None)):
        for each in (shelf, fresh):
            found = await each.find(caller, "resp_1")
            assert (found.record if found else None) == record
    assert await shelf.delete("me", "resp_1")
    assert await shelf.find("you", "resp_1") is not None
    await shelf.close()


async def test_what_is_deleted_is_gone_everywhere_also_while_it_waits_to_be_written(store: Store) -> None:
    shelf = Shelf(Clock(), ResponseStore(store))
    shelf.put("me", "resp_1", b"r", b"a")
    assert await shelf.delete("me", "resp_1")
    assert not await shelf.delete("me", "resp_1")
    shelf.start()
    await shelf.close()
    assert await shelf.find("me", "resp_1") is None
    assert shelf.written == 0


async def test_after_thirty_days_an_answer_is_not_found_and_then_deleted(store: Store) -> None:
    clock = Clock()
    table = ResponseStore(store)
    shelf = Shelf(clock, table)
    shelf.start()
    shelf.put("me", "old", b"r", b"a")
    await until(lambda: shelf.written == 1)
    clock.time += KEPT_FOR - 1
    shelf.put("me", "new", b"r", b"a")
    assert await shelf.find("me", "old") is not None
    clock.time += 2
    assert await shelf.find("me", "old") is None
    assert await table.load("me", "old") is not None
    clock.morning.set()
    async with asyncio.timeout(5):
        while await table.load("me", "old") is not None:
            await asyncio.sleep(0.001)
    await shelf.close()
    assert await table.load("me", "new") is not None


async def test_a_purge_deletes_more_than_one_statement_takes(store: Store) -> None:
    table = ResponseStore(store)
    await table.save([Kept("me", f"resp_{number}", 1.0, 2.0, b"", b"") for number in range(1100)])
    await table.save([Kept("me", "resp_later", 1.0, 4.0, b"", b"")])
    assert await table.purge(3.0) == 1100
    assert await table.purge(3.0) == 0
    assert await table.load("me", "resp_later") is not None


async def test_memory_is_bounded_and_what_gave_way_is_read_from_the_store(store: Store) -> None:
    shelf = Shelf(Clock(), ResponseStore(store), capacity=1000)
    shelf.start()
    for number in range(5):
        shelf.put("me", f"resp_{number}", b"r" * 200, b"a" * 200)
        await until(lambda: shelf.written == number + 1)  # noqa: B023 - it is waited for at once
    assert shelf._bytes <= 1000
    assert [name for _, name in shelf._memory] == ["resp_3", "resp_4"]
    assert await shelf.find("me", "resp_0") is not None
    assert shelf._bytes <= 1000
    assert shelf.dropped == 0
    await shelf.close()


async def test_what_is_too_large_or_has_an_endless_name_is_not_kept() -> None:
    shelf = Shelf(Clock(), capacity=1000)
    assert not shelf.put("me", "resp_1", b"r" * 900, b"a" * 200)
    assert not shelf.put("me", "r" * (LONGEST_NAME + 1), b"r", b"a")
    assert await shelf.find("me", "resp_1") is None
    assert await shelf.find("me", "r" * (LONGEST_NAME + 1)) is None


async def test_a_store_that_is_away_for_a_while_loses_nothing() -> None:
    stubborn = Stubborn()
    shelf = Shelf(Clock(), stubborn)
    shelf.start()
    shelf.put("me", "resp_1", b"r", b"a")
    await until(lambda: shelf.errors > 3)
    assert await shelf.find("me", "resp_1") is not None
    with pytest.raises(Unavailable):  # nobody can tell
        await shelf.find("me", "resp_2")
    stubborn.away = False
    await until(lambda: shelf.written == 1)
    assert await shelf.find("me", "resp_2") is None
    await shelf.close()
    assert shelf.dropped == 0


async def test_what_gives_way_before_it_could_be_written_is_counted() -> None:
    shelf = Shelf(Clock(), Stubborn(), capacity=1000)
    for number in range(5):
        shelf.put("me", f"resp_{number}", b"r" * 400, b"")
    assert shelf.dropped == 3


async def test_with_other_processes_memory_holds_only_what_is_not_written(store: Store) -> None:
    """Another process deletes an answer: none may still hand it out from memory."""
    first, second = (Shelf(Clock(), ResponseStore(store), alone=False) for _ in range(2))
    first.start()
    first.put("me", "resp_1", b"r", b"a")
    await until(lambda: first.written == 1)
    assert await first.find("me", "resp_1") is not None
    assert await second.find("me", "resp_1") is not None
    assert await second.delete("me", "resp_1")
    assert await first.find("me", "resp_1") is None
    await first.close()


async def test_an_answer_that_another_process_is_just_writing_is_waited_for() -> None:
    class Late(Stubborn):
        looks = 0

        async def load(self, caller_id: str, name: str) -> Kept | None:
            self.looks += 1
            return Kept(caller_id, name, 0.0, 2e9, b"r", b"a") if self.looks == 3 else None

    assert await Shelf(Clock(), Late(), alone=False).find("me", "resp_1") is not None
    assert await Shelf(Clock(), Late(), alone=True).find("me", "resp_1") is None


def test_what_was_said_is_in_no_repr() -> None:
    assert repr(Kept("me", "resp_1", 0.0, 1.0, b"a secret", b"another")) == "Kept('resp_1')"
