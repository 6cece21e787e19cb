"""A signature that is nearly right must be refused, or a gateway's signing is not tested at all.

This verifies AWS Signature Version 4 in the Authorization header. It is written from
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html: the canonical request, the
string to sign, and the key that is derived from the secret. Clocks may differ by five minutes.
"""

import hashlib
import hmac
import re
import time
from calendar import timegm
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from segue.simulator.exchange import Exchange
from segue.simulator.vendors.bedrock_errors import AwsError, denied

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SKEW: Final = 300
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_SCOPE: Final = re.compile(r"([A-Za-z0-9]{16,128})/([0-9]{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True, repr=False)
class AccessKey:
    """A secret access key; temporary ones have a session token and an end, in Unix seconds."""

    secret: str
    token: str | None = None
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class _Signature:
    identifier: str
    scope: str
    names: tuple[str, ...]
    value: str


def _incomplete(message: str) -> AwsError:
    return denied("IncompleteSignatureException", message)


def _mismatch(message: str = _MISMATCH) -> AwsError:
    return denied("InvalidSignatureException", message)


def _read(header: str, service: str) -> _Signature:
    """The parts of the Authorization header."""
    parts = dict(part.strip().partition("=")[::2] for part in header.removeprefix(ALGORITHM).split(","))
    for name in ("Credential", "Signature", "SignedHeaders"):
        if not parts.get(name):
            raise _incomplete(f"Authorization header requires '{name}' parameter.")
    scope = _SCOPE.fullmatch(parts["Credential"])
    if scope is None:
        raise _incomplete("Credential must have the form access-key-id/date/region/service/aws4_request.")
    if scope[4] != service:
        raise _mismatch(f"Credential should be scoped to correct service: '{service}'.")
    names = tuple(parts["SignedHeaders"].split(";"))
    if list(names) != sorted({name.lower() for name in names}):
        raise _mismatch("SignedHeaders must be in lower case, sorted and without repetition.")
    return _Signature(scope[1], parts["Credential"].partition("/")[2], names, parts["Signature"])


def _check_headers(exchange: Exchange, signature: _Signature) -> None:
    amazons = {name for name in exchange.headers if name.startswith("x-amz-")}
    for name in sorted({"host", "x-amz-date"} | amazons):
        if name not in exchange.headers:
            raise _incomplete(f"Authorization header requires existence of the '{name}' header.")
        if name not in signature.names:
            raise _mismatch(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    for name in signature.names:
        if name not in exchange.headers:
            raise _mismatch()


def _check_time(stamp: str, scope: str) -> None:
    try:
        signed = timegm(time.strptime(stamp, _STAMP))
    except ValueError:
        raise _incomplete("Date must be in ISO-8601 'basic format', such as 20260131T235959Z.") from None
    if not scope.startswith(stamp[:8]):
        raise _mismatch(f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {stamp[:8]}.")
    now = time.time()
    shown = time.strftime(_STAMP, time.gmtime(now))
    if signed < now - SKEW:
        edge = time.strftime(_STAMP, time.gmtime(now - SKEW))
        raise _mismatch(f"Signature expired: {stamp} is now earlier than {edge} ({shown} - 5 min.)")
    if signed > now + SKEW:
        edge = time.strftime(_STAMP, time.gmtime(now + SKEW))
        raise _mismatch(f"Signature not yet current: {stamp} is still later than {edge} ({shown} + 5 min.)")


def _canonical_query(query: str) -> str:
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    encoded = sorted((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def canonical_request(exchange: Exchange, names: tuple[str, ...]) -> str:
    """What is signed of a request: the path as it was sent, encoded once more, and the named headers."""
    path, _, query = exchange.target.partition("?")
    lines = [exchange.method, quote(path, safe="/-_.~"), _canonical_query(query)]
    lines += [f"{name}:{' '.join(exchange.headers[name].split())}" for name in names]
    return "\n".join([*lines, "", ";".join(names), hashlib.sha256(exchange.body).hexdigest()])


def signature_of(secret: str, scope: str, stamp: str, request: str) -> str:
    """The signature of a canonical request."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def verify(exchange: Exchange, service: str, find: Callable[[str], AccessKey | None]) -> str:
    """The identifier of the key that signed a request for `service`; raises AwsError when it is not let in."""
    signature = _read(exchange.headers.get("authorization", ""), service)
    key = find(signature.identifier)
    if key is None:
        raise denied("UnrecognizedClientException")
    _check_headers(exchange, signature)
    stamp = exchange.headers["x-amz-date"]
    _check_time(stamp, signature.scope)
    # The session token is checked after the signature, which must have been made with the temporary secret.
    found = signature_of(key.secret, signature.scope, stamp, canonical_request(exchange, signature.names))
    declared = exchange.headers.get("x-amz-content-sha256")
    wrong_body = declared is not None and declared != hashlib.sha256(exchange.body).hexdigest()
    if wrong_body or not hmac.compare_digest(found, signature.value):
        raise _mismatch()
    if exchange.headers.get("x-amz-security-token") != key.token:
        raise denied("UnrecognizedClientException")
    if key.expires is not None and time.time() >= key.expires:
        raise denied("ExpiredTokenException")
    return signature.identifier
