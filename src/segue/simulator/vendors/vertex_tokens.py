"""A gateway has to sign its own way into Vertex AI: a wrong assertion must be refused as Google's token server does it.

`POST /token` takes an assertion (RFC 7523), a JWT that a service account signed with RS256, and gives an access token.
Service accounts are registered with the simulator by their public keys. Source:
https://developers.google.com/identity/protocols/oauth2/service-account#httprest.
"""

import base64
import binascii
import time
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.memory import Memory
from segue.simulator.script import Script, whole
from segue.simulator.vendors.scripting import digest
from segue.simulator.vendors.vertex_keys import read_public_key

TOKEN_PATH: Final = "/token"  # noqa: S105 - a path
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ACCOUNTS: Final = "vertex.service_accounts"
_TOKENS: Final = "vertex.tokens"
_GOOGLE: Final = "https://oauth2.googleapis.com/token"
_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_LIVES: Final = 3600
# The clocks of two machines differ; Google allows a few minutes.
_SKEW: Final = 300


class TokenError(Exception):
    """A refusal by the token server: `error` and `error_description` of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


def register(memory: Memory, email: str, public_key: str, *, lives: int = _LIVES) -> None:
    """Let a service account sign its way in.

    Args:
        memory: That of the simulator's account.
        email: The service account's name, `client_email` in its key file.
        public_key: Its RSA public key as PEM.
        lives: The seconds that its tokens live.

    Raises:
        ValueError: When the key is no RSA public key.
    """
    key = read_public_key(public_key)
    memory.shelf(_ACCOUNTS).put(email, (key, lives), len(public_key))


def is_token(exchange: Exchange, token: str) -> bool:
    """Whether an access token is one that this account was given and that still lives.

    Where no service account is registered, any token counts that does not contain `invalid`.
    """
    if not len(exchange.memory.shelf(_ACCOUNTS)):
        return bool(token) and "invalid" not in token
    until = exchange.memory.shelf(_TOKENS).get(token)
    return until is not None and time.time() < until


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode((part + "=" * (-len(part) % 4)).encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError("invalid_grant", "Invalid JWT: Could not decode the token.") from None


def _object(part: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(_decoded(part))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TokenError("invalid_grant", "Invalid JWT: Failed audience check or malformed claims.")
    return found


def _check_times(claims: dict[str, Any]) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    now = time.time()
    right = (
        isinstance(issued, int)
        and isinstance(expires, int)
        and expires - issued <= _LIVES
        and now - _SKEW <= expires
        and issued <= now + _SKEW
    )
    if not right:
        raise TokenError(
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat "
            "and exp values in the JWT claim.",
        )


def _audiences(exchange: Exchange) -> set[str]:
    host = exchange.headers.get("host", "")
    return {_GOOGLE, f"http://{host}/{exchange.account}{TOKEN_PATH}", f"http://{host}{TOKEN_PATH}"}


def _checked(exchange: Exchange, assertion: str) -> tuple[str, int]:
    """The service account that signed, and the seconds that its tokens live."""
    parts = assertion.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims and signature
        raise TokenError("invalid_grant", "Invalid JWT: must have a header, claims and a signature.")
    header, claims = _object(parts[0]), _object(parts[1])
    if header.get("alg") != "RS256":
        raise TokenError("invalid_grant", "Invalid JWT: only RS256 is supported.")
    email = claims.get("iss")
    known = exchange.memory.shelf(_ACCOUNTS).get(email) if isinstance(email, str) else None
    if known is None:
        raise TokenError("invalid_grant", "Invalid grant: account not found")
    key, lives = known
    if not key.verifies(_decoded(parts[2]), f"{parts[0]}.{parts[1]}".encode()):
        raise TokenError("invalid_grant", "Invalid JWT Signature.")
    if claims.get("aud") not in _audiences(exchange):
        raise TokenError("invalid_grant", "Invalid JWT: Failed audience check")
    scopes = claims.get("scope")
    if not isinstance(scopes, str) or _SCOPE not in scopes.split():
        raise TokenError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    _check_times(claims)
    return str(email), lives


def answer_token(exchange: Exchange) -> Script:
    """The answer of the token server."""
    try:
        if exchange.method != "POST":
            raise TokenError("invalid_request", "Only POST requests are accepted.", 405)
        form = parse_qs(exchange.body.decode("utf-8", "replace"))
        if form.get("grant_type") != [_GRANT]:
            raise TokenError("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', [''])[0][:100]}")
        if "assertion" not in form:
            raise TokenError("invalid_request", "Missing required parameter: assertion")
        email, lives = _checked(exchange, form["assertion"][0])
    except TokenError as error:
        refused = {"error": error.error, "error_description": error.description}
        return whole(error.status, msgspec.json.encode(refused))
    token = f"ya29.c.{digest(exchange.seed, exchange.account, exchange.number, email, length=64)}"
    exchange.memory.shelf(_TOKENS).put(token, time.time() + lives)
    given = {"access_token": token, "expires_in": lives, "token_type": "Bearer"}
    return whole(
        200, msgspec.json.encode(given), (("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate"),)
    )
