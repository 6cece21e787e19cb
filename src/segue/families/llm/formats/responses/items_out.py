"""Turns into items of a request for OpenAI.

Items carry no ids: what is asked for with `store: false` is not known to OpenAI afterwards, and a call that carries an
id is refused where the thinking which belonged to it is missing. Thinking goes back by its ciphertext alone.
"""

from collections.abc import Sequence
from typing import Any, Final

from segue.families.llm.formats.responses.citations import annotation_of
from segue.families.llm.formats.responses.namespaces import with_group
from segue.families.llm.ir.blocks import (
    OPENAI,
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
from segue.families.llm.ir.conversation import Message, Namespaces, Raw
from segue.families.llm.ir.ids import ANYTHING

CACHE_TTLS: Final = frozenset({"30m", "12h"})  # SDK: prompt_cache_breakpoint.ttl

Item = dict[str, Any] | Raw


class ItemWriter:
    """Writes the items of one request.

    Attributes:
        items: as far as they are written.
        warnings: of what could not be written, each once.
        sealed: whether the model's own thinking is among them.
    """

    __slots__ = ("_custom", "_developer", "_namespaces", "items", "sealed", "warnings")

    def __init__(self, developer: str, namespaces: Namespaces | None = None) -> None:
        self.items: list[Item] = []
        self.warnings: dict[str, None] = {}
        self.sealed = False
        self._developer = developer
        self._namespaces = namespaces
        self._custom: set[str] = set()

    def write(self, messages: Sequence[Message]) -> None:
        """Write all turns."""
        for message in messages:
            if message.role == "assistant":
                self._assistant(message.content)
            elif message.role == "user":
                self._user(message.content)
            else:
                self._message(self._developer, self._parts(message.content))

    def _message(self, role: str, parts: list[dict[str, Any]]) -> None:
        if not parts:
            return
        plain = len(parts) == 1 and len(parts[0]) == 2 and parts[0]["type"] == "input_text"  # noqa: PLR2004 - type and text
        self.items.append({"type": "message", "role": role, "content": parts[0]["text"] if plain else parts})

    def _user(self, content: Sequence[Content]) -> None:
        only = content[0] if len(content) == 1 else None
        if isinstance(only, Text) and only.cache is None:
            self.items.append({"type": "message", "role": "user", "content": only.text})
            return
        parts: list[dict[str, Any]] = []
        for block in content:
            if isinstance(block, ToolResult):
                self._message("user", parts)
                parts = []
                self._result(block)
            elif isinstance(block, ServerItem):
                self._message("user", parts)
                parts = []
                if block.vendor == OPENAI:
                    self.items.append(Raw(block.raw))
            else:
                parts += self._parts((block,))
        self._message("user", parts)

    def _assistant(self, content: Sequence[Content]) -> None:
        parts: list[dict[str, Any]] = []
        phase = ""
        for block in content:
            if isinstance(block, (Text, Refusal)):
                if not block.text:
                    continue  # an empty text in history says nothing
                new_phase = block.phase if isinstance(block, Text) else phase
                if new_phase != phase:
                    self._said(parts, phase)
                    parts, phase = [], new_phase
                parts.append(self._spoken(block))
                continue
            self._said(parts, phase)
            parts = []
            if isinstance(block, ToolUse):
                self._call(block)
            elif isinstance(block, Thinking):
                self._thought(block)
            elif isinstance(block, ServerItem) and block.vendor == OPENAI:
                self.items.append(Raw(block.raw))
        self._said(parts, phase)

    def _said(self, parts: list[dict[str, Any]], phase: str) -> None:
        if parts:
            item: dict[str, Any] = {"type": "message", "role": "assistant", "content": parts}
            if phase:
                item["phase"] = phase
            self.items.append(item)

    def _spoken(self, block: Text | Refusal) -> dict[str, Any]:
        if isinstance(block, Refusal):
            return {"type": "refusal", "refusal": block.text}
        part: dict[str, Any] = {"type": "output_text", "text": block.text, "annotations": []}
        if block.citations:
            length = len(block.text)
            part["annotations"] = [
                annotation_of(citation, length) for citation in block.citations if citation.vendor == OPENAI
            ]
        return part

    def _call(self, block: ToolUse) -> None:
        name = ANYTHING.fit(block.id)
        if self._namespaces is not None:
            block = with_group(block, self._namespaces)
        if block.custom:
            self._custom.add(name)
            item = {"type": "custom_tool_call", "call_id": name, "name": block.name, "input": block.arguments}
        else:
            arguments = block.arguments or "{}"
            item = {"type": "function_call", "call_id": name, "name": block.name, "arguments": arguments}
        if block.namespace:
            item["namespace"] = block.namespace
        self.items.append(item)

    def _thought(self, block: Thinking) -> None:
        signature = block.signature
        if signature is None or signature.vendor != OPENAI:
            return  # the table of losses has told of it
        self.sealed = True
        item: dict[str, Any] = {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": block.text}] if block.text and block.summary else [],
            "encrypted_content": signature.value,
        }
        if block.id:
            item["id"] = block.id
        self.items.append(item)

    def _result(self, block: ToolResult) -> None:
        name = ANYTHING.fit(block.id)
        content: tuple[Text | Media, ...] = block.content
        if block.error:
            content = _with_error(content)
        output: str | list[dict[str, Any]] = self._parts(content)
        if not output:
            output = ""
        elif len(output) == 1 and isinstance(content[0], Text) and len(output[0]) == 2:  # noqa: PLR2004 - type and text
            output = content[0].text
        kind = "custom_tool_call_output" if name in self._custom else "function_call_output"
        self.items.append({"type": kind, "call_id": name, "output": output})

    def _parts(self, content: Sequence[Content]) -> list[dict[str, Any]]:
        parts = []
        for block in content:
            if isinstance(block, (Text, Refusal)):
                part: dict[str, Any] = {"type": "input_text", "text": block.text}
            elif isinstance(block, Media):
                part = _media(block)
            else:
                continue
            cache: CacheMark | None = getattr(block, "cache", None)
            if cache is not None:
                if cache.ttl in CACHE_TTLS:
                    part["prompt_cache_breakpoint"] = {"mode": "explicit", "ttl": cache.ttl}
                else:
                    self.warnings["cache_control left out: OpenAI caches by itself"] = None
            parts.append(part)
        return parts


def _with_error(content: tuple[Text | Media, ...]) -> tuple[Text | Media, ...]:
    """Responses has no word for a tool that failed, so its text says it."""
    if content and isinstance(content[0], Text):
        return (Text(f"Error: {content[0].text}", content[0].cache), *content[1:])
    return (Text("Error: the tool failed"), *content)


def _media(media: Media) -> dict[str, Any]:
    if media.kind == "image":
        part: dict[str, Any] = {"type": "input_image"}
        if media.data:
            part["image_url"] = f"data:{media.type or 'image/png'};base64,{media.data}"
        elif media.url:
            part["image_url"] = media.url
        else:
            part["file_id"] = media.file
        part["detail"] = media.detail or "auto"
        return part
    if media.text is not None:
        head = "\n".join(line for line in (media.name, media.context) if line)
        return {"type": "input_text", "text": f"{head}\n\n{media.text}" if head else media.text}
    if media.kind == "audio":
        kind = media.type.partition("/")[2]
        return {"type": "input_audio", "input_audio": {"data": media.data, "format": kind or "wav"}}
    part = {"type": "input_file"}
    if media.data:
        kind = media.type or "application/pdf"
        part["filename"] = media.name or f"document.{kind.rpartition('/')[2]}"  # required beside file_data
        part["file_data"] = f"data:{kind};base64,{media.data}"
    elif media.url:
        part["file_url"] = media.url
    else:
        part["file_id"] = media.file
    if media.detail in {"low", "high"}:
        part["detail"] = media.detail
    return part
