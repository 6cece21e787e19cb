"""A last message of the assistant's means something else to each relative of OpenAI, and nothing special to OpenAI.

Sources: console.groq.com/docs/prefilling; openrouter.ai/docs/api-reference/overview; docs.mistral.ai/api (`prefix`);
api-docs.deepseek.com/guides/chat_prefix_completion; docs.vllm.ai/en/latest/serving/openai_compatible_server.html.
"""

from typing import Any, Literal, TypeAlias

from segue.simulator.vendors.openai_content import spoken
from segue.simulator.vendors.openai_errors import OpenAIError

Prefill: TypeAlias = Literal["", "last", "prefix", "beta", "flag"]
"""Nothing special; gone on with always; with `prefix` in the message, and otherwise refused; with `prefix` at the
beta's address; with `continue_final_message` in the request."""


def prefill_of(document: dict[str, Any], kind: Prefill, path: str) -> str:
    """The beginning of the answer that a request contains; raises the vendor's error where it is refused.

    Args:
        document: An accepted request.
        kind: How the vendor is told.
        path: Where the request was sent.
    """
    last = document["messages"][-1]
    if kind == "flag" and document.get("continue_final_message"):
        if document.get("add_generation_prompt", True):
            message = "Cannot set both `continue_final_message` and `add_generation_prompt` to True."
            raise OpenAIError(400, message, "BadRequestError")
        return spoken(last)
    if last["role"] != "assistant" or last.get("tool_calls"):
        return ""
    begun = last.get("prefix") is True
    if kind == "prefix" and not begun:
        message = "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
        raise OpenAIError(400, message, "invalid_request_message_order")
    if kind in {"last", "prefix"} or (kind == "beta" and begun and path.startswith("/beta/")):
        return spoken(last)
    return ""
