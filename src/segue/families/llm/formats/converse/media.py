"""Images, documents, sounds and videos in Converse: a format's short name, and bytes or a place in S3."""

import re
from collections.abc import Mapping
from typing import Any, Final

from segue.families.llm.ir.blocks import BEDROCK, Media
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.losses import cannot

_IMAGES: Final[Mapping[str, str]] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_DOCUMENTS: Final[Mapping[str, str]] = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_VIDEOS: Final[Mapping[str, str]] = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_SOUNDS: Final[Mapping[str, str]] = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/opus": "opus",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mp4": "mp4",
    "audio/ogg": "ogg",
    "audio/webm": "webm",
    "audio/pcm": "pcm",
}
_FORMATS: Final[Mapping[str, Mapping[str, str]]] = {
    "image": _IMAGES,
    "document": _DOCUMENTS,
    "video": _VIDEOS,
    "audio": _SOUNDS,
}
# How base64 of a file of these formats begins.
_MAGIC: Final = (("iVBORw0KGgo", "png"), ("/9j/", "jpeg"), ("R0lGOD", "gif"), ("UklGR", "webp"), ("JVBER", "pdf"))
_ENDINGS: Final = frozenset(name for formats in _FORMATS.values() for name in formats.values())
_FIELDS: Final[Mapping[str, Field]] = {
    "image": Field.IMAGE_DATA,
    "document": Field.DOCUMENT_DATA,
    "video": Field.VIDEO_INPUT,
    "audio": Field.AUDIO_INPUT,
}

_WRITTEN: Final[Mapping[str, Mapping[str, str]]] = {
    # Of several types of one format the first is the usual one.
    kind: {form: written for written, form in reversed(list(forms.items()))}
    for kind, forms in _FORMATS.items()
}
_ALIASES: Final[Mapping[str, str]] = {
    "mpg": "mpeg", "x-aac": "aac", "m4a": "mp4", "mpga": "mp3", "mpeg": "mp3", "mka": "webm", "mkv": "webm",
}  # fmt: skip
"""Further names of formats that clients may send; those of videos and sounds."""

MAX_NAME: Final = 200
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9\-()\[\]]+")


class Names:
    """Names of documents as Converse accepts them: letters, digits, single spaces, `-()[]`; no two alike."""

    __slots__ = ("_taken", "_warnings")

    def __init__(self, warnings: list[str]) -> None:
        self._taken: set[str] = set()
        self._warnings = warnings

    def fit(self, name: str) -> str:
        """A name for a document that its caller calls `name`; the same conversation gives the same names."""
        plain = _NOT_IN_NAMES.sub(" ", name).strip()[:MAX_NAME].strip()
        fitted, number = plain or "document", 1
        while fitted in self._taken or (not plain and number == 1):
            fitted = f"{(plain or 'document')[: MAX_NAME - 8]}-{number}"
            number += 1
        self._taken.add(fitted)
        if name and fitted != name:
            self._warnings.append(f"a document's name changed to {fitted!r}: Bedrock accepts few characters in names")
        return fitted


def type_of(kind: str, form: str) -> str | None:
    """The media type of a format of Bedrock's; "" for a document without one, `None` for a format that is not known."""
    if not form and kind == "document":
        return ""
    written = _WRITTEN[kind]
    return written.get(form) or written.get(_ALIASES.get(form, ""))


def format_of_image(media: Media) -> str | None:
    """Bedrock's word for the format of an image that a model made; `None` where it has none."""
    return _IMAGES.get(media.type)


def types_of(kind: str) -> tuple[str, ...]:
    """The media types of a kind that Converse knows."""
    return tuple(_FORMATS[kind])


def write_media(media: Media, names: Names) -> dict[str, Any]:
    """A content block.

    Raises:
        CannotServe: no format of Bedrock's, or neither data nor a place in S3.
    """
    if media.text is not None and not media.data:
        return {"document": _document(media, "txt", {"bytes": _as_bytes(media.text)}, names)}
    source = _source(media)
    kind = media.kind if media.kind in _FORMATS else "document"
    form = _format(media, kind)
    if kind == "document":
        return {"document": _document(media, form, source, names)}
    return {kind: {"format": form, "source": source}}


def _document(media: Media, form: str, source: dict[str, Any], names: Names) -> dict[str, Any]:
    document: dict[str, Any] = {"format": form, "name": names.fit(media.name), "source": source}
    if media.context:
        document["context"] = media.context
    if media.citations:
        document["citations"] = {"enabled": True}
    return document


def _as_bytes(text: str) -> bytes:
    # msgspec writes bytes as base64. A document as text is sent as a file: every model that reads documents reads it.
    return text.encode("utf-8", "replace")


def _source(media: Media) -> dict[str, Any]:
    if media.data:
        return {"bytes": media.data}
    place = media.file if media.file and media.vendor in {"", BEDROCK} else media.url
    if place.startswith("s3://"):
        return {"s3Location": {"uri": place}}
    raise cannot(
        "Bedrock", f"{media.kind} without data or an s3:// location", field=_FIELDS.get(media.kind, Field.DOCUMENT_DATA)
    )


def _format(media: Media, kind: str) -> str:
    known = _FORMATS[kind].get(media.type.partition(";")[0].strip().lower())
    if known is not None:
        return known
    found = next((form for start, form in _MAGIC if media.data.startswith(start)), "")
    ending = (media.name or media.file or media.url).rpartition(".")[2].lower()
    if not found and ending in _ENDINGS:
        found = ending
    if found in _FORMATS[kind].values():
        return found
    if kind == "document" and media.type.startswith("text/"):
        return "txt"
    raise cannot("Bedrock", f"{kind} of the type {media.type[:60] or 'unknown'!r}", field=_FIELDS[kind])
