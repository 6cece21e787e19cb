"""A provider's answer in Chat Completions into the intermediate form."""

from typing import Any, Final

import msgspec

from segue.families.llm.formats.chat import wire_answer
from segue.families.llm.formats.chat.usage import read_usage
from segue.families.llm.formats.openai_errors import gave_up
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import Citation, Content, Refusal, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.format import BadAnswer

_completion: Final = msgspec.json.Decoder(wire_answer.Completion)

FILTERED: Final = "content_filter"
"""With this reason Azure leaves the message out."""

STOPS: Final = {
    "stop": Stop.END,
    "eos": Stop.END,
    "eos_token": Stop.END,
    "end_turn": Stop.END,
    "stop_sequence": Stop.SEQUENCE,
    "length": Stop.LENGTH,
    "max_tokens": Stop.LENGTH,
    "model_length": Stop.CONTEXT,
    "tool_calls": Stop.TOOLS,
    "function_call": Stop.TOOLS,
    FILTERED: Stop.FILTER,
}
"""`eos` and `model_length` are words of compatible vendors (Together, Mistral), `eos_token` and `stop_sequence` of text
generation servers (Hugging Face), `end_turn`, `stop_sequence` and `max_tokens` of Claude's behind such an address."""


def read_answer(body: bytes) -> Answer:
    """See `ProviderFormat.read_answer`."""
    try:
        completion = _completion.decode(body)
        if not body.isascii():
            body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer.of(error, body) from None
    choice = completion.choices[0] if completion.choices else None
    if choice is None or (choice.message is None and choice.finish_reason != FILTERED):
        raise BadAnswer("not a chat completion: no 'choices[0].message'")
    if gave_up(choice.finish_reason) is not None:
        raise BadAnswer("field 'choices[0].finish_reason': the answer was broken off")
    content = read_content(choice.message or wire_answer.Message(), completion.id or "")
    usage = read_usage(completion.usage)
    if usage is not None:
        usage.service_tier = completion.service_tier or ""
    return Answer(
        id=completion.id or "",
        model=completion.model or "",
        created=int(completion.created or 0),
        content=content,
        stop=read_stop(choice.finish_reason, content),
        vendor_stop=choice.finish_reason or "",
        usage=usage,
        service_tier=completion.service_tier or "",
    )


def read_stop(reason: str | None, content: list[Content]) -> Stop:
    """The reason in our words; a model that stops "normally" after calls of tools waits for their results."""
    stop = STOPS.get(reason or "stop", Stop.OTHER)
    if stop is Stop.END and any(isinstance(block, ToolUse) for block in content):
        return Stop.TOOLS
    if stop is Stop.END and any(isinstance(block, Refusal) for block in content):
        return Stop.REFUSAL
    return stop


def read_content(message: wire_answer.Message, answer_id: str) -> list[Content]:
    """The blocks of a message: thoughts, text, refusal, calls of tools, in this order."""
    content: list[Content] = []
    text, thought = split_content(message.content)
    thought = message.reasoning_content or message.reasoning or thought
    signature = signature_of(message.reasoning_details)
    if thought or signature is not None:
        content.append(Thinking(thought, signature))
    if text:
        content.append(Text(text, citations=citations_of(message.annotations)))
    if message.refusal:
        content.append(Refusal(message.refusal))
    for place, call in enumerate(message.tool_calls or ()):
        made = f"call_{answer_id[-24:]}_{place}"
        custom = custom_of(call)
        if custom is not None:
            content.append(ToolUse(call.id or made, custom.name or "", custom.input or "", custom=True))
        elif call.function is not None:
            arguments = call.function.arguments or ""
            content.append(ToolUse(call.id or made, call.function.name or "", arguments, call_signature(call)))
    if message.function_call is not None and message.function_call.name:
        name = message.function_call.name
        content.append(ToolUse(f"call_{name}", name, message.function_call.arguments or ""))
    return content


def split_content(content: str | list[dict[str, Any]] | dict[str, Any] | None) -> tuple[str, str]:
    """The text and the thoughts of a content that may be a list of parts, or an object instead of its JSON."""
    if content is None or isinstance(content, str):
        return content or "", ""
    if isinstance(content, dict):
        return msgspec.json.encode(content).decode(), ""
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content:
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif part.get("type") == "thinking":
            inner = part.get("thinking")
            if isinstance(inner, str):
                thoughts.append(inner)
            else:
                thoughts += [str(piece.get("text") or "") for piece in inner or () if isinstance(piece, dict)]
    return "".join(texts), "".join(thoughts)


def citations_of(annotations: list[dict[str, Any]] | None) -> tuple[Citation, ...]:
    """Citations of URLs (web search)."""
    found = []
    for annotation in annotations or ():
        cited = annotation.get("url_citation")
        if isinstance(cited, dict):
            found.append(
                Citation(
                    url=str(cited.get("url") or ""),
                    title=str(cited.get("title") or ""),
                    start=_number(cited.get("start_index")),
                    end=_number(cited.get("end_index")),
                )
            )
    return tuple(found)


def signature_of(details: list[dict[str, Any]] | None) -> Signature | None:
    """The last signature in OpenRouter's `reasoning_details`; whose it is, the detail's format tells."""
    for detail in reversed(details or ()):
        value, secret = detail.get("signature"), detail.get("data")
        vendor = "anthropic" if str(detail.get("format") or "").startswith("anthropic") else ""
        if isinstance(value, str) and value:
            return Signature(vendor, value)
        if isinstance(secret, str) and secret:
            return Signature(vendor, secret, "encrypted")
    return None


def custom_of(call: wire_answer.ToolCall) -> wire_answer.Custom | None:
    """The call of a custom tool, if it is one: some servers (Snowflake's) write both kinds, one of them empty."""
    custom = call.custom
    return None if custom is not None and call.function is not None and not custom.name else custom


def call_signature(call: wire_answer.ToolCall) -> Signature | None:
    """Gemini's signature of a call, as Google's compatible endpoint gives it."""
    google = (call.extra_content or {}).get("google")
    value = google.get("thought_signature") if isinstance(google, dict) else None
    return Signature("google", value) if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
