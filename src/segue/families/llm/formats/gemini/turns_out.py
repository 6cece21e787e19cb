"""The turns of a conversation, as contents for a provider.

Neighbours of one role are joined. The results of a turn's calls stand together, in the order of the calls and with
their names, right after the calls: Google counts them, and where it finds no ids it matches them by their place.
"""

from typing import Any, Final

import msgspec

from segue.families.llm.formats.gemini.media import type_of_url
from segue.families.llm.formats.gemini.thinking import Generation
from segue.families.llm.formats.gemini.wire import Raw, object_decoder
from segue.families.llm.ir.blocks import (
    GOOGLE,
    Content,
    Media,
    Refusal,
    ServerItem,
    Signature,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from segue.families.llm.ir.conversation import Conversation, Message
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import Target
from segue.families.llm.ir.losses import cannot

UNSIGNED: Final = "skip_thought_signature_validator"
"""Stands for the signature of a call that Gemini itself did not make: models from 3 on refuse the current turn
without one (guide "Thought signatures", the question about traces of other models)."""

_UNNAMED: Final = "tool"


class TurnsOut:
    """Writes the turns of one conversation."""

    __slots__ = ("_calls", "_details", "_generation", "_target", "_warnings", "contents")

    def __init__(
        self,
        target: Target,
        generation: Generation,
        warnings: list[str],
        details: dict[tuple[int, int], dict[str, Raw]],
    ) -> None:
        self.contents: list[dict[str, Any]] = []
        self._calls: dict[str, tuple[int, str]] = {}  # of the latest model turns: place and name by id
        self._target = target
        self._generation = generation
        self._warnings = warnings
        self._details = details

    def write(self, conversation: Conversation) -> list[dict[str, Any]]:
        """All contents.

        Raises:
            CannotServe: a block that cannot be expressed.
        """
        results: list[tuple[ToolResult, int, int]] = []
        for number, message in enumerate(conversation.messages):
            content = message.content
            if message.role == "assistant":
                if results:
                    self._settle(results)
                self._model(message, number)
                continue
            rest = list(enumerate(content))
            if ToolResult in map(type, content):
                results += [(block, number, place) for place, block in rest if isinstance(block, ToolResult)]
                rest = [(place, block) for place, block in rest if not isinstance(block, ToolResult)]
            if rest:
                if results:
                    self._settle(results)
                self._say("user", [self._part(block, number, place) for place, block in rest])
        if results:
            self._settle(results)
        return self.contents

    def _say(self, role: str, parts: list[dict[str, Any] | None]) -> None:
        """Add parts to the turn of a role; `None` stands for what is not to be said."""
        said = [part for part in parts if part is not None] if None in parts else parts
        contents = self.contents
        if not said:
            return
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += said
        else:
            contents.append({"role": role, "parts": said})

    def _model(self, message: Message, number: int) -> None:
        if not self.contents or self.contents[-1]["role"] != "model":
            self._calls = {}
        unsigned = self._generation.way == "level"  # only the first call of a step bears a signature
        parts: list[dict[str, Any] | None] = []
        for place, block in enumerate(message.content):
            part = self._part(block, number, place)
            parts.append(part)
            if isinstance(block, ToolUse) and part is not None:
                self._calls[block.id] = (len(self._calls), block.name)
                if unsigned and "thoughtSignature" not in part:
                    part["thoughtSignature"] = UNSIGNED
                unsigned = False
        self._say("model", parts)

    def _settle(self, results: list[tuple[ToolResult, int, int]]) -> None:
        """Write the results that have gathered, in the order of their calls; then what cannot stand inside them."""
        calls = self._calls
        if len(results) > 1:
            last = len(calls)
            results.sort(key=lambda each: calls.get(each[0].id, (last, ""))[0])
        parts: list[dict[str, Any] | None] = []
        beside: list[Media] = []
        for result, number, place in results:
            name = calls.get(result.id, (0, ""))[1] or result.name or _UNNAMED
            response: dict[str, Any] = {"name": name, "response": _response(result)}
            if "no_call_ids" not in self._target.flags:
                response["id"] = result.id
            if Media in map(type, result.content):
                media = [part for part in result.content if isinstance(part, Media)]
                if self._generation.version >= (3, 0):
                    response["parts"] = [self._media(part) for part in media]
                else:
                    beside += media
            part = {"functionResponse": response}
            parts.append(self._detailed(part, number, place) if self._details else part)
        parts += map(self._media, beside)
        self._say("user", parts)
        results.clear()

    def _part(self, block: Content, number: int, place: int) -> dict[str, Any] | None:
        part: dict[str, Any]
        if isinstance(block, Text):
            if not block.text and (block.signature is None or block.signature.vendor != GOOGLE):
                return None
            part = {"text": block.text}
            if block.signature is not None:
                _sign(part, block.signature)
        elif isinstance(block, ToolUse):
            call: dict[str, Any] = {"name": block.name, "args": self._arguments(block)}
            if "no_call_ids" not in self._target.flags:
                call["id"] = block.id
            part = {"functionCall": call}
            if block.signature is not None:
                _sign(part, block.signature)
        elif isinstance(block, Thinking):
            if block.signature is None or block.signature.vendor != GOOGLE:
                return None
            part = {"text": block.text, "thought": True}
            _sign(part, block.signature)
        elif isinstance(block, Media):
            part = self._media(block)
            _sign(part, block.signature)
        elif isinstance(block, Refusal):
            return {"text": block.text} if block.text else None
        elif isinstance(block, ServerItem) and block.vendor == GOOGLE:
            part = dict(object_decoder.decode(block.raw))
        else:
            return None
        return self._detailed(part, number, place) if self._details else part

    def _detailed(self, part: dict[str, Any], number: int, place: int) -> dict[str, Any]:
        """Add what the caller said beside, in fields that only Google knows."""
        for path, raw in self._details.pop((number, place), {}).items():
            *inner, name = path.split(".")
            where: Any = part
            for each in inner:
                where = where.get(each) if isinstance(where, dict) else None
            if isinstance(where, dict):
                where[name] = raw
        return part

    def _arguments(self, call: ToolUse) -> Any:
        if not call.arguments:
            return {}
        try:
            object_decoder.decode(call.arguments)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            self._warnings.append(f"the arguments of an earlier call of {call.name} are no JSON object: sent as text")
            return {"arguments": call.arguments}
        return Raw(call.arguments.encode())

    def _media(self, media: Media) -> dict[str, Any]:
        if media.data:
            return {"inlineData": {"mimeType": media.type or "application/octet-stream", "data": media.data}}
        if media.text is not None:
            return {"text": media.text}
        if media.file and media.vendor != GOOGLE:
            raise cannot(
                "Gemini",
                "a file of another vendor",
                field=Field.IMAGE_FILE if media.kind == "image" else Field.DOCUMENT_FILE,
            )
        if media.url:
            self._check_url(media)
        file: dict[str, Any] = {"fileUri": media.file or media.url}
        kind = media.type or type_of_url(media.url)
        if kind:
            file["mimeType"] = kind
        return {"fileData": file}

    def _check_url(self, media: Media) -> None:
        """Addresses are fetched where they are public, begin with https, and the model is none of 2.0 or older.

        Source: guide "File input methods", section on external URLs.
        """
        field = Field.IMAGE_URL if media.kind == "image" else Field.DOCUMENT_URL
        if not media.url.startswith("https://"):
            raise cannot("Gemini", "an address that does not begin with https://", field=field)
        if "no_file_urls" in self._target.flags or self._generation.version < (2, 5):
            raise cannot(
                "Gemini", f"media by its address for the model {self._target.model}: send it as data", field=field
            )


def _sign(part: dict[str, Any], signature: Signature | None) -> None:
    if signature is not None and signature.vendor == GOOGLE:
        part["thoughtSignature"] = signature.value


def _response(result: ToolResult) -> Any:
    """What a tool said as a JSON object, which Google wants: `result` and `error` are keys of its own SDK."""
    text = "\n".join([part.text for part in result.content if isinstance(part, Text)])
    value: Any = text
    if text[:1] in {"{", "["}:
        try:
            msgspec.json.decode(text)
            value = Raw(text.encode())
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            value = text
    if result.error:
        return {"error": value}
    return value if value is not text and text.startswith("{") else {"result": value}
