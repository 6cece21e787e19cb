"""API keys: shown once, kept as keyed hashes, noticed by other processes at once."""

import asyncio
import os
import stat
import subprocess
import sys
import warnings

import pytest
from sqlalchemy import text

from segue.backends.store.keys import PREFIX, KeyRefused, KeyStore
from segue.backends.store.secret import hash_key, hash_secret
from segue.backends.store.store import Store
from segue.core.clock import SystemChance
from segue.core.errors import ConfigError
from segue.testing.clock import FakeClock


@pytest.fixture
async def store(tmp_path):
    opened = await Store.open(f"sqlite:///{tmp_path}/a.db")
    yield opened
    await opened.close()


async def opened(store, environment=None, clock=None) -> KeyStore:
    return await KeyStore.open(
        store,
        clock=clock or FakeClock(),
        chance=SystemChance(1),
        environment={} if environment is None else environment,
    )


async def test_a_new_key_is_found_by_its_digest(store):
    keys = await opened(store)
    key, record = await keys.create("team-a", admin=True)
    assert key.startswith(PREFIX)
    assert len(key) >= len(PREFIX) + 32
    assert record.id.startswith("key_")
    assert record.last4 == key[-4:]
    assert (await keys.load())[keys.digest(key)] == record
    assert keys.digest(key + "x") not in await keys.load()
    assert record.admin


async def test_keys_differ(store):
    keys = await opened(store)
    made = [(await keys.create(f"k{number}"))[0] for number in range(5)]
    assert len(set(made)) == 5


async def test_neither_the_key_nor_the_secret_is_stored_or_shown(store, tmp_path):
    keys = await opened(store)
    key, record = await keys.create("team-a")
    secret = (tmp_path / "a.db.secret").read_text().strip()
    await store.close()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("a.db*") if path.suffix != ".secret")
    for hidden in (key, key.removeprefix(PREFIX), secret):
        assert hidden.encode() not in content
        assert hidden not in repr(record) + repr(keys)
    assert bytes.fromhex(secret) not in content


async def test_a_revoked_key_opens_nothing_and_stays_in_the_list(store):
    keys = await opened(store)
    key, record = await keys.create("team-a")
    revoked = await keys.revoke("team-a")
    assert revoked.id == record.id
    assert not revoked.valid(0)
    assert keys.digest(key) not in await keys.load()
    assert [each.revoked_at for each in await keys.list()] == [revoked.revoked_at]


async def test_an_expired_key_is_not_valid(store):
    keys = await opened(store)
    _, record = await keys.create("short", expires_at=1_700_000_100.0)
    (loaded,) = (await keys.load()).values()
    assert loaded == record
    assert loaded.valid(1_700_000_099.9)
    assert not loaded.valid(1_700_000_100.0)


@pytest.mark.parametrize("by", ["name", "id", "prefix", "key"])
async def test_a_key_is_revoked_by_its_name_its_id_the_beginning_of_its_id_or_itself(store, by):
    keys = await opened(store)
    key, record = await keys.create("team-a")
    which = {"name": "team-a", "id": record.id, "prefix": record.id[:-4], "key": key}[by]
    assert (await keys.revoke(which)).id == record.id


async def test_what_means_no_key_or_several_revokes_nothing(store):
    keys = await opened(store)
    await keys.create("a")
    await keys.create("b")
    with pytest.raises(KeyRefused, match="means 2 keys: key_"):
        await keys.revoke((await keys.list())[0].id[:6])
    for which in ("", "key_", "nobody", "tea"):
        with pytest.raises(KeyRefused, match="no key in force"):
            await keys.revoke(which)
    assert len(await keys.load()) == 2


async def test_a_key_given_to_revoke_is_not_echoed(store):
    keys = await opened(store)
    with pytest.raises(KeyRefused) as caught:
        await keys.revoke(PREFIX + "mistyped")
    assert "mistyped" not in str(caught.value)


async def test_a_name_is_taken_until_its_key_is_revoked(store):
    keys = await opened(store)
    await keys.create("team-a")
    with pytest.raises(KeyRefused, match="'team-a' exists"):
        await keys.create(" team-a ")
    await keys.revoke("team-a")
    await keys.create("team-a")
    assert len(await keys.list()) == 2


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
async def test_a_name_that_is_none_is_refused(store, name):
    keys = await opened(store)
    with pytest.raises(KeyRefused, match="1 to 100 printable characters"):
        await keys.create(name)


async def test_keys_made_by_another_process_are_noticed(store, tmp_path):
    keys = await opened(store)
    await keys.load()
    assert not await keys.changed()
    other_store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    other = await opened(other_store)
    key, _ = await other.create("new")
    assert await keys.changed()
    assert keys.digest(key) in await keys.load()
    assert not await keys.changed()
    await other.revoke("new")
    assert await keys.changed()
    assert await keys.load() == {}
    await other_store.close()


async def test_two_who_take_the_same_name_at_once_get_one_key(store):
    keys = await opened(store)
    results = await asyncio.gather(*(keys.create("same") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, KeyRefused) for result in results) == 4
    assert len(await keys.list()) == 1


async def test_a_store_in_memory_has_keys_too():
    store = await Store.open("sqlite://")
    keys = await opened(store)
    key, _ = await keys.create("a")
    assert keys.digest(key) in await keys.load()
    await store.close()


# The secret


async def test_the_secrets_file_is_for_its_owner_only_and_is_kept(store, tmp_path):
    first = await opened(store)
    file = tmp_path / "a.db.secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(bytes.fromhex(file.read_text())) == 32
    second = await opened(store)
    assert first.digest("x") == second.digest("x")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("a.db.secret.")]


async def test_the_environments_secret_is_used_and_no_file_is_made(store, tmp_path):
    keys = await opened(store, {"SEGUE_SECRET": "a secret that is long enough"})
    again = await opened(store, {"SEGUE_SECRET": "a secret that is long enough"})
    assert keys.digest("x") == again.digest("x")
    assert keys.digest("x") != (await opened(store, {"SEGUE_SECRET": "another secret, also long enough"})).digest("x")
    assert not (tmp_path / "a.db.secret").exists()


async def test_a_short_secret_is_refused_and_not_shown(store):
    with pytest.raises(ConfigError, match="SEGUE_SECRET: shorter than 16 characters") as caught:
        await opened(store, {"SEGUE_SECRET": "hunter2"})
    assert "hunter2" not in str(caught.value)


async def test_a_lost_secret_is_noticed_instead_of_refusing_every_caller(store, tmp_path):
    keys = await opened(store)
    await keys.create("a")
    (tmp_path / "a.db.secret").unlink()
    with pytest.raises(ConfigError, match=r"made with another secret: restore .*a\.db\.secret, or SEGUE_SECRET"):
        await opened(store)


async def test_a_secret_that_changes_while_running_is_noticed_on_load_and_create(store):
    keys = await opened(store)
    other = await opened(store, {"SEGUE_SECRET": "a secret that is long enough"})
    await other.create("a")
    with pytest.raises(ConfigError, match="made with another secret"):
        await keys.load()
    with pytest.raises(ConfigError, match="made with another secret"):
        await keys.create("b")


@pytest.mark.parametrize("content", ["", "zz", "00" * 31, "ü"])
def test_a_damaged_secrets_file_is_refused(tmp_path, content):
    file = tmp_path / "a.db.secret"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=r"a\.db\.secret: not a secret of 32 bytes"):
        hash_secret(tmp_path / "a.db", {})
    assert file.read_text() == content


def test_a_secret_that_others_can_read_is_warned_of(tmp_path):
    secret = hash_secret(tmp_path / "a.db", {})
    (tmp_path / "a.db.secret").chmod(0o644)
    with pytest.warns(UserWarning, match=r"run `chmod 600 .*a\.db\.secret`"):
        assert hash_secret(tmp_path / "a.db", {}) == secret
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (tmp_path / "a.db.secret").chmod(0o600)
        hash_secret(tmp_path / "a.db", {})


def test_a_secret_that_cannot_be_kept_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match=r"or set SEGUE_SECRET"):
        hash_secret(tmp_path / "missing" / "a.db", {})


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path):
    program = (
        "import sys; from pathlib import Path; from segue.backends.store.secret import hash_secret;"
        "print(hash_secret(Path(sys.argv[1]), {}).hex())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "a.db")], stdout=subprocess.PIPE)
        for _ in range(6)
    ]
    said = {process.communicate()[0] for process in running}
    assert len(said) == 1
    assert len(said.pop().strip()) == 64
    assert os.listdir(tmp_path) == ["a.db.secret"]


def test_a_hash_depends_on_the_key_and_on_the_secret():
    one = hash_key(b"a" * 32, "sk-segue-x")
    assert len(one) == 32
    assert one == hash_key(b"a" * 32, "sk-segue-x")
    assert one != hash_key(b"b" * 32, "sk-segue-x")
    assert one != hash_key(b"a" * 32, "sk-segue-y")
    assert len(hash_key(b"a" * 32, "\ud800")) == 32


async def test_the_digest_is_all_that_the_table_holds_of_a_key(store):
    keys = await opened(store)
    key, _ = await keys.create("a")
    async with store.read() as connection:
        (row,) = (await connection.execute(text("SELECT * FROM api_keys"))).mappings().all()
    assert row["digest"] == keys.digest(key)
    assert not any(key[9:30] in str(value) for value in row.values())
