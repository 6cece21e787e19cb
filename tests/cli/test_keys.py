"""`segue keys`: a key made in one shell opens and closes a service that runs in another."""

from collections.abc import Callable

import aiohttp

from cli.support import Run, Serve, Up, configuration, until
from segue.simulator import Simulator


async def status(up: Up, key: str | None = None) -> int:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(headers=headers) as web, web.get(f"{up.url}/v1/models") as answer:
        return answer.status


async def test_a_running_service_hears_of_keys_that_are_made_and_revoked(
    sim: Simulator, write: Callable, serve: Serve, run_async: Callable
):
    write(configuration(sim.url))
    async with serve() as up:
        assert await status(up) == 200
        made = await run_async("keys", "create", "app", "--json")
        key = made.json["key"]

        async def closed_to_strangers() -> bool:
            return await status(up) == 401

        await until(closed_to_strangers)
        assert await status(up, key) == 200
        other = (await run_async("keys", "create", "other")).out.strip()

        async def knows_the_other() -> bool:
            return await status(up, other) == 200

        await until(knows_the_other)
        assert (await run_async("keys", "revoke", "app")).code == 0

        async def revoked() -> bool:
            return await status(up, key) == 401

        await until(revoked)
        assert await status(up, other) == 200


def test_the_key_is_all_that_stands_on_standard_output(run: Run):
    made = run("keys", "create", "app")
    assert made.code == 0
    assert made.out.startswith("sk-segue-")
    assert made.out.count("\n") == 1
    assert "shown only now" in made.err


def test_a_list_shows_names_and_states_and_no_key(run: Run):
    first = run("keys", "create", "app").out.strip()
    run("keys", "create", "boss", "--admin")
    run("keys", "revoke", "app")
    shown = run("keys", "list")
    assert first not in shown.out
    assert first[-4:] in shown.out
    rows = [line.split() for line in shown.out.splitlines()[1:]]
    assert [(row[1], row[3]) for row in rows] == [("app", "caller"), ("boss", "admin")]
    assert "revoked" in shown.out.splitlines()[1]
    listed = run("keys", "list", "--json").json
    assert [one["name"] for one in listed] == ["app", "boss"]
    assert first not in str(listed)


def test_a_key_that_is_not_there_cannot_be_revoked(run: Run):
    run("keys", "create", "app")
    shown = run("keys", "revoke", "nobody")
    assert (shown.code, shown.out) == (1, "")
    assert "nobody" in shown.err


def test_a_name_can_be_taken_once(run: Run):
    run("keys", "create", "app")
    shown = run("keys", "create", "app")
    assert (shown.code, shown.out) == (1, "")
    assert "exists" in shown.err


def test_listing_makes_no_store(run: Run, tmp_path):
    shown = run("keys", "list")
    assert shown.code == 1
    assert "segue.db" in shown.err
    assert not list(tmp_path.iterdir())


def test_the_store_is_the_flags_then_the_variables_then_the_files(run: Run, write: Callable, tmp_path):
    write('store: "sqlite:///${NAME}.db"\nproviders:\n  x: {adapter: openai, key: "${NOT_SET_IN_THIS_SHELL}"}\n')
    assert run("keys", "create", "a", NAME="file").code == 0
    assert run("keys", "create", "b", NAME="file", DATABASE_URL="sqlite:///variable.db").code == 0
    assert run("keys", "create", "c", "--store", "sqlite:///flag.db", DATABASE_URL="sqlite:///variable.db").code == 0
    assert {path.name for path in tmp_path.glob("*.db")} == {"file.db", "variable.db", "flag.db"}


def test_a_store_in_memory_cannot_be_reached_from_outside(run: Run):
    shown = run("keys", "create", "app", "--store", "sqlite://")
    assert shown.code == 1
    assert "memory" in shown.err


def test_a_wrong_store_is_a_line(run: Run):
    shown = run("keys", "create", "app", "--store", "mysql://x/y")
    assert shown.code == 1
    assert shown.err.startswith("store: ")
