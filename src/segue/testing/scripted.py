"""A provider that does what a test says, attempt by attempt.

A real provider fails when it likes. This one answers, fails, hangs, breaks or streams as its script has it, in the
time that the script gives, and keeps a list of who asked. With `segue.testing.run_virtual` minutes take no time.

    adapter = ScriptedAdapter(operations=("chat",))
    adapter.script("a", fails(Kind.SERVER_ERROR), then=answers(b"..."))
    segue.register_provider("a", adapter=adapter, models=["m"])
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from segue.core.call import Attempt, Call
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Ending, Outcome, StreamEnd, Usage
from segue.core.ports import Limits, ProviderSpec

FOR_EVER = 1e7
"""Seconds, about four months: longer than any limit."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happens at one attempt; made by `answers`, `fails`, `hangs`, `breaks` and `streams`.

    Attributes:
        after: seconds until it happens.
        error: raised as a defect of the adapter.
        chunks: of a stream, of which the first is its first content.
        every: seconds between two chunks.
        cut: how the stream fails after its last chunk; `None` for a stream that is complete.
    """

    after: float = 0.0
    answer: Any = None
    failure: Failure | None = None
    error: Exception | None = None
    chunks: tuple[bytes, ...] | None = None
    every: float = 0.0
    cut: Failure | None = None
    usage: Usage | None = None


def answers(answer: Any = b"ok", *, after: float = 0.0, usage: Usage | None = None) -> Step:
    """An answer."""
    return Step(after, answer, usage=usage)


def fails(
    kind: Kind,
    *,
    after: float = 0.0,
    scope: Scope = Scope.PROVIDER,
    executed: Executed = Executed.NO,
    retry_after: float | None = None,
    should_retry: bool | None = None,
) -> Step:
    """A failure of this kind."""
    failure = Failure(kind, f"scripted: {kind.value}", executed, scope, retry_after, should_retry)
    return Step(after, failure=failure)


def hangs() -> Step:
    """Silence without end."""
    return Step(FOR_EVER)


def breaks(error: Exception, *, after: float = 0.0) -> Step:
    """A defect: the adapter raises."""
    return Step(after, error=error)


def streams(*chunks: bytes, after: float = 0.0, every: float = 0.0, cut: Failure | None = None) -> Step:
    """A stream; `after` is the time until its first content."""
    return Step(after, chunks=chunks, every=every, cut=cut)


Script = Callable[[Call, Attempt], Step]


class ScriptedProvider:
    """A native executor that follows a script.

    Args:
        steps: one for each attempt in turn, or a function that decides by call and attempt.
        then: what happens when the steps are used up.

    Attributes:
        asked: every attempt so far, in order.
        under_way: attempts that were begun and have not ended, streams included.
    """

    def __init__(self, steps: Iterable[Step] | Script = (), *, then: Step | None = None) -> None:
        self._decide = steps if callable(steps) else None
        self._steps = [] if callable(steps) else list(steps)
        self._then = then or answers()
        self.asked: list[Attempt] = []
        self.under_way = 0

    async def execute(self, call: Call, attempt: Attempt, limits: Limits) -> Outcome:
        """Do what the script says; see `segue.core.ports.Executor`."""
        self.asked.append(attempt)
        step = self._next(call, attempt)
        if step.chunks is not None:
            attempt.timer.enter("first_content", limits.first_content)
        self.under_way += 1
        try:
            if step.after:
                await asyncio.sleep(step.after)
        except BaseException:
            self.under_way -= 1
            raise
        if step.chunks is None:
            self.under_way -= 1
        if step.error is not None:
            raise step.error
        if step.failure is not None:
            return Outcome(failure=step.failure)
        if step.chunks is not None:
            return Outcome(stream=ScriptedStream(step, self._stream_ended))
        return Outcome(answer=step.answer, usage=step.usage)

    def _next(self, call: Call, attempt: Attempt) -> Step:
        if self._decide is not None:
            return self._decide(call, attempt)
        return self._steps.pop(0) if self._steps else self._then

    def _stream_ended(self, _end: StreamEnd) -> None:
        self.under_way -= 1


class ScriptedStream:
    """A `segue.core.outcome.Stream` out of a step."""

    def __init__(self, step: Step, ended: Callable[[StreamEnd], None]) -> None:
        self._step = step
        self._left = list(step.chunks or ())
        self._first = True
        self._end: StreamEnd | None = None
        self._settlers = [ended]

    async def read(self) -> bytes:
        """The next chunk."""
        if self._end is not None:
            return b""
        if not self._first and self._step.every:
            try:
                await asyncio.sleep(self._step.every)
            except BaseException:
                self.cancel()
                raise
        self._first = False
        if self._left:
            return self._left.pop(0)
        cut = self._step.cut
        self._settle(StreamEnd(Ending.FAILED if cut else Ending.COMPLETE, cut))
        return b""

    @property
    def end(self) -> StreamEnd | None:
        """How it ended."""
        return self._end

    def on_end(self, settle: Callable[[StreamEnd], None]) -> None:
        """Have `settle` called once at the end."""
        if self._end is not None:
            settle(self._end)
        else:
            self._settlers.append(settle)

    def cancel(self) -> None:
        """The reader went away."""
        self._settle(StreamEnd(Ending.CANCELLED))

    def _settle(self, end: StreamEnd) -> None:
        if self._end is None:
            self._end = end
            for settle in self._settlers:
                settle(end)


class ScriptedAdapter:
    """An adapter whose providers are scripted: give it to `Segue.register_provider`.

    Args:
        operations: ids of the operations that it serves.
        id: its id.
        models: its catalogue.

    Attributes:
        providers: the scripted providers by the id under which each was configured.
    """

    needs_key = False
    environment: Sequence[str] = ()

    def __init__(
        self,
        operations: Iterable[str] = ("chat",),
        *,
        id: str = "scripted",  # noqa: A002 - the field's own name
        models: Sequence[str] = (),
    ) -> None:
        self.id = id
        self.operations = frozenset(operations)
        self.models = models
        self.providers: dict[str, ScriptedProvider] = {}

    def script(self, provider_id: str, *steps: Step, then: Step | None = None) -> ScriptedProvider:
        """Write, or write anew, what the provider of this id will do; it holds from the next `build` on."""
        self.providers[provider_id] = provider = ScriptedProvider(steps, then=then)
        return provider

    def build(self, spec: ProviderSpec) -> ScriptedProvider:
        """The provider of this id; one that was not scripted answers `b"ok"`."""
        return self.providers.setdefault(spec.id, ScriptedProvider())
