"""Ordinary applications that call all the time: what they see is what counts."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from segue.cli.demo.stage import Stage

CHATTERS = 6
"""Chat clients at once; every second one streams."""
PAUSE = 0.1
"""Seconds between two calls of one client."""
SHARE_WINDOW = 2.0
"""Seconds over which shares of the traffic are taken."""

MODEL = "smart"
QUESTION = "What is a segue, in 12 words?"
PLACES = ("Oslo", "Lisbon", "Nairobi", "Lima", "Osaka")


@dataclass(slots=True)
class Tally:
    """What the clients of one kind saw.

    Attributes:
        answered: good answers by the provider that gave them, as Segue's header names it.
        streamed: how many of them came piece by piece.
        rescued: how many of them took more than one attempt: without Segue they would have failed.
        failures: one line for each call without a good answer.
        row, row_of, row_since: the last answers that came from one and the same provider: how many, which one, and
            when the first of them came.
    """

    answered: Counter[str] = field(default_factory=Counter)
    streamed: int = 0
    rescued: int = 0
    failures: list[str] = field(default_factory=list)
    row: int = 0
    row_of: str = ""
    row_since: float = 0.0
    _recent: deque[tuple[float, str]] = field(default_factory=deque)

    @property
    def calls(self) -> int:
        """All calls that have ended."""
        return self.answered.total() + len(self.failures)

    def note(self, now: float, provider: str, attempts: int, *, streamed: bool) -> None:
        """Count a good answer."""
        self.answered[provider] += 1
        self.streamed += streamed
        self.rescued += attempts > 1
        if provider != self.row_of:
            self.row, self.row_of, self.row_since = 0, provider, now
        self.row += 1
        self._recent.append((now, provider))

    def share(self, now: float, provider: str) -> float | None:
        """The provider's share of the latest answers; `None` when there were none."""
        while self._recent and self._recent[0][0] < now - SHARE_WINDOW:
            self._recent.popleft()
        if not self._recent:
            return None
        return sum(name == provider for _, name in self._recent) / len(self._recent)


class Traffic:
    """Clients that call until they are told to stop. To be entered.

    Attributes:
        chats, weather: what they saw.
    """

    def __init__(self, stage: Stage) -> None:
        self.chats = Tally()
        self.weather = Tally()
        self._stage = stage
        self._stopping = False
        self._clients: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for number in range(CHATTERS):
            ask = self._stream if number % 2 else self._chat
            self._clients.append(asyncio.create_task(self._client(self.chats, ask)))
        self._clients.append(asyncio.create_task(self._client(self.weather, self._ask_weather)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Let every client end the call that it has under way."""
        self._stopping = True
        await asyncio.gather(*self._clients)

    @property
    def failures(self) -> list[str]:
        """Every call without a good answer."""
        return [*self.chats.failures, *self.weather.failures]

    async def _client(self, tally: Tally, ask: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping:
            try:
                await ask()
            except Exception as error:  # noqa: BLE001 - whatever an application would have met is a failed call
                tally.failures.append(f"{type(error).__name__}: {error}"[:300])
            await self._stage.clock.sleep(PAUSE)

    async def _chat(self) -> None:
        raw = await self._stage.client.chat.completions.with_raw_response.create(
            model=MODEL, messages=[{"role": "user", "content": QUESTION}]
        )
        choice = raw.parse().choices[0]
        if choice.finish_reason != "stop" or not choice.message.content:
            raise IncompleteAnswer
        self._count(self.chats, raw.headers["x-segue-provider"], raw.headers["x-segue-attempts"], streamed=False)

    async def _stream(self) -> None:
        stream = await self._stage.client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": QUESTION}], stream=True
        )
        text, finish = "", None
        async for chunk in stream:
            if chunk.choices:
                text += chunk.choices[0].delta.content or ""
                finish = chunk.choices[0].finish_reason or finish
        if finish != "stop" or not text:
            raise IncompleteAnswer
        headers = stream.response.headers
        self._count(self.chats, headers["x-segue-provider"], headers["x-segue-attempts"], streamed=True)

    async def _ask_weather(self) -> None:
        place = PLACES[self.weather.calls % len(PLACES)]
        async with self._stage.web.get("/v1/weather/current", params={"query": place}) as answer:
            answer.raise_for_status()
            if not isinstance((await answer.json()).get("temp_c"), float):
                raise IncompleteAnswer
            headers = answer.headers
            self._count(self.weather, headers["x-segue-provider"], headers["x-segue-attempts"], streamed=False)

    def _count(self, tally: Tally, provider: str, attempts: str, *, streamed: bool) -> None:
        tally.note(self._stage.clock.now(), provider, int(attempts), streamed=streamed)


class IncompleteAnswer(Exception):
    """An answer came, but not a whole one."""
