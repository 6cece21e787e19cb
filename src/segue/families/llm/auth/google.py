"""Google's access tokens, as Vertex AI wants them.

Four places, in the order of Google's own libraries ("Application Default Credentials"): credentials given in the
configuration, the file that GOOGLE_APPLICATION_CREDENTIALS names, the file that `gcloud` wrote, and the machine's
metadata server. The files hold a service account (RFC 7523: it signs an assertion and gets a token for it) or the
refresh token of a user.
"""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec

from segue.core.clock import Clock
from segue.core.failure import Kind
from segue.core.ports import Transport, TransportError, WireRequest
from segue.families.llm.auth.files import read_text
from segue.families.llm.auth.requests import ask, check, unreadable
from segue.families.llm.auth.tokens import Lease, TokenCache, refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
LIFE: Final = 3600
"""Seconds that an assertion may hold: Google allows an hour."""
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_METADATA: Final = "metadata.google.internal"
_METADATA_PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/token"
_METADATA_CONNECT: Final = 1.0
_SHORTEST_KEY: Final = 2048
"""Bits of an RSA key; Google makes no shorter ones."""
_WHO: Final = "Google's token server"
_WORD: Final = re.compile(r"[a-z_]{0,40}")


class GoogleFile(msgspec.Struct, frozen=True):
    """A file of credentials: `type` is `service_account` or `authorized_user`, and says which fields count."""

    type: str = ""
    client_email: str = ""
    private_key: str = ""
    private_key_id: str = ""
    token_uri: str = TOKEN_URI
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"GoogleFile(type={self.type!r})"


class _Token(msgspec.Struct):
    access_token: str = ""
    expires_in: float = 0.0
    error: str = ""


_file: Final = msgspec.json.Decoder(GoogleFile)
_token: Final = msgspec.json.Decoder(_Token)


class WrongFile(ValueError):
    """A text that holds no credentials; the message says what is missing and shows nothing of it."""


def read_credentials(text: str | bytes) -> GoogleFile:
    """Credentials from the text of a file.

    Raises:
        WrongFile: it is none, or of a kind that is not known.
    """
    try:
        found = _file.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WrongFile("is no JSON of Google credentials: download the key of a service account") from None
    if found.type == "service_account":
        if not (found.client_email and found.private_key):
            raise WrongFile("lacks 'client_email' or 'private_key': download the key of the service account anew")
        _key_of(found)
    elif found.type == "authorized_user":
        if not (found.client_id and found.client_secret and found.refresh_token):
            raise WrongFile("lacks 'client_id', 'client_secret' or 'refresh_token': run 'gcloud auth login' anew")
    else:
        kind = repr(found.type) if _WORD.fullmatch(found.type) else "that is no word"
        raise WrongFile(f"has the type {kind}: only 'service_account' and 'authorized_user' are known")
    if not found.token_uri.startswith(("https://", "http://")):
        raise WrongFile("has a 'token_uri' that is no address")
    return found


class GoogleTokens:
    """Fetches access tokens; a `Fetch` for `TokenCache`.

    Args:
        given: credentials of the configuration.
        environ: the variables of the process, looked at with each fetch when nothing was given.
        allow_private: whether the token server may be private; the machine's metadata server always is.
    """

    def __init__(self, given: GoogleFile | None, environ: Mapping[str, str], *, allow_private: bool = False) -> None:
        self._given = given
        self._environ = environ
        self._allow_private = allow_private

    async def __call__(self, transport: Transport, clock: Clock) -> Lease[str]:
        """A new token.

        Raises:
            TransportError: there are no credentials, or Google refused them.
        """
        found = self._given or _from_environment(self._environ)
        if found is None:
            return await self._of_machine(transport, clock)
        form = _assertion_form(found, clock.wall()) if found.type == "service_account" else _refresh_form(found)
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        request = WireRequest("POST", found.token_uri, headers, urlencode(form).encode())
        status, body = await ask(transport, request, who=_WHO, allow_private=self._allow_private)
        return _lease(status, body, clock, _WHO)

    async def _of_machine(self, transport: Transport, clock: Clock) -> Lease[str]:
        host = self._environ.get("GCE_METADATA_HOST", _METADATA)
        request = WireRequest("GET", f"http://{host}{_METADATA_PATH}", {"metadata-flavor": "Google"})
        who = "the machine's metadata server"
        try:
            status, body = await ask(transport, request, who=who, allow_private=True, connect=_METADATA_CONNECT)
        except TransportError:
            remedy = "set 'credentials: file:/path/to/key.json' or GOOGLE_APPLICATION_CREDENTIALS"
            raise refused(Kind.AUTH, f"no Google credentials: {remedy}") from None
        return _lease(status, body, clock, who)


class GoogleAuthoriser:
    """Adds an access token; see `segue.core.ports.Authoriser`. A key is an access token that somebody else renews.

    Args:
        tokens: fetches tokens where none was given.
        given: a token of the configuration; "" for none.
    """

    def __init__(self, tokens: GoogleTokens, given: str = "") -> None:
        self._tokens = TokenCache(tokens)
        self._given = given

    async def authorise(self, request: WireRequest, secret: str, transport: Transport, clock: Clock) -> WireRequest:
        """The request with its `Authorization`."""
        token = secret or self._given or await self._tokens.get(transport, clock)
        headers = {**request.headers, "authorization": f"Bearer {token}"}
        return WireRequest(request.method, request.url, headers, request.body)


def assertion(account: GoogleFile, wall: float) -> str:
    """What a service account signs to get a token: a JWT with RS256 (RFC 7515, RFC 7523)."""
    key = _key_of(account)
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    now = int(wall)
    header: dict[str, Any] = {"alg": "RS256", "typ": "JWT"}
    if account.private_key_id:
        header["kid"] = account.private_key_id
    claims = {
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": account.token_uri,
        "iat": now,
        "exp": now + LIFE,
    }
    signed = f"{_encoded(msgspec.json.encode(header))}.{_encoded(msgspec.json.encode(claims))}"
    signature = key.sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{_encoded(signature)}"


def _key_of(account: GoogleFile) -> "RSAPrivateKey":
    try:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise WrongFile("needs the package 'cryptography': pip install 'segue[vertex]'") from None
    try:
        key = load_pem_private_key(account.private_key.encode(), password=None)
    except Exception:  # noqa: BLE001 - what a parser of keys raises may quote the key
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _SHORTEST_KEY:
        raise WrongFile("has a 'private_key' that is no RSA key in PEM: download the key of the service account anew")
    return key


def _assertion_form(account: GoogleFile, wall: float) -> dict[str, str]:
    return {"grant_type": _GRANT, "assertion": assertion(account, wall)}


def _refresh_form(user: GoogleFile) -> dict[str, str]:
    return {
        "grant_type": "refresh_token",
        "client_id": user.client_id,
        "client_secret": user.client_secret,
        "refresh_token": user.refresh_token,
    }


def _lease(status: int, body: bytes, clock: Clock, who: str) -> Lease[str]:
    try:
        told = _token.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = _Token()
    check(status, told.error, who)
    usable = told.access_token.isascii() and told.access_token.isprintable() and told.expires_in > 0
    if not (told.access_token and usable):
        raise unreadable(who)
    return Lease(told.access_token, clock.wall() + told.expires_in)


def _from_environment(environ: Mapping[str, str]) -> GoogleFile | None:
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    home = Path(environ.get("HOME") or Path.home())
    folder = Path(environ.get("CLOUDSDK_CONFIG") or home / ".config" / "gcloud")
    text = read_text(Path(named) if named else folder / "application_default_credentials.json")
    where = "the file of GOOGLE_APPLICATION_CREDENTIALS" if named else "the file that gcloud wrote"
    if text is None:
        if named:
            raise refused(Kind.AUTH, f"{where} cannot be read")
        return None
    try:
        return read_credentials(text)
    except WrongFile as wrong:
        raise refused(Kind.AUTH, f"{where} {wrong}") from None


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
