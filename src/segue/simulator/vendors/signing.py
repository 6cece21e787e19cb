"""A vendor gives out opaque tokens (signatures of thoughts) and takes back only its own: a gateway may not mix them up.

The simulator signs with a key that follows from its seed, so a token of another simulator, another vendor, or one
that was altered on the way is told from a true one.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

_TAG_BYTES: Final = 32


def _tag(seed: int, purpose: str, content: str) -> bytes:
    key = hashlib.sha256(f"segue simulator|{seed}|{purpose}".encode()).digest()
    return hmac.digest(key, content.encode("utf-8", "replace"), "sha256")


def signed(seed: int, purpose: str, content: str) -> str:
    """The signature of `content`, in base64; `purpose` tells vendors and kinds of tokens apart."""
    return base64.b64encode(_tag(seed, purpose, content)).decode()


def is_signed(seed: int, purpose: str, content: str, signature: str) -> bool:
    """Whether this simulator made that signature for that content."""
    return hmac.compare_digest(signed(seed, purpose, content).encode(), signature.encode("utf-8", "replace"))


def sealed(seed: int, purpose: str, content: str) -> str:
    """`content` and its signature in one token, which `is_sealed` recognises without knowing the content."""
    return base64.b64encode(_tag(seed, purpose, content) + content.encode("utf-8", "replace")).decode()


def is_sealed(seed: int, purpose: str, token: str) -> bool:
    """Whether this simulator made that token, and nobody altered it."""
    try:
        whole = base64.b64decode(token.encode("utf-8", "replace"), validate=True)
    except (binascii.Error, ValueError):
        return False
    content = whole[_TAG_BYTES:].decode("utf-8", "replace")
    return hmac.compare_digest(_tag(seed, purpose, content), whole[:_TAG_BYTES])
