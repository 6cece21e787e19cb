"""What an application expects of its SDK, whoever answers: each behaviour is one row of the matrix.

A behaviour asks by a driver and checks what it heard. Segue's own words never appear: only the SDK's.
"""

import json
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from backends.scripted import always, answer
from backends.scripted import serving as listening
from sdk.columns import BY_NAME, Column
from sdk.table import FETCHED
from sdk.wishes import CLOCK, WEATHER, Call, Driver, Heard, Picture, Result, Results, User, Wish
from support.service import Serving

PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA: Final = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Scene:
    """Who asks whom, and the service between them."""

    driver: Driver
    column: Column
    served: Serving
    model: str

    async def ask(self, text: str, *, stream: bool = False, **wish: Any) -> Heard:
        return await self.go_on(User(text), stream=stream, **wish)

    async def go_on(self, *turns: Any, stream: bool = False, **wish: Any) -> Heard:
        return await self.driver.ask(Wish(**{"model": self.model, "turns": turns} | wish), stream=stream)

    def sent(self) -> Any:
        """The body that the provider was sent last."""
        body = self.served.sim.seen(self.column.name)[-1].body
        return json.loads(body) if isinstance(body, str | bytes) else body


Behaviour = Callable[[Scene], Awaitable[Heard]]
BEHAVIOURS: Final[dict[str, Behaviour]] = {}


def behaviour(name: str) -> Callable[[Behaviour], Behaviour]:
    def add(function: Behaviour) -> Behaviour:
        BEHAVIOURS[name] = function
        return function

    return add


@behaviour("text")
async def _text(scene: Scene) -> Heard:
    heard = await scene.ask("hello in 12 words")
    assert len(heard.text.split()) == 12
    assert heard.stop == scene.driver.stops["end"]
    return heard


@behaviour("text, streamed")
async def _streamed(scene: Scene) -> Heard:
    heard = await scene.ask("hello in 12 words", stream=True)
    assert len(heard.pieces) > 1
    assert heard.text == (await scene.ask("hello in 12 words")).text
    assert heard.stop == scene.driver.stops["end"]
    return heard


@behaviour("system")
async def _system(scene: Scene) -> Heard:
    heard = await scene.ask("who are you", system="You are a lighthouse.")
    assert "system: You are a lighthouse." in heard.text
    return heard


@behaviour("several turns")
async def _turns(scene: Scene) -> Heard:
    first = await scene.ask("the first question")
    heard = await scene.go_on(User("the first question"), first, User("the second question"))
    assert "You said: the second question" in heard.text
    assert first.text.split(" - ")[1][:20] in json.dumps(scene.sent())
    return heard


@behaviour("limit of tokens")
async def _length(scene: Scene) -> Heard:
    heard = await scene.ask("tell it in 40 words", max_tokens=20)
    assert len(heard.text.split()) == 20
    assert heard.stop == scene.driver.stops["length"]
    again = await scene.ask("tell it in 40 words", max_tokens=20, stream=True)
    assert again.stop == heard.stop
    return heard


@behaviour("stop sequence")
async def _stop(scene: Scene) -> Heard:
    heard = await scene.ask("before HALT after", stop=("HALT",))
    assert heard.text.rstrip().endswith("before")
    # Which reason it was, vendors without a word of their own for it cannot tell; where Segue stops the text, it knows.
    tells = scene.column.name in {"anthropic", "bedrock", "responses", "yandex"}
    assert heard.stop == scene.driver.stops["sequence" if tells else "end"]
    again = await scene.ask("before HALT after", stop=("HALT",), stream=True)
    assert (again.text.rstrip(), again.stop) == (heard.text.rstrip(), heard.stop)
    return heard


@behaviour("temperature and top_p")
async def _sampling(scene: Scene) -> Heard:
    if scene.column.name == "bedrock" or scene.model.partition("/")[2].startswith("claude"):
        # Claude from 4.1 on takes one of the two.
        heard = await scene.ask("draw", temperature=0.25)
        assert "0.25" in json.dumps(scene.sent())
        return heard
    heard = await scene.ask("draw", temperature=0.25, top_p=0.75)
    sent = json.dumps(scene.sent())
    assert "0.25" in sent
    assert "0.75" in sent
    return heard


@behaviour("call of a tool")
async def _call(scene: Scene) -> Heard:
    heard = await scene.ask("use the tool weather", tools=(WEATHER, CLOCK))
    assert [(call.name, call.arguments) for call in heard.calls] == [("weather", {"place": "text"})]
    assert heard.stop == scene.driver.stops["tools"]
    return heard


@behaviour("call of a tool, streamed")
async def _call_streamed(scene: Scene) -> Heard:
    heard = await scene.ask("use the tool weather", tools=(WEATHER, CLOCK), stream=True)
    assert [(call.name, call.arguments) for call in heard.calls] == [("weather", {"place": "text"})]
    assert heard.stop == scene.driver.stops["tools"]
    return heard


@behaviour("parallel calls")
async def _parallel(scene: Scene) -> Heard:
    for stream in (False, True):
        heard = await scene.ask("use the tool, parallel", tools=(WEATHER, CLOCK), stream=stream)
        assert [call.name for call in heard.calls] == ["weather", "clock"]
        assert heard.calls[0].id != heard.calls[1].id or not heard.calls[0].id
    return heard


@behaviour("results of tools")
async def _results(scene: Scene) -> Heard:
    return await _given_back(scene, lambda calls: (Result(calls[0], "sunny"), Result(calls[1], "noon")))


@behaviour("results in another order")
async def _reordered(scene: Scene) -> Heard:
    return await _given_back(scene, lambda calls: (Result(calls[1], "noon"), Result(calls[0], "sunny")))


@behaviour("error of a tool")
async def _tool_error(scene: Scene) -> Heard:
    return await _given_back(
        scene, lambda calls: (Result(calls[0], "sunny is unknown", True), Result(calls[1], "noon"))
    )


async def _given_back(scene: Scene, results: Callable[[list[Call]], tuple[Result, ...]]) -> Heard:
    question = User("use the tool, parallel")
    for stream in (False, True):
        asked = await scene.go_on(question, tools=(WEATHER, CLOCK), stream=stream)
        heard = await scene.go_on(question, asked, Results(results(asked.calls)), tools=(WEATHER, CLOCK))
        assert "sunny" in heard.text
        assert "noon" in heard.text
        assert not heard.calls
        pairs = pairs_of(scene.sent())
        assert "sunny" in pairs["weather"]
        assert "noon" in pairs["clock"]
    return heard


@behaviour("demanded tool")
async def _demanded(scene: Scene) -> Heard:
    heard = await scene.ask("hello", tools=(WEATHER, CLOCK), choice="clock")
    assert [call.name for call in heard.calls] == ["clock"]
    return heard


@behaviour("any tool demanded")
async def _required(scene: Scene) -> Heard:
    heard = await scene.ask("hello", tools=(WEATHER, CLOCK), choice="required")
    assert len(heard.calls) == 1
    return heard


@behaviour("no tool allowed")
async def _none(scene: Scene) -> Heard:
    heard = await scene.ask("use the tool weather", tools=(WEATHER,), choice="none")
    assert not heard.calls
    assert heard.text
    return heard


@behaviour("image by data")
async def _image(scene: Scene) -> Heard:
    heard = await scene.go_on(User("what is this", (Picture(data=PIXEL),)))
    assert "images: 1 (image" in heard.text
    assert ", 70 bytes)" in heard.text
    return heard


@behaviour("image by URL")
async def _image_url(scene: Scene) -> Heard:
    if scene.column.name not in FETCHED:
        heard = await scene.go_on(User("what is this", (Picture(url="https://pictures.example/cat.png"),)))
        assert "images: 1 (https://pictures.example/cat.png)" in heard.text
        return heard
    async with listening(always(answer(b64decode(PIXEL)))) as pictures:
        heard = await scene.go_on(User("what is this", (Picture(url=pictures.url("/cat.png")),)))
    assert "images: 1 (image" in heard.text
    assert ", 70 bytes)" in heard.text
    return heard


@behaviour("output by schema")
async def _schema(scene: Scene) -> Heard:
    heard = await scene.ask("the weather", schema=SCHEMA)
    assert set(json.loads(heard.text)) == {"city", "degrees"}
    return heard


@behaviour("output by schema, streamed")
async def _schema_streamed(scene: Scene) -> Heard:
    heard = await scene.ask("the weather", schema=SCHEMA, stream=True)
    assert set(json.loads(heard.text)) == {"city", "degrees"}
    return heard


@behaviour("thoughts")
async def _thoughts(scene: Scene) -> Heard:
    heard = await scene.ask("ponder in 12 words", thinking=True)
    assert len(heard.text.split()) == 12
    assert "thoughts" in scene.driver.lacks or heard.thoughts
    return heard


@behaviour("thoughts, streamed")
async def _thoughts_streamed(scene: Scene) -> Heard:
    heard = await scene.ask("ponder in 12 words", thinking=True, stream=True)
    assert len(heard.text.split()) == 12
    assert "thoughts" in scene.driver.lacks or heard.thoughts
    return heard


@behaviour("thoughts and tools, continued")
async def _continued(scene: Scene) -> Heard:
    question = User("use the tool weather")
    for stream in (False, True):
        asked = await scene.go_on(question, tools=(WEATHER,), thinking=True, stream=stream)
        result = Results((Result(asked.calls[0], "sunny"),))
        heard = await scene.go_on(question, asked, result, tools=(WEATHER,), thinking=True)
        assert "sunny" in heard.text
    return heard


@behaviour("usage")
async def _usage(scene: Scene) -> Heard:
    heard = await scene.ask("count in 12 words")
    assert heard.usage is not None
    assert heard.usage.output == 12
    assert 5 <= heard.usage.input <= 30
    return heard


@behaviour("usage, streamed")
async def _usage_streamed(scene: Scene) -> Heard:
    heard = await scene.ask("count in 12 words", stream=True)
    assert heard.usage == (await scene.ask("count in 12 words")).usage
    return heard


@behaviour("cached tokens")
async def _cached(scene: Scene) -> Heard:
    prefix = "a long beginning " * 500 + scene.driver.name
    first = await scene.ask(f"{prefix} first in 5 words")
    again = await scene.ask(f"{prefix} again in 5 words")
    assert first.usage is not None
    assert again.usage is not None
    assert again.usage.cached >= 1024
    # Anthropic and Bedrock count cached tokens beside the input, all others within it.
    beside = again.usage.cached if scene.driver.name in {"anthropic", "boto3"} else 0
    assert again.usage.input + beside == first.usage.input + (first.usage.cached if beside else 0)
    return again


ORIGINS: Final = ("anthropic", "gemini", "responses", "deepseek")


@behaviour("moved here in the middle")
async def _moved(scene: Scene) -> Heard:
    """Thoughts, signatures and names of calls of another vendor come along, and hinder nothing."""
    question, heard = User("use the tool, parallel"), Heard()
    for origin in ORIGINS:
        if origin == scene.column.name:
            continue
        for stream in (False, True):
            model = BY_NAME[origin].model_of("thoughts")
            asked = await scene.go_on(question, model=model, tools=(WEATHER, CLOCK), thinking=True, stream=stream)
            results = Results((Result(asked.calls[1], "noon"), Result(asked.calls[0], "sunny")))
            heard = await scene.go_on(question, asked, results, tools=(WEATHER, CLOCK))
            assert "sunny" in heard.text, origin
            pairs = pairs_of(scene.sent())
            assert "sunny" in pairs["weather"]
            assert "noon" in pairs["clock"]
            assert "segue" not in json.dumps(scene.sent()), "a seal left the house"
    return heard


def pairs_of(sent: Any) -> dict[str, str]:
    """The results in a provider's body by the name of the tool that was called, in whatever format the body is."""
    names: dict[str, str] = {}
    results: list[tuple[str, str]] = []
    order: list[str] = []
    for value in _objects(sent):
        if "toolCalls" in value and isinstance(value["toolCalls"], list):
            order += [one["functionCall"]["name"] for one in value["toolCalls"] if "functionCall" in one]
        if isinstance(value.get("functionCall"), dict):  # Gemini, Yandex
            names[value["functionCall"].get("id") or value["functionCall"]["name"]] = value["functionCall"]["name"]
        elif isinstance(value.get("functionResponse"), dict):
            one = value["functionResponse"]
            results.append((one.get("id") or one["name"], json.dumps(one)))
        elif isinstance(value.get("functionResult"), dict):
            results.append((value["functionResult"]["name"], json.dumps(value)))
        elif value.get("type") == "tool_use":  # Messages
            names[value["id"]] = value["name"]
        elif value.get("type") == "tool_result":
            results.append((value["tool_use_id"], json.dumps(value)))
        elif isinstance(value.get("toolUse"), dict):  # Converse
            names[value["toolUse"]["toolUseId"]] = value["toolUse"]["name"]
        elif isinstance(value.get("toolResult"), dict):
            results.append((value["toolResult"]["toolUseId"], json.dumps(value)))
        elif value.get("type") == "function_call":  # Responses
            names[value["call_id"]] = value["name"]
        elif value.get("type") == "function_call_output":
            results.append((value["call_id"], json.dumps(value)))
        elif isinstance(value.get("function"), dict) and "arguments" in value["function"]:  # Chat, Ollama
            names[value.get("id") or value["function"]["name"]] = value["function"]["name"]
        elif value.get("role") == "tool":
            results.append((value.get("tool_call_id") or value["tool_name"], json.dumps(value)))
    return {names[identifier]: text for identifier, text in results}


def _objects(value: Any) -> Any:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)
