"""Anthropic's Messages in the envelopes of two clouds, Amazon's Bedrock and Google's Vertex AI.

Both serve Claude in Anthropic's own format. There the URL says which model is asked and whether it streams, the body
has a version (`anthropic_version`) and may name beta features (`anthropic_beta`), and Bedrock streams frames of its
own, each around one event. Nothing else differs, so requests are taken out of the envelope and streams put into it.
Sources: Anthropic's "Claude on Amazon Bedrock" and "Claude on Vertex AI", and the service model of Bedrock Runtime
(InvokeModelWithResponseStream).
"""

import base64
import re
from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.asked import RawRequest, split_top
from segue.families.llm.formats.eventstream import write_frame
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.messages.usage import read_usage, update
from segue.families.llm.formats.messages.wire_answer import WireUsage
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.passing.reader import decoded
from segue.families.llm.sse import EventSplitter, read_event

Raw = msgspec.Raw
VERSION: Final = "anthropic_version"
BETA: Final = "anthropic_beta"
BETA_HEADER: Final = "anthropic-beta"
MAX_BETAS: Final = 64
_BETA_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_NOT_CLAUDE: Final = (
    "only requests of Anthropic's Messages are served here; other models are asked by Converse, or for vectors by "
    "/v1/embeddings"
)

_encode: Final = msgspec.json.encode
_names: Final = msgspec.json.Decoder(list[str])
_HEADERS: Final = (
    (":event-type", "chunk"),
    (":content-type", "application/json"),
    (":message-type", "event"),
)


def plain_request(body: bytes, model: str, *, stream: bool) -> RawRequest:
    """A request out of its envelope.

    Args:
        body: as it came.
        model: what the URL says; "" where the body says it (counting at Vertex AI).
        stream: the same of streaming.

    Raises:
        RequestInvalid: it has no version, so it is no request for Claude, or a field cannot be read.
    """
    fields = split_top(body)
    if bytes(fields.pop(VERSION, Raw(b"null")))[:1] != b'"':
        raise RequestInvalid(f"field {VERSION!r}: expected a text: {_NOT_CLAUDE}", param=VERSION)
    betas = _betas(fields.pop(BETA, None))
    if model:
        fields["model"] = Raw(_encode(model))
    if stream:
        fields["stream"] = Raw(b"true")
    else:
        fields.pop("stream", None)
    request = CloudRequest(MESSAGES, _encode(fields))
    if betas:
        request.headers[BETA_HEADER] = ",".join(betas)
    return request


class CloudRequest(RawRequest):
    """A request that came in an envelope: its beta features are part of it, and no header on the way."""

    __slots__ = ()

    def read(self) -> Conversation:
        """See `Asked.read`."""
        conversation = super().read()
        told = self.headers.get(BETA_HEADER, "")
        conversation.betas = [beta.strip() for beta in told.split(",") if beta.strip()]
        return conversation


def _betas(raw: Raw | None) -> list[str]:
    """Names of beta features; they become a header, so they must be names."""
    if raw is None or bytes(raw) == b"null":
        return []
    try:
        betas = _names.decode(raw)
    except msgspec.DecodeError:
        betas = [""]
    if len(betas) > MAX_BETAS or not all(_BETA_NAME.fullmatch(beta) for beta in betas):
        raise RequestInvalid(f"field {BETA!r}: expected a list of at most {MAX_BETAS} names", param=BETA)
    return betas


class _Message(msgspec.Struct):
    usage: WireUsage | None = None


class _Event(msgspec.Struct):
    message: _Message | None = None
    usage: WireUsage | None = None


_event: Final = msgspec.json.Decoder(_Event)
_fields: Final = msgspec.json.Decoder(dict[str, Raw])
_TELLS_USAGE: Final = frozenset({b"message_start", b"message_delta"})


class Frames:
    """Puts the events of one stream into Bedrock's frames.

    The last event gets what Bedrock adds there, the numbers of tokens: some clients (LangChain's `ChatBedrock`) read
    them nowhere else.
    """

    __slots__ = ("_splitter", "_usage")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._usage = WireUsage()

    def __call__(self, piece: bytes) -> bytes:
        """The frames of the events that these bytes complete."""
        return b"".join([self._frame(event) for event in self._splitter.feed(piece)])

    def _frame(self, event: bytes) -> bytes:
        name, data = read_event(event)
        if not data:
            return b""
        if name in _TELLS_USAGE:
            self._count(data)
        elif name == b"message_stop":
            data = self._with_metrics(data)
        return write_frame(_HEADERS, b'{"bytes":"' + base64.b64encode(data) + b'"}')

    def _count(self, data: bytes) -> None:
        told = decoded(_event, data)
        if told is None:
            return  # an answer that passes through is the vendor's own affair
        usage = told.usage or (told.message.usage if told.message is not None else None)
        if usage is not None:
            update(self._usage, usage)

    def _with_metrics(self, data: bytes) -> bytes:
        usage = read_usage(self._usage)
        fields = decoded(_fields, data)
        if fields is None or usage is None or self._usage.input_tokens is None or usage.output_tokens is None:
            return data
        metrics: dict[str, Any] = {
            "inputTokenCount": self._usage.input_tokens,
            "outputTokenCount": usage.output_tokens,
            "cacheReadInputTokenCount": usage.cached_tokens or 0,
            "cacheWriteInputTokenCount": (usage.cache_write_tokens or 0) + (usage.cache_write_1h_tokens or 0),
        }
        return _encode({**fields, "amazon-bedrock-invocationMetrics": metrics})
