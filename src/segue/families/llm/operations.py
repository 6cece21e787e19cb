"""What can be asked of a language model."""

from segue.core.operation import Nature, Operation
from segue.families.llm.asked import Asked, analyse
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

OPERATIONS = (CHAT,)
