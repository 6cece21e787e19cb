"""What comes back from a call: an answer, an opened stream, or the reason why there is none.

Failures travel as values. An exception would have to be caught and sorted again by every layer; a value is looked at
by the layers that care and passed on by the rest. Only cancellation and defects are raised.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from segue.core.errors import CallFailed
from segue.core.failure import Failure
from segue.core.money import Cost


class Usage(msgspec.Struct):
    """What a provider says that an answer took; `None` where it did not say.

    Vendors count differently (does the input include what was read from a cache?); here one convention holds, and
    each format translates into it.

    Attributes:
        input_tokens: all of the input, whatever came from a cache or went into one included.
        output_tokens: all of the output, thinking included.
        requests: how many requests were made.
        cached_tokens: of the input, read from the provider's cache.
        cache_write_tokens: of the input, written to the provider's cache for its usual time (5 minutes at Anthropic).
        cache_write_1h_tokens: of the input, written to the provider's cache for an hour.
        reasoning_tokens: of the output, thought and not said.
        audio_input_tokens: of the input, sound.
        audio_output_tokens: of the output, sound.
        tool_tokens: of the input, results of the vendor's own tools (Gemini).
        predicted_tokens: of the output, predicted rightly by the caller (OpenAI).
        rejected_tokens: of the output, predicted wrongly, and billed.
        image_input_tokens: of the input, pictures.
        image_output_tokens: of the output, pictures.
        tool_calls: how often the vendor's own tools were used that are billed beside the tokens: `web_search`,
            `file_search`, and others by the vendor's name.
        audio_seconds: of sound that was heard, where that is what the vendor counts (transcripts).
        characters: of text that was said aloud; no vendor tells them, and some bill by them.
        pictures: how many were made, where the vendor tells no more than that.
        picture: their quality and size as far as they are known, such as `hd 1024x1792`.
        billed: what the vendor says that it took in all, in billionths of a US dollar (OpenRouter, Perplexity, xAI).
        service_tier: how the vendor says that it served, where the price depends on it: `priority`, `flex`, `batch`.
        estimated: whether the tokens are our estimate, because the provider told none.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    requests: int = 1
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_input_tokens: int | None = None
    audio_output_tokens: int | None = None
    tool_tokens: int | None = None
    predicted_tokens: int | None = None
    rejected_tokens: int | None = None
    image_input_tokens: int | None = None
    image_output_tokens: int | None = None
    tool_calls: dict[str, int] | None = None
    audio_seconds: int | None = None
    characters: int | None = None
    pictures: int | None = None
    picture: str = ""
    billed: int | None = None
    service_tier: str = ""
    estimated: bool = False


class Ending(StrEnum):
    """How a stream ended."""

    COMPLETE = "complete"  # its own terminator was seen
    FAILED = "failed"  # cut, stalled or broken; `StreamEnd.failure` says how
    CANCELLED = "cancelled"  # the reader went away


class StreamEnd(msgspec.Struct, frozen=True):
    """The result with which a stream is settled: permits, counters and records all get this one.

    Attributes:
        usage: what the provider told until then.
        tokens: how much content has come, roughly; what is left where the provider told nothing.
    """

    ending: Ending
    failure: Failure | None = None
    usage: Usage | None = None
    tokens: int = 0


class Stream(Protocol):
    """An answer that was opened and has reached its commit point.

    One loop at the surface reads it. Layers never wrap it: they register with `on_end`.
    """

    async def read(self) -> bytes:
        """The next bytes for the caller, in the caller's format; `b""` at the end.

        After the end, `end` tells whether it was one: a stream that failed also ends with `b""`.
        """
        ...

    @property
    def end(self) -> StreamEnd | None:
        """How the stream ended; `None` while it is open."""
        ...

    def on_end(self, settle: Callable[[StreamEnd], None]) -> None:
        """Have `settle` called exactly once when the stream ends, however it ends (at once if it has ended)."""
        ...

    def cancel(self) -> None:
        """The reader went away: stop the provider's answer and settle."""
        ...


class Outcome:
    """One of: an `answer`, a `stream`, a `failure` of the provider, or a `refusal` of ours.

    Attributes:
        answer: the whole answer; for a typed operation its answer type, for a format that passes through its bytes.
        headers: vendor headers that the caller may see, lower case.
        usage: what the answer took.
        cost: what it cost, when a price is known.
    """

    __slots__ = ("answer", "cost", "failure", "headers", "refusal", "stream", "usage")

    def __init__(
        self,
        *,
        answer: Any = None,
        stream: Stream | None = None,
        failure: Failure | None = None,
        refusal: CallFailed | None = None,
        usage: Usage | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.answer = answer
        self.stream = stream
        self.failure = failure
        self.refusal = refusal
        self.usage = usage
        self.headers = headers
        self.cost: Cost | None = None

    @property
    def ok(self) -> bool:
        """Whether there is an answer or an opened stream."""
        return self.failure is None and self.refusal is None
