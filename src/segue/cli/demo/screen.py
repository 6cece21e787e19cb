"""Shows the demo while it runs: a table that lives on a terminal, plain lines anywhere else."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from segue.cli.demo.stage import Stage
from segue.cli.demo.story import CutFacts
from segue.cli.demo.traffic import Traffic
from segue.cli.demo.verdict import Check
from segue.core.signals import BreakerChanged

KEPT = 12
"""Lines of the story that stay on the screen."""
WIDTH = 110
"""Columns where there is no terminal to ask."""
COLOURS = {"closed": "green", "half_open": "yellow", "open": "red"}


class Screen:
    """What is seen of the demo. To be entered; then `refresh` is called now and then."""

    def __init__(self, stage: Stage, traffic: Traffic, console: Console) -> None:
        self._stage = stage
        self._traffic = traffic
        self._console = console
        self._started = stage.clock.now()
        self._phase = ""
        self._lines: list[str] = []
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        stage.service.running.engine.world.signals.subscribe(BreakerChanged, self._breaker_changed)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def begin(self, phase: str) -> None:
        """A phase of the story begins."""
        self._phase = phase
        self._add(phase)

    def tell(self, line: str) -> None:
        """Something happened in it."""
        self._add(f"  {line}")

    def refresh(self) -> None:
        """Draw the table anew, where it lives."""
        if self._live is not None:
            latest = "\n".join(escape(line) for line in self._lines[-KEPT:])
            self._live.update(Group(self.table(self._phase), latest), refresh=True)

    def table(self, title: str) -> Table:
        """Every provider, in the words of Segue's own status and of what the clients saw."""
        now, chats, weather = self._stage.clock.now(), self._traffic.chats, self._traffic.weather
        table = Table(title=escape(title), title_justify="left", caption=self._summary(), caption_justify="left")
        table.add_column("provider")
        for heading in ("answers", "attempts", "failed", "in flight"):
            table.add_column(heading, justify="right")
        table.add_column("breaker")
        table.add_column("traffic", justify="right")
        for name, status in self._stage.status().items():
            tally = chats if "chat" in status["operations"] else weather
            share = tally.share(now, name)
            state = status["state"]
            table.add_row(
                name,
                str(tally.answered[name]),
                str(status["calls"]),
                str(status["failures"]),
                str(status["in_flight"]),
                f"[{COLOURS.get(state, 'white')}]{state.replace('_', ' ')}[/]",
                "" if share is None else f"{share:.0%}",
            )
        return table

    def conclude(self, checks: Sequence[Check], cut: CutFacts | None) -> None:
        """The last table, the stream that was cut, and every claim with its numbers."""
        self._console.print(self.table("What happened"))
        if cut is not None:
            self._console.print(f"\nCut on purpose, not counted: after {cut.text!r} the SDK raised", markup=False)
            self._console.print(f"  {cut.error or 'nothing'}: {cut.message}", markup=False)
        self._console.print()
        table = Table(title="What it shows", title_justify="left")
        table.add_column("claim")
        table.add_column("holds")
        table.add_column("measured")
        for check in checks:
            table.add_row(check.claim, "[green]yes[/]" if check.holds else "[red]NO[/]", escape(check.measured))
        self._console.print(table)

    def _summary(self) -> str:
        chats, weather, failed = self._traffic.chats, self._traffic.weather, len(self._traffic.failures)
        return (
            f"{chats.calls} chats ({chats.streamed} streamed), {weather.calls} weather calls; "
            f"calls that failed: {'[green]' if not failed else '[bold red]'}{failed}[/]"
        )

    def _add(self, line: str) -> None:
        line = f"{self._stage.clock.now() - self._started:5.1f} s  {line}"
        self._lines.append(line)
        if self._live is None:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            self.refresh()

    def _breaker_changed(self, changed: BreakerChanged) -> None:
        self._add(f"  breaker of {changed.name}: {changed.before} → {changed.after} ({changed.reason})")
