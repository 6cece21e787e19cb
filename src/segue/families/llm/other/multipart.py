"""Forms with files, read just enough to see their fields: the files themselves are neither decoded nor copied.

A sound of 25 MB passes through as it came; only the span of the field that is replaced must be known. Two readers that
find different fields in the same bytes are a way to smuggle, so what is not plainly well formed is refused.
Sources: RFC 2046, section 5.1.1 (boundaries), and RFC 7578 (forms).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from segue.core.errors import RequestInvalid

MAX_PARTS: Final = 256
MAX_HEAD: Final = 16 * 1024
"""Bytes of the headers of one part."""
MAX_TEXT: Final = 64 * 1024
"""Bytes of a field that is read."""
MAX_PADDING: Final = 64

_TYPE: Final = re.compile(r"multipart/form-data\s*(?:;|$)", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"\s*;\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;\",]+))\s*")
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_ESCAPED: Final = re.compile(r"\\(.)")
_CRLF: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form.

    Attributes:
        name: of the field.
        filename: of a file; `None` for a plain field.
        start, end: where the value lies in the body.
    """

    name: str
    filename: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Form:
    """A form and the bytes in which it lies."""

    body: bytes
    content_type: str
    parts: tuple[Part, ...]

    def text(self, name: str) -> str | None:
        """The value of a plain field; `None` where it is absent.

        Raises:
            RequestInvalid: it is given twice, is a file, is too long or no UTF-8.
        """
        part = self._only(name)
        return None if part is None else self.text_of(part)

    def text_of(self, part: Part) -> str:
        """The value of one plain field.

        Raises:
            RequestInvalid: it is a file, is too long or no UTF-8.
        """
        name = part.name
        if part.filename is not None:
            raise RequestInvalid(f"field {name!r}: expected text, got a file", param=name)
        if part.end - part.start > MAX_TEXT:
            raise RequestInvalid(f"field {name!r}: longer than {MAX_TEXT} bytes", param=name)
        try:
            return self.body[part.start : part.end].decode()
        except UnicodeDecodeError:
            raise RequestInvalid(f"field {name!r}: not UTF-8", param=name) from None

    def has(self, name: str) -> bool:
        """Whether there is a field of this name, or a list of it (`name[]`), with something in it."""
        return any(part.name in {name, f"{name}[]", f"{name}[0]"} and part.end > part.start for part in self.parts)

    def replaced(self, name: str, value: bytes) -> bytes:
        """The body with another value of a field that is there: one copy, whatever the files' size."""
        part = self._only(name)
        assert part is not None  # noqa: S101 - who replaces a field has read it
        view = memoryview(self.body)
        return b"".join((view[: part.start], value, view[part.end :]))

    def _only(self, name: str) -> Part | None:
        found = [part for part in self.parts if part.name == name]
        if len(found) > 1:
            raise RequestInvalid(f"field {name!r} is given twice: give it once", param=name)
        return found[0] if found else None


class _Malformed(ValueError):
    """What is wrong with a form, in words for its sender."""


def is_form(content_type: str) -> bool:
    """Whether a content type is that of a form with parts."""
    return _TYPE.match(content_type) is not None


def read_form(body: bytes, content_type: str) -> Form:
    """The parts of a form.

    Raises:
        RequestInvalid: it is not well formed; the message says behind which byte.
    """
    try:
        boundary = _boundary(content_type)
    except _Malformed as wrong:
        raise RequestInvalid(f"the form cannot be read: {wrong}", param="content-type") from None
    parts: list[Part] = []
    try:
        for part in _parts(body, boundary):
            parts.append(part)  # noqa: PERF402 - what was read says where it stopped
    except _Malformed as wrong:
        place = parts[-1].end if parts else 0
        raise RequestInvalid(f"the form cannot be read: {wrong} (in the part behind byte {place})") from None
    return Form(body, content_type, tuple(parts))


def _parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    opening = b"--" + boundary
    delimiter = _CRLF + opening
    if body.startswith(opening):
        at = len(opening)
    else:
        found = body.find(delimiter)
        if found < 0:
            raise _Malformed("its boundary does not occur in the body")
        at = found + len(delimiter)
    count = 0
    while not body.startswith(b"--", at):
        if count == MAX_PARTS:
            raise _Malformed(f"it has more than {MAX_PARTS} parts")
        count += 1
        head = _after_delimiter(body, at)
        head_end = body.find(b"\r\n\r\n", head, head + MAX_HEAD)
        if head_end < 0:
            raise _Malformed(f"the headers of a part do not end within {MAX_HEAD} bytes (lines end with CR LF)")
        start = head_end + 4
        if delimiter in body[head - 2 : head_end]:
            raise _Malformed("a part has no end of its headers")
        end = body.find(delimiter, start)
        if end < 0:
            raise _Malformed("its last boundary (with two hyphens behind it) is missing: was the body cut?")
        name, filename = _disposition(body[head:head_end])
        yield Part(name, filename, start, end)
        at = end + len(delimiter)
    if body.find(delimiter, at) >= 0:
        raise _Malformed("there is a boundary behind its last one")  # some readers go on there


def write_form(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """A form from named values, and its content type.

    Args:
        fields: text, numbers, truth values, lists of them; a file is bytes, or a pair of its name and its bytes.

    Raises:
        RequestInvalid: a value is of another type.
    """
    pieces: list[tuple[bytes, bytes]] = []
    for name, value in fields.items():
        if value is None:
            continue
        if isinstance(value, list):
            pieces += [_piece(f"{name}[]", one, param=name) for one in value]
        else:
            pieces.append(_piece(name, value, param=name))
    digest = hashlib.blake2b(digest_size=16)
    for head, data in pieces:
        digest.update(head)
        digest.update(data)
    # Made of the content, so that the same form has the same bytes; that it occurs in them is out of the question.
    boundary = b"segue-" + digest.hexdigest().encode()
    out: list[bytes] = []
    for head, data in pieces:
        out += (b"--", boundary, _CRLF, head, b"\r\n\r\n", data, _CRLF)
    out += (b"--", boundary, b"--\r\n")
    return b"".join(out), f"multipart/form-data; boundary={boundary.decode()}"


def _piece(name: str, value: object, *, param: str) -> tuple[bytes, bytes]:
    filename = None
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):  # noqa: PLR2004 - a pair
        filename, value = value
    if isinstance(value, (bytes, bytearray)):
        head = f'Content-Disposition: form-data; name="{_quoted(name)}"; filename="{_quoted(filename or param)}"'
        return f"{head}\r\nContent-Type: application/octet-stream".encode(), bytes(value)
    if isinstance(value, bool):
        value = "true" if value else "false"
    if filename is not None or not isinstance(value, (str, int, float)):
        raise RequestInvalid(
            f"field {param!r}: expected text, a number, bytes, or a pair of a file's name and its bytes", param=param
        )
    return f'Content-Disposition: form-data; name="{_quoted(name)}"'.encode(), str(value).encode()


def _quoted(text: str) -> str:
    # As browsers write it (WHATWG HTML, "multipart/form-data").
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _boundary(content_type: str) -> bytes:
    match = _TYPE.match(content_type)
    if match is None:
        raise RequestInvalid(
            f"expected a form (multipart/form-data), got {content_type[:60] or 'no content type'!r}", status=415
        )
    rest = content_type[match.end() - 1 :] if match.group().endswith(";") else ""
    values = _parameters(rest)
    boundary = values.get("boundary")
    if boundary is None or not _BOUNDARY.fullmatch(boundary):
        raise _Malformed("its content type has no boundary, or one that RFC 2046 does not allow")
    return boundary.encode()


def _parameters(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    at = 0
    while match := _PARAMETER.match(text, at):
        name = match[1].lower()
        if name in values:
            raise _Malformed(f"the parameter {name[:60]!r} is given twice")
        values[name] = _ESCAPED.sub(r"\1", match[2]) if match[2] is not None else match[3]
        at = match.end()
    if text[at:].strip(" \t;"):
        raise _Malformed("the parameters of a header cannot be read")
    return values


def _after_delimiter(body: bytes, at: int) -> int:
    end = at
    while body[end : end + 1] in {b" ", b"\t"} and end - at < MAX_PADDING:
        end += 1
    if not body.startswith(_CRLF, end):
        raise _Malformed("a line begins with the boundary and is none")
    return end + 2


def _disposition(head: bytes) -> tuple[str, str | None]:
    found: list[str] = []
    for line in _lines(head):
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise _Malformed("a header of a part cannot be read")
        if name.lower() == "content-disposition":
            found.append(value.strip())
    if len(found) != 1:
        raise _Malformed("a part needs one header Content-Disposition")
    kind, semicolon, rest = found[0].partition(";")
    values = _parameters(semicolon + rest)
    if kind.strip().lower() != "form-data" or "name" not in values or "name*" in values:
        raise _Malformed('a part needs a header Content-Disposition: form-data; name="…"')
    return values["name"], values.get("filename", values.get("filename*"))


def _lines(head: bytes) -> Iterable[str]:
    text = head.decode("utf-8", "replace")
    if "\n" in text.replace("\r\n", "") or "\r" in text.replace("\r\n", ""):
        raise _Malformed("a header of a part has a bare line end")
    return text.split("\r\n")
