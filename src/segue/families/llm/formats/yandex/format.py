"""Yandex's completion as one format."""

from typing import Final

from segue.families.llm.formats.line_format import LineFormat
from segue.families.llm.formats.yandex.answer_in import YandexReader, read_answer
from segue.families.llm.formats.yandex.errors import read_error
from segue.families.llm.formats.yandex.request_out import write_request
from segue.families.llm.ir.fields import EXACT, STOPPED_HERE, Deed, Field, Loss
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
    Field.STOP: STOPPED_HERE,
    Field.DOCUMENT_TEXT: Loss(Deed.REFUSE),
}


YANDEX: Final = LineFormat("yandex", LOSSES, write_request, read_answer, YandexReader, read_error)
"""`Target.model` is the whole model URI."""
