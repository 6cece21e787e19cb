"""Secrets stay out of the file and out of every message.

A configuration is committed, mailed and pasted into tickets. So it names where a secret is (`${NAME}`, `file:/path`)
and only the running process knows it. What came from there is marked, so that no message shows it.
"""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segue.config.problems import Hidden, Place, Problem, Unusable

LARGEST_SECRET_FILE = 64 * 1024
"""Bytes; the longest real secrets are service-account files of a few kilobytes."""

_REFERENCE = re.compile(r"\$(?:\$|\{([^}]*)(\}?))")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_HIDDEN = "[hidden]"
_SHORTEST_REPLACED = 4


class Expander:
    """Replaces `${NAME}` and `file:/path` in plain data.

    Attributes:
        problems: what could not be replaced.
        files: the secret files that were read, so that a change of one can be noticed.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._secrets: set[str] = set()
        self.problems: list[Problem] = []
        self.files: list[Path] = []

    def expand(self, value: Any, path: Place = ()) -> Any:
        """The same data with every reference replaced; what cannot be is `None`, and among the problems."""
        if isinstance(value, dict):
            return {key: self.expand(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.expand(inner, (*path, index)) for index, inner in enumerate(value)]
        if not isinstance(value, str):
            return value
        try:
            return self._text(value)
        except Unusable as error:
            self.problems.append(Problem(path, str(error)))
            return None

    def hide(self, secret: str) -> None:
        """Remember a secret that stands in the configuration itself."""
        if secret:
            self._secrets.add(secret)

    def clean(self, message: str) -> str:
        """A message without any secret that was seen."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            for form in {secret, repr(secret)[1:-1], secret[:60], secret.lower()}:
                if len(secret) >= _SHORTEST_REPLACED:
                    message = message.replace(form, _HIDDEN)
                else:
                    message = message.replace(repr(form), repr(_HIDDEN))
        return message

    def _text(self, text: str) -> str:
        if text.startswith("file:"):
            return Hidden(self._read(_REFERENCE.sub(self._replace, text.removeprefix("file:"))))
        found = _REFERENCE.sub(self._replace, text)
        # Only `$$` was replaced: then nothing came from outside, and the text may be shown.
        return found if found == text.replace("$$", "$") else Hidden(found)

    def _replace(self, match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        name, closed = match.groups()
        if not closed:
            raise Unusable("'${' is never closed: write \"${NAME}\", or $$ for a dollar")
        if not _NAME.fullmatch(name):
            plain = re.match(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII)
            hint = f': write "${{{plain.group()}}}"; defaults are not supported' if plain else ""
            raise Unusable(f"'${{…}}' holds the name of a variable and nothing else{hint}, and $$ is a dollar")
        value = self._environ.get(name)
        if not value:
            state = "is empty" if value == "" else "is not set"
            raise Unusable(f"the environment variable {name} {state}: set it before the start, or remove this line")
        self._secrets.add(value)
        return value

    def _read(self, name: str) -> str:
        path = Path(name.removeprefix("//") if name.startswith("///") else name)
        if not path.is_absolute():
            raise Unusable("a secret file needs its absolute path: write file:/path/to/secret")
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            with open(descriptor, "rb") as file:  # noqa: PTH123 - opened without blocking, which pathlib cannot do
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise Unusable(f"the secret file {path} is no regular file")
                content = file.read(LARGEST_SECRET_FILE + 1)
        except OSError as error:
            reason = error.strerror or "unknown reason"
            raise Unusable(f"the secret file {path} cannot be read ({reason}): check the path and its rights") from None
        return self._decoded(content, path)

    def _decoded(self, content: bytes, path: Path) -> str:
        if len(content) > LARGEST_SECRET_FILE:
            raise Unusable(
                f"the secret file {path} is larger than {LARGEST_SECRET_FILE // 1024} KiB: is it the right one?"
            )
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Unusable(f"the secret file {path} is not UTF-8 text: is it the right one?") from None
        text = text.removesuffix("\n").removesuffix("\r")
        if not text.strip():
            raise Unusable(f"the secret file {path} is empty: write the secret into it")
        self._secrets.add(text)
        self.files.append(path)
        return text
