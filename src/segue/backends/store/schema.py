"""The store's tables are brought up to date when it is opened, in one transaction, or it is refused untouched.

A service that starts with tables of another version fails later, in the middle of a call. And a start must stay
quick: when the tables are current, which one plain query tells, Alembic is not even imported.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, text

from segue.backends.store.tables import METADATA

HEAD = "0004"  # the newest migration; a test compares it with the files


class SchemaRefused(Exception):
    """The database holds tables that this version of Segue must not touch; the message says why."""


def examine(connection: Connection) -> None:
    """Look whether this database is ours to use, and change nothing.

    Raises:
        SchemaRefused: it holds tables of another program.
    """
    if _version(connection) is None:
        strangers = sorted(set(inspect(connection).get_table_names()) - {"alembic_version"})
        if strangers:
            raise SchemaRefused(f"it holds tables of another program ({', '.join(strangers[:3])}): name another file")


def bring_up_to_date(connection: Connection) -> bool:
    """Apply the migrations that are missing; the caller's transaction makes them true. Whether there were any.

    Raises:
        SchemaRefused: the tables are newer than this program.
    """
    found = _version(connection)
    if found == (HEAD,):
        return False
    if found is None:
        _create(connection)
    else:
        _migrate(connection, found)
    return True


def _create(connection: Connection) -> None:
    """Make the tables of a new store, as all migrations together would; a test compares the two.

    Alembic would do the same, and stay in memory with its template engine: 10 MB (docs/performance.md).
    """
    METADATA.create_all(connection)
    version = Table(
        "alembic_version",
        MetaData(),
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    )
    version.create(connection)
    connection.execute(version.insert().values(version_num=HEAD))


def _version(connection: Connection) -> Sequence[str] | None:
    """The migrations that the database says it has; `None` when it has never heard of any."""
    if connection.dialect.has_table(connection, "alembic_version"):
        return tuple(connection.execute(text("SELECT version_num FROM alembic_version")).scalars()) or None
    return None


def _migrate(connection: Connection, found: Sequence[str]) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    here = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(here).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    unknown = [version for version in found if version not in known]
    if unknown:
        raise SchemaRefused(
            f"its tables have version {unknown[0]}, which is newer than this Segue (it knows {HEAD}): "
            "use the version of Segue that wrote it, or a newer one"
        )
    command.upgrade(config, "head")
