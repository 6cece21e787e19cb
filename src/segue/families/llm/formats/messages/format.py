"""Anthropic's Messages, both sides, and its counting of tokens."""

from collections.abc import Mapping

import msgspec

from segue.core.errors import CallFailed
from segue.core.failure import Failure
from segue.families.llm.formats.messages import answer_in, answer_out, errors, losses, request_in, request_out
from segue.families.llm.formats.messages.events_in import MessagesReader
from segue.families.llm.formats.messages.events_out import MessagesWriter
from segue.families.llm.ir.answer import Answer
from segue.families.llm.ir.blocks import ANTHROPIC
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import ClientFormat, ProviderFormat, Shown, Target, Written
from segue.families.llm.ir.losses import Losses


class Messages:
    """The format as clients and as providers speak it.

    Providers are to be asked with `anthropic-version: 2023-06-01`: under later versions temperature, top_p and top_k
    answer 400. An adapter that asks with a later one sets the flag `no_sampling`.
    """

    id = "messages"
    vendor = ANTHROPIC
    names: Mapping[Field, str] = losses.NAMES
    losses: Losses = losses.LOSSES

    def read_request(self, body: bytes, *, model: str = "", stream: bool | None = None) -> Conversation:
        """A client's request; this format writes `model` and `stream` into the body."""
        conversation = request_in.read_request(body)
        conversation.model = model or conversation.model
        if stream is not None:
            conversation.stream = stream
        return conversation

    def read_count_request(self, body: bytes) -> Conversation:
        """A request whose tokens are only to be counted (`POST /v1/messages/count_tokens`)."""
        return request_in.read_request(body, counting=True)

    def write_count(self, tokens: int) -> bytes:
        """How many tokens a request has."""
        return msgspec.json.encode({"input_tokens": tokens})

    def write_request(self, conversation: Conversation, target: Target) -> Written:
        """The body for a provider."""
        return request_out.write_request(conversation, target)

    def read_answer(self, body: bytes) -> Answer:
        """A provider's whole answer."""
        return answer_in.read_answer(body)

    def write_answer(self, answer: Answer, shown: Shown) -> bytes:
        """A whole answer for a client."""
        return answer_out.write_answer(answer, shown)

    def event_reader(self) -> MessagesReader:
        """A reader of one stream of a provider's."""
        return MessagesReader()

    def event_writer(self, shown: Shown) -> MessagesWriter:
        """A writer of one stream for a client."""
        return MessagesWriter(shown)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
        """What an answer that is none tells."""
        return errors.read_error(status, headers, body, secret)

    def write_error(self, error: CallFailed, told: Mapping[str, object]) -> bytes:
        """The body of an error for a client."""
        return errors.write_error(error, told)


MESSAGES = Messages()
"""The one instance; it has no state."""

_AS_CLIENT: ClientFormat = MESSAGES
_AS_PROVIDER: ProviderFormat = MESSAGES
