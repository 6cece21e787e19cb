"""Amazon names an error in a header, not in its body, and its clients decide by that name whether to try again.

`AwsError` is the refusal of one request; `named_error` makes those that a fault asks for. Sources: the errors of each
operation at https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, and
https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

_TYPES: Final[dict[int, str]] = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    413: "RequestEntityTooLargeException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
_STATUSES: Final[dict[str, int]] = {kind: status for status, kind in _TYPES.items()} | {
    "ExpiredTokenException": 403,
    "IncompleteSignatureException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "ModelNotReadyException": 429,
    "ModelStreamErrorException": 424,
    "SerializationException": 400,
    "ServiceQuotaExceededException": 400,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
}
_MESSAGES: Final[dict[str, str]] = {
    "ValidationException": "The input fails to satisfy the constraints of the service.",
    "AccessDeniedException": "You don't have access to the model with the specified model ID.",
    "ResourceNotFoundException": "Could not resolve the foundation model from the provided model identifier.",
    "ModelTimeoutException": "Model has timed out in processing the request. Try your request again.",
    "ModelErrorException": "The request failed due to an error while processing the model.",
    "ModelNotReadyException": "Model is not ready for inference. Wait and try your request again.",
    "ModelStreamErrorException": "An error occurred while streaming the response. Retry your request.",
    "ThrottlingException": "Too many requests, please wait before trying again.",
    "InternalServerException": "The system encountered an unexpected error during processing. Try your request again.",
    "ServiceUnavailableException": "Bedrock is unable to process your request.",
    "ServiceQuotaExceededException": "Your request exceeds the service quota for your account.",
    "ExpiredTokenException": "The security token included in the request is expired",
    "UnrecognizedClientException": "The security token included in the request is invalid.",
}
_OF_MODEL: Final = "The model returned the following errors: "


@dataclass(slots=True)
class AwsError(Exception):
    """One error of an Amazon interface: HTTP status, the name of the error, and its message."""

    status: int
    kind: str
    message: str

    def body(self) -> bytes:
        """The body; the name is not in it."""
        document: dict[str, object] = {"message": self.message}
        if self.kind == "ModelErrorException":
            document["originalStatusCode"] = int(HTTPStatus.INTERNAL_SERVER_ERROR)
        return msgspec.json.encode(document)

    @property
    def header(self) -> tuple[str, str]:
        """The header that names it; what follows the colon is to be ignored."""
        return "x-amzn-ErrorType", f"{self.kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"


def invalid(message: str) -> AwsError:
    """The 400 error about a wrong request."""
    return AwsError(400, "ValidationException", message)


def by_model(message: str) -> AwsError:
    """The 400 error of a request that the model itself refused."""
    return invalid(f"{_OF_MODEL}{message}")


def denied(kind: str, message: str | None = None) -> AwsError:
    """The 403 error of a request that is not let in."""
    return AwsError(403, kind, _MESSAGES[kind] if message is None else message)


# What other vendors' codes, which faults use for all vendors, are called here.
_BY_CODE: Final[dict[str, AwsError]] = {
    "rate_limit_exceeded": AwsError(429, "ThrottlingException", _MESSAGES["ThrottlingException"]),
    "insufficient_quota": AwsError(400, "ServiceQuotaExceededException", _MESSAGES["ServiceQuotaExceededException"]),
    "invalid_api_key": AwsError(403, "UnrecognizedClientException", _MESSAGES["UnrecognizedClientException"]),
    "model_not_found": AwsError(404, "ResourceNotFoundException", _MESSAGES["ResourceNotFoundException"]),
    "context_length_exceeded": invalid(f"{_OF_MODEL}Input is too long for requested model."),
    "content_filter": invalid(f"{_OF_MODEL}Output blocked by content filtering policy"),
}


def _type_of(status: int) -> str:
    fallback = "InternalServerException" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "ValidationException"
    return _TYPES.get(status, fallback)


def named_error(status: int | None, code: str | None, message: str | None) -> AwsError:
    """The documented error for a status, for a name such as `ThrottlingException`, or both.

    The codes by which faults ask OpenAI for an error are understood, too. A name that is unknown is sent as given.
    """
    known = _BY_CODE.get(code or "")
    if known is None:
        found = status or _STATUSES.get(code or "", 500)
        kind = code or _type_of(found)
        known = AwsError(found, kind, _MESSAGES.get(kind, "The request failed."))
    return AwsError(status or known.status, known.kind, known.message if message is None else message)
