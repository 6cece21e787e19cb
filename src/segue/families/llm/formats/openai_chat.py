"""OpenAI's Chat Completions as a provider speaks it, for callers who speak it too: the bytes go through.

Nothing is rebuilt. Of a request the model's name is replaced; a whole answer is checked for being one and passed on;
of a stream each event is looked at (content moves the commit point; errors, ends and usage matter to us) and its data
passed on byte by byte. An event that cannot be read is never passed on: the caller's SDK would stumble over it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Outcome, Usage
from segue.core.ports import StreamReader, WireRequest
from segue.families.llm.asked import split_top
from segue.families.llm.formats.chat.answer_in import FILTERED
from segue.families.llm.formats.chat.usage import read_usage, tier_of, told
from segue.families.llm.formats.chat.wire_answer import TokenUsage
from segue.families.llm.formats.openai_errors import broken_off, classify, error_object, gave_up
from segue.families.llm.formats.openai_stream import ChatStreamReader, checked_text
from segue.families.llm.request import ChatRequest

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate


Raw = msgspec.Raw


class _Answer(msgspec.Struct):
    message: dict[str, msgspec.Raw] | None = None
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Answer] | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")
    service_tier: object = None


class _UsualAnswer(msgspec.Struct, gc=False):
    message: dict[str, msgspec.Raw]
    finish_reason: str | None = None


class _UsualCompletion(msgspec.Struct, gc=False):
    choices: list[_UsualAnswer]
    usage: TokenUsage
    service_tier: object = None


_completion: Final = msgspec.json.Decoder(_Completion)
_usual: Final = msgspec.json.Decoder(_UsualCompletion)
_encode: Final = msgspec.json.encode
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class OpenAIChat:
    """The codec of `chat` at one endpoint.

    Attributes:
        url: where requests are posted.
        headers: the headers for a key: authorisation and what the vendor wants besides.
        stream_usage: whether the vendor knows `stream_options.include_usage`.
    """

    url: str
    headers: Callable[[str], dict[str, str]]
    stream_usage: bool = True

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """The caller's body with the provider's name of the model."""
        request: ChatRequest = call.request
        body = request.body(candidate.model, ask_usage=self.stream_usage)
        return WireRequest("POST", self.url, self.headers(candidate.key.secret), body)

    def decode(
        self,
        call: "Call",  # noqa: ARG002 - the port's own shape
        candidate: "Candidate",
        status: int,
        headers: Mapping[str, str],  # noqa: ARG002 - the port's own shape
        body: bytes,
    ) -> Outcome:
        """The answer's own bytes, once they have been seen to be an answer."""
        if status != 200:  # noqa: PLR2004 - HTTP's own number
            return Outcome(failure=classify(status, error_object(body), candidate.key.secret))
        usage = self.usage(body)
        if usage is not None:  # nearly always; what follows finds out what is unusual
            return Outcome(answer=body, usage=usage)
        body = body.removeprefix(_BYTE_ORDER_MARK)
        try:
            if not body.isascii():
                checked_text(body)
            completion = _completion.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            completion = _Completion()
        first = completion.choices[0] if completion.choices else _Answer()
        if first.message is None and first.finish_reason != FILTERED:
            error = error_object(body)
            if error is not None:
                return Outcome(failure=classify(status, error, candidate.key.secret))
            return Outcome(failure=_bad("status 200 with a body that is not a chat completion"))
        if gave_up(first.finish_reason) is not None:
            return Outcome(failure=broken_off(body, candidate.key.secret))
        usage = read_usage(completion.usage)
        if usage is not None and completion.service_tier is not None:
            usage.service_tier = tier_of(completion.service_tier)
        return Outcome(answer=body, usage=usage)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """A reader, unless the headers say that this is no event stream."""
        content_type = headers.get("content-type", "")
        if not content_type.lower().startswith("text/event-stream"):
            return _bad(f"expected an event stream, got {content_type[:60] or 'no content type'!r}")
        return ChatStreamReader(call.request, candidate.key.secret)

    def example(self, candidate: "Candidate") -> WireRequest:
        """See `ExpressCodec.example`."""
        return WireRequest("POST", self.url, self.headers(candidate.key.secret), b"{}")

    def body(self, body: bytes, model: str, candidate: "Candidate") -> bytes | None:
        """See `ExpressCodec.body`."""
        if candidate.model == model:
            return body
        return _encode({**split_top(body), "model": candidate.model})

    def usage(self, body: bytes) -> Usage | None:
        """See `ExpressCodec.usage`."""
        try:
            if not body.isascii():
                checked_text(body)
            completion = _usual.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not completion.choices or gave_up(completion.choices[0].finish_reason) is not None:
            return None
        usage = told(completion.usage)
        if usage is not None and completion.service_tier is not None:
            usage.service_tier = tier_of(completion.service_tier)
        return usage

    def wants_stream(self, call: "Call") -> bool:
        """Whether the caller asked for a stream."""
        request: ChatRequest = call.request
        return request.stream


def bearer(secret: str) -> dict[str, str]:
    """The headers of nearly every vendor of this format."""
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if secret:
        headers["authorization"] = f"Bearer {secret}"
    return headers


def error_event(error: dict[str, Any]) -> bytes:
    """The event that ends a broken stream: SDKs raise their own exception for it. No `[DONE]` follows."""
    return b"data: " + msgspec.json.encode(error) + b"\n\n"


def _bad(message: str) -> Failure:
    return Failure(Kind.BAD_RESPONSE, message, Executed.UNKNOWN, Scope.PROVIDER)
