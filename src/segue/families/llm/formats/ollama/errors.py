"""What Ollama's errors mean: a status, and one sentence in `error`; in a stream a line with the sentence alone."""

import re
from typing import Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.foreign import Verdict, Words, by_status, by_words, unreadable
from segue.families.llm.formats.openai_errors import redact

_BY_WORDS: Final[Words] = tuple(
    (re.compile(words, re.IGNORECASE), verdict)
    for words, verdict in (
        (r"does not support|not supported", (Kind.UNSUPPORTED, Executed.NO, Scope.MODEL)),
        (
            r"exceeds? .{0,30}context|context (?:length|window|size)|input length exceeds",
            (Kind.CONTEXT_LENGTH, Executed.NO, Scope.MODEL),
        ),
        (r"model .{0,200}not found|try pulling", (Kind.MODEL_MISSING, Executed.NO, Scope.MODEL)),
        (r"usage limit|upgrade for higher limits|quota", (Kind.QUOTA, Executed.NO, Scope.KEY)),
        (r"server busy|maximum pending|overloaded", (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER)),
        (r"system memory|runner process|cuda|out of memory", (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.MODEL)),
        (r"unauthorized|not signed in", (Kind.AUTH, Executed.NO, Scope.KEY)),
    )
)
_IN_STREAM: Final[Verdict] = (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.MODEL)


class _Inner(msgspec.Struct, gc=False):
    message: str | None = None


class _Body(msgspec.Struct, gc=False):
    error: str | _Inner | None = None


_body: Final = msgspec.json.Decoder(_Body)


def read_error(status: int, body: bytes, secret: str) -> Failure:
    """The failure behind an answer that is none."""
    message = _message(body)
    return unreadable(status, "Ollama") if not message else _failure(message, by_status(status), status, secret)


def read_line_error(line: bytes) -> Failure | None:
    """The failure that a line of a stream reports under status 200; `None` if it reports none."""
    message = _message(line)
    return _failure(message, _IN_STREAM, None, "") if message else None


def _message(body: bytes) -> str:
    try:
        error = _body.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return (error.message if isinstance(error, _Inner) else error) or ""


def _failure(message: str, verdict: Verdict, status: int | None, secret: str) -> Failure:
    kind, executed, scope = by_words(message, _BY_WORDS) or verdict
    return Failure(kind, redact(message, secret), executed=executed, scope=scope, status=status)
