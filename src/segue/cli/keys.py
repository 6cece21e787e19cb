"""`segue keys`: who may call, kept in the store. A running service hears of a change within a second or two."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from segue.cli.options import Config, Json, Store
from segue.cli.output import plain, say, say_json, warn

if TYPE_CHECKING:
    from segue.backends.store.keys import KeyRecord

keys = typer.Typer(help="Make, list and revoke callers' API keys.", no_args_is_help=True, rich_markup_mode=None)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    admin: Annotated[bool, typer.Option("--admin", help="It may also use /admin and read every call.")] = False,
    config: Config = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Make a key. It is printed this once and kept nowhere."""
    from segue.backends.store.keys import KeyStore
    from segue.cli.loop import run_async
    from segue.cli.prepare import opened_store
    from segue.core.clock import SystemChance, SystemClock

    async def made() -> "tuple[str, KeyRecord]":
        async with opened_store(config, store, make=True) as opened:
            key_store = await KeyStore.open(opened, clock=SystemClock(), chance=SystemChance())
            return await key_store.create(name, admin=admin)

    key, record = run_async(made())
    if json:
        say_json({"key": key, **plain(record)})
        return
    say(key)
    warn(f"This is the key of {record.name!r}{' (admin)' if record.admin else ''}: it is shown only now.")


@keys.command("list")
def list_keys(config: Config = None, store: Store = None, json: Json = False) -> None:
    """Show every key that was ever made, without the keys themselves."""
    from segue.backends.store.keys import KeyStore
    from segue.cli.loop import run_async
    from segue.cli.prepare import opened_store
    from segue.core.clock import SystemChance, SystemClock

    clock = SystemClock()

    async def listed() -> "Sequence[KeyRecord]":
        async with opened_store(config, store, make=False) as opened:
            return await (await KeyStore.open(opened, clock=clock, chance=SystemChance())).list()

    found = run_async(listed())
    if json:
        say_json(found)
        return
    if not found:
        warn("There is no key yet: `segue keys create NAME` makes one.")
        return
    _show(found, clock.wall())


@keys.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="WHICH", help="Its name, its id, or the key itself.")],
    config: Config = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Make a key worthless for good."""
    from segue.backends.store.keys import KeyStore
    from segue.cli.loop import run_async
    from segue.cli.prepare import opened_store
    from segue.core.clock import SystemChance, SystemClock

    async def revoked() -> "KeyRecord":
        async with opened_store(config, store, make=False) as opened:
            return await (await KeyStore.open(opened, clock=SystemClock(), chance=SystemChance())).revoke(which)

    record = run_async(revoked())
    if json:
        say_json(record)
    else:
        say(f"revoked {record.name!r} ({record.id}, …{record.last4})")


def _show(found: "Sequence[KeyRecord]", now: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "name", "key", "role", "made", "state", box=None)
    for record in found:
        state = "in force" if record.valid(now) else "revoked" if record.revoked_at is not None else "expired"
        made = datetime.fromtimestamp(record.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        table.add_row(record.id, record.name, f"…{record.last4}", "admin" if record.admin else "caller", made, state)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        # A line must stay a line for whoever reads it by program.
        console = Console(highlight=False, markup=False, width=200)
    console.print(table)
