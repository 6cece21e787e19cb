"""Images and documents that a caller names by their address, for vendors that take them as data only.

The table of losses says of which fields an address is fetched, and what the vendor takes of such a thing. Here it is
looked up in the conversation what must be fetched, and what came is judged and put in the place of its address. The
fetching itself is the executor's business (`segue.core.fetching`).
"""

from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.fetching import Found, MustFetch, Unfetched, Wanted, in_words, must_fetch
from segue.core.outcome import Outcome
from segue.core.ports import CannotServe, Codec, StreamReader, WireRequest
from segue.families.llm.asked import Asked
from segue.families.llm.contents import type_of
from segue.families.llm.ir.blocks import Content, Media, ToolResult
from segue.families.llm.ir.conversation import Conversation, Message
from segue.families.llm.ir.fields import Deed, Field, Takes, Uses
from segue.families.llm.ir.losses import Losses

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

NOT_FETCHED: Final = "media_not_fetched"
"""The code of the error for what could not be fetched."""

_WEB: Final = ("https://", "http://")
_FIELDS: Final[Mapping[str, Field]] = {"image": Field.IMAGE_URL, "document": Field.DOCUMENT_URL}
_DOTTED: Final = frozenset({"messages"})
"""Formats whose vendor writes `messages.0.content` and not `messages[0].content`."""

AllTakes = Mapping[Field, Takes]
"""What a vendor takes as data, for each field of an address that is fetched."""


def takes_of(losses: Losses) -> AllTakes:
    """Which addresses are fetched, by the table of losses."""
    return {
        field: loss.takes
        for field, loss in losses.items()
        if loss is not None and loss.deed is Deed.FETCH and loss.takes is not None
    }


def keys_of(fields: Iterable[Field]) -> tuple[tuple[Field, str], ...]:
    """Fields as they stand among what a request makes use of."""
    return tuple((field, "") for field in fields)


def links(uses: Uses, keys: tuple[tuple[Field, str], ...]) -> bool:
    """Whether a request makes use of one of these fields."""
    return not uses.keys().isdisjoint(keys)


def with_data(
    conversation: Conversation, takes: AllTakes, found: Mapping[str, Found] | None, request: Asked
) -> Conversation:
    """The conversation with data in the place of addresses.

    Args:
        conversation: the request, as it is to be written.
        takes: what is taken as data.
        found: what came of fetching, by the address.
        request: where a field is to be named, in the client's own words.

    Raises:
        MustFetch: something was not looked for yet.
        CannotServe: there is too much of it, or something could not be fetched or is of no use; the failure names it.
    """
    linked = [media for media in _media_in(conversation) if _field_of(media, takes) is not None] if takes else []
    if not linked:
        return conversation
    _check_number(linked, takes, request)
    found = found or {}
    wanted: dict[str, Wanted] = {}
    for media in linked:
        take, known = _taken(media, takes), wanted.get(media.url)
        if must_fetch(found.get(media.url), take.size) and (known is None or known.limit < take.size):
            wanted[media.url] = Wanted(media.url, take.size, ", ".join(take.types))
    if wanted:
        raise MustFetch([*wanted.values()])
    by_media = {id(media): _written(media, found[media.url], takes, request) for media in linked}
    messages = [_replaced(message, by_media) for message in conversation.messages]
    return msgspec.structs.replace(conversation, messages=messages)


def _media_in(conversation: Conversation) -> Iterator[Media]:
    for message in conversation.messages:
        if message.role == "assistant":
            continue  # no format with losses of this kind takes media of the assistant's
        for block in message.content:
            if isinstance(block, Media):
                yield block
            elif isinstance(block, ToolResult):
                yield from (part for part in block.content if isinstance(part, Media))


def _field_of(media: Media, takes: AllTakes) -> Field | None:
    """The field of an address that is to be fetched; `None` for all else, which the writer of the format judges."""
    if media.data or media.file or not media.url.lower().startswith(_WEB):
        return None
    field = _FIELDS.get(media.kind)
    return field if field in takes else None


def _taken(media: Media, takes: AllTakes) -> Takes:
    return takes[_FIELDS[media.kind]]


def _check_number(linked: list[Media], takes: AllTakes, request: Asked) -> None:
    for kind, field in _FIELDS.items():
        of_kind = [media for media in linked if media.kind == kind]
        if of_kind and len(of_kind) > takes[field].most:
            raise _refusal(of_kind[-1], f"is one too many: {takes[field].most} are fetched for one request", request)


def _written(media: Media, found: Found, takes: AllTakes, request: Asked) -> Media:
    """One of them as data."""
    if isinstance(found, Unfetched):
        raise _refusal(media, f"could not be fetched: {found.why}", request)
    take, kind = _taken(media, takes), media.kind
    told = type_of(found.data, found.type)
    pictures = takes.get(Field.IMAGE_URL)
    if kind == "document" and not media.type and pictures is not None and told in pictures.types:
        take, kind = pictures, "image"  # nobody said that it was none
    if told not in take.types:
        raise _refusal(media, f"cannot be used: what lies there is none of {', '.join(take.types)}", request)
    if len(found.data) > take.size:
        raise _refusal(media, f"cannot be used: it is larger than {in_words(take.size)}", request)
    data = b64encode(found.data).decode("ascii")
    return msgspec.structs.replace(media, kind=kind, type=told, data=data, url="")


def _replaced(message: Message, by_media: Mapping[int, Media]) -> Message:
    content: list[Content] = []
    for block in message.content:
        if isinstance(block, Media):
            content.append(by_media.get(id(block), block))
        elif isinstance(block, ToolResult):
            parts = tuple(by_media.get(id(part), part) if isinstance(part, Media) else part for part in block.content)
            content.append(msgspec.structs.replace(block, content=parts))
        else:
            content.append(block)
    return msgspec.structs.replace(message, content=content)


def _refusal(media: Media, why: str, request: Asked) -> CannotServe:
    place = place_of(request, media.url) or request.client.names.get(_FIELDS[media.kind], _FIELDS[media.kind].value)
    message = f"{place}: the {media.kind} {why}; send it as data"
    failure = Failure(Kind.UNSUPPORTED, message, Executed.NO, Scope.REQUEST, param=place, code=NOT_FETCHED)
    return CannotServe(failure)


def place_of(request: Asked, text: str) -> str:
    """Where a text stands in the client's own body, such as `messages[0].content[1].image_url.url`; "" for nowhere."""
    dotted = request.client.id in _DOTTED
    try:
        waiting: list[tuple[str, Any]] = [("", msgspec.json.decode(msgspec.json.encode(request.fields)))]
    except (msgspec.DecodeError, RecursionError):
        return ""
    while waiting:
        path, value = waiting.pop()
        if value == text:
            return path
        inner: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            inner = [(f"{path}.{name}" if path else str(name), one) for name, one in value.items()]
        elif isinstance(value, list):
            inner = [(f"{path}.{place}" if dotted else f"{path}[{place}]", one) for place, one in enumerate(value)]
        waiting += reversed(inner)  # the first place in the order of the body
    return ""


class PassedUnlessLinked:
    """Lets a client's bytes through, but for requests with an address that this vendor does not fetch.

    Its format has a word for addresses, and its servers fetch none: these requests are written anew, with the data.

    Args:
        direct: what passes bytes through.
        translated: what writes a request anew, in the same format, or refuses it.
        fields: those of addresses.
    """

    __slots__ = ("_direct", "_fields", "_keys", "_translated")

    def __init__(self, direct: Codec, translated: Codec, fields: Collection[Field]) -> None:
        self._direct = direct
        self._translated = translated
        self._fields = frozenset(fields)
        self._keys = keys_of(self._fields)

    def concerns(self, field: str) -> bool:
        """Whether requests that make use of a field are written anew."""
        return field in self._fields

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        return self._of(call).encode(call, candidate)

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """See `Codec.decode`."""
        return self._of(call).decode(call, candidate, status, headers, body)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """See `Codec.reader`."""
        return self._of(call).reader(call, candidate, headers)

    def wants_stream(self, call: "Call") -> bool:
        """See `Codec.wants_stream`."""
        return self._direct.wants_stream(call)

    def _of(self, call: "Call") -> Codec:
        request: Asked = call.request
        if not any(_MARK in bytes(value) for name, value in request.fields.items() if name in _SPOKEN):
            return self._direct
        try:
            return self._translated if links(request.uses(), self._keys) else self._direct
        except RequestInvalid:
            return self._direct  # its vendor says what is wrong with it


_SPOKEN: Final = frozenset({"messages", "input"})
_MARK: Final = b'_url"'
"""Without it a conversation in one of OpenAI's formats holds no address."""
