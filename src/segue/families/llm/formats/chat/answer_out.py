"""An answer of the intermediate form as a client of Chat Completions reads it."""

from typing import Any, Final

import msgspec

from segue.families.llm.formats.chat.usage import write_usage
from segue.families.llm.formats.openai_tiers import tier_for_openai
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import GOOGLE, Citation, Refusal, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.format import Shown
from segue.families.llm.ir.seals import seal
from segue.families.llm.ir.seals import shown as as_shown

STOPS: Final = {
    Stop.END: "stop",
    Stop.SEQUENCE: "stop",
    Stop.REFUSAL: "stop",
    Stop.LENGTH: "length",
    Stop.CONTEXT: "length",
    Stop.TOOLS: "tool_calls",
    Stop.FILTER: "content_filter",
    Stop.PAUSE: "stop",
    # What ended in a way that nobody has a word for is not known to be whole, and `stop` would say that it is.
    Stop.MALFORMED: "content_filter",
    Stop.OTHER: "content_filter",
}


def write_answer(answer: Answer, shown: Shown) -> bytes:
    """See `ClientFormat.write_answer`."""
    body: dict[str, Any] = {
        "id": answer.id or f"chatcmpl-{shown.call_id}",
        "object": "chat.completion",
        "created": answer.created or shown.created,
        "model": answer.model or shown.model,
        "choices": [
            {
                "index": 0,
                "message": _message(answer, functions=shown.conversation.functions),
                "logprobs": None,
                "finish_reason": finish_reason(
                    answer.stop,
                    refused=any(isinstance(block, Refusal) for block in answer.content),
                    functions=shown.conversation.functions,
                ),
            }
        ],
    }
    if answer.usage is not None:
        body["usage"] = write_usage(answer.usage)
    tier = tier_for_openai(answer.service_tier)
    if tier:
        body["service_tier"] = tier
    return msgspec.json.encode(body)


def finish_reason(stop: Stop, *, refused: bool, functions: bool = False) -> str:
    """OpenAI's word for the end of an answer.

    Args:
        stop: why it ended.
        refused: whether it has words of refusal. A model of Anthropic's that is stopped has none: what it has said is
            a part of an answer, and `stop` would say that it is the whole.
        functions: whether the caller offered functions, by the older name of tools.
    """
    if functions and stop is Stop.TOOLS:
        return "function_call"
    return "content_filter" if stop is Stop.REFUSAL and not refused else STOPS[stop]


def _message(answer: Answer, *, functions: bool) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    refusals: list[str] = []
    details: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for block in answer.content:
        if isinstance(block, Text):
            texts.append(block.text)
            annotations += [write_citation(citation) for citation in block.citations if citation.url]
        elif isinstance(block, ToolUse):
            calls.append(write_call(block))
        elif isinstance(block, Thinking):
            thoughts.append(block.text)
            if block.signature is not None:
                details.append(write_detail(block.signature, block.text))
        elif isinstance(block, Refusal):
            refusals.append(block.text)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts or not (calls or refusals) else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    if details:
        message["reasoning_details"] = details
    if calls and functions:
        message["function_call"] = calls[0]["function"]  # the older form has room for one
    elif calls:
        message["tool_calls"] = calls
    if annotations:
        message["annotations"] = annotations
    return message


def write_call(block: ToolUse) -> dict[str, Any]:
    """A call of a tool; Gemini's signature goes where Google's compatible endpoint puts it."""
    if block.custom:
        return {"id": block.id, "type": "custom", "custom": {"name": block.name, "input": block.arguments}}
    call: dict[str, Any] = {
        "id": block.id,
        "type": "function",
        "function": {"name": block.name, "arguments": block.arguments or "{}"},
    }
    if block.signature is not None:
        call["extra_content"] = {"google": {"thought_signature": as_shown(block.signature, GOOGLE)}}
    return call


def write_detail(signature: Signature, text: str) -> dict[str, Any]:
    """A signature beside its thought, in the shape of OpenRouter's `reasoning_details`."""
    sealed = seal(signature)
    if signature.kind == "signature":
        return {"type": "reasoning.text", "text": text, "signature": sealed}
    return {"type": "reasoning.encrypted", "data": sealed}


def write_citation(citation: Citation) -> dict[str, Any]:
    """A citation of a URL."""
    place = {"start_index": citation.start or 0, "end_index": citation.end or 0}
    cited = {"url": citation.url, "title": citation.title, **place}
    return {"type": "url_citation", "url_citation": cited}
