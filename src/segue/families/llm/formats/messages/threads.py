"""Anthropic can hold a conversation for its caller, who then sends only what is new. Nobody else can.

A `thread` is made by a request that has the whole conversation (`create`) and gone on with by the id of the last answer
(`continue`). It is a cache by its own definition: it may be gone at any time, only the next `continue` tells, by 404
`thread_not_found`, and its caller then sends everything again; Anthropic's SDKs do so by themselves. So a provider that
holds no threads serves a `create` as any other request, and answers every `continue` with that error.
Source: platform.claude.com/docs, "Message threads" (beta of 2026-11-02).
"""

from typing import Final

import msgspec

from segue.core.errors import CallFailed, RequestInvalid

THREAD: Final = "thread"
NOT_FOUND: Final = "thread_not_found"


class _Thread(msgspec.Struct):
    type: str = ""
    previous_message_id: str = ""


_thread: "Final[msgspec.json.Decoder[_Thread | None]]" = msgspec.json.Decoder(_Thread | None)


def continued(raw: msgspec.Raw | bytes | None) -> str:
    """The id of the answer that a request goes on from; "" where it goes on from none.

    Raises:
        RequestInvalid: it is no thread.
    """
    try:
        thread = None if raw is None else _thread.decode(raw)
    except msgspec.DecodeError:
        raise RequestInvalid("thread: Input should be an object with a 'type'", param=THREAD) from None
    if thread is None or thread.type == "create":
        return ""
    if thread.type != "continue" or not thread.previous_message_id:
        message = "thread: Input should be of type 'create', or 'continue' with a 'previous_message_id'"
        raise RequestInvalid(message, param=THREAD)
    return thread.previous_message_id


def lost(error: CallFailed) -> CallFailed:
    """The error of a thread that none of the providers holds, in Anthropic's own words; any other as it is."""
    if error.param != THREAD or error.code != "unsupported":
        return error
    told = RequestInvalid(
        "The thread to continue was not found: send the whole conversation again", status=404, code=NOT_FOUND
    )
    told.call_id, told.attempts = error.call_id, error.attempts
    return told
