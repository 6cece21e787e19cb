"""A whole answer out of Anthropic's Messages.

Generous: blocks of types that came later than this module are kept as they came, as Anthropic's own.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.messages.blocks_in import read_citation
from segue.families.llm.formats.messages.stops import read_stop
from segue.families.llm.formats.messages.usage import read_usage, told_usage
from segue.families.llm.formats.messages.wire import JSON_TOOL, NULL, Raw, present
from segue.families.llm.formats.messages.wire_answer import AnyBlock, WireMessage
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import (
    ANTHROPIC,
    Citation,
    Content,
    ServerItem,
    Signature,
    Text,
    Thinking,
    ToolUse,
)
from segue.families.llm.ir.format import BadAnswer

_message: Final = msgspec.json.Decoder(WireMessage)
_block: Final = msgspec.json.Decoder(AnyBlock)
_text: Final = msgspec.json.Decoder(str)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def read_answer(body: bytes) -> Answer:
    """A whole answer.

    Raises:
        BadAnswer: it is none.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        if not body.isascii():
            body.decode()
        message = _message.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer.of(error, body) from None
    if message.content is None or message.type not in {None, "message"}:
        raise BadAnswer("field 'content' is missing, or 'type' is not 'message'")
    usage = told_usage(message.usage)
    answer = Answer(
        id=message.id or "",
        model=message.model or "",
        content=[read_block(raw, made_id(message.id or "", number)) for number, raw in enumerate(message.content)],
        usage=read_usage(usage),
        service_tier=(usage.service_tier or "") if usage is not None else "",
    )
    reason = message.stop_reason or ""
    answer.stop, answer.sequence, answer.vendor_stop = read_stop(reason), message.stop_sequence, reason
    if not reason:
        answer.stop = Stop.END
    if answer.stop is Stop.TOOLS and not any(isinstance(block, ToolUse) for block in answer.content):
        answer.stop = Stop.END  # the only call was of the tool that stands for JSON
    answer.raw = raw_of({
        "stop_reason": unknown_reason(answer.stop, reason),
        "stop_details": message.stop_details,
        "container": message.container,
        "context_management": message.context_management,
        "diagnostics": message.diagnostics,
        "server_tool_use": usage.server_tool_use if usage is not None else NULL,
    })  # fmt: skip
    if answer.raw:
        answer.vendor = ANTHROPIC
    return answer


def unknown_reason(stop: Stop, reason: str) -> Raw:
    """The reason itself, for Anthropic's own clients, where we have no word for it."""
    return Raw(msgspec.json.encode(reason)) if stop is Stop.OTHER else NULL


def raw_of(facts: Mapping[str, Raw]) -> bytes:
    """Further facts as JSON; `b""` where there is none."""
    told = {name: value for name, value in facts.items() if present(value)}
    return msgspec.json.encode(told) if told else b""


def made_id(message: str, number: int) -> str:
    """A name for a call that came without one: the same for the same place of the same answer."""
    return f"toolu_{message.removeprefix('msg_') or 'answer'}_{number}"


def read_block(raw: Raw, made: str) -> Content:
    """One block of an answer; `made` is its name where a call has none.

    Raises:
        BadAnswer: it is none.
    """
    try:
        block = _block.decode(raw)
    except msgspec.ValidationError:
        return _own(raw)
    match block.type:
        case "text":
            return Text(block.text or "", citations=read_citations(block.citations))
        case "thinking":
            signature = Signature(ANTHROPIC, block.signature) if block.signature else None
            return Thinking(block.thinking or "", signature)
        case "redacted_thinking":
            return _redacted(raw, block)
        case "tool_use":
            return _call(raw, block, made)
        case _:
            return _own(raw)


def read_citations(raws: list[Raw] | None) -> tuple[Citation, ...]:
    """The citations of a text; what is no citation is left out."""
    found = []
    for raw in raws or ():
        citation = citation_of(raw)
        if citation is not None:
            found.append(citation)
    return tuple(found)


def citation_of(raw: Raw) -> Citation | None:
    """A citation, if it is one."""
    try:
        return read_citation(raw)
    except RequestInvalid:
        return None


def _call(raw: Raw, block: AnyBlock, made: str) -> Content:
    if block.toolset_name or not _direct(block.caller):
        return ServerItem(ANTHROPIC, "tool_use", bytes(raw))
    arguments = present(block.input)
    if block.name == JSON_TOOL:
        return Text(arguments.decode())
    if not block.name:
        raise BadAnswer("a call of a tool without 'name'")
    return ToolUse(block.id or made, block.name, arguments.decode())


class _Caller(msgspec.Struct):
    type: str = "direct"


_caller: Final = msgspec.json.Decoder(_Caller)


def _direct(caller: Raw) -> bool:
    """Whether the model itself called; else code did that runs at Anthropic."""
    told = present(caller)
    if not told:
        return True
    try:
        return _caller.decode(told).type == "direct"
    except msgspec.ValidationError:
        return True


def _redacted(raw: Raw, block: AnyBlock) -> Content:
    try:
        return Thinking(signature=Signature(ANTHROPIC, _text.decode(block.data), "redacted"))
    except msgspec.ValidationError:
        return _own(raw)


def _own(raw: Raw) -> ServerItem:
    return ServerItem(ANTHROPIC, kind_of(raw), bytes(raw))


class _Typed(msgspec.Struct):
    type: str


_typed: Final = msgspec.json.Decoder(_Typed)


def kind_of(raw: Raw | bytes) -> str:
    """The type of a block.

    Raises:
        BadAnswer: it has none.
    """
    try:
        return _typed.decode(raw).type
    except msgspec.DecodeError:
        raise BadAnswer("a block of content without 'type'") from None
