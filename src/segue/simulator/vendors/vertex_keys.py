"""To check one kind of signature, the simulator need not depend on a library of cryptography: it is one power.

Reads RSA public keys from PEM (SubjectPublicKeyInfo, RFC 5280) and verifies RS256, which is RSASSA-PKCS1-v1_5 with
SHA-256 (RFC 8017, section 8.2.2). It holds no secret, so nothing here has to take the same time for all inputs.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

_BEGIN: Final = "-----BEGIN PUBLIC KEY-----"
_END: Final = "-----END PUBLIC KEY-----"
_SEQUENCE, _INTEGER, _BITS = 0x30, 0x02, 0x03
_LONG_FORM: Final = 0x80
# The object identifier rsaEncryption, 1.2.840.113549.1.1.1, as DER.
_RSA: Final = bytes.fromhex("06092a864886f70d010101")
# What stands before a SHA-256 digest in the padded message: RFC 8017, section 9.2, note 1.
_SHA256: Final = bytes.fromhex("3031300d060960864801650304020105000420")
_LEAST_BYTES: Final = 128
_MOST_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An RSA public key: the modulus and the exponent."""

    modulus: int
    exponent: int

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is that of `message` by RS256."""
        size = (self.modulus.bit_length() + 7) // 8
        value = int.from_bytes(signature, "big")
        if len(signature) != size or value >= self.modulus:
            return False
        found = pow(value, self.exponent, self.modulus).to_bytes(size, "big")
        digest = _SHA256 + hashlib.sha256(message).digest()
        expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        return hmac.compare_digest(found, expected)


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first element, which must have that tag, and what follows it."""
    if data[0] != tag:
        raise ValueError(f"tag {tag:#x} was expected")
    length, start = data[1], 2
    if length & _LONG_FORM:
        start += length & ~_LONG_FORM
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise ValueError("an element is longer than what is left")
    return data[start : start + length], data[start + length :]


def read_public_key(pem: str) -> PublicKey:
    """The RSA public key in a PEM text.

    Raises:
        ValueError: When the text is no RSA public key of 1024 to 8192 bits.
    """
    inner = pem.partition(_BEGIN)[2].partition(_END)[0]
    try:
        whole, _ = _element(base64.b64decode("".join(inner.split()), validate=True), _SEQUENCE)
        algorithm, rest = _element(whole, _SEQUENCE)
        bits, _ = _element(rest, _BITS)
        # The first byte of a bit string says how many bits of its last byte are unused: none.
        numbers, _ = _element(bits[1:], _SEQUENCE)
        modulus, rest = _element(numbers, _INTEGER)
        exponent, _ = _element(rest, _INTEGER)
    except (binascii.Error, ValueError, IndexError):
        algorithm, modulus, exponent = b"", b"", b""
    size = len(modulus.lstrip(b"\x00"))
    if not algorithm.startswith(_RSA) or not _LEAST_BYTES <= size <= _MOST_BYTES:
        raise ValueError("public_key: must be an RSA public key of 1024 to 8192 bits, as PEM (BEGIN PUBLIC KEY).")
    return PublicKey(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))
