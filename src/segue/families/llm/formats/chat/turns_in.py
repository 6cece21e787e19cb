"""The turns of a client's request in Chat Completions into the intermediate form."""

import re
from collections.abc import Sequence
from mimetypes import guess_type
from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.chat import wire
from segue.families.llm.ir.blocks import (
    OPENAI,
    CacheMark,
    Content,
    Media,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from segue.families.llm.ir.conversation import Message
from segue.families.llm.ir.extra import keep
from segue.families.llm.ir.seals import unseal

Raw = msgspec.Raw
_DATA_URL: Final = re.compile(r"data:(?P<type>[^;,]*)(?:;[^,]*)?,", re.IGNORECASE)
_WEB: Final = ("http://", "https://")


def cache_of(mark: wire.CacheControl | None) -> CacheMark | None:
    """The wish to cache, if it is one."""
    if mark is None:
        return None
    return CacheMark(mark.ttl if isinstance(mark.ttl, str) else None)


def read_turns(turns: list[wire.Turn], extra: dict[str, Raw]) -> tuple[list[Text], list[Message]]:
    """The instructions at the beginning, and the conversation; results of tools become one turn of the user's.

    Args:
        turns: of the request.
        extra: gets what has no word in the intermediate form, by its path.

    Raises:
        RequestInvalid: naming the field.
    """
    system: list[Text] = []
    messages: list[Message] = []
    results: Message | None = None
    for number, turn in enumerate(turns):
        if isinstance(turn, (wire.ToolMessage, wire.FunctionMessage)):
            if results is None:
                results = Message("user", [])
                messages.append(results)
            results.content.append(_result(turn, number))
            continue
        results = None
        if isinstance(turn, wire.UserMessage):
            said = _parts(turn.content, number)
            role = "user"
        elif isinstance(turn, wire.AssistantMessage):
            said = _assistant(turn, number)
            if turn.audio:
                _heard(turn.audio, said, f"messages[{number}].audio", extra)
            role = "assistant"
        elif messages:
            said = list(_system(turn))
            role = "system"
        else:
            system += _system(turn)
            continue
        if turn.cache_control is not None:
            _mark_last(said, turn.cache_control)
        messages.append(Message(role, said, turn.name or ""))
    return system, messages


def _system(turn: wire.SystemMessage) -> list[Text]:
    if isinstance(turn.content, str):
        return [Text(turn.content, cache_of(turn.cache_control))]
    texts = [Text(part.text, cache_of(part.cache_control)) for part in turn.content]
    _mark_last(texts, turn.cache_control)
    return texts


def _mark_last(said: Sequence[Content], mark: wire.CacheControl | None) -> None:
    """The mark of a whole message stands after its last block."""
    last = said[-1] if said else None
    if isinstance(last, (Text, Media, ToolUse)) and last.cache is None:
        last.cache = cache_of(mark)


def _result(turn: wire.ToolMessage | wire.FunctionMessage, number: int) -> ToolResult:
    if isinstance(turn, wire.FunctionMessage):
        return ToolResult(_legacy_id(turn.name), (Text(turn.content or ""),), name=turn.name)
    cache = cache_of(turn.cache_control)
    if isinstance(turn.content, str):
        return ToolResult(turn.tool_call_id, (Text(turn.content),), name=turn.name or "", cache=cache)
    content = tuple(part for part in _parts(turn.content, number) if isinstance(part, (Text, Media)))
    return ToolResult(turn.tool_call_id, content, name=turn.name or "", cache=cache)


def _legacy_id(name: str) -> str:
    """Functions had no ids: a call and its result find each other by the name."""
    return f"call_{name}"


def _parts(content: str | list[wire.Part], number: int) -> list[Content]:
    if isinstance(content, str):
        return [Text(content)]
    return [_part(part, f"messages[{number}].content[{place}]") for place, part in enumerate(content)]


def _part(part: wire.Part, where: str) -> Content:
    match part:
        case wire.TextPart():
            return Text(part.text, cache_of(part.cache_control))
        case wire.ImagePart():
            image = part.image_url if isinstance(part.image_url, wire.ImageUrl) else wire.ImageUrl(part.image_url)
            media = Media("image", detail=image.detail or "", cache=cache_of(part.cache_control))
            return _placed(media, image.url, "image/png", f"{where}.image_url.url")
        case wire.AudioPart():
            return Media("audio", f"audio/{part.input_audio.format}", part.input_audio.data)
        case wire.FilePart():
            return _file(part.file, where)
        case wire.RefusalPart():
            return Refusal(part.refusal)
        case wire.DocumentPart():
            media = Media("document", name=part.document_name or "")
            return _placed(media, part.document_url, "application/pdf", f"{where}.document_url")
        case wire.FileUrlPart():
            address = part.file_url.url if isinstance(part.file_url, wire.Address) else part.file_url
            media = Media("document", name=part.file_name or "")
            if ":" not in address:  # Perplexity wants base64 without anything before it
                media.data, media.type = address, guess_type(media.name)[0] or "application/pdf"
                return media
            return _placed(media, address, "application/pdf", f"{where}.file_url")
        case wire.VideoPart():
            address = part.video_url.url if isinstance(part.video_url, wire.Address) else part.video_url
            return _placed(Media("video"), address, "video/mp4", f"{where}.video_url")
        case wire.ThinkingPart():
            pieces = part.thinking
            text = pieces if isinstance(pieces, str) else "".join(str(piece.get("text") or "") for piece in pieces)
            return Thinking(text, unseal(part.signature, "") if part.signature else None)


def _placed(media: Media, address: str, otherwise: str, where: str) -> Media:
    """Media at an address, which may be a data URL; `otherwise`: the type where that names none."""
    found = _DATA_URL.match(address)
    if found:
        media.type, media.data = found["type"] or otherwise, address[found.end() :]
    elif address.lower().startswith(_WEB):
        media.url = address
    else:
        raise RequestInvalid(f"field '{where}': expected an http(s) URL or a data URL", param=where)
    return media


def _file(file: wire.File, where: str) -> Media:
    media = Media("document", name=file.filename or "")
    if file.file_id is not None:
        media.file, media.vendor = file.file_id, OPENAI
    elif file.file_data is not None:
        if file.file_data.lower().startswith(_WEB):  # OpenRouter takes an address in the place of the data
            media.url = file.file_data
            return media
        found = _DATA_URL.match(file.file_data)
        media.type = found["type"] if found and found["type"] else "application/pdf"
        media.data = file.file_data[found.end() :] if found else file.file_data
    else:
        raise RequestInvalid(f"field '{where}.file': give 'file_data' or 'file_id'", param=f"{where}.file")
    return media


def _assistant(turn: wire.AssistantMessage, number: int) -> list[Content]:
    content: list[Content] = []
    if turn.reasoning_content or turn.reasoning or turn.reasoning_details:
        content += _thoughts(turn)
    if isinstance(turn.content, str):
        if turn.content:
            content.append(Text(turn.content))
    elif turn.content is not None:
        content += [part for part in _parts(turn.content, number) if not (isinstance(part, Text) and not part.text)]
    if turn.refusal:
        content.append(Refusal(turn.refusal))
    if turn.tool_calls:
        content += [_call(call, number, place) for place, call in enumerate(turn.tool_calls)]
    if turn.function_call is not None and turn.function_call.name:
        name = turn.function_call.name
        content.append(ToolUse(_legacy_id(name), name, turn.function_call.arguments or ""))
    return content


def _heard(audio: Raw, said: list[Content], where: str, extra: dict[str, Raw]) -> None:
    """An earlier answer that was spoken: only OpenAI has the sound, but what it said may stand beside it."""
    if bytes(audio) == b"null":
        return
    keep(extra, where, audio)
    if not said:
        told: Any = msgspec.json.decode(audio)
        transcript = told.get("transcript") if isinstance(told, dict) else None
        if isinstance(transcript, str) and transcript:
            said.append(Text(transcript))


def _call(call: wire.ToolCall, number: int, place: int) -> ToolUse:
    function = call.function
    if not call.id:
        where = f"messages[{number}].tool_calls[{place}].id"
        raise RequestInvalid(f"field '{where}': every call of a tool needs its id", param=where)
    if call.custom is not None:
        return ToolUse(call.id, call.custom.name or "", call.custom.input or "", custom=True)
    if function is None or not function.name:
        where = f"messages[{number}].tool_calls[{place}].function.name"
        raise RequestInvalid(f"field '{where}' is missing", param=where)
    signature = None if call.extra_content is None else _signature(call.extra_content)
    return ToolUse(call.id, function.name, function.arguments or "", signature)


def _thoughts(turn: wire.AssistantMessage) -> list[Thinking]:
    """Thinking, as OpenRouter's `reasoning_details` (with signatures) or DeepSeek's `reasoning_content` (without)."""
    found: list[Thinking] = []
    for detail in turn.reasoning_details or ():
        text = detail.get("text") or detail.get("summary") or ""
        signature, data = detail.get("signature"), detail.get("data")
        if isinstance(data, str):
            found.append(Thinking(signature=unseal(data, "", "encrypted")))
        elif isinstance(text, str):
            bound = unseal(signature, "") if isinstance(signature, str) and signature else None
            found.append(Thinking(text, bound))
    text = turn.reasoning_content or turn.reasoning
    if text and not found:
        found.append(Thinking(text))
    return found


def _signature(extra_content: wire.ExtraContent) -> Signature | None:
    """Gemini's signature of a call, where Google's own compatible endpoint puts it."""
    value = extra_content.google.thought_signature if extra_content.google is not None else None
    return unseal(value, "google") if isinstance(value, str) and value else None
