"""Files come in multipart forms, whose parts a vendor reads exactly: a wrong boundary must not pass for a file.

Read after RFC 7578: each part has a `Content-Disposition` of its own, with a name and perhaps a file name.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_BOUNDARY: Final = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_PARAMETER: Final = re.compile(r'\b(name|filename)="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_MOST_PARTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a form."""

    name: str
    filename: str
    media_type: str
    data: bytes


@dataclass(slots=True)
class Form:
    """The fields of a form as text (those whose name ends in `[]` as lists), and its files."""

    fields: dict[str, object] = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)

    def add(self, name: str, value: str) -> None:
        """Take in one field."""
        if name.endswith("[]"):
            known = self.fields.setdefault(name.removesuffix("[]"), [])
            if isinstance(known, list):
                known.append(value)
        else:
            self.fields[name] = value


def form_of(content_type: str, body: bytes) -> Form | None:
    """The form in `body`; None when it is no multipart form, or a broken one."""
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or boundary is None:
        return None
    mark = b"--" + (boundary[1] or boundary[2]).encode("utf-8", "replace")
    first, *parts = (b"\r\n" + body).split(b"\r\n" + mark, _MOST_PARTS)
    if first.strip() or not parts or not parts[-1].startswith(b"--"):
        return None
    form = Form()
    for part in parts[:-1]:
        head, separator, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "replace").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        found = dict(_PARAMETER.findall(headers.get("content-disposition", "")))
        if not separator or "name" not in found:
            return None
        if "filename" in found:
            kind = headers.get("content-type", "application/octet-stream")
            form.files.append(Upload(found["name"], found["filename"], kind, data))
        else:
            form.add(found["name"], data.decode("utf-8", "replace"))
    return form
