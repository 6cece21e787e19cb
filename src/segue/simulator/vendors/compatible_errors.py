"""An error is where compatible vendors differ most: each of these words one refusal as one vendor documents it."""

from http import HTTPStatus
from typing import Any

from segue.simulator.vendors.openai_errors import OpenAIError, UnknownField

_Json = dict[str, Any]


def groq(error: OpenAIError) -> _Json:
    """Message, type and, of some errors, a code (https://console.groq.com/docs/errors)."""
    fields: _Json = {"message": error.message, "type": error.kind}
    return {"error": fields | ({"code": error.code} if error.code is not None else {})}


def openrouter(error: OpenAIError) -> _Json:
    """The status as a number beside the message (https://openrouter.ai/docs/api/reference/errors-and-debugging)."""
    fields: _Json = {"code": error.status, "message": error.message}
    if error.code == "content_filter":
        fields["metadata"] = {"reasons": ["violence"], "flagged_input": "...", "provider_name": "OpenAI"}
    return {"error": fields}


def openrouter_event(body: _Json, model: str) -> _Json:
    """An error inside a stream: a chunk with `error` whose choice ends for the reason `error`."""
    return {
        "id": "gen-simulated",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "provider": "OpenAI",
        "error": body.get("error"),
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    }


def mistral(error: OpenAIError) -> _Json:
    """An object of type `error`, with the details of a web framework for unknown fields (docs.mistral.ai)."""
    if isinstance(error, UnknownField):
        place = {"type": "extra_forbidden", "loc": ["body", error.param], "msg": "Extra inputs are not permitted"}
        fields: _Json = {"message": {"detail": [place | {"input": error.value}]}}
        return {"object": "error", **fields, "type": "invalid_request_error", "param": None, "code": None}
    if error.status == HTTPStatus.UNAUTHORIZED:
        return {"detail": "Unauthorized"}
    kind, code = error.kind, error.code
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        kind, code = "rate_limited", "1300"
    if error.code == "model_not_found":
        kind, code = "invalid_model", "1500"
    return {"object": "error", "message": error.message, "type": kind, "param": error.param, "code": code}


def deepseek(error: OpenAIError) -> _Json:
    """As OpenAI, but for an empty balance (https://api-docs.deepseek.com/quick_start/error_codes)."""
    if error.status == HTTPStatus.PAYMENT_REQUIRED:
        fields = {"message": "Insufficient Balance", "type": "unknown_error", "param": None}
        return {"error": fields | {"code": "invalid_request_error"}}
    return error.document()


def xai(error: OpenAIError) -> _Json:
    """A code in words and a text."""
    return {"code": str(error.code or error.kind), "error": error.message}


def fireworks(error: OpenAIError) -> _Json:
    """As OpenAI, with the type of the object."""
    fields: _Json = {"object": "error", "type": error.kind, "message": error.message}
    return {"error": fields | ({"code": error.code} if error.code is not None else {})}


def cerebras(error: OpenAIError) -> _Json:
    """OpenAI's four fields without the object around them (https://inference-docs.cerebras.ai)."""
    return {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}


def perplexity(error: OpenAIError) -> _Json:
    """The status as a code."""
    return {"error": {"message": error.message, "type": error.kind, "code": error.status}}


def problem(error: OpenAIError) -> _Json:
    """NVIDIA's: the fields of RFC 9457."""
    title = HTTPStatus(error.status).phrase if error.status in set(HTTPStatus) else "Error"
    return {"type": "about:blank", "status": error.status, "title": title, "detail": error.message}


def text(error: OpenAIError) -> _Json:
    """A text and nothing else: Hugging Face's router, LM Studio."""
    return {"error": error.message}


def generation(error: OpenAIError) -> _Json:
    """Text Generation Inference: a text, and of what kind the error is."""
    kinds = {HTTPStatus.TOO_MANY_REQUESTS: "overloaded", HTTPStatus.UNPROCESSABLE_ENTITY: "validation"}
    server = "generation" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "validation"
    return {"error": error.message, "error_type": kinds.get(HTTPStatus(error.status), server)}


def vllm(error: OpenAIError) -> _Json:
    """The name of an exception as the type, and the status as the code (https://docs.vllm.ai)."""
    kinds = {400: "BadRequestError", 401: "AuthenticationError", 404: "NotFoundError", 429: "RateLimitError"}
    kind = kinds.get(error.status, "InternalServerError" if error.status >= 500 else "BadRequestError")  # noqa: PLR2004
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": error.status}}


def cohere(error: OpenAIError) -> _Json:
    """A message and nothing else (https://docs.cohere.com/reference/errors)."""
    return {"message": error.message}


def jina(error: OpenAIError) -> _Json:
    """A web framework's single detail."""
    return {"detail": error.message}
