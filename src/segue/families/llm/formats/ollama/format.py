"""Ollama's own chat as one format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from segue.core.failure import Failure
from segue.families.llm.formats.ollama.answer_in import OllamaReader, read_answer
from segue.families.llm.formats.ollama.errors import read_error
from segue.families.llm.formats.ollama.request_out import write_request
from segue.families.llm.ir.answer import Answer
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import EXACT, Deed, Field, Loss
from segue.families.llm.ir.format import Target, Written
from segue.families.llm.ir.losses import Losses

PATH: Final = "/api/chat"
"""Of the URL; the model stands in the body."""

LOSSES: Final[Losses] = {
    Field.IMAGE_DATA: EXACT,
    Field.THINKING: EXACT,  # thoughts without a signature; the writer warns of others
    Field.TOOL_CHOICE_ONE: Loss(Deed.REFUSE, "a call cannot be forced"),
    Field.TOOL_CHOICE_SOME: Loss(Deed.DEGRADE, "only these tools are offered"),
    Field.JSON_OUTPUT: EXACT,
    Field.JSON_SCHEMA: EXACT,
    Field.TOP_K: EXACT,
    Field.SEED: EXACT,
    Field.PRESENCE_PENALTY: EXACT,
    Field.FREQUENCY_PENALTY: EXACT,
    Field.STOP: EXACT,
}


@dataclass(frozen=True, slots=True)
class Ollama:
    """The format `ollama`."""

    id: str = "ollama"
    vendor: str = "ollama"

    @property
    def losses(self) -> Losses:
        """What becomes of fields that it cannot express."""
        return LOSSES

    def write_request(self, conversation: Conversation, target: Target) -> Written:
        """The body for a provider."""
        return write_request(conversation, target)

    def read_answer(self, body: bytes) -> Answer:
        """A whole answer."""
        return read_answer(body)

    def event_reader(self) -> OllamaReader:
        """A reader for one stream."""
        return OllamaReader()

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:  # noqa: ARG002
        """What an answer that is none tells; Ollama tells nothing of it in headers."""
        return read_error(status, body, secret)


OLLAMA: Final = Ollama()
