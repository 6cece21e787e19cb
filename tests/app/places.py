"""An engine whose providers are scripted, in virtual time, and the bodies that they give."""

from typing import Any

import msgspec

from segue.app.engine import Engine, known
from segue.app.library import Segue
from segue.app.world import World
from segue.config.load import Loaded, parse_settings
from segue.core.call import CallOptions
from segue.testing import CapturedSignals, ScriptedAdapter, ScriptedTransport, SeededChance, VirtualClock, answers


def completion(text: str = "hello") -> bytes:
    return msgspec.json.encode(
        {
            "id": "c1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5},
        }
    )


def delta(text: str, finish: str | None = None) -> bytes:
    return msgspec.json.encode({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


SAYS_HELLO = answers(completion())


def world(**more: Any) -> World:
    made = World(clock=VirtualClock(), chance=SeededChance(), transport=more.pop("transport", ScriptedTransport()))
    for adapter in more.pop("adapters", ()):
        made.adapters[adapter.id] = adapter
    return made


class Place:
    """An engine with one scripted adapter."""

    def __init__(self, settings: dict[str, Any], adapter: ScriptedAdapter | None = None) -> None:
        self.adapter = adapter or ScriptedAdapter(("chat",))
        self.world = world(adapters=[self.adapter])
        self.said = CapturedSignals(self.world.signals)
        self.engine = Engine(self.read(settings).settings, self.world)

    def read(self, settings: dict[str, Any]) -> Loaded:
        return parse_settings(settings, known(self.world))

    def reload(self, settings: dict[str, Any]) -> bool:
        return self.engine.reload(lambda: self.read(settings))

    async def chat(self, model: str = "m", **options: Any):
        operation = self.engine.operation("chat")
        request = operation.from_fields({"model": model, "messages": [{"role": "user", "content": "?"}]}, False)
        call = self.engine.call(operation, request, options=CallOptions(**options) if options else None)
        return call, await self.engine.run(call)

    def status(self) -> dict[str, Any]:
        return self.world.health.status(self.world.clock.now())


def scripted(*models: str, **more: Any) -> dict[str, Any]:
    return {"adapter": "scripted", "models": list(models or ("m",)), **more}


def library(adapter: ScriptedAdapter | None = None, **providers: Any) -> Segue:
    made = Segue(world=world())
    for name, values in providers.items():
        made.register_provider(name, adapter=adapter, **values)
    return made
