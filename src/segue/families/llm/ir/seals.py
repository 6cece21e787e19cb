"""Signatures that carry their vendor's name while they travel through a client of another format.

A client sends back what it was given. A signature of Gemini's that comes back inside a request in Anthropic's format
must not reach Anthropic, which would refuse the whole request. So a signature that leaves in a foreign format is
sealed: its vendor is written before it. The seal is base64 of a fixed mark and the vendor, because some SDKs decode
the field (google-genai types it as bytes); its first twelve characters are always the same, so that a body can be
searched for seals without being parsed.
"""

import base64
import binascii
from typing import Final

from segue.families.llm.ir.blocks import Signature

_MARK: Final = b"segue/s1:"  # 9 bytes: a whole number of base64's groups of three
SEALED: Final = base64.b64encode(_MARK)
"""How every sealed signature begins; a body without it holds none."""

_PREFIX: Final = SEALED.decode()
_PARTS: Final = 3


def seal(signature: Signature) -> str:
    """A signature as text for a client of a foreign format."""
    inner = f"{signature.vendor}:{signature.kind}:{signature.value}".encode()
    return base64.b64encode(_MARK + inner).decode()


def unseal(text: str, vendor: str, kind: str = "signature") -> Signature:
    """A signature out of what a client sent back.

    Args:
        text: what stood in the request.
        vendor: whose it is when it was never sealed: that of the request's own format.
        kind: its kind in that case.
    """
    if text.startswith(_PREFIX):
        try:
            padded = text.replace("-", "+").replace("_", "/")
            padded += "=" * (-len(padded) % 4)
            parts = base64.b64decode(padded, validate=True)[len(_MARK) :].decode().split(":", _PARTS - 1)
        except (binascii.Error, UnicodeDecodeError, ValueError):
            parts = []
        if len(parts) == _PARTS:
            return Signature(parts[0], parts[2], parts[1])
        return Signature("", text, kind)  # a damaged seal belongs to nobody
    return Signature(vendor, text, kind)


def shown(signature: Signature, vendor: str) -> str:
    """A signature as a client of `vendor`'s format is to see it: its own ones as they are, others sealed."""
    return signature.value if signature.vendor == vendor else seal(signature)
