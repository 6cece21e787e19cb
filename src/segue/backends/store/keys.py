"""API keys: made once, shown once, kept as keyed hashes.

Authentication is one look-up in a dictionary (`load`) on the hot path; the store is asked only whether something
changed since (`changed`), so that a key made or revoked by another process counts within a moment.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, insert, select, update

from segue.backends.store.engine import AsyncConnection
from segue.backends.store.secret import VARIABLE, hash_key, hash_secret
from segue.backends.store.store import Store
from segue.backends.store.tables import API_KEYS, SETTINGS
from segue.core.clock import Chance, Clock
from segue.core.errors import ConfigError, SegueError

PREFIX = "sk-segue-"
_VERSION = "api_keys.version"  # changes whenever the table does
_CHECK = "api_keys.check"  # tells whether the secret is still the one of the keys
_NAME = 100


class KeyRefused(SegueError):
    """A key that cannot be made or found; the message says why."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One API key, without the key.

    Attributes:
        last4: the last four characters, to recognise it by.
        created_at, revoked_at, expires_at: seconds since 1970-01-01 UTC.
    """

    id: str
    name: str
    last4: str
    admin: bool
    created_at: float
    revoked_at: float | None = None
    expires_at: float | None = None

    def valid(self, wall: float) -> bool:
        """Whether it opens anything at this time."""
        return self.revoked_at is None and (self.expires_at is None or wall < self.expires_at)


class KeyStore:
    """The API keys of a store. Make one with `KeyStore.open`."""

    def __init__(self, store: Store, clock: Clock, chance: Chance, secret: bytes) -> None:
        self._store = store
        self._clock = clock
        self._chance = chance
        self._secret = secret
        self._seen: str | None = None

    def __repr__(self) -> str:
        return f"KeyStore({self._store.path or 'in memory'})"

    @classmethod
    async def open(
        cls, store: Store, *, clock: Clock, chance: Chance, environment: Mapping[str, str] | None = None
    ) -> "KeyStore":
        """The keys of this store, with the secret of this environment (by default the process's).

        Raises:
            ConfigError: the secret is missing, unusable, or not the one with which the keys were made.
        """
        secret = hash_secret(store.path, os.environ if environment is None else environment)
        keys = cls(store, clock, chance, secret)
        async with store.read() as connection:
            await keys._same_secret(connection)
        return keys

    def digest(self, key: str) -> bytes:
        """The hash by which `load` finds a key that a caller showed."""
        return hash_key(self._secret, key)

    async def create(self, name: str, *, admin: bool = False, expires_at: float | None = None) -> tuple[str, KeyRecord]:
        """Make a key. The first of the two is the key itself, to be shown once: it is kept nowhere.

        Raises:
            KeyRefused: the name is empty, too long, or that of another key in force.
        """
        name = name.strip()
        if not name or len(name) > _NAME or not name.isprintable():
            raise KeyRefused(f"the name of a key has 1 to {_NAME} printable characters")
        now = self._clock.wall()
        key = PREFIX + secrets.token_urlsafe(32)
        record = KeyRecord(self._chance.new_id("key_"), name, key[-4:], admin, _ms(now) / 1000, None, expires_at)
        async with self._store.write() as connection:
            await self._same_secret(connection)
            if any(each.name == name and each.valid(now) for each in await _all(connection)):
                raise KeyRefused(f"a key named {name!r} exists: choose another name, or revoke that one first")
            await connection.execute(
                insert(API_KEYS).values(
                    id=record.id,
                    name=name,
                    digest=self.digest(key),
                    last4=record.last4,
                    admin=admin,
                    created_at=_ms(now),
                    expires_at=None if expires_at is None else _ms(expires_at),
                )
            )
            await _put(connection, _CHECK, self._check())
            await _put(connection, _VERSION, secrets.token_hex(8))
        return key, record

    async def list(self) -> "Sequence[KeyRecord]":
        """Every key that was ever made, the oldest first."""
        async with self._store.read() as connection:
            return await _all(connection)

    async def revoke(self, which: str) -> KeyRecord:
        """Make a key worthless for good.

        Args:
            which: its name, its id, the beginning of its id, or the key itself.

        Raises:
            KeyRefused: no key in force, or more than one, is meant.
        """
        now = self._clock.wall()
        async with self._store.write() as connection:
            active = [each for each in await _all(connection) if each.revoked_at is None]
            owner = await _owner(connection, self.digest(which))
            shown = "this key" if which.startswith(PREFIX) else repr(which[:_NAME])
            exact = [each for each in active if which in {each.id, each.name} or each.id == owner]
            meant = exact or [each for each in active if len(which) > len("key_") and each.id.startswith(which)]
            if not meant:
                raise KeyRefused(f"no key in force has {shown} as its name or as the beginning of its id")
            if len(meant) > 1:
                raise KeyRefused(f"{shown} means {len(meant)} keys: {', '.join(each.id for each in meant[:5])}")
            chosen = meant[0]
            await connection.execute(update(API_KEYS).where(API_KEYS.c.id == chosen.id).values(revoked_at=_ms(now)))
            await _put(connection, _VERSION, secrets.token_hex(8))
        return KeyRecord(
            chosen.id, chosen.name, chosen.last4, chosen.admin, chosen.created_at, _ms(now) / 1000, chosen.expires_at
        )

    async def load(self) -> dict[bytes, KeyRecord]:
        """The keys that are not revoked, by their digests; look at `KeyRecord.valid` for those that expire.

        Raises:
            ConfigError: the secret is not the one with which they were made.
        """
        async with self._store.read() as connection:
            self._seen = await _get(connection, _VERSION)
            await self._same_secret(connection)
            rows = (await connection.execute(select(API_KEYS).where(API_KEYS.c.revoked_at.is_(None)))).mappings()
            return {row["digest"]: _record(row) for row in rows}

    async def changed(self) -> bool:
        """Whether keys were made or revoked, by any process, since they were loaded: one small query."""
        async with self._store.read() as connection:
            return await _get(connection, _VERSION) != self._seen

    def _check(self) -> str:
        return hashlib.blake2b(b"segue api keys", key=self._secret, digest_size=16).hexdigest()

    async def _same_secret(self, connection: AsyncConnection) -> None:
        known = await _get(connection, _CHECK)
        if known is not None and not secrets.compare_digest(known, self._check()):
            place = f"{self._store.path}.secret" if self._store.path is not None else VARIABLE
            raise ConfigError(
                [f"store: the API keys were made with another secret: restore {place}, or {VARIABLE} if that was used"]
            )


async def _all(connection: AsyncConnection) -> Sequence[KeyRecord]:
    query = select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.id)
    return [_record(row) for row in (await connection.execute(query)).mappings()]


async def _owner(connection: AsyncConnection, digest: bytes) -> str | None:
    return (await connection.execute(select(API_KEYS.c.id).where(API_KEYS.c.digest == digest))).scalar_one_or_none()


async def _get(connection: AsyncConnection, key: str) -> str | None:
    return (await connection.execute(select(SETTINGS.c.value).where(SETTINGS.c.key == key))).scalar_one_or_none()


async def _put(connection: AsyncConnection, key: str, value: str) -> None:
    found = await connection.execute(update(SETTINGS).where(SETTINGS.c.key == key).values(value=value))
    if found.rowcount == 0:
        await connection.execute(insert(SETTINGS).values(key=key, value=value))


def _record(row: RowMapping) -> KeyRecord:
    return KeyRecord(
        id=row["id"],
        name=row["name"],
        last4=row["last4"],
        admin=row["admin"],
        created_at=row["created_at"] / 1000,
        revoked_at=None if row["revoked_at"] is None else row["revoked_at"] / 1000,
        expires_at=None if row["expires_at"] is None else row["expires_at"] / 1000,
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
