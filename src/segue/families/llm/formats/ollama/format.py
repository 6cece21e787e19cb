"""Ollama's own chat as one format."""

from typing import Final

from segue.families.llm.formats.line_format import LineFormat
from segue.families.llm.formats.ollama.answer_in import OllamaReader, read_answer
from segue.families.llm.formats.ollama.errors import read_error
from segue.families.llm.formats.ollama.request_out import write_request
from segue.families.llm.ir.fields import EXACT, Deed, Field, Loss, Takes, fetched
from segue.families.llm.ir.losses import Losses

PATH: Final = "/api/chat"
"""Of the URL; the model stands in the body."""

FETCHED_IMAGES: Final = fetched(
    # Ollama's openai/openai.go lists these types; it documents no sizes, so these are ours.
    Takes(("image/png", "image/jpeg", "image/webp"), 20 * 1024 * 1024, 20),
    "send the image as data",
)
"""It reads images, but fetches none, in whatever format it is asked."""

LOSSES: Final[Losses] = {
    Field.IMAGE_DATA: EXACT,
    Field.IMAGE_URL: FETCHED_IMAGES,
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


OLLAMA: Final = LineFormat("ollama", LOSSES, write_request, read_answer, OllamaReader, read_error)
