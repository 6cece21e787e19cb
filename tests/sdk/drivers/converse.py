"""boto3, Converse. It blocks, so it works in a thread; its requests go unsigned, with a key in a header."""

import asyncio
import base64
import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any, ClassVar

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import EventStreamError

from sdk.wishes import Call, Counts, Heard, Results, User, Wish


def client(url: str, key: str = "not-needed", **config: Any) -> Any:
    """A client as docs/clients.md makes it, without retries of its own."""
    settings = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, **config)
    made = boto3.Session().client("bedrock-runtime", region_name="us-east-1", endpoint_url=url, config=settings)
    made.meta.events.register("before-call", lambda params, **_: params["headers"].update({"x-api-key": key}))
    return made


class ConverseDriver:
    name = "boto3"
    stops: ClassVar = {"end": "end_turn", "length": "max_tokens", "sequence": "stop_sequence", "tools": "tool_use"}
    errors: Mapping[int, type[Exception]]
    broken = EventStreamError
    lacks: frozenset[str] = frozenset()

    def __init__(self, url: str) -> None:
        self._sdk = client(url)
        raised = self._sdk.exceptions
        self.errors = {
            400: raised.ValidationException,
            401: raised.AccessDeniedException,
            404: raised.ResourceNotFoundException,
            429: raised.ThrottlingException,
            500: raised.ModelErrorException,
        }

    async def close(self) -> None:
        self._sdk.close()

    async def ask(self, wish: Wish, *, stream: bool = False) -> Heard:
        return await asyncio.to_thread(self._streamed if stream else self._whole, _body(wish))

    def _whole(self, body: dict[str, Any]) -> Heard:
        answer = self._sdk.converse(**body)
        heard = Heard(native=answer["output"]["message"], stop=answer["stopReason"], usage=_counts(answer["usage"]))
        heard.headers = answer["ResponseMetadata"]["HTTPHeaders"]
        assert answer["metrics"]["latencyMs"] >= 0
        return _understood(heard)

    def _streamed(self, body: dict[str, Any]) -> Heard:
        answer = self._sdk.converse_stream(**body)
        heard, blocks, arguments = Heard(), [], {}
        with closing(answer["stream"]) as stream:
            events = list(stream)
        for event in events:
            ((kind, told),) = event.items()
            if kind == "contentBlockStart":
                assert told["contentBlockIndex"] == len(blocks)
                blocks.append({"toolUse": dict(told["start"]["toolUse"])})
            elif kind == "contentBlockDelta":
                number = told["contentBlockIndex"]
                if number == len(blocks):  # texts and thoughts are not announced
                    blocks.append({})
                _add(blocks[number], told["delta"], number, arguments, heard.pieces)
            elif kind == "messageStop":
                heard.stop = told["stopReason"]
            elif kind == "metadata":
                heard.usage = _counts(told["usage"])
        for number, text in arguments.items():
            blocks[number]["toolUse"]["input"] = json.loads(text or "{}")
        for block in blocks:
            if "toolUse" in block:
                block["toolUse"].setdefault("input", {})
        assert heard.stop, "the stream ended without messageStop"
        assert heard.usage, "the stream ended without metadata"
        pieces, heard.pieces = heard.pieces, []
        heard.native = {"role": "assistant", "content": blocks}
        heard.headers = answer["ResponseMetadata"]["HTTPHeaders"]
        _understood(heard)
        assert heard.text == "".join(pieces)
        heard.pieces = pieces
        return heard


def _add(
    block: dict[str, Any], delta: dict[str, Any], number: int, arguments: dict[int, str], pieces: list[str]
) -> None:
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
        pieces.append(delta["text"])
    elif "toolUse" in delta:
        arguments[number] = arguments.get(number, "") + delta["toolUse"]["input"]
    elif "redactedContent" in delta.get("reasoningContent", {}):
        block["reasoningContent"] = dict(delta["reasoningContent"])
    elif "reasoningContent" in delta:
        thought = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
        for name, text in delta["reasoningContent"].items():
            thought[name] = thought.get(name, "") + text


def _understood(heard: Heard) -> Heard:
    """What the blocks of the assistant's turn say."""
    for block in heard.native["content"]:
        if "text" in block:
            heard.pieces.append(block["text"])
        elif "toolUse" in block:
            use = block["toolUse"]
            heard.calls.append(Call(use["toolUseId"], use["name"], use["input"]))
        elif "reasoningText" in block.get("reasoningContent", {}):
            heard.thoughts += block["reasoningContent"]["reasoningText"]["text"]
    return heard


def _body(wish: Wish) -> dict[str, Any]:
    body: dict[str, Any] = {"modelId": wish.model, "messages": [_said(turn) for turn in wish.turns]}
    if wish.system:
        body["system"] = [{"text": wish.system}]
    inference = {"maxTokens": wish.max_tokens or 8000, "temperature": wish.temperature, "topP": wish.top_p}
    if wish.stop:
        inference["stopSequences"] = list(wish.stop)
    body["inferenceConfig"] = {name: value for name, value in inference.items() if value is not None}
    if wish.tools:
        body["toolConfig"] = {
            "tools": [{"toolSpec": {"name": tool.name, "inputSchema": {"json": tool.schema}}} for tool in wish.tools]
        }
    if wish.choice:
        plain = {"auto": "auto", "required": "any"}.get(wish.choice)
        body["toolConfig"]["toolChoice"] = {plain: {}} if plain else {"tool": {"name": wish.choice}}
    if wish.schema is not None:
        shape = {"jsonSchema": {"schema": json.dumps(wish.schema)}}
        body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": shape}}
    if wish.thinking:
        body["additionalModelRequestFields"] = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    return {**body, **wish.raw}


def _said(turn: Any) -> Any:
    if isinstance(turn, User):
        images = [
            {"image": {"format": "png", "source": {"bytes": base64.b64decode(picture.data)}}}
            for picture in turn.pictures
        ]
        return {"role": "user", "content": [*images, {"text": turn.text}]}
    if isinstance(turn, Results):
        return {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": one.call.id,
                        "content": [{"text": one.content}],
                        "status": "error" if one.error else "success",
                    }
                }
                for one in turn.results
            ],
        }
    return turn.native


def _counts(usage: dict[str, Any]) -> Counts:
    return Counts(usage["inputTokens"], usage["outputTokens"], usage.get("cacheReadInputTokens", 0))
