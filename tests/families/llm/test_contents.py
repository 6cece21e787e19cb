"""What a file is, told by its bytes."""

import io
import zipfile

import pytest

from segue.families.llm.contents import type_of

_OFFICE = "application/vnd.openxmlformats-officedocument."


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "<xml/>")
    return out.getvalue()


def compound(name: str) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + name.encode("utf-16-le")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0....", "image/jpeg"),
        (b"GIF89a....", "image/gif"),
        (b"GIF87a....", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7\n", "application/pdf"),
        (zipped("[Content_Types].xml", "word/document.xml"), f"{_OFFICE}wordprocessingml.document"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), f"{_OFFICE}spreadsheetml.sheet"),
        (compound("WordDocument"), "application/msword"),
        (compound("Workbook"), "application/vnd.ms-excel"),
    ],
)
@pytest.mark.parametrize("told", ["", "text/html", "application/octet-stream", "image/png"])
def test_a_mark_counts_whatever_the_server_calls_it(data: bytes, kind: str, told: str) -> None:
    assert type_of(data, told) == kind


@pytest.mark.parametrize("told", ["image/png", "image/svg+xml", "application/pdf", "application/json", ""])
@pytest.mark.parametrize(
    "data", [b"<html>not found</html>", b"", b"RIFF\x10\0\0\0WAVEfmt ", zipped("a.txt"), compound("Root"), b"\x89PNG"]
)
def test_what_has_no_known_mark_is_nothing_whatever_the_server_calls_it(data: bytes, told: str) -> None:
    assert type_of(data, told) == ""


@pytest.mark.parametrize("told", ["text/plain", "text/csv", "text/html", "text/markdown"])
def test_a_text_is_what_its_server_calls_it(told: str) -> None:
    assert type_of("a,b\nä,ö\n".encode(), told) == told


@pytest.mark.parametrize("data", [b"", b"a\0b", b"\xff\xfe\x00", "ä".encode("latin-1")])
def test_what_is_no_text_is_no_text_whatever_its_server_calls_it(data: bytes) -> None:
    assert type_of(data, "text/plain") == ""
