"""A conversation as the body of a request to Converse; the model stands in the URL."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from segue.families.llm.formats.converse.media import Names, write_media
from segue.families.llm.formats.converse.models import Maker, maker_of
from segue.families.llm.formats.converse.settings import Settings
from segue.families.llm.formats.converse.tools import write_tools
from segue.families.llm.formats.messages.schema import Unfit, fitted
from segue.families.llm.formats.tool_calls import as_object
from segue.families.llm.formats.turns import Turns
from segue.families.llm.ir.blocks import (
    ANTHROPIC,
    BEDROCK,
    CacheMark,
    Content,
    Media,
    Refusal,
    ServerItem,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import Target, Written
from segue.families.llm.ir.ids import BEDROCK as IDS
from segue.families.llm.ir.losses import cannot

_encode: Final = msgspec.json.encode

_TTLS: Final = frozenset({"5m", "1h"})
_TIERS: Final = frozenset({"priority", "default", "flex", "reserved"})
_JSON_ONLY: Final = "Answer with one JSON object and nothing else."
_NO_TOOLS: Final = "Do not call any tool in this answer."
ADDITIONAL: Final = "additionalModelRequestFields"
"""Where settings of the model's own stand."""
GUARDED: Final = "system."
"""How the names of instructions begin that only a guardrail of Bedrock's understands."""
_SEE_DOCUMENT: Final = "See the document."
MAX_METADATA: Final = 16
MAX_METADATA_SIZE: Final = 256


def path(model: str, *, stream: bool) -> str:
    """The path of the URL for a model, whose name may be an ARN with colons and slashes."""
    return f"/model/{quote(model, safe='')}/converse{'-stream' if stream else ''}"


def write_request(conversation: Conversation, target: Target) -> Written:
    """The body for Converse, and for ConverseStream: both have the same.

    Raises:
        CannotServe: media of a kind, or a vendor's tool, that Bedrock does not know.
    """
    return _Writer(conversation, target).written()


class _Writer:
    __slots__ = ("_conversation", "_maker", "_names", "_target", "_turns", "_warned", "_warnings")

    def __init__(self, conversation: Conversation, target: Target) -> None:
        self._conversation = conversation
        self._target = target
        self._maker: Maker = maker_of(target.model, target.flags)
        self._warnings: list[str] = []
        self._warned: set[str] = set()
        self._names: Names | None = None  # few conversations have documents
        self._turns = Turns(conversation, self._warnings, alternate=True)

    def written(self) -> Written:
        conversation, turns = self._conversation, self._turns
        settings = Settings(self._maker, self._target, self._warnings)
        settings.read(conversation, turns.turns)
        messages = [{"role": role, "content": self._content(role, blocks)} for role, blocks in turns.turns]
        if messages[-1]["role"] == "assistant":
            _trim_prefill(messages[-1])
        body: dict[str, Any] = {"messages": messages}
        tools = None
        if conversation.tools or turns.calls:
            tools = write_tools(conversation, turns, self._maker, self._target, self._warnings)
        choice = conversation.tool_choice
        system = self._system(told_no_tools=tools is not None and choice is not None and choice.mode == "none")
        if system:
            body["system"] = system
        if settings.inference:
            body["inferenceConfig"] = settings.inference
        if tools is not None:
            body["toolConfig"] = tools
        additional = settings.additional
        if conversation.extra:
            additional = {**additional, **self._own(f"{ADDITIONAL}.")}
        if additional:
            body[ADDITIONAL] = additional
        if self._maker.vendor == ANTHROPIC and "stopSequences" in settings.inference:
            body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]  # Converse does not tell which one came
        if settings.effort or conversation.output is not None:
            self._write_output(body, settings.effort)
        self._write_rest(body)
        if conversation.extra:
            body.update({name: value for name, value in conversation.extra.items() if "." not in name})
        return Written(_encode(body), warnings=self._warnings)

    def _system(self, *, told_no_tools: bool) -> list[dict[str, Any]]:
        system: list[dict[str, Any]] = []
        for part in self._turns.system:
            if part.text.strip():
                system.append({"text": part.text})
                if part.cache is not None:
                    self._mark(system, part.cache)
        extra = self._conversation.extra
        if extra:
            system += [{"guardContent": value} for name, value in extra.items() if name.startswith(GUARDED)]
        output = self._conversation.output
        if output is not None and not output.schema:
            system.append({"text": _JSON_ONLY})
        if told_no_tools:
            system.append({"text": _NO_TOOLS})
            self._warnings.append(
                "tool_choice none asked for in the system prompt: Bedrock demands the tools that the history has called"
            )
        return system

    def _own(self, start: str) -> dict[str, msgspec.Raw]:
        """Fields that a client of this very format has sent and nobody here knows."""
        extra = self._conversation.extra
        return {name.removeprefix(start): value for name, value in extra.items() if name.startswith(start)}

    def _mark(self, blocks: list[dict[str, Any]], cache: CacheMark) -> None:
        if self._maker.cache_messages:
            point = {"type": "default"} if cache.ttl not in _TTLS else {"type": "default", "ttl": cache.ttl}
            blocks.append({"cachePoint": point})
        else:
            self._warn_once(f"cache_control left out: {self._maker.name} on Bedrock has no cache points")

    def _warn_once(self, warning: str) -> None:
        if warning not in self._warned:
            self._warned.add(warning)
            self._warnings.append(warning)

    def _content(self, role: str, blocks: Sequence[Content]) -> list[dict[str, Any]]:
        written: list[dict[str, Any]] = []
        has_document = False
        for block in blocks:
            if isinstance(block, Text):
                written.append({"text": block.text})
            elif isinstance(block, ToolUse):
                written.append({"toolUse": self._use(block)})
            elif isinstance(block, ToolResult):
                written.append({"toolResult": self._result(block)})
            elif isinstance(block, Media):
                if role == "assistant":
                    continue  # Converse takes media from users only; the table of losses has warned
                written.append(self._media(block))
                has_document = has_document or "document" in written[-1]
            else:
                self._write_seldom(written, block)
                continue
            if block.cache is not None:
                self._mark(written, block.cache)
        if has_document and not any(isinstance(block, Text) for block in blocks):
            written.append({"text": _SEE_DOCUMENT})
            self._warn_once(f"the text {_SEE_DOCUMENT!r} was put beside a document: Bedrock demands one")
        return written or [{"text": _SEE_NOTHING}]

    def _write_seldom(self, written: list[dict[str, Any]], block: Thinking | Refusal | ServerItem) -> None:
        if isinstance(block, Thinking):
            self._think(written, block)
        elif isinstance(block, Refusal):
            written.append({"text": block.text if block.text.strip() else _SEE_NOTHING})
        else:
            self._server_item(written, block)

    def _media(self, media: Media) -> dict[str, Any]:
        if self._names is None:
            self._names = Names(self._warnings)
        return write_media(media, self._names)

    def _use(self, block: ToolUse) -> dict[str, Any]:
        arguments: Any = as_object(block.arguments)
        if arguments is None:
            arguments = {"arguments": block.arguments}
            self._warn_once(f"arguments of the tool {block.name!r} that are no JSON object were put into one")
        return {"toolUseId": IDS.fit(block.id), "name": block.name, "input": arguments}

    def _result(self, block: ToolResult) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        for part in block.content:
            if isinstance(part, Media):
                if part.kind == "audio":
                    raise cannot("Bedrock", "sound in a tool's result", field=Field.TOOL_MEDIA)
                content.append(self._media(part))
            elif part.text.strip():
                content.append({"text": part.text})
        result: dict[str, Any] = {"toolUseId": IDS.fit(block.id), "content": content}
        if block.error:
            if self._maker.tool_status:
                result["status"] = "error"
                if not content:  # Converse refuses an error without content
                    content.append({"text": "Error"})
            else:
                content.insert(0, {"text": "Error:"})
                self._warn_once(f"errors of tools begin with 'Error:': {self._maker.name} has no status for them")
        return result

    def _think(self, written: list[dict[str, Any]], block: Thinking) -> None:
        """Thoughts go back to their own vendor only: another would refuse their signature."""
        signature = block.signature
        if signature is None or signature.vendor != self._maker.vendor:
            return
        if signature.kind == "signature":
            written.append({"reasoningContent": {"reasoningText": {"text": block.text, "signature": signature.value}}})
        else:
            written.append({"reasoningContent": {"redactedContent": signature.value}})

    def _server_item(self, written: list[dict[str, Any]], block: ServerItem) -> None:
        if block.vendor != BEDROCK:
            raise cannot(
                "Bedrock", f"a step of {block.vendor}'s own tool {block.type[:60]!r}", field=Field.SERVER_ITEMS
            )
        item: Any = msgspec.Raw(block.raw)
        written.append(item)

    def _fitted(self, schema: bytes) -> bytes:
        # Bedrock's "Structured outputs" takes the same part of JSON Schema as Anthropic's, of every maker's models.
        try:
            schema, changed = fitted(schema)
        except Unfit as error:
            raise cannot("Bedrock", f"the schema of the answer: {error}", field=Field.JSON_SCHEMA) from None
        if changed:
            self._warnings.append("schema of the answer changed to what Bedrock accepts; limits are told in words")
        return schema

    def _write_output(self, body: dict[str, Any], effort: str) -> None:
        output = self._conversation.output
        config: dict[str, Any] = {}
        if output is not None and output.schema:
            schema = {"schema": self._fitted(output.schema).decode("utf-8", "replace")}
            if output.name:
                schema["name"] = output.name
            if output.description:
                schema["description"] = output.description
            config["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema}}
        if effort:
            config["effort"] = effort
        if config:
            body["outputConfig"] = config

    def _write_rest(self, body: dict[str, Any]) -> None:
        conversation = self._conversation
        if conversation.guardrail:
            body["guardrailConfig"] = msgspec.Raw(conversation.guardrail)
        if conversation.metadata:
            fitting = {
                name: value
                for name, value in conversation.metadata.items()
                if 0 < len(name) <= MAX_METADATA_SIZE and len(value) <= MAX_METADATA_SIZE
            }
            kept = dict(list(fitting.items())[:MAX_METADATA])
            if len(kept) < len(conversation.metadata):
                self._warnings.append(
                    f"metadata left out: Bedrock takes {MAX_METADATA} of {MAX_METADATA_SIZE} characters at most"
                )
            if kept:
                body["requestMetadata"] = kept
        tier = conversation.service_tier
        if tier and tier != "auto":
            if tier in _TIERS:
                body["serviceTier"] = {"type": tier}
            else:
                self._warnings.append(f"service_tier {tier[:40]!r} left out: Bedrock knows {', '.join(sorted(_TIERS))}")


_SEE_NOTHING: Final = "."


def _trim_prefill(last: dict[str, Any]) -> None:
    """Claude refuses a last turn of the assistant's that ends with white space."""
    if isinstance(last["content"][-1], dict) and "text" in last["content"][-1]:
        last["content"][-1]["text"] = last["content"][-1]["text"].rstrip() or _SEE_NOTHING
