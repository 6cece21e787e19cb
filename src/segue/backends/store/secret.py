"""The secret under which API keys are hashed, so that a stolen database alone opens nothing.

It comes from `SEGUE_SECRET`, or from a file beside the SQLite database that is made when it is first needed. Several
processes may start at once; exactly one of them makes it.
"""

import contextlib
import hashlib
import os
import secrets
import warnings
from collections.abc import Mapping
from pathlib import Path

from segue.core.errors import ConfigError

VARIABLE = "SEGUE_SECRET"
_SHORTEST = 16  # characters; fewer could be guessed
_BYTES = 32
_OTHERS = 0o077


def hash_key(secret: bytes, key: str) -> bytes:
    """The 32 bytes under which a key is stored: BLAKE2b (RFC 7693) with a secret key of at most 64 bytes.

    A slow password hash would add nothing: our keys carry 256 bits of chance, which nobody tries out.
    """
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), key=secret, digest_size=_BYTES).digest()


def hash_secret(path: Path | None, environment: Mapping[str, str]) -> bytes:
    """The secret for the store at `path`; for one in memory a new one each time, unless the environment has it.

    Raises:
        ConfigError: it is too short, or its file cannot be made or read.
    """
    given = environment.get(VARIABLE, "")
    if given:
        if len(given) < _SHORTEST:
            raise ConfigError(
                [f"{VARIABLE}: shorter than {_SHORTEST} characters: take what `openssl rand -hex 32` says"]
            )
        return hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
    if path is None:
        return secrets.token_bytes(_BYTES)
    file = path.with_name(f"{path.name}.secret")
    try:
        return _read(file) if file.exists() else _make(file)
    except OSError as error:
        raise ConfigError(
            [f"{file}: the secret for API keys cannot be kept here ({error.strerror}): mend it, or set {VARIABLE}"]
        ) from None


def _make(file: Path) -> bytes:
    """Write a new secret aside and put it in place whole; whoever is second takes the first one's."""
    aside = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as opened:
            opened.write(secrets.token_hex(_BYTES) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, file)  # unlike a rename, never replaces
    finally:
        aside.unlink()
    return _read(file)


def _read(file: Path) -> bytes:
    if os.name == "posix" and file.stat().st_mode & _OTHERS:
        warnings.warn(f"{file} can be read by others: run `chmod 600 {file}`", stacklevel=4)
    try:
        secret = bytes.fromhex(file.read_text(encoding="ascii"))
    except ValueError:
        secret = b""
    if len(secret) != _BYTES:
        raise ConfigError([f"{file}: not a secret of {_BYTES} bytes in hexadecimal: restore it from a backup"])
    return secret
