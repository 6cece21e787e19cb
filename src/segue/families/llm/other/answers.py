"""What a whole answer beside chat must have to be one, and what it tells of its usage."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Usage
from segue.families.llm.formats.billed import Ticks, billed_of
from segue.families.llm.formats.counts import NOTHING, Tokens, read_counts
from segue.families.llm.formats.openai_errors import classify, error_object
from segue.families.llm.formats.openai_stream import checked_text

Raw = msgspec.Raw
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_OK: Final = 200

MARKS: Final[Mapping[str, tuple[str, bytes]]] = {
    "embeddings": ("data", b"["),
    "completions": ("choices", b"["),
    "moderations": ("results", b"["),
    "images.generate": ("data", b"["),
    "images.edit": ("data", b"["),
    "audio.transcribe": ("text", b'"'),
    "audio.translate": ("text", b'"'),
}
"""The field without which a JSON object is no answer, and how its value begins; by the operation."""

_TEXT: Final = re.compile(r"(?:text/(?:plain|vtt|srt)|application/(?:x-)?subrip)\s*(?:;|$)", re.IGNORECASE)
_SOUND: Final = re.compile(r"(?:audio/[a-z0-9.+-]{1,60}|application/octet-stream)\s*(?:;|$)", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[ -~]{1,200}")


_LONGEST: Final = 366 * 86_400  # seconds of sound


class _Details(msgspec.Struct, gc=False):
    audio_tokens: Tokens | None = None
    image_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    total_tokens: Tokens | None = None
    seconds: float | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    input_token_details: _Details | None = None  # of transcripts
    input_tokens_details: _Details | None = None  # of pictures
    output_tokens_details: _Details | None = None
    prompt_tokens_details: _Details | None = None
    cost: Raw = NOTHING
    cost_in_usd_ticks: Ticks | None = None


_usage: Final = msgspec.json.Decoder(_Usage)
_pictures: Final = msgspec.json.Decoder(list[Raw])
_LONGEST_WORD: Final = 20


def is_json(content_type: str) -> bool:
    """Whether a content type is JSON's; also where there is none."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind in {"", "application/json", "text/json"} or kind.endswith("+json")


def is_text(content_type: str) -> bool:
    """Whether it is a text that may be passed on: a transcript or subtitles, never a web page."""
    return _TEXT.match(content_type) is not None


def is_sound(content_type: str) -> bool:
    """Whether it is sound, or bytes of which the vendor says no more."""
    return _SOUND.match(content_type) is not None


def passed_type(content_type: str, otherwise: str) -> str:
    """A vendor's content type, as a caller may see it."""
    return content_type if _PLAIN.fullmatch(content_type) else otherwise


def read_document(operation: str, status: int, body: bytes, secret: str) -> tuple[bytes, dict[str, Raw]] | Failure:
    """A JSON answer and its top level, or the failure that stands in its place.

    Args:
        operation: one of `MARKS`.
        status: the HTTP status.
        body: as it came.
        secret: cut out of messages.
    """
    if status != _OK:
        return classify(status, error_object(body), secret)
    body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        fields = _object.decode(checked_text(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = {}
    name, beginning = MARKS[operation]
    value = bytes(fields.get(name, b""))
    if value.startswith(beginning) and value != b"[]":
        return body, fields
    error = error_object(body)
    if error is not None:
        return classify(status, error, secret)
    return bad(f"status 200 with a body that is no answer to {operation}")


def read_usage(raw: Raw | None) -> Usage | None:
    """The usage that a provider reports, in any of OpenAI's two vocabularies, and what it says that it took."""
    told = None if raw is None else read_counts(_usage, raw)
    if told is None:
        return None
    usage = _counted(told)
    billed = billed_of(told.cost, told.cost_in_usd_ticks)
    if billed is not None:
        usage = usage or Usage()
        usage.billed = billed
    return usage


def _counted(told: _Usage) -> Usage | None:
    given = told.input_tokens if told.prompt_tokens is None else told.prompt_tokens
    made = told.output_tokens if told.completion_tokens is None else told.completion_tokens
    if given is None and made is None:
        given = told.total_tokens
    if given is None and made is None:
        return _heard(told.seconds)
    usage = Usage(given, made)
    taken = told.input_token_details or told.input_tokens_details or told.prompt_tokens_details
    if taken is not None:
        usage.audio_input_tokens = taken.audio_tokens
        usage.image_input_tokens = taken.image_tokens
        usage.cached_tokens = taken.cached_tokens
    if told.output_tokens_details is not None:
        usage.image_output_tokens = told.output_tokens_details.image_tokens
    return usage


def tokens_told(usage: Usage | None) -> bool:
    """Whether a provider has counted tokens."""
    return usage is not None and (usage.input_tokens is not None or usage.output_tokens is not None)


def with_pictures(usage: Usage | None, data: Raw, words: Sequence[str | None]) -> Usage | None:
    """A usage that knows how many pictures were made, for vendors that bill those.

    Args:
        usage: what the provider told, without tokens.
        data: the list of pictures.
        words: their quality and their size as the answer or the request has them; `None` and `auto` where nobody says.
    """
    try:
        count = len(_pictures.decode(data))
    except (msgspec.DecodeError, RecursionError):
        return usage
    usage = usage or Usage()
    usage.pictures = count
    usage.picture = " ".join(word for word in words if word and word != "auto" and len(word) <= _LONGEST_WORD)
    return usage


def _heard(seconds: float | None) -> Usage | None:
    """What a transcript took that is billed by time, in seconds begun."""
    if seconds is None or not 0 <= seconds <= _LONGEST:
        return None
    return Usage(audio_seconds=math.ceil(seconds))


def bad(message: str) -> Failure:
    """The failure of an answer that is none."""
    return Failure(Kind.BAD_RESPONSE, message, Executed.UNKNOWN, Scope.PROVIDER)
