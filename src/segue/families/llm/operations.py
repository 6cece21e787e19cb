"""What can be asked of a language model."""

from collections.abc import Mapping
from typing import Any, Final

from segue.core.errors import RequestInvalid
from segue.core.operation import Nature, Operation
from segue.families.llm.asked import Asked, analyse
from segue.families.llm.other.counting import CountTask, count_messages
from segue.families.llm.other.reading import READINGS
from segue.families.llm.other.task import Task, analyse_task, encode_fields
from segue.families.llm.passthrough import PASSTHROUGH
from segue.families.llm.request import chat_from_fields, parse_chat

CHAT = Operation(
    id="chat",
    family="llm",
    nature=Nature.REPEATABLE,
    request=Asked,
    answer=bytes,
    parse=parse_chat,
    from_fields=chat_from_fields,
    unit="tokens",
    by_model=True,
    analyse=analyse,
    summary="Let a model answer a conversation (the format of OpenAI's Chat Completions).",
)


def _count_from_fields(fields: dict[str, Any], text: bool) -> CountTask:
    if text:
        raise RequestInvalid("this cannot be asked for by URL: POST it", status=405, code="method_not_allowed")
    return count_messages(encode_fields(fields))


COUNT_TOKENS = Operation(
    id="count_tokens",
    family="llm",
    nature=Nature.REPEATABLE,
    request=CountTask,
    answer=bytes,
    parse=count_messages,
    from_fields=_count_from_fields,
    by_model=True,
    analyse=analyse_task,
    summary="Count the tokens of a conversation (the format of Anthropic's Messages).",
)

_SUMMARIES: Final[Mapping[str, tuple[str, str]]] = {
    "embeddings": ("tokens", "Turn texts into vectors (the format of OpenAI's embeddings)."),
    "completions": ("tokens", "Go on from a text (the format of OpenAI's legacy completions)."),
    "moderations": ("requests", "Say whether a text or a picture is harmful (the format of OpenAI's moderations)."),
    "rerank": ("requests", "Put documents in the order of their relevance (the formats of Jina and Cohere)."),
    "images.generate": ("requests", "Make pictures (the format of OpenAI's images)."),
    "images.edit": ("requests", "Change pictures (the format of OpenAI's image edits)."),
    "audio.transcribe": ("requests", "Write down what is said (the format of OpenAI's transcriptions)."),
    "audio.translate": ("requests", "Write down in English what is said (the format of OpenAI's translations)."),
    "audio.speech": ("requests", "Say a text aloud (the format of OpenAI's speech)."),
}
"""What vendors bill, and one sentence, by the operation's id."""

OTHERS = {
    name: Operation(
        id=name,
        family="llm",
        nature=Nature.REPEATABLE,
        request=Task,
        answer=bytes,
        parse=READINGS[name].parse,
        from_fields=READINGS[name].from_fields,
        unit=unit,
        by_model=True,
        analyse=analyse_task,
        summary=summary,
    )
    for name, (unit, summary) in _SUMMARIES.items()
}
"""The operations of OpenAI's API beside chat, by their ids."""

OPERATIONS = (CHAT, *OTHERS.values(), COUNT_TOKENS)

SURFACES_ONLY = (PASSTHROUGH,)
"""What cannot be asked for by name, because a request needs more than its fields: only a surface makes one."""
