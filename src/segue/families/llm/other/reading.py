"""How a request for each of the operations beside chat is read: which fields it needs, and in which shape it comes."""

from collections.abc import Mapping
from typing import Final

from segue.families.llm.other.embeddings import EmbeddingsTask
from segue.families.llm.other.rerank import RerankTask, cohere_task
from segue.families.llm.other.task import Reading, Task

_INPUT: Final = ("input", "send a text or a list of texts")
_SOUND: Final = ("file|url|file_url|file_id", "send the sound as a file of the form")
_RANKED: Final = (("query", "say what to look for"), ("documents", "send a list of texts"))

READINGS: Final[Mapping[str, Reading]] = {
    "embeddings": Reading("/embeddings", (_INPUT,), make=EmbeddingsTask),
    "completions": Reading("/completions", (("prompt", "send the text to go on from"),), streams=True),
    # OpenAI's own default (API reference, moderations).
    "moderations": Reading("/moderations", (_INPUT,), model="omni-moderation-latest"),
    "rerank": Reading("/rerank", _RANKED, make=RerankTask),
    "images.generate": Reading("/images/generations", (("prompt", "describe the picture"),), streams=True),
    "images.edit": Reading(
        "/images/edits",
        (("image|images", "send the picture as a file of the form"), ("prompt", "describe the picture")),
        form=True,
        streams=True,
    ),
    "audio.transcribe": Reading("/audio/transcriptions", (_SOUND,), form=True, json=False, streams=True),
    "audio.translate": Reading("/audio/translations", (_SOUND,), form=True, json=False, streams=True),
    "audio.speech": Reading("/audio/speech", (("input", "send the text to be said"),)),
}
"""By the operation's id; `path` is what follows `/v1`."""

COHERE_RERANK: Final = Reading("/rerank", _RANKED, make=cohere_task)
"""`POST /v2/rerank`, Cohere's shape."""


def read_speech(body: bytes, content_type: str) -> Task:
    """A request for speech whose sound is passed on as it comes.

    Raises:
        RequestInvalid: naming the field.
    """
    task = READINGS["audio.speech"].parse(body, content_type)
    task.stream = True
    return task
