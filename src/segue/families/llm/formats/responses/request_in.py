"""A client's request in Responses into the intermediate form."""

from operator import attrgetter
from typing import Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.responses import wire
from segue.families.llm.formats.responses.items_in import Turns
from segue.families.llm.formats.responses.namespaces import MARK
from segue.families.llm.formats.responses.strictly import decode, not_json
from segue.families.llm.formats.responses.tools_in import read_choice, read_tools
from segue.families.llm.ir.blocks import Text
from segue.families.llm.ir.conversation import (
    Conversation,
    Message,
    Output,
    Reasoning,
    Sampling,
)
from segue.families.llm.ir.extra import keep

Raw = msgspec.Raw

ENCRYPTED: Final = "reasoning.encrypted_content"
LOGPROBS: Final = "message.output_text.logprobs"

MAX_METADATA: Final = 16  # OpenAI's reference, "metadata"


_request: Final = msgspec.json.Decoder(wire.Request)
_any: Final = msgspec.json.Decoder()
_encode: Final = msgspec.json.encode


def read_request(body: bytes, *, model: str = "", stream: bool | None = None) -> Conversation:
    """See `ClientFormat.read_request`."""
    try:
        if not body.isascii():
            body.decode()  # values that stay raw are not looked into, so nobody else would notice
        return _read(body, model, stream)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # inside a value that was raw at first
        raise not_json(error, body) from None


def _read(body: bytes, model: str, stream: bool | None) -> Conversation:
    extra: dict[str, Raw] = {}
    request = decode(_request, body, "", extra)
    name = request.model or model
    if not name:
        raise RequestInvalid("missing field 'model': name a model (GET /v1/models lists them)", param="model")
    system = [Text(request.instructions)] if request.instructions else []
    tools, flat = read_tools(request.tools or [], extra, grouped=MARK in body)
    turns = Turns(system, extra, flat)
    if isinstance(request.input, str):
        turns.messages.append(Message("user", [Text(request.input)]))
    elif request.input is not None:
        turns.read(request.input)
    previous = _previous(request, extra)
    if not request.input and not previous and request.prompt is None:
        raise RequestInvalid("missing field 'input': send a text or a list of items", param="input")
    if request.metadata is not None and len(request.metadata) > MAX_METADATA:
        raise RequestInvalid(f"field 'metadata': more than {MAX_METADATA} entries", param="metadata")
    if request.stream_options is not None and request.stream_options.include_obfuscation:
        extra["stream_options"] = Raw(b'{"include_obfuscation":true}')
    conversation = Conversation(
        model=name,
        system=turns.system,
        messages=turns.messages,
        sampling=Sampling(request.temperature, request.top_p),
        parallel_tools=request.parallel_tool_calls,
        max_tokens=request.max_output_tokens,
        stream=bool(request.stream) if stream is None else stream,
        top_logprobs=request.top_logprobs,
        previous=previous,
        max_tool_calls=request.max_tool_calls,
        store=request.store,
        background=request.background,
        prompt=b"" if request.prompt is None else _encode(request.prompt),
        extra=extra,
    )
    if tools:
        conversation.tools = tools
    if request.tool_choice is not wire.NOTHING:
        conversation.tool_choice = read_choice(request.tool_choice, turns.flat, extra)
    if turns.flat is not None and turns.flat.found.names:
        conversation.namespaces = turns.flat.found
    if any(_seldom(request)):
        _read_seldom(request, conversation)
    return conversation


_seldom: Final = attrgetter(
    "include", "metadata", "prompt_cache_key", "prompt_cache_retention", "reasoning", "safety_identifier",
    "service_tier", "text", "truncation", "user",
)  # fmt: skip


def _read_seldom(request: wire.Request, conversation: Conversation) -> None:
    include = request.include or []
    conversation.reasoning = _reasoning(request.reasoning, ENCRYPTED in include)
    conversation.logprobs = LOGPROBS in include
    conversation.include = [wanted for wanted in include if wanted not in {ENCRYPTED, LOGPROBS}]
    if request.text is not None:
        conversation.output = _output(request.text.format)
        conversation.verbosity = request.text.verbosity or ""
    conversation.metadata = request.metadata or {}
    conversation.user = request.user or ""
    conversation.prompt_cache_key = request.prompt_cache_key or ""
    conversation.prompt_cache_retention = request.prompt_cache_retention or ""
    conversation.safety_identifier = request.safety_identifier or ""
    conversation.truncation = request.truncation or ""
    conversation.service_tier = request.service_tier or ""


def _previous(request: wire.Request, extra: dict[str, Raw]) -> str:
    """What this goes on from: a response, or a conversation that lies with OpenAI (its id begins with `conv_`)."""
    if request.conversation is None:
        return request.previous_response_id or ""
    if request.previous_response_id:
        raise RequestInvalid(
            "field 'conversation': give either 'conversation' or 'previous_response_id'", param="conversation"
        )
    if isinstance(request.conversation, str):
        return request.conversation
    for inner, value in request.conversation.items():
        if inner != "id":
            keep(extra, f"conversation.{inner}", value)
    name = _any.decode(request.conversation.get("id", b"null"))
    if not isinstance(name, str) or not name:
        raise RequestInvalid("field 'conversation.id': expected the id of a conversation", param="conversation.id")
    return name


def _output(wanted: wire.TextFormat | None) -> Output | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return Output()
    if not wanted.name:
        raise RequestInvalid("field 'text.format.name' is missing: a schema needs a name", param="text.format.name")
    if wanted.schema is None:
        raise RequestInvalid("field 'text.format.schema' is missing: give a JSON Schema", param="text.format.schema")
    return Output(_encode(wanted.schema), wanted.name, wanted.description or "", wanted.strict)


def _reasoning(config: wire.ReasoningConfig | None, encrypted: bool) -> Reasoning | None:
    """The wish to think; one that says nothing stands for the wish that thinking survives turns without a store."""
    if config is None:
        return Reasoning() if encrypted else None
    summary = config.summary or config.generate_summary
    return Reasoning(effort=config.effort, summary=summary, show=True if summary else None)
