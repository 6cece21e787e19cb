"""How many tokens a request has: asked of a provider that counts, or estimated.

Anthropic and Google count for nothing; others have no such question. A number is better than none as long as it says
that it is an estimate, so where nobody can be asked, Segue makes one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Outcome, Usage
from segue.core.ports import CannotServe, StreamReader, WireRequest
from segue.families.llm.asked import BYTES_PER_TOKEN, RawRequest, split_top
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.gemini.other import (
    read_count_answer,
    read_count_request,
    write_count_answer,
    write_count_request,
)
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.blocks import Media, Refusal, Text, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, FunctionTool
from segue.families.llm.ir.format import BadAnswer, Target
from segue.families.llm.other.answers import bad
from segue.families.llm.other.task import Task

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

_OK: Final = 200
COUNTED: Final = frozenset({"messages", "model", "system", "tools", "tool_choice", "thinking", "output_config"})
"""What Anthropic's count_tokens takes of a request (API reference)."""
_COUNTED_BY_VERTEX: Final = frozenset({"contents", "systemInstruction", "tools", "generationConfig"})
"""What Vertex AI's countTokens takes of a request (REST reference)."""
_WHOLE: Final = ("generateContentRequest", "generate_content_request")

TOKENS_PER_TURN: Final = 4
"""Marks of roles and ends around each turn (OpenAI's cookbook, "How to count tokens")."""
TOKENS_PER_IMAGE: Final = 1_600
"""The most that Anthropic counts for an image (Claude's documentation, "Vision")."""


class CountTask(Task):
    """What is to be counted. `asked`: the request in its client's format: Messages, Gemini or Responses."""

    __slots__ = ("_conversation", "asked")

    def __init__(self, asked: RawRequest) -> None:
        super().__init__(asked.model, asked.size)
        self.asked = asked
        self._conversation: Conversation | None = None

    def conversation(self) -> Conversation:
        """The request in the intermediate form.

        Raises:
            RequestInvalid: it cannot be read.
        """
        if self._conversation is None:
            body = msgspec.json.encode(self.asked.fields)
            if self.asked.client.id == GEMINI.id:
                self._conversation = read_count_request(body, model=self.model)
            elif self.asked.client.id == RESPONSES.id:
                self._conversation = RESPONSES.read_request(body)
            else:
                self._conversation = MESSAGES.read_count_request(body)
        return self._conversation

    def write(self, tokens: int) -> bytes:
        """The answer in the client's shape."""
        if self.asked.client.id == RESPONSES.id:
            return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": tokens})
        return write_count_answer(tokens) if self.asked.client.id == GEMINI.id else MESSAGES.write_count(tokens)


def count_messages(body: bytes, _content_type: str = "") -> CountTask:
    """A client's `POST /v1/messages/count_tokens`.

    Raises:
        RequestInvalid: naming the field.
    """
    return CountTask(RawRequest(MESSAGES, body))


def count_responses(body: bytes) -> CountTask:
    """A client's `POST /v1/responses/input_tokens`.

    Raises:
        RequestInvalid: naming the field; the text of an earlier turn is not looked up, so it must be sent.
    """
    task = CountTask(RawRequest(RESPONSES, body, stream=False))
    for name in ("previous_response_id", "conversation"):
        if bytes(task.asked.fields.get(name, b"null")) != b"null":
            raise RequestInvalid(f"field {name!r}: Segue counts what is sent: send the whole input", param=name)
    return task


def count_gemini(body: bytes, model: str) -> CountTask:
    """A client's `countTokens`.

    Raises:
        RequestInvalid: naming the field.
    """
    return CountTask(RawRequest(GEMINI, body, model=model, stream=False))


@dataclass(frozen=True, slots=True)
class CountCodec:
    """The codec of `count_tokens` at one provider.

    Attributes:
        format: Anthropic's `messages`, or Google's `gemini`.
        url, headers: from the vendor's name of a model, and from a key's secret.
        whole: whether a whole request may be counted (the Gemini API), or its fields stand in the body (Vertex AI).
        finish: changes the body into what this vendor wants, if it wants another.
    """

    format: str
    url: Callable[[str], str]
    headers: Callable[[str], Mapping[str, str]]
    whole: bool = True
    finish: Callable[[bytes, str, list[str]], bytes] | None = None

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        task: CountTask = call.request
        asked = task.asked
        model = candidate.model
        try:
            own = asked.client.id == self.format and not asked.sealed and not any(n in asked.fields for n in _WHOLE)
            body = asked.body(model, ask_usage=False) if own else self._written(task.conversation(), model)
        except RequestInvalid as invalid:
            raise CannotServe(
                Failure(
                    Kind.INVALID_REQUEST,
                    invalid.message,
                    Executed.NO,
                    Scope.REQUEST,
                    param=invalid.param,
                    status=invalid.status,
                )
            ) from None
        if self.finish is not None:
            body = self.finish(body, candidate.name, [])
        return WireRequest("POST", self.url(model), self.headers(candidate.key.secret), body)

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """See `Codec.decode`."""
        task: CountTask = call.request
        reads = GEMINI if self.format == GEMINI.id else MESSAGES
        if status == _OK:
            try:
                tokens = _counted(self.format, body)
            except BadAnswer:
                pass
            else:
                return Outcome(answer=task.write(tokens), usage=Usage(0, 0))
        return Outcome(failure=reads.read_error(status, headers, body, candidate.key.secret))

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:  # noqa: ARG002 - the port's own shape
        """Counts are never streamed."""
        return bad("counts are not streamed")

    def wants_stream(self, call: "Call") -> bool:  # noqa: ARG002 - the port's own shape
        """Never."""
        return False

    def _written(self, conversation: Conversation, model: str) -> bytes:
        target = Target(model)
        if self.format == GEMINI.id:
            if self.whole:
                return write_count_request(conversation, target)
            return _only(GEMINI.write_request(conversation, target).body, _COUNTED_BY_VERTEX)
        return _only(MESSAGES.write_request(conversation, target).body, COUNTED)


def _only(body: bytes, names: frozenset[str]) -> bytes:
    return msgspec.json.encode({name: value for name, value in split_top(body).items() if name in names})


class _Count(msgspec.Struct, gc=False):
    input_tokens: int


_messages: Final = msgspec.json.Decoder(_Count)


def _counted(format_: str, body: bytes) -> int:
    if format_ == GEMINI.id:
        return read_count_answer(body)
    try:
        return _messages.decode(body).input_tokens
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadAnswer("an answer without input_tokens") from None


def estimate(conversation: Conversation) -> int:
    """About how many tokens a request has: a rule of thumb, off by a third either way for most texts."""
    size = sum(len(text.text.encode()) for text in conversation.system)
    fixed = 0
    for message in conversation.messages:
        fixed += TOKENS_PER_TURN
        for block in message.content:
            more, images = _weight(block)
            size += more
            fixed += images * TOKENS_PER_IMAGE
    for tool in conversation.tools:
        size += (
            len(tool.name) + len(tool.description.encode()) + len(tool.parameters)
            if isinstance(tool, FunctionTool)
            else len(tool.raw)
        )
    return max(1, fixed + -(-size // BYTES_PER_TOKEN))


def _weight(block: object) -> tuple[int, int]:
    """Bytes of text, and how many pictures or other media."""
    if isinstance(block, (Text, Refusal, Thinking)):
        return len(block.text.encode()), 0
    if isinstance(block, ToolUse):
        return len(block.name) + len(block.arguments.encode()), 0
    if isinstance(block, ToolResult):
        weights = [_weight(one) for one in block.content]
        return sum(weight[0] for weight in weights), sum(weight[1] for weight in weights)
    if isinstance(block, Media):
        return (len(block.text.encode()), 0) if block.text is not None else (0, 1)
    return len(getattr(block, "raw", b"")), 0
