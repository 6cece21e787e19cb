"""Images, sounds, videos and documents: what kind a media type is, and base64 in one alphabet.

Google takes base64 in the standard and in the URL-safe alphabet, padded or not, and its own SDK sends the second;
every other vendor takes the first only.
"""

import re
from base64 import b64decode
from typing import Final

from segue.core.errors import RequestInvalid

MAX_TYPE: Final = 255
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_OWN_FILES: Final = ("gs://", "https://generativelanguage.googleapis.com/", "files/")

_BY_ENDING: Final = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
    "bmp": "image/bmp", "heic": "image/heic", "heif": "image/heif", "pdf": "application/pdf", "txt": "text/plain",
    "csv": "text/csv", "html": "text/html", "json": "application/json", "xml": "text/xml", "mp4": "video/mp4",
    "mov": "video/mov", "webm": "video/webm", "mp3": "audio/mp3", "wav": "audio/wav", "ogg": "audio/ogg",
    "flac": "audio/flac", "aac": "audio/aac",
}  # fmt: skip


def kind_of(media_type: str) -> str:
    """`image`, `audio`, `video`, or `document` for everything else."""
    kind = media_type.partition("/")[0].lower()
    return kind if kind in {"image", "audio", "video"} else "document"


def is_own_file(uri: str) -> bool:
    """Whether only Google can fetch it: an object of Cloud Storage or an upload of the Files API."""
    return uri.startswith(_OWN_FILES)


def type_of_url(url: str) -> str:
    """The media type that the ending of a URL tells, or ""."""
    path = url.partition("?")[0].partition("#")[0]
    return _BY_ENDING.get(path.rpartition(".")[2].lower(), "") if "." in path else ""


def standard_base64(data: str, path: str) -> str:
    """The same bytes in the standard alphabet, padded.

    Raises:
        RequestInvalid: it is no base64.
    """
    if "-" in data or "_" in data:
        data = data.replace("-", "+").replace("_", "/")
    missing = -len(data) % 4
    if missing:
        data += "=" * missing
    if not _BASE64.fullmatch(data):
        raise RequestInvalid(f"Invalid value at '{path}': Base64 decoding failed", param=path)
    return data


def text_of(data: str) -> str | None:
    """The text that stands in base64; `None` where it is none."""
    try:
        return b64decode(data).decode()
    except ValueError:  # a wrong padding, or no UTF-8
        return None
