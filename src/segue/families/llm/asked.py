"""A request for a chat as its client sent it, in whatever format.

Two readers of it exist. A provider that speaks the client's format gets the client's bytes, with the model's name
replaced; for every other provider the request is read into the intermediate form, once, when the first of them is to
be asked.
"""

import re
from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.features import Features
from segue.core.parsing import mistake
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import Uses
from segue.families.llm.ir.format import ClientFormat, EventWriter, Shown
from segue.families.llm.ir.seals import SEALED
from segue.families.llm.ir.used import used
from segue.families.llm.needs import WISHES, needs_of

Raw = msgspec.Raw
_TOP: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode: Final = msgspec.json.encode

_NAMES: Final = msgspec.json.Decoder(list[str])

MAX_FALLBACKS: Final = 16

_UNSIGNED: Final = re.compile(rb'"signature"\s*:\s*""')
"""A thought of a vendor that signs nothing, on its way back in Anthropic's format: Anthropic would refuse it."""

BYTES_PER_TOKEN: Final = 4
"""A rule of thumb for English text and JSON (OpenAI's help pages); only ever an estimate."""


class Asked:
    """A request in some client's format.

    Attributes:
        client: the format in which the answer is to be written.
        fields: the top level of the body, each value as its bytes.
        model: the name that the caller asked for.
        stream: whether the answer is to come piece by piece.
        size: bytes of the body as it came.
        fallbacks: names of models to try after the requested one (Segue's own field; never sent on).
        history: what the earlier turns hold that not every vendor of the client's format takes back (see
            `segue.families.llm.history`).
        sealed: whether a signature of another vendor is in it: then no provider may get the bytes as they are.
        forgot: whether thoughts were taken out of it because their vendor refused them.
        array: whether a stream is to be one JSON array (Gemini without `alt=sse`).
        created: when it came, in seconds since 1970; for answers that tell a date.
        headers: those of the client's headers that providers of its own format may see.
        warnings: what translating lost, by the candidate's name.
    """

    __slots__ = (
        "_conversation",
        "_uses",
        "array",
        "client",
        "created",
        "fallbacks",
        "forgot",
        "headers",
        "history",
        "model",
        "sealed",
        "size",
        "stream",
        "warnings",
    )

    client: ClientFormat
    fields: dict[str, Raw]
    model: str
    stream: bool
    fallbacks: tuple[str, ...]

    def __init__(self, size: int, *, sealed: bool = False) -> None:
        self.size = size
        self.sealed = sealed
        self.forgot = False
        self.history: frozenset[str] = frozenset()
        self.array = False
        self.created = 0
        self.headers: dict[str, str] = {}
        self.warnings: dict[str, list[str]] = {}
        self._conversation: Conversation | None = None
        self._uses: Uses | None = None

    def body(self, model: str, *, ask_usage: bool) -> bytes:
        """The body for a provider of the client's own format that calls the model `model`."""
        raise NotImplementedError

    def conversation(self) -> Conversation:
        """The request in the intermediate form.

        Raises:
            RequestInvalid: it cannot be read; the field is named.
        """
        if self._conversation is None:
            self._conversation = self.read()
        return self._conversation

    def forget(self, conversation: Conversation) -> None:
        """Go on with a conversation that lacks thoughts which their vendor refused; no body passes through any more.

        Args:
            conversation: the request without them.
        """
        self._conversation = conversation
        self._uses = None
        self.forgot = self.sealed = True

    def read(self) -> Conversation:
        """Read the request into the intermediate form."""
        raise NotImplementedError

    def uses(self) -> Uses:
        """What the request makes use of."""
        if self._uses is None:
            self._uses = used(self.conversation())
        return self._uses

    def shown(self, model: str, call_id: str) -> Shown:
        """What writers of answers must know."""
        conversation = self.conversation()
        return Shown(conversation, model, call_id, self.created, conversation.previous)

    def writer(self, model: str, call_id: str) -> EventWriter:
        """A writer for a streamed answer."""
        return self.client.event_writer(self.shown(model, call_id))

    def whole(self, data: bytes) -> None:
        """Hear of the last event of a streamed answer, before it is sent; for formats whose answers are kept.

        Args:
            data: of that event, in the client's format.
        """


class RawRequest(Asked):
    """A request whose top level is split into raw values: Messages, Responses and Gemini.

    Args:
        client: its format.
        body: as it came.
        model: what the URL says of it; "" where the body says it.
        stream: the same of streaming; `None` where the body says it.
    """

    __slots__ = ("_in_url", "fields")

    def __init__(self, client: ClientFormat, body: bytes, *, model: str = "", stream: bool | None = None) -> None:
        super().__init__(len(body), sealed=SEALED in body or _UNSIGNED.search(body) is not None)
        self.client = client
        self.fields = split_top(body)
        self.fallbacks = ()
        self._in_url = bool(model)
        self.model = model or self._text("model")
        self.stream = self._flag("stream") if stream is None else stream
        if not self.model:
            raise RequestInvalid("missing field 'model': name a model (GET /v1/models lists them)", param="model")

    def body(self, model: str, *, ask_usage: bool) -> bytes:  # noqa: ARG002 - these formats always tell it
        """See `Asked.body`."""
        return _encode(self.fields if self._in_url else {**self.fields, "model": Raw(_encode(model))})

    def read(self) -> Conversation:
        """See `Asked.read`."""
        url: dict[str, Any] = {"model": self.model, "stream": self.stream} if self._in_url else {}
        return self.client.read_request(_encode(self.fields), **url)

    def _text(self, name: str) -> str:
        raw = self.fields.get(name)
        if raw is None:
            return ""
        try:
            return msgspec.json.decode(raw, type=str)
        except msgspec.DecodeError:
            raise RequestInvalid(f"field {name!r}: expected a string", param=name) from None

    def _flag(self, name: str) -> bool:
        raw = self.fields.get(name)
        value = b"null" if raw is None else bytes(raw)
        if value not in {b"true", b"false", b"null"}:
            raise RequestInvalid(f"field {name!r}: expected true or false", param=name)
        return value == b"true"


def split_top(body: bytes) -> dict[str, Raw]:
    """The top level of a body, each value as its bytes.

    Raises:
        RequestInvalid: it is no JSON object in UTF-8.
    """
    try:
        if not body.isascii():
            body.decode()  # values that pass through are not looked into, so nobody else would notice
        return _TOP.decode(body)
    except msgspec.ValidationError:
        raise RequestInvalid("the body must be a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestInvalid(f"the body {mistake(error, body)}") from None


def take_fallbacks(fields: dict[str, Raw]) -> tuple[str, ...]:
    """The names of further models, taken out of a body of OpenAI's: the field is Segue's own and never sent on.

    Raises:
        RequestInvalid: it is no list of names, or a long one.
    """
    raw = fields.pop("fallbacks", None)
    if raw is None:
        return ()
    try:
        names = _NAMES.decode(raw)
    except msgspec.DecodeError:
        raise RequestInvalid("field 'fallbacks': expected a list of names of models", param="fallbacks") from None
    if len(names) > MAX_FALLBACKS:
        raise RequestInvalid(f"field 'fallbacks': more than {MAX_FALLBACKS} names", param="fallbacks")
    return tuple(names)


def analyse(request: Asked) -> Features:
    """What routing may know of a chat."""
    size = request.size
    needs, data = needs_of(request.client.id, request.fields)
    # What an image is billed as has nothing to do with its bytes, so data is not counted.
    return Features(request.model, request.stream, size, (size - data) // BYTES_PER_TOKEN, needs, WISHES)
