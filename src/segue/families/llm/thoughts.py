"""A vendor may refuse its own signatures, and with them a whole conversation.

Proofs of thoughts are made for one model, one account or one region, and some expire. A conversation that moved
between two of them holds proofs that the second one calls invalid, and every further turn is answered with 400. What
the model thought is worth less than the conversation: it is asked once more without it, and the caller is told. Words:
Anthropic's 400 "Invalid `signature` in `thinking` block", Google's "Corrupted thought signature", OpenAI's code
`invalid_encrypted_content`. Thoughts without a proof may be refused, too, as a field of a message that a server which
speaks Chat Completions does not know.
"""

import re
from typing import TYPE_CHECKING, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Failure, Kind
from segue.families.llm.asked import Asked
from segue.families.llm.ir.blocks import Block, Content, Thinking
from segue.families.llm.ir.conversation import Conversation, Message

if TYPE_CHECKING:
    from segue.core.provider import Candidate

_REFUSED: Final = re.compile(
    r"invalid [`'\"]?(?:signature|data)[`'\"]? in [`'\"]?(?:redacted_)?thinking"
    r"|thought[_ ]signature.{0,40}(?:invalid|not valid|corrupt)|(?:invalid|corrupted) thought[_ ]signature"
    r"|encrypted content .{0,80}could not be (?:verified|decrypted)"
    r"|(?:unknown|unrecognized|unsupported|unexpected|extra) .{0,80}\breasoning(?:_content|_details)?\b(?!\.)"
    r"|\breasoning(?:_content|_details)?['\"`]? is (?:unsupported|not supported|not allowed|unknown)",
    re.IGNORECASE,
)
_CODES: Final = frozenset({"invalid_encrypted_content"})


def refuses_thoughts(failure: Failure) -> bool:
    """Whether a vendor refused a request for proofs of thoughts in it."""
    if failure.kind is not Kind.INVALID_REQUEST:
        return False
    return failure.vendor_code in _CODES or _REFUSED.search(failure.message) is not None


def mended(request: Asked, failure: Failure) -> Failure:
    """The failure, and the request without its thoughts where these were the reason; else the failure as it is."""
    if request.forgot or not refuses_thoughts(failure):
        return failure
    try:
        conversation = without_thoughts(request.conversation())
    except RequestInvalid:
        return failure  # what passed through may be unreadable to us
    if conversation is None:
        return failure
    request.forget(conversation)
    return failure.with_(mended=True)


def tell(request: Asked, candidate: "Candidate") -> None:
    """Note for the caller that a candidate was asked without the thoughts."""
    lost = f"thoughts left out for {candidate.name}: the vendor refused them"
    told = request.warnings.get(candidate.name, [])
    if lost not in told:
        request.warnings[candidate.name] = [*told, lost]


def without_thoughts(conversation: Conversation) -> Conversation | None:
    """A conversation without thoughts and signatures; `None` where there are none."""
    messages: list[Message] = []
    changed = False
    for message in conversation.messages:
        content = [_unsigned(block) for block in message.content if not isinstance(block, Thinking)]
        same = len(content) == len(message.content) and all(map(_is, content, message.content))
        changed = changed or not same
        if same:
            messages.append(message)
        elif content:
            messages.append(msgspec.structs.replace(message, content=content))
    return msgspec.structs.replace(conversation, messages=messages) if changed else None


def _is(one: object, other: object) -> bool:
    return one is other


def _unsigned(block: Content) -> Content:
    if getattr(block, "signature", None) is None or not isinstance(block, Block):
        return block
    return msgspec.structs.replace(block, signature=None)
