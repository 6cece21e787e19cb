"""OpenAI's Responses as one format: what clients speak, and what providers speak."""

from collections.abc import Mapping
from typing import Final

from segue.core.errors import CallFailed
from segue.core.failure import Failure
from segue.families.llm.formats.responses import answer_in, answer_out, errors, request_in, request_out
from segue.families.llm.formats.responses.events_in import ResponsesReader
from segue.families.llm.formats.responses.events_out import ResponsesWriter
from segue.families.llm.formats.responses.losses import LOSSES, NAMES
from segue.families.llm.ir.answer import Answer
from segue.families.llm.ir.blocks import OPENAI
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import EventReader, EventWriter, Shown, Target, Written
from segue.families.llm.ir.losses import Losses


class Responses:
    """`ClientFormat` and `ProviderFormat`; it has no state."""

    id: Final = "responses"
    vendor: Final = OPENAI

    @property
    def names(self) -> Mapping[Field, str]:
        """See `ClientFormat.names`."""
        return NAMES

    @property
    def losses(self) -> Losses:
        """See `ProviderFormat.losses`."""
        return LOSSES

    def read_request(self, body: bytes, *, model: str = "", stream: bool | None = None) -> Conversation:
        """See `ClientFormat.read_request`."""
        return request_in.read_request(body, model=model, stream=stream)

    def write_answer(self, answer: Answer, shown: Shown) -> bytes:
        """See `ClientFormat.write_answer`."""
        return answer_out.write_answer(answer, shown)

    def event_writer(self, shown: Shown) -> EventWriter:
        """See `ClientFormat.event_writer`."""
        return ResponsesWriter(shown)

    def write_error(self, error: CallFailed, told: Mapping[str, object]) -> bytes:
        """See `ClientFormat.write_error`."""
        return errors.write_error(error, told)

    def write_request(self, conversation: Conversation, target: Target) -> Written:
        """See `ProviderFormat.write_request`."""
        return request_out.write_request(conversation, target)

    def read_answer(self, body: bytes) -> Answer:
        """See `ProviderFormat.read_answer`."""
        return answer_in.read_answer(body)

    def event_reader(self) -> EventReader:
        """See `ProviderFormat.event_reader`."""
        return ResponsesReader()

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
        """See `ProviderFormat.read_error`."""
        return errors.read_error(status, headers, body, secret)


RESPONSES: Final = Responses()
