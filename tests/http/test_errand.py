"""A task that begins at once is a task in every other way."""

import asyncio
import contextvars

import pytest

from segue.http.errand import Errand


def sent(coroutine) -> Errand:
    """An errand that was begun as the event loop begins it: outside of every task."""
    made = Errand(coroutine, asyncio.get_running_loop(), lambda _errand: None)
    asyncio.get_running_loop().call_soon(made.begin)
    return made


async def test_it_runs_in_the_moment_in_which_it_is_begun() -> None:
    seen: list[str] = []

    async def work() -> None:
        seen.append("begun")
        await asyncio.sleep(0)
        seen.append("went on")

    made = Errand(work(), asyncio.get_running_loop(), lambda _errand: seen.append("ended"))

    def begin() -> None:
        made.begin()
        seen.append("the loop goes on")

    asyncio.get_running_loop().call_soon(begin)
    await made
    assert seen == ["begun", "the loop goes on", "went on", "ended"]


async def test_begun_within_another_task_it_waits_for_its_turn() -> None:
    seen: list[str] = []

    async def work() -> None:
        seen.append("begun")

    made = Errand(work(), asyncio.get_running_loop(), lambda _errand: None)
    made.begin_soon()
    assert seen == []
    await made
    assert seen == ["begun"]


async def test_it_is_the_current_task_and_time_limits_hold_in_it() -> None:
    async def work() -> None:
        assert asyncio.current_task() is made
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        assert made.cancelling() == 0
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))

    made = sent(work())
    await made


@pytest.mark.parametrize("at_once", [True, False], ids=["before it begins", "while it waits"])
async def test_cancelled_it_is_told_where_it_waits_and_may_clean_up(at_once: bool) -> None:
    cleaned: list[int] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.append(made.cancelling())

    made = sent(work())
    if not at_once:
        await asyncio.sleep(0.01)
    assert made.cancel()
    with pytest.raises(asyncio.CancelledError):
        await made
    assert made.cancelled()
    assert cleaned == ([] if at_once else [1])
    assert not made.cancel()


async def test_a_cancellation_that_is_taken_back_lets_it_go_on() -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            assert made.uncancel() == 0
        await asyncio.sleep(0)

    made = sent(work())
    await asyncio.sleep(0.01)
    made.cancel()
    await made
    assert not made.cancelled()


async def test_what_it_raises_is_its_result_and_what_it_waits_for_may_raise() -> None:
    failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        with pytest.raises(ValueError, match="awaited"):
            await failing
        raise KeyError("its own")

    made = sent(work())
    asyncio.get_running_loop().call_later(0.01, failing.set_exception, ValueError("awaited"))
    with pytest.raises(KeyError, match="its own"):
        await made


async def test_what_it_sets_in_its_context_is_nobody_elses() -> None:
    variable = contextvars.ContextVar("variable", default="outside")

    async def work() -> None:
        variable.set("inside")
        await asyncio.sleep(0)
        assert variable.get() == "inside"

    await sent(work())
    assert variable.get() == "outside"


async def test_others_can_wait_for_it_as_for_any_task() -> None:
    async def work() -> None:
        await asyncio.sleep(0.01)

    made = sent(work())
    done, waiting = await asyncio.wait({made}, timeout=5)
    assert (done, waiting) == ({made}, set())
