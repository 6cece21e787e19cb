"""The turns of a client's request: each content one message, each part one block.

Calls without an id get one made of their place, so that two parallel calls of one tool never share it; results find
their call by id, else by name in the order of the calls.
"""

from typing import Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.gemini.media import is_own_file, kind_of, standard_base64, text_of
from segue.families.llm.formats.gemini.wire import (
    Blob,
    FileData,
    FunctionResponse,
    Part,
    given,
    object_decoder,
    parts_of,
)
from segue.families.llm.formats.gemini.wire import (
    Content as WireContent,
)
from segue.families.llm.ir.blocks import (
    GOOGLE,
    Content,
    Media,
    ServerItem,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from segue.families.llm.ir.conversation import Message
from segue.families.llm.ir.seals import unseal

# `tool` and `function` are not documented, but what Google's SDKs and their guides send with results.
_ROLES: Final = {"user": "user", "model": "assistant", "function": "user", "tool": "user"}
_SERVER_ITEMS: Final = (
    ("executable_code", "executableCode"),
    ("code_execution_result", "codeExecutionResult"),
    ("tool_call", "toolCall"),
    ("tool_response", "toolResponse"),
)
_text: Final = msgspec.json.Decoder(str)


class Turns:
    """Reads the turns of one request, and remembers the calls that wait for their results."""

    __slots__ = ("_lenient", "_pending")

    def __init__(self, lenient: bool) -> None:
        self._pending: list[tuple[str, str]] = []  # id and name, in the order of the calls
        self._lenient = lenient

    def read(self, contents: list[WireContent]) -> list[Message]:
        """All turns.

        Raises:
            RequestInvalid: naming the part.
        """
        messages: list[Message] = []
        for number, content in enumerate(contents):
            role = _ROLES.get(content.role or "user")
            if role is None:
                path = f"contents[{number}].role"
                raise RequestInvalid(
                    f"Invalid value at '{path}': use 'user' or 'model', not {(content.role or '')[:60]!r}", param=path
                )
            parts = content.parts if isinstance(content.parts, list) else parts_of(content)
            if not parts:
                path = f"contents[{number}].parts"
                raise RequestInvalid(f"'{path}' must not be empty: send at least one part", param=path)
            blocks: list[Content] = []
            gathered = False
            if role == "assistant":
                if messages and messages[-1].role == role:
                    # SDKs that call functions by themselves send every chunk of a stream as a content of its own.
                    blocks = messages.pop().content
                    gathered = bool(blocks)
                else:
                    self._pending = []  # results belong to the latest calls
            for place, part in enumerate(parts):
                if part.text is None:
                    add(blocks, self._block(part, number, place))
                elif part.thought or part.thought_signature:
                    add(blocks, _signed(part, part.text))
                elif part.text or not gathered:
                    blocks.append(Text(part.text))
            messages.append(Message(role, blocks))
        return messages

    def _block(self, part: Part, number: int, place: int) -> Content:
        path = f"contents[{number}].parts[{place}]"
        signature = unseal(part.thought_signature, GOOGLE) if part.thought_signature else None
        call = part.function_call
        if call is not None:
            if not call.name:
                raise _unnamed(f"{path}.functionCall.name")
            identifier = call.id or f"call_{number}_{place}"
            self._pending.append((identifier, call.name))
            return ToolUse(identifier, call.name, _arguments(call.args, path) if call.args else "", signature)
        if part.function_response is not None:
            return self._result(part.function_response, f"{path}.functionResponse", number, place)
        if part.inline_data is not None:
            media = inline(part.inline_data, f"{path}.inlineData")
            media.signature = signature
            return media
        if part.file_data is not None:
            return stored(part.file_data, f"{path}.fileData")
        for field, name in _SERVER_ITEMS:
            raw = getattr(part, field)
            if raw and given(raw):
                whole = {name: raw}
                if part.thought_signature:
                    whole["thoughtSignature"] = msgspec.Raw(msgspec.json.encode(part.thought_signature))
                return ServerItem(GOOGLE, name, msgspec.json.encode(whole))
        if part.thought_signature:
            return _signed(part, "")
        raise RequestInvalid(
            f"Invalid value at '{path}': send one of text, inlineData, fileData, functionCall or functionResponse",
            param=path,
        )

    def _result(self, response: FunctionResponse, path: str, number: int, place: int) -> ToolResult:
        name = response.name
        if not name:
            raise _unnamed(f"{path}.name")
        identifier = self._call_of(response.id, name)
        if identifier is None:
            if not self._lenient:
                raise RequestInvalid(
                    f"Invalid value at '{path}': no functionCall before it waits for a result of {name[:80]!r}",
                    param=path,
                )
            identifier = response.id or f"result_{number}_{place}"
        error, said = _said(response.response, path) if response.response else (False, "")
        content: list[Text | Media] = [Text(said)] if said else []
        for index, each in enumerate(response.parts or ()):
            where = f"{path}.parts[{index}]"
            if each.inline_data is not None:
                content.append(inline(each.inline_data, f"{where}.inlineData"))
            elif each.file_data is not None:
                content.append(stored(each.file_data, f"{where}.fileData"))
            else:
                raise RequestInvalid(f"Invalid value at '{where}': send inlineData or fileData", param=where)
        return ToolResult(identifier, tuple(content), error, name)

    def _call_of(self, identifier: str | None, name: str) -> str | None:
        pending = self._pending
        for match in (identifier, None):
            for index, (each, called) in enumerate(pending):
                if (each == match) if match else (called == name):
                    del pending[index]
                    return each
        return None


def _signed(part: Part, text: str) -> Thinking | Text:
    signature = unseal(part.thought_signature, GOOGLE) if part.thought_signature else None
    return Thinking(text, signature, summary=True) if part.thought else Text(text, signature=signature)


def add(blocks: list[Content], block: Content) -> None:
    """Add a block; pieces of one thought, which applications gather from a stream as parts, become one again.

    The signature comes with the last piece, and is that of the whole.
    """
    last = blocks[-1] if blocks else None
    if (
        isinstance(block, Thinking)
        and isinstance(last, Thinking)
        and last.signature is None
        and (block.signature is None or block.signature.kind == "signature")
    ):
        last.text += block.text
        last.signature = block.signature
    else:
        blocks.append(block)


def inline(blob: Blob, path: str) -> Media:
    """Media by its bytes."""
    if not blob.mime_type or not blob.data:
        missing = "mimeType" if not blob.mime_type else "data"
        raise RequestInvalid(f"Invalid value at '{path}': '{missing}' is missing", param=f"{path}.{missing}")
    data = standard_base64(blob.data, f"{path}.data")
    if blob.mime_type.startswith("text/"):
        text = text_of(data)
        if text is not None:  # a text is understood by every vendor, a file of text by few
            return Media("document", blob.mime_type, text=text, name=blob.display_name or "")
    return Media(kind_of(blob.mime_type), blob.mime_type, data, name=blob.display_name or "")


def stored(file: FileData, path: str) -> Media:
    """Media by its address."""
    uri = file.file_uri
    if not uri:
        raise RequestInvalid(f"Invalid value at '{path}': 'fileUri' is missing", param=f"{path}.fileUri")
    kind = kind_of(file.mime_type or "")
    if not file.mime_type and "youtube.com/" in uri:
        kind = "video"
    media = Media(kind, file.mime_type or "", name=file.display_name or "")
    if is_own_file(uri):
        media.file, media.vendor = uri, GOOGLE
    elif uri.startswith(("https://", "http://")):
        media.url = uri
    else:
        raise RequestInvalid(
            f"Invalid value at '{path}.fileUri': send a URL, a gs:// address or an upload's address",
            param=f"{path}.fileUri",
        )
    return media


def _unnamed(path: str) -> RequestInvalid:
    return RequestInvalid(f"Invalid value at '{path}': name the function", param=path)


def _arguments(raw: msgspec.Raw, path: str) -> str:
    if not given(raw):
        return ""
    text = bytes(raw).decode()
    if not text.startswith("{"):
        path = f"{path}.functionCall.args"
        raise RequestInvalid(f"Invalid value at '{path}': expected an object", param=path)
    return "" if text == "{}" else text


def _said(raw: msgspec.Raw, path: str) -> tuple[bool, str]:
    """Whether a tool failed, and what it said; "" for nothing.

    Google documents the keys `output` and `error`; its SDK writes `result`. A lone `result` that is a text, and a
    lone `error`, are unwrapped: other vendors have no such envelope.
    """
    if not given(raw):
        return False, ""
    try:
        fields = object_decoder.decode(raw)
    except msgspec.DecodeError:
        path = f"{path}.response"
        raise RequestInvalid(f"Invalid value at '{path}': expected an object", param=path) from None
    if len(fields) == 1:
        for key in ("result", "error"):
            value = fields.get(key)
            if value is not None:
                text = bytes(value).decode()
                if text.startswith('"'):
                    inner = _text.decode(value)
                    if key == "error" or not inner.startswith(("{", "[")):
                        return key == "error", inner
                elif key == "error" or text.startswith("["):
                    return key == "error", text
    return False, bytes(raw).decode()
