"""Items of a request into turns.

Responses knows no turns: what the model thought, said and called are items one after the other, and so are results.
Neighbouring items of the model's become one turn of the assistant's, in their order; neighbouring results one of the
user's. A message of the user's is always a turn of its own.
"""

from typing import Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.responses import wire
from segue.families.llm.formats.responses.citations import citation_of
from segue.families.llm.formats.responses.namespaces import FlatNames
from segue.families.llm.formats.responses.output import CALL
from segue.families.llm.formats.responses.strictly import decode, invalid
from segue.families.llm.ir.blocks import (
    OPENAI,
    CacheMark,
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
from segue.families.llm.ir.conversation import Message
from segue.families.llm.ir.seals import unseal

Raw = msgspec.Raw

DEFAULT_CACHE_TTL: Final = "30m"  # SDK's documentation of prompt_cache_options.ttl
MAX_ITEMS: Final = 100_000


class _Kind(msgspec.Struct, gc=False):
    type: str | None = None
    role: str | None = None


_kind: Final = msgspec.json.Decoder(_Kind)
_input_message: Final = msgspec.json.Decoder(wire.InputMessage)
_output_message: Final = msgspec.json.Decoder(wire.OutputMessage)
_function_call: Final = msgspec.json.Decoder(wire.FunctionCall)
_custom_call: Final = msgspec.json.Decoder(wire.CustomCall)
_call_output: Final = msgspec.json.Decoder(wire.CallOutput)
_reasoning: Final = msgspec.json.Decoder(wire.ReasoningItem)


class Turns:
    """Collects the turns of a request.

    Attributes:
        system: instructions that stand before everything else.
        messages: the turns.
        extra: fields that have no word here, by their paths.
        flat: makes names for tools that stand in groups.
    """

    __slots__ = ("_results", "extra", "flat", "messages", "system")

    def __init__(self, system: list[Text], extra: dict[str, Raw], flat: FlatNames | None = None) -> None:
        self.system = system
        self.flat = flat
        self.messages: list[Message] = []
        self.extra = extra
        self._results: Message | None = None

    def read(self, items: list[Raw]) -> None:
        """Take all items.

        Raises:
            RequestInvalid: one of them is none; `param` is its path.
        """
        if len(items) > MAX_ITEMS:
            raise RequestInvalid(f"field 'input': more than {MAX_ITEMS} items", param="input")
        for number, raw in enumerate(items):
            where = f"input[{number}]"
            try:
                kind = _kind.decode(raw)
            except msgspec.ValidationError as error:
                raise invalid(error, where) from None
            if kind.role is not None and (kind.type is None or kind.type == "message"):
                self._message(raw, kind.role, where)
            else:
                self._item(raw, kind.type or "", where)

    def _message(self, raw: Raw, role: str, where: str) -> None:
        if role == "assistant":
            said = decode(_output_message, raw, where, self.extra)
            self._assistant(_spoken(said))
            return
        message = decode(_input_message, raw, where, self.extra)
        content = _given(message.content, where)
        if role == "user":
            self._results = None
            self.messages.append(Message("user", content))
            return
        texts = [block for block in content if isinstance(block, Text)]
        if len(texts) != len(content):
            raise RequestInvalid(f"field '{where}.content': instructions are text only", param=f"{where}.content")
        if self.messages:
            self._results = None
            self.messages.append(Message("system", content))
        else:
            self.system += texts

    def _item(self, raw: Raw, kind: str, where: str) -> None:
        extra = self.extra
        if kind == "function_call":
            call = decode(_function_call, raw, where, extra)
            name = call.name if call.namespace is None else self._name(call.namespace, call.name)
            self._assistant([ToolUse(call.call_id, name, call.arguments, item=call.id or "")])
        elif kind == "custom_tool_call":
            custom = decode(_custom_call, raw, where, extra)
            name = custom.name if custom.namespace is None else self._name(custom.namespace, custom.name)
            self._assistant([ToolUse(custom.call_id, name, custom.input, custom=True, item=custom.id or "")])
        elif kind in {"function_call_output", "custom_tool_call_output"}:
            output = decode(_call_output, raw, where, extra)
            if output.name and output.namespace:
                output.name = self._name(output.namespace, output.name)
            self._result(_result(output, f"{where}.output"))
        elif kind == "reasoning":
            thought = _thought(decode(_reasoning, raw, where, extra))
            if thought.signature is None or thought.signature.kind != CALL:
                self._assistant([thought])
            else:
                self._sign(thought.signature)
        elif kind in wire.SERVER_CALLS:
            self._assistant([ServerItem(OPENAI, kind, bytes(raw))])
        elif kind in wire.SERVER_OUTPUTS:
            self._result(ServerItem(OPENAI, kind, bytes(raw)))
        elif kind in {"", "message"}:
            raise RequestInvalid(
                f"field '{where}.role': a message needs a role: 'user', 'assistant', 'system' or 'developer'",
                param=f"{where}.role",
            )
        else:
            raise RequestInvalid(
                f"field '{where}.type': {kind[:64]!r} is no item (message, function_call, function_call_output, …)",
                param=f"{where}.type",
            )

    def _name(self, group: str, name: str) -> str:
        """The name of a tool that stands in a group; the empty word is none."""
        if not group:
            return name
        if self.flat is None:
            self.flat = FlatNames()
        return self.flat.name(group, name)

    def _assistant(self, content: list[Content]) -> None:
        self._results = None
        messages = self.messages
        if messages and messages[-1].role == "assistant":
            messages[-1].content += content
        else:
            messages.append(Message("assistant", content))

    def _sign(self, carried: Signature) -> None:
        """A signature goes back to its call; one whose call the client has left out has nothing to sign."""
        name, _, value = carried.value.partition("\n")
        for block in self.messages[-1].content if self.messages else ():
            if isinstance(block, ToolUse) and block.id == name:
                block.signature = Signature(carried.vendor, value)

    def _result(self, block: ToolResult | ServerItem) -> None:
        if self._results is None:
            self._results = Message("user", [])
            self.messages.append(self._results)
        self._results.content.append(block)


def _spoken(message: wire.OutputMessage) -> list[Content]:
    phase = message.phase or ""
    if isinstance(message.content, str):
        return [Text(message.content, phase=phase)]
    content: list[Content] = []
    for part in message.content:
        if isinstance(part, wire.RefusalPart):
            content.append(Refusal(part.refusal))
        else:
            text = Text(part.text, phase=phase)
            if part.annotations:
                text.citations = tuple(found for raw in part.annotations if (found := citation_of(raw)) is not None)
            content.append(text)
    return content


def _given(content: str | list[wire.InputPart], where: str) -> list[Content]:
    if isinstance(content, str):
        return [Text(content)]
    return [_part(part, f"{where}.content[{place}]") for place, part in enumerate(content)]


def _part(part: wire.InputPart, where: str) -> Text | Media:
    if isinstance(part, wire.InputText):
        return Text(part.text, _mark(part.prompt_cache_breakpoint))
    if isinstance(part, wire.InputImage):
        return _image(part, where)
    if isinstance(part, wire.InputFile):
        return _document(part, where)
    return Media("audio", f"audio/{part.input_audio.format}", part.input_audio.data)


def _mark(breakpoint_: wire.Breakpoint | None) -> CacheMark | None:
    return None if breakpoint_ is None else CacheMark(breakpoint_.ttl or DEFAULT_CACHE_TTL)


def _image(part: wire.InputImage, where: str) -> Media:
    media = Media("image", detail=part.detail or "", cache=_mark(part.prompt_cache_breakpoint))
    if part.image_url is not None:
        if part.image_url[:5].lower() == "data:":
            media.type, media.data = _data_url(part.image_url, f"{where}.image_url")
        elif part.image_url[:8].lower().startswith(("http://", "https://")):
            media.url = part.image_url
        else:
            raise RequestInvalid(
                f"field '{where}.image_url': expected an http(s) URL or a data URL", param=f"{where}.image_url"
            )
    elif part.file_id:
        media.file, media.vendor = part.file_id, OPENAI
    else:
        raise RequestInvalid(f"field '{where}.image_url': give 'image_url' or 'file_id'", param=f"{where}.image_url")
    return media


def _document(part: wire.InputFile, where: str) -> Media:
    media = Media(
        "document", name=part.filename or "", detail=part.detail or "", cache=_mark(part.prompt_cache_breakpoint)
    )
    if part.file_data is not None:
        if part.file_data[:5].lower() == "data:":
            media.type, media.data = _data_url(part.file_data, f"{where}.file_data")
        else:
            media.type, media.data = "application/pdf", part.file_data
    elif part.file_url is not None:
        media.url = part.file_url
    elif part.file_id:
        media.file, media.vendor = part.file_id, OPENAI
    else:
        raise RequestInvalid(
            f"field '{where}.file_data': give 'file_data', 'file_url' or 'file_id'", param=f"{where}.file_data"
        )
    return media


def _data_url(url: str, where: str) -> tuple[str, str]:
    """Media type and base64 of a data URL (RFC 2397)."""
    head, comma, data = url.partition(",")
    kind, _, rest = head[5:].partition(";")
    if not comma or not f";{rest}".lower().endswith(";base64") or not kind:
        raise RequestInvalid(f"field {where!r}: expected data:<media type>;base64,<data>", param=where)
    return kind, data


def _result(output: wire.CallOutput, where: str) -> ToolResult:
    if isinstance(output.output, str):
        content: tuple[Text | Media, ...] = (Text(output.output),) if output.output else ()
    else:
        content = tuple(_part(part, f"{where}[{place}]") for place, part in enumerate(output.output))
    return ToolResult(output.call_id, content, name=output.name or "")


def _thought(item: wire.ReasoningItem) -> Thinking:
    """Thinking of OpenAI's, or of a stranger's whose signature was sealed; the latter's text is one paragraph."""
    summary = "\n\n".join(part.text for part in item.summary)
    said = "".join(part.text for part in item.content or ())
    signature = unseal(item.encrypted_content, OPENAI, "encrypted") if item.encrypted_content else None
    own = signature is None or signature.vendor == OPENAI
    return Thinking(summary or said, signature, summary=own and bool(summary), id=item.id or "")
