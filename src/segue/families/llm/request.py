"""A chat request as the caller sent it, of which only what matters is looked at.

Most requests go to a provider that speaks the caller's own format. Decoding every message only to encode it again
costs time, and loses what our types do not know. So the top level is split into raw values: the model's name is
replaced, everything else goes on byte by byte.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.asked import Asked, split_top, take_fallbacks
from segue.families.llm.formats.chat.format import CHAT as CHAT_FORMAT
from segue.families.llm.history import history_of
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.seals import SEALED

Raw = msgspec.Raw

_TOP: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)
_COUNT: Final = msgspec.json.Decoder(int)
_encode: Final = msgspec.json.encode

_BEGINNING: Final = 64  # bytes that are looked at first
_NO_ELEMENT: Final = frozenset({b"", b"]"})


class ChatRequest(Asked):
    """A request in the format of OpenAI's Chat Completions.

    Attributes:
        fields: the top level of the body, each value as its bytes; without Segue's own fields.
        model: the name that the caller asked for.
        stream: whether the answer is to come piece by piece.
        wants_usage: whether the caller asked for a last chunk with the usage of its stream.
        choices: how many answers were asked for (`n`).
        fallbacks: names of models to try after the requested one (Segue's own field; never sent on).
        size: bytes of the body as it came.
    """

    __slots__ = ("choices", "fields", "wants_usage")
    client = CHAT_FORMAT

    def __init__(self, fields: dict[str, Raw], size: int, *, sealed: bool = False) -> None:
        super().__init__(size, sealed=sealed)
        self.fields = fields
        self.model = self._text("model")
        if not self.model:
            raise RequestInvalid("missing field 'model': name a model (GET /v1/models lists them)", param="model")
        self._check_messages()
        # Most requests have none of these: a look into the dictionary costs a tenth of a call.
        self.stream = "stream" in fields and self._flag("stream")
        self.wants_usage = "stream_options" in fields and self._read_stream_options()
        self.choices = self._count("n", default=1) if "n" in fields else 1
        self.fallbacks = take_fallbacks(fields) if "fallbacks" in fields else ()

    def body(self, model: str, *, ask_usage: bool) -> bytes:
        """The body for a provider that calls the model `model`.

        Args:
            model: the provider's own name of the model.
            ask_usage: whether a stream is asked for its usage although the caller did not.
        """
        fields = self.fields
        patched = {**fields, "model": Raw(_encode(model))}
        if ask_usage and self.stream and not self.wants_usage:
            patched["stream_options"] = Raw(self._options_with_usage())
        return _encode(patched)

    def read(self) -> Conversation:
        """See `Asked.read`."""
        return CHAT_FORMAT.read_request(_encode(self.fields))

    def _options_with_usage(self) -> bytes:
        given = self.fields.get("stream_options")
        options = _TOP.decode(given) if given is not None and bytes(given) != b"null" else {}
        return _encode({**options, "include_usage": Raw(b"true")})

    def _check_messages(self) -> None:
        messages = self.fields.get("messages")
        if messages is None:
            raise RequestInvalid("missing field 'messages': send a list with at least one message", param="messages")
        view = memoryview(messages)  # a conversation may be megabytes: it is not copied to look at its beginning
        if bytes(view[:1]) != b"[":
            raise RequestInvalid("field 'messages': expected a list of messages", param="messages")
        if bytes(view[1:_BEGINNING]).lstrip()[:1] in _NO_ELEMENT and not bytes(view[1:-1]).strip():
            raise RequestInvalid("field 'messages': the list is empty: send at least one message", param="messages")

    def _text(self, name: str) -> str:
        raw = self.fields.get(name)
        if raw is None:
            return ""
        try:
            return _TEXT.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise RequestInvalid(f"field {name!r}: expected a string", param=name) from None

    def _flag(self, name: str) -> bool:
        raw = self.fields.get(name)
        value = b"null" if raw is None else bytes(raw)
        if value not in {b"true", b"false", b"null"}:
            raise RequestInvalid(f"field {name!r}: expected true or false", param=name)
        return value == b"true"

    def _count(self, name: str, *, default: int) -> int:
        raw = self.fields.get(name)
        if raw is None or bytes(raw) == b"null":
            return default
        try:
            count = _COUNT.decode(raw)
        except msgspec.DecodeError:
            raise RequestInvalid(f"field {name!r}: expected a whole number", param=name) from None
        if count < 1:
            raise RequestInvalid(f"field {name!r}: expected 1 or more", param=name)
        return count

    def _read_stream_options(self) -> bool:
        raw = self.fields.get("stream_options")
        if raw is None or bytes(raw) == b"null":
            return False
        try:
            options = _TOP.decode(raw)
        except msgspec.DecodeError:
            raise RequestInvalid("field 'stream_options': expected an object", param="stream_options") from None
        return bytes(options.get("include_usage", b"")) == b"true"


def parse_chat(body: bytes) -> ChatRequest:
    """A chat request from its body.

    Raises:
        RequestInvalid: naming the field and what belongs there.
    """
    request = ChatRequest(split_top(body), len(body), sealed=SEALED in body)
    request.history = history_of(body)
    return request


def chat_from_fields(fields: Mapping[str, Any], text: bool) -> ChatRequest:
    """A chat request from named values, as the library takes them."""
    if text:
        raise RequestInvalid("a chat cannot be asked for by URL: POST it", status=405, code="method_not_allowed")
    try:
        return parse_chat(_encode(fields))
    except (TypeError, ValueError) as error:
        raise RequestInvalid(f"the arguments cannot be written as JSON: {error}") from None
