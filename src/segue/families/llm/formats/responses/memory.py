"""What Segue keeps of a response, so that a later request can go on from it at any provider.

With OpenAI the items of a response lie in its store and `previous_response_id` names them; another provider knows
nothing of them, and after a failover neither does OpenAI. So the items are kept here, as the client's own JSON: the
input and the output of a response make up the input of the next. Settings, `instructions` among them, are not carried
over (OpenAI's reference, `previous_response_id`). Pure functions: where records lie, for how long and whose they are
is the store's business, and so is deletion.
"""

from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid

Raw = msgspec.Raw

MAX_PAGE: Final = 100  # OpenAI's reference, "List input items"
_DEFAULT_PAGE: Final = 20

_ASK_AGAIN: Final = "send the whole conversation as 'input' instead"


class _Asked(msgspec.Struct, gc=False):
    input: str | list[Raw] | None = None
    store: bool | None = None


class _Answered(msgspec.Struct, gc=False):
    id: str
    output: list[Raw]
    status: str | None = None


class Record(msgspec.Struct, frozen=True, gc=False):
    """What is kept of one response: `input` and `output` are its items; the former has all that came before."""

    id: str
    input: list[Raw]
    output: list[Raw]


class _Item(msgspec.Struct, gc=False):
    type: str | None = None
    id: str | None = None
    encrypted_content: str | None = None


_asked: Final = msgspec.json.Decoder(_Asked)
_answered: Final = msgspec.json.Decoder(_Answered)
_record: Final = msgspec.json.Decoder(Record)
_top: Final = msgspec.json.Decoder(dict[str, Raw])
_item: Final = msgspec.json.Decoder(_Item)
_encode: Final = msgspec.json.encode


def record_of(request: bytes, answer: bytes) -> Record | None:
    """What to keep of a response; `None` when the caller said `store: false`, or the answer is none.

    Args:
        request: the body as `expand` gave it, so that a record stands for itself and not for a chain.
        answer: the body of the response.
    """
    try:
        asked, answered = _asked.decode(request), _answered.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if asked.store is False or answered.status not in {None, "completed", "incomplete"}:
        return None
    given = [_copied(raw) for raw in _as_items(asked.input)]
    return Record(answered.id, given, [_copied(raw) for raw in answered.output])


def write(record: Record) -> bytes:
    """A record as JSON."""
    return _encode(record)


def read(body: bytes) -> Record:
    """A record out of what `write` gave.

    Raises:
        ValueError: it is none.
    """
    return _record.decode(body)


def previous_of(request: bytes) -> str:
    """The id of the response that a request goes on from; empty for none, and for a body that cannot be read."""
    try:
        raw = _top.decode(request).get("previous_response_id")
        name = None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""


def unknown(previous: str) -> RequestInvalid:
    """The refusal of a request whose earlier response is not kept, as OpenAI words it."""
    return RequestInvalid(
        f"previous response {previous[:128]!r} was not found: {_ASK_AGAIN}",
        param="previous_response_id",
        code="previous_response_not_found",
    )


def expand(request: bytes, record: Record, limit: int) -> bytes:
    """The request with the kept items before its own, and without the id that stood for them.

    Thinking without ciphertext lies in OpenAI's store alone, so it is left out; then the items beside it lose their
    ids, because OpenAI refuses an item of its own whose thinking is missing.

    Args:
        request: the body, with `previous_response_id`.
        record: what was kept under that id.
        limit: bytes that the result may have.

    Raises:
        RequestInvalid: the body is none, or the conversation has grown beyond the limit.
    """
    try:
        fields = _top.decode(request)
        own = _asked.decode(request).input
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestInvalid("field 'input': expected a text or a list of items", param="input") from None
    fields.pop("previous_response_id", None)
    items = [*_portable([*record.input, *record.output]), *_as_items(own)]
    fields["input"] = Raw(_encode(items))
    body = _encode(fields)
    if len(body) > limit:
        raise RequestInvalid(
            f"the conversation has grown beyond {limit} bytes: start a new one, or {_ASK_AGAIN}",
            param="previous_response_id",
        )
    return body


def input_items(record: Record, *, limit: int = _DEFAULT_PAGE, after: str = "", descending: bool = True) -> bytes:
    """A page of the listing of a response's input items, newest first unless asked otherwise.

    Args:
        record: of the response.
        limit: items on the page, 1 to 100.
        after: the id of the last item of the page before.
        descending: whether the newest come first.

    Raises:
        RequestInvalid: the limit is out of range, or there is no such item.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise RequestInvalid(f"field 'limit': expected 1 to {MAX_PAGE}", param="limit")
    listed = [_named(raw, record.id, place) for place, raw in enumerate(record.input)]
    if descending:
        listed.reverse()
    start = 0
    if after:
        found = [place for place, item in enumerate(listed) if item["id"] == after]
        if not found:
            raise RequestInvalid(f"field 'after': no item {after[:128]!r}", param="after")
        start = found[0] + 1
    page = listed[start : start + limit]
    return _encode(
        {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": start + limit < len(listed),
        }
    )


def answer_of_event(data: bytes) -> bytes | None:
    """The body of the response that the last event of a stream carries.

    Args:
        data: the data of one event, e.g. of a stream that is passed through.

    Returns:
        The response of `response.completed` or `response.incomplete`; `None` for every other event.
    """
    if b"response.completed" not in data and b"response.incomplete" not in data:
        return None
    try:
        event = _top.decode(data)
        kind = msgspec.json.decode(event.get("type", b"null"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    response = event.get("response")
    if kind not in {"response.completed", "response.incomplete"} or response is None:
        return None
    return bytes(response)


def _as_items(given: str | list[Raw] | None) -> list[Raw]:
    if isinstance(given, list):
        return given
    if not given:
        return []
    text = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": given}]}
    return [Raw(_encode(text))]


def _portable(items: list[Raw]) -> list[Raw]:
    """Items as a provider that has not stored them takes them."""
    looked = [_looked(raw) for raw in items]
    lost = [item.type == "reasoning" and not item.encrypted_content for item in looked]
    if not any(lost):
        return items
    kept = []
    for raw, item, is_lost in zip(items, looked, lost, strict=True):
        if is_lost:
            continue
        if item.id is not None and item.type in {"message", "function_call", "custom_tool_call"}:
            fields = _top.decode(raw)
            del fields["id"]
            kept.append(Raw(_encode(fields)))
        else:
            kept.append(raw)
    return kept


def _looked(raw: Raw) -> _Item:
    try:
        return _item.decode(raw)
    except msgspec.DecodeError:
        return _Item()


def _named(raw: Raw, response: str, place: int) -> dict[str, Any]:
    """An item of a listing: its kind and its id are always told."""
    decoded = msgspec.json.decode(raw)
    item: dict[str, Any] = decoded if isinstance(decoded, dict) else {}
    kind = item.setdefault("type", "message")
    if not isinstance(item.get("id"), str):
        item["id"] = f"{'msg' if kind == 'message' else 'item'}_{response.removeprefix('resp_')}{place:04x}"
    if kind == "message" and isinstance(item.get("content"), str):
        spoken = "output_text" if item.get("role") == "assistant" else "input_text"
        part = {"type": spoken, "text": item["content"]}
        item["content"] = [{**part, "annotations": []} if spoken == "output_text" else part]
    return item


def _copied(raw: Raw) -> Raw:
    """The value without the body around it, which a record must not keep alive."""
    return Raw(bytes(raw))
