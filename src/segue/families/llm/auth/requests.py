"""Asks for credentials: one small request, whose failure must tell enough and hold no secret."""

import re
from typing import Final

from segue.core.failure import Executed, Kind, Scope
from segue.core.ports import Transport, TransportError, WireRequest
from segue.families.llm.auth.tokens import refused

LARGEST_ANSWER: Final = 1024 * 1024
"""Bytes; real answers have a few thousand."""
CONNECT: Final = 5.0
"""Seconds until a connection stands."""

_OK: Final = 200
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_WORD: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


async def ask(
    transport: Transport, request: WireRequest, *, who: str, allow_private: bool, connect: float = CONNECT
) -> tuple[int, bytes]:
    """Status and body of the answer to a request for credentials.

    Args:
        transport: the way to the network.
        request: what is sent.
        who: who is asked, for messages.
        allow_private: whether it may be on this machine or in a private network.
        connect: seconds until a connection stands.

    Raises:
        TransportError: no answer; the failure says that credentials were asked for.
    """
    try:
        response = await transport.send(request, connect=connect, allow_private=allow_private)
        try:
            return response.status, await response.read_whole(LARGEST_ANSWER)
        finally:
            response.close()
    except TransportError as error:
        failure = error.failure
        message = f"asking {who} for credentials: {failure.message}"
        raise TransportError(failure.with_(message=message, executed=Executed.NO, scope=Scope.KEY)) from None


def check(status: int, code: str, who: str) -> None:
    """Take a status other than 200 for what it is.

    Args:
        status: of the answer.
        code: the word of the error in its body; "" where there is none.
        who: who answered, for messages.

    Raises:
        TransportError: it is no success.
    """
    if status == _OK:
        return
    word = code if _WORD.fullmatch(code) else ""
    said = f"{who} gave no credentials: status {status}{f', {word}' if word else ''}"
    kind = Kind.AUTH
    if status == _TOO_MANY or "Throttl" in word:
        kind = Kind.RATE_LIMITED
    elif status >= _SERVER_ERROR:
        kind = Kind.SERVER_ERROR
    raise refused(kind, said, status=status, code=word or None)


def unreadable(who: str) -> TransportError:
    """The error of an answer that is none."""
    return refused(Kind.BAD_RESPONSE, f"{who} answered a request for credentials with something else")
