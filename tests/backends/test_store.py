"""Opening the store: what works, and what people are told when it does not."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from segue.backends.store import schema, sqlite
from segue.backends.store.store import Store
from segue.backends.store.tables import METADATA
from segue.core.errors import ConfigError


async def opened(url):
    store = await Store.open(url)
    await store.close()
    return store


async def refusal(url) -> str:
    with pytest.raises(ConfigError) as caught:
        await opened(url)
    (problem,) = caught.value.problems
    assert problem.startswith("store: ")
    return problem


async def pragma(store, name):
    async with store.read() as connection:
        return (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()


async def test_a_new_file_is_made_with_its_tables_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "segue.db"
    old = os.umask(0)
    try:
        store = await Store.open(f"sqlite:///{path}")
        assert await store.ping()
        async with store.write() as connection:
            await connection.execute(text("INSERT INTO settings VALUES ('a', 'b')"))
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
        await store.close()
    finally:
        os.umask(old)
    assert set(modes.values()) == {0o600}
    assert "segue.db-wal" in modes


async def test_the_settings_that_keep_it_working_under_load_are_in_force(tmp_path):
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    assert await pragma(store, "journal_mode") == "wal"
    assert await pragma(store, "foreign_keys") == 1
    assert await pragma(store, "busy_timeout") == 5000
    assert await pragma(store, "synchronous") == 1
    await store.close()


async def test_relative_urls_are_relative_to_where_the_program_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    await opened("sqlite:///here.db")
    assert (tmp_path / "here.db").exists()


async def test_what_is_written_is_there_after_reopening(tmp_path):
    for _ in range(2):
        store = await Store.open(f"sqlite:///{tmp_path}/a.db")
        async with store.write() as connection:
            await connection.execute(text("INSERT OR REPLACE INTO settings VALUES ('a', 'b')"))
        await store.close()
    assert (await opened(f"sqlite:///{tmp_path}/a.db")).path == tmp_path / "a.db"
    with sqlite3.connect(tmp_path / "a.db") as plain:
        assert plain.execute("SELECT * FROM settings").fetchall() == [("a", "b")]
    plain.close()


async def test_a_store_in_memory_is_one_database_for_all_and_alone():
    first, second = await Store.open("sqlite://"), await Store.open("sqlite://")
    async with first.write() as connection:
        await connection.execute(text("INSERT INTO settings VALUES ('a', 'b')"))
    async with first.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM settings"))).scalar_one() == 1
    async with second.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM settings"))).scalar_one() == 0
    await first.close()
    await second.close()


async def test_a_store_in_memory_survives_a_cancelled_statement():
    store = await Store.open("sqlite://")
    async with store.write() as connection:
        await connection.execute(text("INSERT INTO settings VALUES ('a', 'b')"))
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000000) SELECT max(x) FROM n"
    reading = asyncio.Event()

    async def read():
        async with store.read() as connection:
            reading.set()
            await connection.execute(text(endless))

    task = asyncio.create_task(read())
    await reading.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.read() as connection:
        assert (await connection.execute(text("SELECT value FROM settings"))).scalar_one() == "b"
    await store.close()


async def test_a_transaction_that_fails_leaves_nothing():
    store = await Store.open("sqlite://")

    async def fail():
        async with store.write() as connection:
            await connection.execute(text("INSERT INTO settings VALUES ('a', 'b')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with store.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM settings"))).scalar_one() == 0
    await store.close()


async def test_readers_and_writers_at_once_all_get_their_turn(tmp_path):
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")

    async def write(number):
        async with store.write() as connection:
            found = (await connection.execute(text("SELECT count(*) FROM settings"))).scalar_one()
            await connection.execute(text("INSERT INTO settings VALUES (:a, :b)"), {"a": str(number), "b": str(found)})

    await asyncio.gather(*(write(number) for number in range(50)), *(store.ping() for _ in range(50)))
    async with store.read() as connection:
        counted = (await connection.execute(text("SELECT value FROM settings"))).scalars().all()
    assert sorted(map(int, counted)) == list(range(50))
    await store.close()


async def test_a_closed_or_broken_store_does_not_answer_a_ping(tmp_path):
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    async with store.write() as connection:
        await connection.execute(text("DROP TABLE settings"))
    assert not await store.ping()
    await store.close()


@pytest.mark.parametrize("where", ["file", "memory"])
async def test_a_burst_of_tasks_that_are_cancelled_does_not_stop_the_store(tmp_path, where):
    """A peer's store stops answering for good after a burst whose clients hang up."""
    store = await Store.open(f"sqlite:///{tmp_path}/a.db" if where == "file" else "sqlite://")

    async def work(number):
        async with store.write() if number % 3 == 0 else store.read() as connection:
            if number % 3 == 0:
                await connection.execute(text("INSERT INTO settings VALUES (:a, 'b')"), {"a": f"{burst}-{number}"})
            await connection.execute(text("SELECT count(*) FROM settings"))

    for burst in range(6):
        tasks = [asyncio.create_task(work(number)) for number in range(100)]
        for _ in range(burst * 5):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert await store.ping()
    async with asyncio.timeout(5):
        await asyncio.gather(*(store.ping() for _ in range(20)))
        async with store.write() as connection:
            await connection.execute(text("INSERT INTO settings VALUES ('after', 'b')"))
    assert store.engine.pool.checkedout() == 0
    await store.close()


def test_the_store_works_on_uvloop_too(tmp_path):
    uvloop = pytest.importorskip("uvloop")

    async def main():
        for url in (f"sqlite:///{tmp_path}/a.db", "sqlite://"):
            store = await Store.open(url)
            assert await store.ping()
            await store.close()

    uvloop.run(main())


# Refusals


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("segue.db", "sqlite:///segue.db"),
        ("", "sqlite:///segue.db"),
        ("postgresql://me:secret@host/db", "postgresql is not supported"),
        ("sqlite://segue.db", "three slashes"),
        ("sqlite:///a.db?mode=ro", "no parameters"),
        ("sqlite+pysqlite:///a.db", "sqlite:///segue.db"),
    ],
)
async def test_a_url_that_names_no_store_is_refused_with_one_that_would(url, told):
    problem = await refusal(url)
    assert told in problem
    assert "secret" not in problem


async def test_a_missing_directory_is_named(tmp_path):
    problem = await refusal(f"sqlite:///{tmp_path}/missing/a.db")
    assert f"the directory {tmp_path}/missing does not exist" in problem


async def test_a_directory_is_not_a_store(tmp_path):
    assert f"{tmp_path} is a directory" in await refusal(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("content", [b"this is no database " * 500, b"x", b"\0" * 5000])
async def test_a_file_that_is_no_database_is_refused_untouched(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    assert "is not a SQLite database" in await refusal(f"sqlite:///{path}")
    assert path.read_bytes() == content


async def test_a_damaged_database_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / "a.db"
    await opened(f"sqlite:///{path}")
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    assert "is damaged: name another file, or restore a backup" in await refusal(f"sqlite:///{path}")


async def test_another_programs_database_is_refused_untouched(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as plain:
        plain.execute("CREATE TABLE customers (a)")
    plain.close()
    before = path.read_bytes()
    assert "tables of another program (customers)" in await refusal(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["other.db"]


async def test_a_database_of_a_newer_version_is_refused_untouched(tmp_path):
    path = tmp_path / "a.db"
    await opened(f"sqlite:///{path}")
    with sqlite3.connect(path) as plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
    plain.close()
    problem = await refusal(f"sqlite:///{path}")
    assert "9999, which is newer than this Segue" in problem
    with sqlite3.connect(path) as plain:
        assert plain.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
    plain.close()


async def test_a_database_that_another_process_holds_for_long_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.db"
    await opened(f"sqlite:///{path}")
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(sqlite, "_PRAGMAS", ("PRAGMA busy_timeout=100",))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert "is locked by another process" in await refusal(f"sqlite:///{path}")
    finally:
        other.close()
    await opened(f"sqlite:///{path}")


async def test_a_journal_mode_that_was_not_taken_is_noticed_when_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr("segue.backends.store.store.use_wal", lambda _connection: "delete")
    assert "journal mode delete, and Segue needs wal" in await refusal(f"sqlite:///{tmp_path}/a.db")


NOBODY = 65534
OPEN = """
import asyncio, sys
from segue.backends.store.store import Store
try:
    asyncio.run(Store.open(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("what", ["file", "directory"])
@pytest.mark.skipif(os.getuid() != 0, reason="needs to become a user without rights")
async def test_what_cannot_be_written_is_named(what):
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.db"
        await opened(f"sqlite:///{path}")
        path.chmod(0o644 if what == "file" else 0o666)
        Path(directory).chmod(0o777 if what == "file" else 0o755)
        os.seteuid(NOBODY)
        try:
            problem = await refusal(f"sqlite:///{path}")
        finally:
            os.seteuid(0)
    assert str(path) in problem
    assert "permissions" in problem


# Migrations


def test_the_migrations_make_exactly_the_tables_that_the_code_uses():
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        schema._migrate(connection, ())
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        found = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE sql IS NOT NULL").scalars())
    engine.dispose()
    assert {"calls", "attempts", "api_keys", "settings"} <= found


def test_a_new_store_has_exactly_the_tables_that_the_migrations_make():
    tables = []
    for make in (schema.bring_up_to_date, lambda connection: schema._migrate(connection, ())):
        engine = create_engine("sqlite://")
        with engine.begin() as connection:
            make(connection)
            found = connection.exec_driver_sql("SELECT type, name, tbl_name FROM sqlite_master").all()
            columns = {
                name: connection.exec_driver_sql(f"PRAGMA table_xinfo({name})").all()
                for kind, name, _ in found
                if kind == "table"
            }
            strict = sorted(connection.exec_driver_sql("SELECT name, wr, strict FROM pragma_table_list").all())
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [
                schema.HEAD
            ]
        engine.dispose()
        tables.append((sorted(found), columns, strict))
    assert tables[0] == tables[1]


def test_the_newest_migration_is_the_one_that_the_code_expects():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_every_migration_can_be_undone_and_done_again():
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        command.downgrade(config, "base")
        left = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        assert left == ["alembic_version"]
        command.upgrade(config, "head")
    engine.dispose()


async def test_a_start_that_dies_in_the_middle_of_a_migration_leaves_nothing_half_done(tmp_path, monkeypatch):
    path = tmp_path / "a.db"

    def dies(connection):
        connection.execute(text("CREATE TABLE calls (id)"))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(schema, "_create", dies)
        with pytest.raises(KeyboardInterrupt):
            await Store.open(f"sqlite:///{path}")
    with sqlite3.connect(path) as plain:
        assert plain.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    plain.close()
    await opened(f"sqlite:///{path}")


async def test_several_processes_may_start_at_once_on_a_new_file(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    program = OPEN.replace("asyncio.run(", "store = asyncio.run(") + "\nelse: print('opened')"
    running = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, url, stdout=asyncio.subprocess.PIPE)
        for _ in range(4)
    ]
    said = [(await process.communicate())[0] for process in running]
    assert said == [b"opened\n"] * 4


def test_neither_a_new_store_nor_a_current_one_loads_alembic(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    program = OPEN.replace("asyncio.run(Store.open(sys.argv[1]))", "store = asyncio.run(Store.open(sys.argv[1]))")
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, "-c", program + "\nprint('alembic' in sys.modules)", url], capture_output=True, text=True
        )
        assert ran.stdout.strip() == "False", ran.stderr
