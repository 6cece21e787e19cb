"""What Bedrock's errors mean.

The kind of an error stands in a header (`x-amzn-errortype`) or in the body (`__type`), in a stream in the headers of
a message. The words alone are too coarse: ValidationException is a full context window, a model that does not exist, a
thing that this model cannot do, or the caller's own mistake; only the message tells.
Sources: the service model of Bedrock Runtime, and the User Guide's "Troubleshooting Amazon Bedrock API Error Codes".
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.eventstream import Headers
from segue.families.llm.formats.foreign import Verdict, Words, by_status, by_words, unreadable
from segue.families.llm.formats.openai_errors import MAX_WORD, redact

_AUTH: Final[Verdict] = (Kind.AUTH, Executed.NO, Scope.KEY)
_BAD_KEYS: Final = (
    "unrecognizedclientexception", "expiredtokenexception", "expiredtoken", "invalidsignatureexception",
    "incompletesignatureexception", "incompletesignature", "missingauthenticationtokenexception",
    "missingauthenticationtoken", "invalidclienttokenid", "signaturedoesnotmatch", "notauthorizedexception",
    "unauthorizedexception", "requestexpired",
)  # fmt: skip
_BY_WORD: Final[Mapping[str, Verdict]] = {
    **dict.fromkeys(_BAD_KEYS, _AUTH),
    "validationexception": (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    "serializationexception": (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    "accessdeniedexception": (Kind.PERMISSION, Executed.NO, Scope.KEY),
    "optinrequired": (Kind.PERMISSION, Executed.NO, Scope.KEY),
    "resourcenotfoundexception": (Kind.MODEL_MISSING, Executed.NO, Scope.MODEL),
    "unknownoperationexception": (Kind.BAD_RESPONSE, Executed.NO, Scope.PROVIDER),
    "throttlingexception": (Kind.RATE_LIMITED, Executed.NO, Scope.KEY),
    "throttling": (Kind.RATE_LIMITED, Executed.NO, Scope.KEY),
    "toomanyrequestsexception": (Kind.RATE_LIMITED, Executed.NO, Scope.KEY),
    "servicequotaexceededexception": (Kind.QUOTA, Executed.NO, Scope.KEY),
    "modelnotreadyexception": (Kind.OVERLOADED, Executed.NO, Scope.MODEL),
    "serviceunavailableexception": (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
    "serviceunavailable": (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
    "modeltimeoutexception": (Kind.TIMEOUT, Executed.UNKNOWN, Scope.MODEL),
    "modelerrorexception": (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.MODEL),
    "modelstreamerrorexception": (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.MODEL),
    "internalserverexception": (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
    "internalfailure": (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
}

_TOO_LONG: Final = re.compile(
    r"(?:input|prompt) is too long|too many input tokens|input length and .{0,20}max_tokens.{0,20} exceed"
    r"|maximum context length|input tokens exceed|exceeds? the (?:maximum |model'?s? )?context|context window"
    r"|too large for model",
    re.IGNORECASE,
)
_TOKENS: Final = re.compile(r"(\d{4,9}) tokens? >")
_CANNOT: Final = re.compile(
    r"does ?n.?t support|does not support|is not supported|isn.t supported|not supported by|exceeds the model limit",
    re.IGNORECASE,
)
_NO_MODEL: Final = re.compile(r"model identifier is invalid|on-demand throughput|end of its life", re.IGNORECASE)
_FILTERED: Final = re.compile(r"content filter|blocked by|content policy|safety polic", re.IGNORECASE)
_BAD_KEY: Final = re.compile(r"security token|api key|authentication failed|signature|bearer token", re.IGNORECASE)
_MODEL_ACCESS: Final = re.compile(r"access to the model|model access|specified model", re.IGNORECASE)
_PER_DAY: Final = re.compile(r"per day|daily", re.IGNORECASE)

_BY_WORDS: Final[Mapping[Kind, Words]] = {
    Kind.INVALID_REQUEST: (
        (_TOO_LONG, (Kind.CONTEXT_LENGTH, Executed.NO, Scope.MODEL)),
        (_NO_MODEL, (Kind.MODEL_MISSING, Executed.NO, Scope.MODEL)),
        (_CANNOT, (Kind.UNSUPPORTED, Executed.NO, Scope.MODEL)),
        (_FILTERED, (Kind.CONTENT_FILTER, Executed.NO, Scope.REQUEST)),
    ),
    Kind.PERMISSION: ((_BAD_KEY, _AUTH), (_MODEL_ACCESS, (Kind.PERMISSION, Executed.NO, Scope.MODEL))),
    Kind.RATE_LIMITED: ((_PER_DAY, (Kind.QUOTA, Executed.NO, Scope.KEY)),),
}
"""A verdict by the name of the exception, made more exact by the message."""


class _Body(msgspec.Struct, gc=False):
    message: object = None
    Message: object = None
    type: object = msgspec.field(name="__type", default=None)
    code: object = None


_body: Final = msgspec.json.Decoder(_Body)


def read_error(status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
    """The failure behind an answer that is none.

    Args:
        status: HTTP's.
        headers: of the answer, names in lower case.
        body: as it came.
        secret: the key that was sent: it is cut out of the message.
    """
    word = headers.get("x-amzn-errortype", "")
    try:
        told = _body.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = _Body()
    word = word or _text(told.type) or _text(told.code)
    message = _text(told.message) or _text(told.Message)
    if not word and not message:
        return unreadable(status, "Bedrock")
    return _failure(_plain(word), message, status, secret)


def read_exception(headers: Headers, payload: bytes) -> Failure:
    """The failure that a message of the stream reports under status 200."""
    word = headers.get(":exception-type") or headers.get(":error-code") or ""
    try:
        told = _body.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = _Body()
    message = _text(told.message) or _text(told.Message) or _text(headers.get(":error-message"))
    return _failure(_plain(_text(word)), message, None, "")


def _plain(word: str) -> str:
    """The name of an exception without what AWS puts around it: `ns#Name:http://…` and the like."""
    return word.partition(":")[0].rpartition("#")[2].strip()[:MAX_WORD]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _failure(word: str, message: str, status: int | None, secret: str) -> Failure:
    verdict = _BY_WORD.get(word.lower())
    if verdict is None:
        verdict = by_status(status) if status is not None else (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER)
    kind, executed, scope = by_words(message, _BY_WORDS.get(verdict[0], ())) or verdict
    needs = None
    if kind is Kind.CONTEXT_LENGTH:
        told = _TOKENS.search(message)
        needs = f"context:{told[1]}" if told else None
    return Failure(
        kind,
        redact(message or word or f"HTTP {status} without a message", secret),
        executed=executed,
        scope=scope,
        needs=needs,
        status=status,
        vendor_type=redact(word, secret) or None,
    )
