"""What of a conversation goes to a format that is not the client's own: what only its vendor reads stays behind."""

import msgspec

from segue.families.llm.ir.blocks import ServerItem
from segue.families.llm.ir.conversation import Conversation


def in_plain(conversation: Conversation) -> Conversation:
    """The conversation with plain texts in place of those in a form that only one vendor reads."""
    messages = [
        msgspec.structs.replace(
            message,
            content=[
                block.plain if isinstance(block, ServerItem) and block.plain is not None else block
                for block in message.content
            ],
        )
        for message in conversation.messages
    ]
    return msgspec.structs.replace(conversation, messages=messages)


def without_extra(conversation: Conversation) -> Conversation:
    """The conversation without the fields that nobody here knows; a warning has named them."""
    return msgspec.structs.replace(conversation, extra={})
