"""What a wire format is: four translations, each pure, and the words for its errors.

A format knows its own wire and the intermediate form, never another format: with n formats there are 2n translations
instead of n². Readers are strict about what an answer must have and generous about what vendors add; nothing a
vendor or a client may send makes them raise anything but what is documented here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from segue.core.errors import CallFailed
from segue.core.failure import Failure
from segue.core.parsing import mistake
from segue.families.llm.ir.answer import Answer, Event
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.losses import Losses

_T = TypeVar("_T")


class BadAnswer(Exception):
    """An answer that cannot be read; the message names the field or the offset, never the content."""

    @classmethod
    def of(cls, error: Exception, body: bytes) -> "BadAnswer":
        """The complaint of a decoder as ours; see `segue.core.parsing.mistake`."""
        return cls(f"it {mistake(error, body)}")


def decoded(decoder: "msgspec.json.Decoder[_T]", body: bytes) -> _T:
    """An answer as its type.

    Raises:
        BadAnswer: it is none.
    """
    try:
        if not body.isascii():
            body.decode()  # values that are kept as bytes or passed over are not looked into
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer.of(error, body) from None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a writer for clients must know beside the answer.

    Attributes:
        conversation: what was asked; formats that repeat the request in the answer (Responses) take it from here.
        model: the upstream's name of the model, for answers that do not tell.
        call_id: Segue's name of the call; ids that a format needs and a vendor does not give are made from it.
        created: seconds since 1970.
        previous: the id of the response that this one goes on from (Responses).
        elapsed: seconds since the request came, for formats that tell how long it took (Converse).
    """

    conversation: Conversation
    model: str
    call_id: str
    created: int
    previous: str = ""
    elapsed: Callable[[], float] | None = None


class Target(msgspec.Struct, frozen=True, gc=False):
    """What a writer for providers must know of whom it writes for.

    Attributes:
        model: the provider's own name of the model.
        provider: its id in the configuration, for messages.
        flags: habits of the vendor that a format asks about by name (documented where they are read), e.g.
            `max_completion_tokens`, `no_stream_options`, `no_developer_role`.
        capabilities: what is known of the model, as words; `frozenset()` where nothing is known.
        max_output: how many tokens its answers may have at most; `None` where that is not known.
    """

    model: str
    provider: str = ""
    flags: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    max_output: int | None = None


class Written(msgspec.Struct, gc=False):
    """A request for a provider.

    Attributes:
        body: its JSON.
        headers: headers that this request needs beside those of the endpoint (`anthropic-beta`).
        warnings: losses that the table cannot know of, because they depend on values (an effort that is lowered).
    """

    body: bytes
    headers: dict[str, str] = {}
    warnings: list[str] = []


class EventReader(Protocol):
    """Reads one streamed answer of a provider."""

    def feed(self, chunk: bytes) -> Sequence[Event]:
        """The events that these bytes complete; never raises: what cannot be read is a `Broke`."""
        ...

    def end(self) -> Sequence[Event]:
        """The bytes have ended: what is left, and `Broke` unless `Stopped` came before (then `Ended`)."""
        ...


class EventWriter(Protocol):
    """Writes one streamed answer for a client."""

    def write(self, event: Event) -> bytes:
        """What the client is to see of this event; `b""` for nothing."""
        ...

    def broken(self, failure: Failure) -> bytes:
        """What ends the stream after a failure, so that the client's SDK raises for it."""
        ...


class ClientFormat(Protocol):
    """A format as clients speak it."""

    @property
    def id(self) -> str:
        """Its name in the configuration and in records, e.g. `chat`."""
        ...

    @property
    def names(self) -> Mapping[Field, str]:
        """What this format calls the fields, for messages and `param`."""
        ...

    def read_request(self, body: bytes, *, model: str = "", stream: bool | None = None) -> Conversation:
        """A request from its body.

        Args:
            body: JSON.
            model: what the URL says of it, in formats that write it there.
            stream: the same of streaming.

        Raises:
            RequestInvalid: naming the field and what belongs there.
        """
        ...

    def write_answer(self, answer: Answer, shown: Shown) -> bytes:
        """A whole answer."""
        ...

    def event_writer(self, shown: Shown) -> EventWriter:
        """A writer for one stream."""
        ...

    def write_error(self, error: CallFailed, told: Mapping[str, object]) -> bytes:
        """The body of an error, in the shape for which the SDK raises its own class. `told`: the `segue` object."""
        ...


class ProviderFormat(Protocol):
    """A format as providers speak it."""

    @property
    def id(self) -> str:
        """Its name in the configuration and in records, e.g. `converse`."""
        ...

    @property
    def vendor(self) -> str:
        """Whose signatures, files and server tools it understands: `openai`, `anthropic`, `google`, `bedrock`."""
        ...

    @property
    def losses(self) -> Losses:
        """What becomes of fields that it cannot express."""
        ...

    def write_request(self, conversation: Conversation, target: Target) -> Written:
        """The body for a provider.

        The conversation has passed `losses.check`; signatures and server items of other vendors are left out here.

        Raises:
            CannotServe: a value that the format cannot express (which the table cannot know).
        """
        ...

    def read_answer(self, body: bytes) -> Answer:
        """A whole answer.

        Raises:
            BadAnswer: it is none.
        """
        ...

    def event_reader(self) -> EventReader:
        """A reader for one stream."""
        ...

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
        """What an answer that is none tells; also called with status 200 when `read_answer` raised."""
        ...
