"""Chat Completions as one format of the intermediate form."""

from collections.abc import Mapping

import msgspec

from segue.core.errors import CallFailed
from segue.core.failure import Failure
from segue.families.llm.formats.chat import answer_in, answer_out, request_in, request_out
from segue.families.llm.formats.chat.errors import error_body
from segue.families.llm.formats.chat.events_in import ChatEvents
from segue.families.llm.formats.chat.events_out import ChatChunks
from segue.families.llm.formats.chat.losses import LOSSES, NAMES
from segue.families.llm.formats.openai_errors import broken_off, classify, error_object
from segue.families.llm.ir.answer import Answer
from segue.families.llm.ir.blocks import OPENAI
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import Shown, Target, Written


class ChatFormat:
    """Both sides of Chat Completions."""

    id = "chat"
    vendor = OPENAI
    names = NAMES
    losses = LOSSES

    def read_request(self, body: bytes, *, model: str = "", stream: bool | None = None) -> Conversation:  # noqa: ARG002 - other formats' URLs say them
        """See `ClientFormat`."""
        return request_in.read_request(body)

    def write_answer(self, answer: Answer, shown: Shown) -> bytes:
        """See `ClientFormat`."""
        return answer_out.write_answer(answer, shown)

    def event_writer(self, shown: Shown) -> ChatChunks:
        """See `ClientFormat`."""
        return ChatChunks(shown)

    def write_error(self, error: CallFailed, told: Mapping[str, object]) -> bytes:
        """See `ClientFormat`."""
        return msgspec.json.encode({**error_body(error), "segue": told})

    def write_request(self, conversation: Conversation, target: Target) -> Written:
        """See `ProviderFormat`."""
        return request_out.write_request(conversation, target)

    def read_answer(self, body: bytes) -> Answer:
        """See `ProviderFormat`."""
        return answer_in.read_answer(body)

    def event_reader(self) -> ChatEvents:
        """See `ProviderFormat`."""
        return ChatEvents()

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:  # noqa: ARG002 - the body tells it
        """See `ProviderFormat`."""
        error = error_object(body)
        broken = broken_off(body, secret) if status == 200 and error is None else None  # noqa: PLR2004 - HTTP's own number
        return broken or classify(status, error, secret)


CHAT = ChatFormat()
