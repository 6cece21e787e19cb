"""generateContent as a format: for clients and for providers."""

from collections.abc import Mapping

from segue.core.errors import CallFailed
from segue.core.failure import Failure
from segue.families.llm.formats.gemini import answer_in, answer_out, errors, request_in, request_out
from segue.families.llm.formats.gemini.events_in import GeminiEventReader
from segue.families.llm.formats.gemini.events_out import GeminiEventWriter
from segue.families.llm.formats.gemini.losses import LOSSES, NAMES
from segue.families.llm.ir.answer import Answer
from segue.families.llm.ir.blocks import GOOGLE
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import Shown, Target, Written
from segue.families.llm.ir.losses import Losses


class Gemini:
    """The format of the Gemini API and of Vertex AI; see `ClientFormat` and `ProviderFormat` for each method."""

    id = "gemini"
    vendor = GOOGLE
    names: Mapping[Field, str] = NAMES
    losses: Losses = LOSSES

    def read_request(self, body: bytes, *, model: str = "", stream: bool | None = None) -> Conversation:
        """A client's request."""
        return request_in.read_request(body, model=model, stream=stream)

    def write_answer(self, answer: Answer, shown: Shown) -> bytes:
        """A whole answer for a client."""
        return answer_out.write_answer(answer, shown)

    def event_writer(self, shown: Shown, *, array: bool = False) -> GeminiEventWriter:
        """A writer for one stream; `array`: the client asked without `alt=sse`."""
        return GeminiEventWriter(shown, array=array)

    def write_error(self, error: CallFailed, told: Mapping[str, object]) -> bytes:
        """The body of an error for a client."""
        return errors.write_error(error, told)

    def write_request(self, conversation: Conversation, target: Target) -> Written:
        """The body for a provider."""
        return request_out.write_request(conversation, target)

    def read_answer(self, body: bytes) -> Answer:
        """A provider's whole answer."""
        return answer_in.read_answer(body)

    def event_reader(self) -> GeminiEventReader:
        """A reader for one stream of a provider."""
        return GeminiEventReader()

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
        """What a provider's error means."""
        return errors.read_error(status, headers, body, secret)


GEMINI = Gemini()


class GeminiArray(Gemini):
    """The same for a client that asked for a stream without `alt=sse`: it gets one JSON array."""

    def event_writer(self, shown: Shown, *, array: bool = True) -> GeminiEventWriter:
        """A writer for one stream."""
        return super().event_writer(shown, array=array)


GEMINI_ARRAY = GeminiArray()
