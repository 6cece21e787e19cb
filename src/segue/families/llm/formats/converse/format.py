"""Converse as one format, in as many forms as there are vendors of signatures behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from segue.core.errors import CallFailed
from segue.core.failure import Failure
from segue.families.llm.formats.converse import answer_out, errors_out, request_in
from segue.families.llm.formats.converse.answer_in import read_answer
from segue.families.llm.formats.converse.errors import read_error
from segue.families.llm.formats.converse.events_in import ConverseReader
from segue.families.llm.formats.converse.events_out import ConverseWriter
from segue.families.llm.formats.converse.losses import LOSSES, NAMES
from segue.families.llm.formats.converse.models import maker_of
from segue.families.llm.formats.converse.request_out import path, write_request
from segue.families.llm.ir.answer import Answer
from segue.families.llm.ir.blocks import ANTHROPIC, BEDROCK
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import ClientFormat, Shown, Target, Written
from segue.families.llm.ir.losses import Losses

__all__ = ["CONVERSE", "CONVERSE_FOR_CLIENTS", "CONVERSE_OF_CLAUDE", "Converse", "format_of", "path"]


@dataclass(frozen=True, slots=True)
class Converse:
    """The format `converse`.

    Attributes:
        vendor: whose signatures it understands: Anthropic's where the model is a Claude.
        id: its name.
    """

    vendor: str = BEDROCK
    id: str = "converse"

    @property
    def losses(self) -> Losses:
        """What becomes of fields that it cannot express."""
        return LOSSES

    def write_request(self, conversation: Conversation, target: Target) -> Written:
        """The body for a provider; the URL is `path(target.model, stream=…)`."""
        return write_request(conversation, target)

    def read_answer(self, body: bytes) -> Answer:
        """A whole answer."""
        return read_answer(body, self.vendor)

    def event_reader(self) -> ConverseReader:
        """A reader for one stream."""
        return ConverseReader(self.vendor)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
        """What an answer that is none tells."""
        return read_error(status, headers, body, secret)


CONVERSE: Final = Converse()
CONVERSE_OF_CLAUDE: Final = Converse(ANTHROPIC)


def format_of(model: str, flags: frozenset[str] = frozenset()) -> Converse:
    """The form of the format for a model: proofs of Claude's thoughts are Anthropic's, wherever Claude runs."""
    return CONVERSE_OF_CLAUDE if maker_of(model, flags).vendor == ANTHROPIC else CONVERSE


class ConverseForClients:
    """The format as clients speak it; see `ClientFormat` for each method."""

    id = "converse"
    names: Mapping[Field, str] = NAMES

    def read_request(self, body: bytes, *, model: str = "", stream: bool | None = None) -> Conversation:
        """A client's request."""
        return request_in.read_request(body, model=model, stream=stream)

    def write_answer(self, answer: Answer, shown: Shown) -> bytes:
        """A whole answer for a client."""
        return answer_out.write_answer(answer, shown)

    def event_writer(self, shown: Shown) -> ConverseWriter:
        """A writer for one stream."""
        return ConverseWriter(shown)

    def write_error(self, error: CallFailed, told: Mapping[str, object]) -> bytes:
        """The body of an error for a client."""
        return errors_out.write_error(error, told)


CONVERSE_FOR_CLIENTS: Final = ConverseForClients()
_AS_CLIENT: ClientFormat = CONVERSE_FOR_CLIENTS
