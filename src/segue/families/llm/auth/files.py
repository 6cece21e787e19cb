"""Reads the small files in which credentials lie: a missing one is no error, a huge one is no such file."""

from pathlib import Path
from typing import Final

LARGEST_FILE: Final = 1024 * 1024
"""Bytes that are read; real files have a few thousand."""


def read_text(path: Path) -> str | None:
    """The text of a small file; `None` where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
