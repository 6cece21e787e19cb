"""Segue as a library: the same engine as the service, without a server and without a file.

    async with Segue.from_config("segue.yaml") as segue:
        reply = await segue.chat("Hello", model="smart")

Failures raise typed exceptions (`segue.core.errors`); a reply is never a success that is not one. Nothing is written
to disk unless the configuration names a `store`.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from segue.app.catalogue import ADAPTERS
from segue.app.engine import Engine, known
from segue.app.explain import Explanation, explain
from segue.app.running import Running
from segue.app.status import status_of
from segue.app.world import World
from segue.config.discover import AdapterNeeds, Discovered, discover
from segue.config.load import Loaded, Override, load_settings, parse_settings
from segue.core.call import Call, CallOptions, Hold, OnCut
from segue.core.errors import ConfigError, ProviderFailed, RequestInvalid
from segue.core.failure import Failure, Kind
from segue.core.outcome import Ending, Outcome
from segue.core.ports import AdapterKind
from segue.families.llm.chat import ChatPieces, ChatReply, Piece, read_reply, to_messages


class Segue:
    """Calls anything that is configured, and carries on when one provider fails.

    Use it as an async context manager, or call `close` at the end. One instance serves any number of calls at once,
    in one event loop.

    Args:
        settings: a configuration as plain data, with the sections of the file; without it there are no providers
            until `register_provider` adds some.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None, *, world: World | None = None) -> None:
        world = world or World()
        self._start_with(parse_settings(settings or {}, known(world), environ=os.environ), world)

    @classmethod
    def from_config(cls, path: str | Path, *, world: World | None = None) -> Self:
        """A Segue from a configuration file.

        Raises:
            ConfigError: each problem as `file:line: what is wrong and how to mend it`.
        """
        world = world or World()
        made = cls.__new__(cls)
        made._start_with(load_settings(Path(path), os.environ, known(world)), world)
        return made

    @classmethod
    def from_env(cls, *, world: World | None = None) -> Self:
        """A Segue with the providers whose keys are in the environment (`OPENAI_API_KEY`, …).

        Raises:
            ConfigError: there are none; it says which variables were looked for.
        """
        world = world or World()
        made = cls.__new__(cls)
        made._start_with(discovered(os.environ, world).loaded, world)
        return made

    def _start_with(self, loaded: Loaded, world: World) -> None:
        self.engine = Engine(loaded.settings, world, warnings=loaded.warnings)
        store = loaded.settings.store if "store" in loaded.settings.model_fields_set else None
        self._running = Running(self.engine, store_url=store)
        self._started = False
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection and write what waits to be written. Calls under way are not waited for."""
        await self._running.stop()

    async def chat(
        self,
        messages: str | Sequence[Mapping[str, Any]],
        *,
        model: str,
        options: CallOptions | None = None,
        **parameters: Any,
    ) -> ChatReply:
        """Let a model answer.

        Args:
            messages: a question, or a conversation in the form of OpenAI's Chat Completions.
            model: an alias, `provider/model`, or a model that providers list.
            options: deadline, attempts, providers to use or avoid.
            parameters: passed on as they are: `temperature`, `tools`, …

        Raises:
            CallFailed: no answer; see the tree in `segue.core.errors`.
        """
        if parameters.get("stream"):
            raise RequestInvalid("use stream_chat for an answer piece by piece", param="stream")
        call, outcome = await self._chat(messages, model, options, parameters)
        elapsed = self.engine.world.clock.now() - call.started
        return read_reply(outcome.answer, call, elapsed, outcome.cost)

    async def stream_chat(
        self,
        messages: str | Sequence[Mapping[str, Any]],
        *,
        model: str,
        options: CallOptions | None = None,
        **parameters: Any,
    ) -> AsyncIterator[Piece]:
        """Let a model answer piece by piece. Arguments as of `chat`.

        Leaving the loop early stops the provider's answer, too.

        Raises:
            CallFailed: no answer, or one that broke off: then after the pieces that had come.
        """
        call, outcome = await self._chat(messages, model, options, {**parameters, "stream": True})
        stream = outcome.stream
        if stream is None:
            raise ConfigError(["the provider's adapter does not stream"])
        pieces = ChatPieces(call)
        try:
            while chunk := await stream.read():
                try:
                    fed = list(pieces.feed(chunk))
                except (msgspec.DecodeError, ValueError, RecursionError):
                    # Whole events pass through unread, so a broken one is seen only here.
                    failure = Failure(Kind.STREAM_CUT, "an event in the middle of the stream is not valid")
                    raise _broke_off(call, failure) from None
                for piece in fed:
                    yield piece
        finally:
            stream.cancel()
        end = stream.end
        if end is not None and end.ending is Ending.FAILED and end.failure is not None:
            raise _broke_off(call, end.failure)

    async def call(self, operation: str, *, options: CallOptions | None = None, **fields: Any) -> Any:
        """Call any operation, e.g. `call("weather.current", query="Oslo")`.

        Returns:
            The operation's typed answer.

        Raises:
            CallFailed: no answer, or the fields do not fit.
        """
        wanted = self.engine.operation(operation)
        request = wanted.from_fields(fields, False)
        if wanted.analyse(request).stream:
            raise RequestInvalid(f"{wanted.id}: an answer piece by piece is what stream_chat is for", param="stream")
        _, outcome = await self._run(wanted.id, request, options)
        return outcome.answer

    def register_provider(self, provider_id: str, *, adapter: str | AdapterKind, **values: Any) -> None:
        """Add a provider, or replace the one of the same id; in force for the next call.

        Args:
            provider_id: a name of your choice.
            adapter: the id of an adapter, or an adapter of your own.
            values: what stands under a provider in the configuration: `key`, `keys`, `models`, `base_url`, …

        Raises:
            ConfigError: a value is wrong; nothing has changed.
        """
        self.engine.register(provider_id, adapter, values, environ=os.environ)

    def enable(self, provider_id: str) -> None:
        """Let a provider take part again."""
        self.engine.enable(provider_id, enabled=True)

    def disable(self, provider_id: str) -> None:
        """Keep a provider out of new calls; calls under way finish."""
        self.engine.enable(provider_id, enabled=False)

    def remove(self, provider_id: str) -> None:
        """Take a provider out; calls under way finish."""
        self.engine.remove(provider_id)

    def providers(self) -> dict[str, bool]:
        """Every provider's id, and whether it is enabled."""
        return {name: provider.enabled for name, provider in self.engine.snapshot.providers.items()}

    def status(self) -> dict[str, Any]:
        """Every provider: configuration, health, load and counts."""
        return status_of(self._running)

    def metrics(self) -> dict[str, Any]:
        """Counts of all calls and of each provider since the start."""
        return dict(self._running.metrics.summary())

    def explain(self, operation: str, *, model: str = "", options: CallOptions | None = None) -> Explanation:
        """Who would be asked now and why, without asking anyone.

        Raises:
            CallFailed: the operation or the model is unknown.
        """
        wanted = self.engine.operation(operation)
        snapshot = self.engine.snapshot
        return explain(snapshot.lines[wanted.id], model, options, snapshot.version)

    async def _chat(
        self,
        messages: str | Sequence[Mapping[str, Any]],
        model: str,
        options: CallOptions | None,
        parameters: Mapping[str, Any],
    ) -> tuple[Call, Outcome]:
        chat = self.engine.operation("chat")
        request = chat.from_fields({"model": model, "messages": to_messages(messages), **parameters}, False)
        if request.fallbacks:
            options = options or CallOptions()
            # A copy: the caller may use the same options again.
            options = replace(options, fallbacks=(*request.fallbacks, *options.fallbacks))
        return await self._run(chat.id, request, options)

    async def _run(self, operation: str, request: Any, options: CallOptions | None) -> tuple[Call, Outcome]:
        if options is not None:
            _check(options)
        await self._start()
        call = self.engine.call(self.engine.operation(operation), request, options=options)
        outcome = await self.engine.run(call)
        if outcome.refusal is not None:
            raise outcome.refusal
        return call, outcome

    async def _start(self) -> None:
        if self._started:
            return
        async with self._starting:
            if not self._started:
                await self._running.start()
                self._started = True


def _broke_off(call: Call, failure: Failure) -> ProviderFailed:
    broken = ProviderFailed(failure, f"the answer broke off: {failure.message}")
    broken.call_id, broken.attempts = call.id, call.attempts
    return broken


def _check(options: CallOptions) -> None:
    """Wishes that cannot be meant.

    Raises:
        RequestInvalid: naming the field.
    """
    if options.deadline is not None and not options.deadline > 0:
        raise RequestInvalid(f"deadline: expected seconds above 0, not {options.deadline!r}", param="deadline")
    if options.max_attempts is not None and options.max_attempts < 1:
        raise RequestInvalid(f"max_attempts: expected 1 or more, not {options.max_attempts!r}", param="max_attempts")
    if options.hold is not None and not _is_hold(options.hold):
        raise RequestInvalid(f"hold: expected a Hold such as Hold(tokens=64), not {options.hold!r}", param="hold")
    if options.on_cut is not None and not isinstance(options.on_cut, OnCut):
        raise RequestInvalid(f"on_cut: expected OnCut.CONTINUE or OnCut.ERROR, not {options.on_cut!r}", param="on_cut")


def _is_hold(value: object) -> bool:
    return isinstance(value, Hold) and value.tokens >= 0 and 0 <= value.seconds < float("inf")


def discovered(
    environ: Mapping[str, str], world: World | None = None, overrides: Sequence[Override] = ()
) -> Discovered:
    """The providers whose keys are in the environment.

    Raises:
        ConfigError: there are none.
    """
    needs = [
        AdapterNeeds(name, kind.environment, kind.needs_key, kind.priority, getattr(kind, "extra", {}))
        for name in ADAPTERS.ids()
        if (kind := ADAPTERS.get(name)).environment
    ]
    return discover(needs, environ, known(world), overrides=overrides)
