"""What can be asked of a language model."""

from segue.core.operation import Nature, Operation
from segue.families.llm.request import ChatRequest, analyse_chat, chat_from_fields, parse_chat

CHAT = Operation(
    id="chat",
    family="llm",
    nature=Nature.REPEATABLE,
    request=ChatRequest,
    answer=bytes,
    parse=parse_chat,
    from_fields=chat_from_fields,
    unit="tokens",
    by_model=True,
    analyse=analyse_chat,
    summary="Let a model answer a conversation (the format of OpenAI's Chat Completions).",
)

OPERATIONS = (CHAT,)
