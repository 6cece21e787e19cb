"""Yandex's completion as one format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from segue.core.failure import Failure
from segue.families.llm.formats.yandex.answer_in import YandexReader, read_answer
from segue.families.llm.formats.yandex.errors import read_error
from segue.families.llm.formats.yandex.request_out import write_request
from segue.families.llm.ir.answer import Answer
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import EXACT, Deed, Field, Loss
from segue.families.llm.ir.format import Target, Written
from segue.families.llm.ir.losses import Losses

PATH: Final = "/foundationModels/v1/completion"
"""Of the URL; the model stands in the body."""

LOSSES: Final[Losses] = {
    Field.TOP_P: Loss(Deed.WARN),
    Field.TOOL_CHOICE_SOME: Loss(Deed.DEGRADE, "only these tools are offered"),
    Field.PARALLEL_TOOLS: EXACT,
    Field.JSON_OUTPUT: EXACT,
    Field.JSON_SCHEMA: EXACT,
    Field.REASONING_EFFORT: Loss(Deed.DEGRADE, "thinking is on or off there"),
    Field.REASONING_BUDGET: Loss(Deed.DEGRADE, "thinking is on or off there"),
    Field.DOCUMENT_TEXT: Loss(Deed.REFUSE),
}


@dataclass(frozen=True, slots=True)
class Yandex:
    """The format `yandex`; `Target.model` is the whole model URI."""

    id: str = "yandex"
    vendor: str = "yandex"

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

    def event_reader(self) -> YandexReader:
        """A reader for one stream."""
        return YandexReader()

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:  # noqa: ARG002
        """What an answer that is none tells; Yandex tells nothing of it in headers."""
        return read_error(status, body, secret)


YANDEX: Final = Yandex()
