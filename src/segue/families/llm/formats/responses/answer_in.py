"""A provider's answer in Responses into the intermediate form. Anything may be missing or null, but not everything."""

from collections.abc import Sequence
from typing import Final

import msgspec

from segue.core.outcome import Usage
from segue.families.llm.formats.billed import Ticks, billed_of
from segue.families.llm.formats.counts import NOTHING, Tokens, read_counts
from segue.families.llm.formats.responses import wire
from segue.families.llm.formats.responses.citations import citation_of
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import (
    OPENAI,
    Citation,
    Content,
    Refusal,
    ServerItem,
    Signature,
    Text,
    Thinking,
    ToolUse,
)
from segue.families.llm.ir.format import BadAnswer

Raw = msgspec.Raw


class Part(msgspec.Struct, gc=False):
    """A part of a message, of a summary or of a thought."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None


class Item(msgspec.Struct, gc=False):
    """An item of the output, with the fields of all kinds that we understand."""

    type: str | None = None
    id: str | None = None
    role: str | None = None
    phase: str | None = None
    content: list[Part] | None = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    namespace: str | None = None


class OtherItem(msgspec.Struct, gc=False):
    """An item of whatever kind."""

    type: str
    id: str | None = None


class InputDetails(msgspec.Struct, gc=False):
    """Kinds of input tokens."""

    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    audio_tokens: Tokens | None = None


class OutputDetails(msgspec.Struct, gc=False):
    """Kinds of output tokens."""

    reasoning_tokens: Tokens | None = None
    audio_tokens: Tokens | None = None


class TokenUsage(msgspec.Struct, gc=False):
    """What an answer took.

    `cost` is Perplexity's and OpenRouter's, who with a customer's own key (`is_byok`) tells its fee alone;
    `cost_in_usd_ticks` is xAI's.
    """

    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None
    cost: Raw = NOTHING
    cost_in_usd_ticks: Ticks | None = None
    is_byok: bool | None = None


class Incomplete(msgspec.Struct, gc=False):
    """Why an answer is not whole."""

    reason: str | None = None


class Response(msgspec.Struct, gc=False):
    """A response, whole or as the events of a stream show it."""

    id: str | None = None
    model: str | None = None
    created_at: float | None = None
    status: str | None = None
    output: list[Raw] | None = None
    usage: Raw = wire.NOTHING
    incomplete_details: Incomplete | None = None
    error: Raw = wire.NOTHING
    service_tier: str | None = None


class Action(msgspec.Struct, gc=False):
    """What a search of the web did."""

    type: str | None = None


class ToolCall(msgspec.Struct, gc=False):
    """A use of one of OpenAI's own tools."""

    type: str | None = None
    action: Action | None = None


_BILLED: Final = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "image_generation_call": "image_generation",
}
"""Items whose use is billed beside the tokens (developers.openai.com/api/docs/pricing, "Built-in tools")."""
_CALL: Final = b'_call"'
_tool_call: Final = msgspec.json.Decoder(ToolCall)
_response: Final = msgspec.json.Decoder(Response)
_item: Final = msgspec.json.Decoder(Item)
_other: Final = msgspec.json.Decoder(OtherItem)
_UNDERSTOOD: Final = frozenset({"message", "reasoning", "function_call", "custom_tool_call"})
_usage: Final = msgspec.json.Decoder(TokenUsage)

WHOLE: Final = frozenset({"completed", "incomplete"})
_FAILED: Final = frozenset({"failed", "cancelled", "in_progress", "queued"})


def read_answer(body: bytes) -> Answer:
    """See `ProviderFormat.read_answer`. An answer whose status is `failed` is none: its error is for `read_error`."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into values that it passes over
        response = _response.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer.of(error, body) from None
    if response.status in _FAILED or bytes(response.error) != b"null":
        word = response.status if response.status in _FAILED else "failed"
        raise BadAnswer(f"field 'status': the response is {word!r}")
    if response.output is None:
        raise BadAnswer("field 'output' is missing")
    content: list[Content] = []
    for place, raw in enumerate(response.output):
        try:
            item = item_of(raw)
        except msgspec.DecodeError:
            raise BadAnswer(f"field 'output[{place}]' is not an item") from None
        content += blocks_of(item, raw, place, response.id or "")
    stop, vendor_stop = stop_of(
        response,
        called=any(isinstance(block, ToolUse) for block in content),
        refused=any(isinstance(block, Refusal) for block in content),
    )
    return Answer(
        id=response.id or "",
        model=response.model or "",
        created=created_of(response),
        content=content,
        stop=stop,
        vendor_stop=vendor_stop,
        usage=usage_of(response.usage, response.service_tier, response.output),
        service_tier=response.service_tier or "",
    )


def item_of(raw: Raw) -> Item:
    """An item. Of a kind that is OpenAI's own (`tool_search_call`, …) only kind and id, whatever its fields are like.

    Raises:
        msgspec.DecodeError: it is none, or one that we understand, in another shape.
    """
    try:
        return _item.decode(raw)
    except msgspec.ValidationError:
        other = _other.decode(raw)
        if other.type in _UNDERSTOOD:
            raise
        return Item(other.type, other.id)


def blocks_of(item: Item, raw: Raw, place: int, response_id: str) -> list[Content]:
    """The blocks of one item of the output; what is not understood stays as OpenAI's own."""
    match item.type:
        case "message":
            return [_spoken(part, item.phase or "") for part in item.content or () if part.type is not None]
        case "reasoning":
            return [thought_of(item)]
        case "function_call" | "custom_tool_call":
            custom = item.type == "custom_tool_call"
            return [
                ToolUse(
                    call_id_of(item, place, response_id),
                    item.name or "",
                    (item.input if custom else item.arguments) or "",
                    custom=custom,
                    item=item.id or "",
                    namespace=item.namespace or "",
                )
            ]
        case None:
            return []
        case kind:
            return [ServerItem(OPENAI, kind, bytes(raw))]


def call_id_of(item: Item, place: int, response_id: str) -> str:
    """What pairs a call with its result; where it is missing, made so that no two calls share it."""
    return item.call_id or item.id or f"call_{response_id.removeprefix('resp_')}_{place}"


def thought_of(item: Item) -> Thinking:
    """Thinking: a summary, or (open models) the thought itself; its ciphertext is the signature."""
    summary = "\n\n".join(part.text or "" for part in item.summary or ())
    said = "".join(part.text or "" for part in item.content or ())
    signature = Signature(OPENAI, item.encrypted_content, "encrypted") if item.encrypted_content else None
    return Thinking(summary or said, signature, summary=bool(summary), id=item.id or "")


def _spoken(part: Part, phase: str) -> Text | Refusal:
    if part.type == "refusal":
        return Refusal(part.refusal or "")
    return Text(part.text or "", citations=citations_of(part), phase=phase)


def citations_of(part: Part) -> tuple[Citation, ...]:
    """The citations of a part."""
    return tuple(found for raw in part.annotations or () if (found := citation_of(raw)) is not None)


def usage_of(raw: bytes | Raw, tier: object = None, output: Sequence[Raw] = ()) -> Usage | None:
    """The usage. OpenAI's convention is ours: input counts what was cached, output what was thought.

    Source: OpenAI's reference, "The response object", `usage`.

    Args:
        raw: the response's `usage`.
        tier: its `service_tier`, by which it was served.
        output: its items, among which are the uses of OpenAI's own tools.
    """
    usage = read_counts(_usage, raw)
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return None
    input_details = usage.input_tokens_details or InputDetails()
    output_details = usage.output_tokens_details or OutputDetails()
    return Usage(
        usage.input_tokens,
        usage.output_tokens,
        cached_tokens=input_details.cached_tokens,
        cache_write_tokens=input_details.cache_write_tokens,
        reasoning_tokens=output_details.reasoning_tokens,
        audio_input_tokens=input_details.audio_tokens,
        audio_output_tokens=output_details.audio_tokens,
        tool_calls=tool_calls_of(output) if output else None,
        billed=None if usage.is_byok else billed_of(usage.cost, usage.cost_in_usd_ticks),
        service_tier=tier if isinstance(tier, str) else "",
    )


def tool_calls_of(output: Sequence[Raw]) -> dict[str, int] | None:
    """Uses of OpenAI's own tools that are billed beside the tokens, by the tool; `None` where there were none.

    Of what a search of the web does, searching is billed; opening a page that was found, and looking for something in
    it, is not (developers.openai.com/api/docs/guides/tools-web-search, "Output and citations").
    """
    uses: dict[str, int] = {}
    for raw in output:
        if _CALL not in bytes(raw):
            continue  # text, nearly always
        try:
            item = _tool_call.decode(raw)
        except msgspec.DecodeError:
            continue
        tool = _BILLED.get(item.type or "")
        if tool is None or (
            tool == "web_search" and item.action is not None and item.action.type not in {None, "search"}
        ):
            continue
        uses[tool] = uses.get(tool, 0) + 1
    return uses or None


def stop_of(response: Response, *, called: bool, refused: bool) -> tuple[Stop, str]:
    """Why the answer ended, and OpenAI's own word for it."""
    if response.status == "incomplete":
        reason = (response.incomplete_details.reason if response.incomplete_details else None) or "incomplete"
        stops = {"max_output_tokens": Stop.LENGTH, "content_filter": Stop.FILTER}
        return stops.get(reason, Stop.OTHER), reason
    stop = Stop.TOOLS if called else Stop.REFUSAL if refused else Stop.END
    return stop, response.status or "completed"


def created_of(response: Response) -> int:
    """Seconds since 1970; 0 where there is no sensible number."""
    created = response.created_at
    return int(created) if created is not None and 0 <= created < 2**53 else 0
