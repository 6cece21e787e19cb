"""Errors for clients of Bedrock: an exception by its name, in a header, in a body, and inside of a stream.

AWS's SDKs choose their class by the name alone, and ask again by themselves after any status of 500, 502, 503 and 504:
they know no header that stops them. So a provider's failure, behind which lie all attempts that Segue allows, is told
with the status that Bedrock has for a failure of the model: 424, after which nobody asks again.
Source: the service model of Bedrock Runtime, 2023-09-30 (the exceptions and their statuses), and botocore's
`_retry.json`.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from segue.core.errors import CallFailed
from segue.core.failure import Failure, Kind
from segue.families.llm.formats.eventstream import write_frame

ERROR_TYPE: Final = b"x-amzn-errortype"
"""The header in which AWS's SDKs look for the name of an exception."""

_INVALID: Final = "ValidationException"
_BY_STATUS: Final[Mapping[int, tuple[int, str]]] = {
    401: (403, "AccessDeniedException"),  # a credential that is not accepted is no 401 at AWS
    402: (400, "ServiceQuotaExceededException"),
    403: (403, "AccessDeniedException"),
    404: (404, "ResourceNotFoundException"),
    405: (405, "UnknownOperationException"),
    429: (429, "ThrottlingException"),
    500: (500, "InternalServerException"),
    501: (501, "UnknownOperationException"),
    502: (424, "ModelErrorException"),
    503: (503, "ServiceUnavailableException"),
    504: (408, "ModelTimeoutException"),
    529: (503, "ServiceUnavailableException"),
}
_LOWEST_OF_OURS: Final = 500

_IN_STREAM: Final[Mapping[Kind, str]] = {
    Kind.RATE_LIMITED: "throttlingException",
    Kind.QUOTA: "throttlingException",
    Kind.OVERLOADED: "serviceUnavailableException",
    Kind.INVALID_REQUEST: "validationException",
    Kind.CONTEXT_LENGTH: "validationException",
    Kind.CONTENT_FILTER: "validationException",
}
"""Exceptions that the streams of both operations may hold; whatever else breaks a stream is the model's."""


def named(error: CallFailed) -> tuple[int, str]:
    """The status and the name of the exception for an error."""
    if error.code == Kind.QUOTA:
        return _BY_STATUS[402]  # asked again, it would be as exhausted
    usual = (error.status, _INVALID) if error.status < _LOWEST_OF_OURS else (error.status, "InternalServerException")
    return _BY_STATUS.get(error.status, usual)


def write_error(error: CallFailed, told: Mapping[str, object]) -> bytes:
    """The body of an error; `told`: the `segue` object."""
    return msgspec.json.encode({"message": error.message, "segue": told})


def broken_off(failure: Failure) -> bytes:
    """The frame that ends a broken stream: AWS's SDKs and Anthropic's raise for it."""
    name = _IN_STREAM.get(failure.kind, "modelStreamErrorException")
    body = {"message": f"the answer broke off: {failure.message}"}
    headers = ((":exception-type", name), (":content-type", "application/json"), (":message-type", "exception"))
    return write_frame(headers, msgspec.json.encode(body))
