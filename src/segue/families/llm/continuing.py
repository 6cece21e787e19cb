"""An answer that broke off, and what another attempt is asked so that it goes on with it.

A stream that may be gone on with is read as events even where its client speaks the provider's format: what was said
so far must be known, and what another attempt adds is written in the middle of the client's own stream.
"""

from typing import TYPE_CHECKING, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.ports import CannotServe
from segue.families.llm.asked import Asked
from segue.families.llm.ir.answer import Seam
from segue.families.llm.ir.blocks import Text
from segue.families.llm.ir.conversation import Conversation, Message
from segue.families.llm.ir.format import EventReader, EventWriter
from segue.families.llm.prefill import Prefill
from segue.families.llm.transcript import Joint, Transcript
from segue.families.llm.translating import TranslatingReader

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

_NO_EFFORT: Final = frozenset({None, "none"})


class ContinuableReader(TranslatingReader):
    """A reader whose stream can be gone on with when it breaks.

    Args:
        reader: of the provider's format.
        transcript: remembers what the client was told.
        secret: the key that was sent.
        before: what the events go through before they come to the transcript; `None` for nothing.
    """

    __slots__ = ("_transcript",)

    def __init__(
        self, reader: EventReader, transcript: Transcript, secret: str, before: EventWriter | None = None
    ) -> None:
        super().__init__(reader, before or transcript, secret)
        self._transcript = transcript

    def so_far(self) -> Transcript | None:
        """What another attempt needs to go on; `None` where it cannot."""
        return self._transcript if self._transcript.goes_on else None


def transcript_of(call: "Call", candidate: "Candidate", prefill: Prefill | None) -> Transcript | None:
    """What an attempt at this candidate writes: from the beginning, or from where the one before it broke.

    `None` where a request asks for something that could not be gone on with.
    """
    request: Asked = call.request
    so_far = call.continuation.so_far if call.continuation is not None else None
    if isinstance(so_far, Transcript):
        text = so_far.text
        given = text.rstrip()
        echo = _beginning(begun(request.conversation(), so_far)) if prefill is not None and prefill.echoes else ""
        seam = Seam(candidate.provider.id, candidate.model, so_far.characters)
        return so_far.after(seam, Joint(text[len(given) :], echo), call.features.tokens)
    try:
        shown = request.shown(candidate.model, call.id)
        if not can_be_gone_on_with(shown.conversation):
            return None
        writer = request.writer(candidate.model, call.id)
    except RequestInvalid:
        return None  # it passes through without being understood
    return Transcript(writer, (request, shown.conversation), call.features.tokens)


def can_be_gone_on_with(conversation: Conversation) -> bool:
    """Whether the answer to a request is one text, of which every beginning is as good as any other."""
    plain = conversation.n == 1 and conversation.output is None and not conversation.background
    tokens = conversation.logprobs or conversation.top_logprobs
    sounds = conversation.audio or any(kind.lower() != "text" for kind in conversation.modalities)
    return plain and not tokens and not sounds and not _thinks(conversation)


def begun(conversation: Conversation, so_far: Transcript) -> Conversation:
    """The request with what was said so far as the beginning of its answer."""
    messages = list(conversation.messages)
    text = so_far.text.rstrip()  # Anthropic refuses white space at the end
    last = messages[-1] if messages else None
    if last is not None and last.role == "assistant" and last.content and isinstance(last.content[-1], Text):
        # The caller has begun the answer itself.
        text = last.content[-1].text + text
        messages[-1] = msgspec.structs.replace(last, content=[*last.content[:-1], Text(text)])
    else:
        messages.append(Message("assistant", [Text(text)]))
    most = conversation.max_tokens
    left = None if most is None else max(1, most - so_far.tokens)
    return msgspec.structs.replace(conversation, messages=messages, max_tokens=left)


def check_prefill(prefill: Prefill | None, model: str, name: str) -> Prefill:
    """How a model goes on with an answer that was begun.

    Args:
        prefill: how its vendor does.
        model: the vendor's name of it.
        name: the candidate's, for messages.

    Raises:
        CannotServe: it does not, or nobody says that it does.
    """
    if prefill is None or not prefill.models(model):
        message = f"{name} is not known to go on with an answer that was begun"
        raise CannotServe(Failure(Kind.UNSUPPORTED, message, Executed.NO, Scope.REQUEST))
    return prefill


def _beginning(conversation: Conversation) -> str:
    last = conversation.messages[-1].content[-1]
    return last.text if isinstance(last, Text) else ""


def _thinks(conversation: Conversation) -> bool:
    """Whether thinking was asked for: nobody goes on with an answer and thinks before it."""
    wanted = conversation.reasoning
    if wanted is None or wanted.enabled is False:
        return False
    return bool(wanted.enabled or wanted.budget or wanted.adaptive or wanted.effort not in _NO_EFFORT)
