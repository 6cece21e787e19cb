"""`segue explain`: why a call goes where it goes, before it is made and after it was."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segue.cli.options import Config, Json, Store
from segue.cli.output import fail, plain, say, say_json, warn

if TYPE_CHECKING:
    from rich.table import Table

    from segue.app.explain import Explanation
    from segue.backends.store.records import CallRecord


def explain(
    call_id: Annotated[
        str | None, typer.Argument(metavar="[CALL_ID]", help="A past call, as `x-segue-call-id` named it.")
    ] = None,
    operation: Annotated[str, typer.Option(metavar="OP", help="The operation that would be called.")] = "chat",
    model: Annotated[str, typer.Option(metavar="NAME", help="The model that would be asked for.")] = "",
    config: Config = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Show who would serve a call, and why.

    Candidate by candidate, without calling anyone; or, with CALL_ID, what became of a past call.

    A call to come is explained from the configuration alone: all breakers are taken as closed. A past call is read
    from the store.
    """
    if call_id is not None:
        _explain_past(call_id, config, store, json=json)
        return
    from segue.app.explain import explain as decide
    from segue.cli.prepare import booted

    ready = booted(config)
    engine = ready.running.engine
    wanted = engine.operation(operation)
    if wanted.by_model and not model:
        raise typer.BadParameter(f"{operation} needs a model: add --model NAME", param_hint="--model")
    decision = decide(engine.snapshot.lines[wanted.id], model, None, engine.snapshot.version)
    if json:
        say_json({**plain(decision), "winner": decision.winner})
    else:
        _show_decision(decision, ready.source)
    if decision.winner is None:
        fail(f"nobody would be asked for {operation}{f' {model!r}' if model else ''}")


def _show_decision(decision: "Explanation", source: str) -> None:
    name = f" {decision.model!r}" if decision.model else ""
    say(f"{decision.operation}{name}: {decision.winner or 'nobody'} would be asked first")
    say(f"strategy {decision.strategy}, from {source}, with every breaker closed")
    if decision.hold != "none":
        say(f"of a stream is kept back: {decision.hold}")
    if decision.on_cut != "error":
        say("a stream that breaks after it was shown is gone on with by another attempt, where that can be done")
    table = _table("", "candidate", "key", "tier", "why")
    for one in decision.candidates:
        table.add_row("" if one.rank is None else str(one.rank), one.candidate, one.key, str(one.tier), one.reason)
    _print(table)


def _explain_past(call_id: str, config: Path | None, store: str | None, *, json: bool) -> None:
    from segue.backends.store.call_log import CallLog
    from segue.cli.loop import run_async
    from segue.cli.prepare import opened_store
    from segue.core.clock import SystemClock

    async def read() -> "CallRecord | None":
        async with opened_store(config, store, make=False) as opened:
            return await CallLog(opened, SystemClock()).get(call_id)

    record = run_async(read())
    if record is None:
        fail(f"no call {call_id[:64]!r} is in the store; one that has just ended is written within a second")
    if json:
        say_json(record)
    else:
        _show_record(record)


def _show_record(record: "CallRecord") -> None:
    asked = f" {record.requested_model!r}" if record.requested_model else ""
    by = f"{record.provider}/{record.model}" if record.model else record.provider or "nobody"
    say(f"{record.id}: {record.operation}{asked}, answered by {by}: {record.code} ({record.status})")
    how = "streamed" if record.streamed else "whole"
    say(f"{record.elapsed_ms} ms, by {record.caller_name or 'the library'}, {how}")
    if not record.attempts:
        warn("no provider was asked")
        return
    table = _table("", "candidate", "key", "began", "first byte", "took", "result")
    for one in record.attempts:
        result = "given up by the caller" if one.cancelled else f"{one.kind}: {one.message}" if one.kind else "ok"
        first = "" if one.first_byte_ms is None else f"{one.first_byte_ms} ms"
        candidate = f"{one.provider}/{one.model}" if one.model else one.provider
        began, took = f"+{one.started_ms} ms", f"{one.elapsed_ms} ms"
        table.add_row(str(one.number), candidate, one.key_label, began, first, took, result)
    _print(table)


def _table(*headings: str) -> "Table":
    from rich.table import Table

    return Table(*headings, box=None)


def _print(table: "Table") -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=200)
    console.print(table)
