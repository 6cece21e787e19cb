"""AWS Signature Version 4, for requests to Bedrock and to AWS's token service.

Written from "Create a signed AWS API request" in the AWS IAM User Guide. Except for S3, a path is encoded once more
for the signature than it is on the wire: a colon in a model's id is `%3A` in the URL and `%253A` in what is signed.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

from segue.core.ports import WireRequest

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNSIGNED: Final = frozenset({"authorization", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"})
"""What is not signed: proxies change these, or they are not yet there."""
_DATED: Final = frozenset({"authorization", "x-amz-date", "x-amz-security-token"})
"""What signing writes; what an earlier signature wrote is of no use."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """What AWS signs with; `token` is "" unless the credentials are temporary."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


def sign(request: WireRequest, credentials: AwsCredentials, *, region: str, service: str, wall: float) -> WireRequest:
    """The same request with its signature.

    Args:
        request: its URL is encoded as it goes over the wire.
        credentials: of whoever calls.
        region: where the service is, e.g. `eu-central-1`.
        service: its name in signatures, e.g. `bedrock`.
        wall: seconds since 1970; AWS accepts a signature for five minutes around it.
    """
    now = datetime.fromtimestamp(int(wall), UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _DATED}
    headers["x-amz-date"] = now
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    scope = f"{now[:8]}/{region}/{service}/aws4_request"
    signed = _signed_headers(request.url, headers)
    names = ";".join(name for name, _ in signed)
    canonical = _canonical_request(request, signed, names)
    text = "\n".join((ALGORITHM, now, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (now[:8], region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    headers["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return WireRequest(request.method, request.url, headers, request.body)


def _canonical_request(request: WireRequest, signed: Iterable[tuple[str, str]], names: str) -> str:
    parts = urlsplit(request.url)
    return "\n".join(
        (
            request.method.upper(),
            quote(_without_dots(parts.path), safe="/~"),
            _canonical_query(parts.query),
            *(f"{name}:{value}" for name, value in signed),
            "",
            names,
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _signed_headers(url: str, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    if parts.port is not None and parts.port != _DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{parts.port}"
    found = {"host": host}
    found |= {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    return sorted((name, value) for name, value in found.items() if name not in _UNSIGNED)


def _canonical_query(query: str) -> str:
    """The parameters in order. They come encoded already and stay so."""
    if not query:
        return ""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(f"{name}={value}" for name, value in sorted((name, value) for name, _, value in pairs))


def _without_dots(path: str) -> str:
    """The path without empty segments, `.` and `..` (RFC 3986, section 5.2.4)."""
    names: list[str] = []
    for name in path.split("/"):
        if name == "..":
            del names[-1:]
        elif name not in {"", "."}:
            names.append(name)
    plain = "/".join(names)
    return f"/{plain}/" if names and path.endswith("/") else f"/{plain}"
