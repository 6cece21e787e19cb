"""What a file is, told by its own bytes: what a server says of it may be wrong, or a lie.

Each format of images and documents that some vendor takes has a mark of its own (file formats' specifications: PNG
section 5.2, JPEG/JFIF annex B, GIF89a section 17, the WebP container, ISO 32000 section 7.5.2, APPNOTE section 4.3.7,
MS-CFB section 2.2). Plain texts have none: they are what their server calls them, if they are text at all.
"""

from typing import Final

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_TEXTS: Final = frozenset({"text/plain", "text/csv", "text/html", "text/markdown"})
_MARKS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_ZIP: Final = b"PK\x03\x04"
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Names of parts, as the directories of these containers hold them.
_IN_ZIP: Final = (
    (b"word/document", f"{_OFFICE}wordprocessingml.document"),
    (b"xl/workbook", f"{_OFFICE}spreadsheetml.sheet"),
)
_IN_COMPOUND: Final = (
    ("WordDocument".encode("utf-16-le"), "application/msword"),
    ("Workbook".encode("utf-16-le"), "application/vnd.ms-excel"),
)


def type_of(data: bytes, told: str) -> str:
    """The media type of a file; "" where it is none that is known here.

    Args:
        data: all of it.
        told: what its server calls it, in lower case; believed only of what turns out to be text.
    """
    for mark, kind in _MARKS:
        if data.startswith(mark):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for mark, parts in ((_ZIP, _IN_ZIP), (_COMPOUND, _IN_COMPOUND)):
        if data.startswith(mark):
            return next((kind for name, kind in parts if name in data), "")
    return told if told in _TEXTS and _is_text(data) else ""


def _is_text(data: bytes) -> bool:
    if not data or b"\0" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
