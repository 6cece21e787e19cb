"""AWS's token service: other credentials for a role (docs.aws.amazon.com/STS/latest/APIReference).

Its answers are XML; what is wanted of it are four elements without attributes, so they are found as text and no
parser of XML (entities, nesting without end) is let near the network.
"""

import html
import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from segue.core.clock import Clock
from segue.core.ports import Transport, WireRequest
from segue.families.llm.auth.requests import ask, check, unreadable
from segue.families.llm.auth.sigv4 import AwsCredentials, sign
from segue.families.llm.auth.tokens import Lease

VERSION: Final = "2011-06-15"
DURATION: Final = 3600
"""Seconds; the most that a role gives by default, and the most where one role leads to another."""
_WHO: Final = "AWS STS"
_SESSION: Final = re.compile(r"[^\w+=,.@-]", re.ASCII)


class Sts:
    """The token service of a region.

    Args:
        region: where it is asked.
        endpoint: another address (`AWS_ENDPOINT_URL_STS`).
        allow_private: whether that address may be private.
    """

    def __init__(self, region: str, *, endpoint: str | None = None, allow_private: bool = False) -> None:
        self._region = region
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self._url = f"{(endpoint or f'https://sts.{region}.{suffix}').rstrip('/')}/"
        self._allow_private = allow_private

    async def assume_role(
        self,
        transport: Transport,
        clock: Clock,
        base: AwsCredentials,
        *,
        role: str,
        session: str,
        external_id: str = "",
    ) -> Lease[AwsCredentials]:
        """The credentials of a role, for whoever `base` is.

        Raises:
            TransportError: AWS said no, or nothing.
        """
        query = {"RoleArn": role, "RoleSessionName": session_name(session), "DurationSeconds": str(DURATION)}
        if external_id:
            query["ExternalId"] = external_id
        request = self._request("AssumeRole", query)
        signed = sign(request, base, region=self._region, service="sts", wall=clock.wall())
        return await self._ask(transport, signed)

    async def assume_role_with_web_identity(
        self, transport: Transport, *, role: str, session: str, token: str
    ) -> Lease[AwsCredentials]:
        """The credentials of a role, for the bearer of a token of an identity provider (Kubernetes).

        Raises:
            TransportError: AWS said no, or nothing.
        """
        query = {"RoleArn": role, "RoleSessionName": session_name(session), "WebIdentityToken": token}
        return await self._ask(transport, self._request("AssumeRoleWithWebIdentity", query))

    def _request(self, action: str, query: dict[str, str]) -> WireRequest:
        body = urlencode({"Action": action, "Version": VERSION, **query}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "accept": "text/xml"}
        return WireRequest("POST", self._url, headers, body)

    async def _ask(self, transport: Transport, request: WireRequest) -> Lease[AwsCredentials]:
        status, body = await ask(transport, request, who=_WHO, allow_private=self._allow_private)
        text = body.decode("utf-8", "replace")
        check(status, _element(text, "Code"), _WHO)
        lease = lease_of(
            _element(text, "AccessKeyId"),
            _element(text, "SecretAccessKey"),
            _element(text, "SessionToken"),
            _element(text, "Expiration"),
        )
        if lease is None:
            raise unreadable(_WHO)
        return lease


def lease_of(access_key: str, secret_key: str, token: str, until: str) -> Lease[AwsCredentials] | None:
    """Temporary credentials as AWS's services tell them; `None` when something is missing."""
    end = _seconds(until)
    if not (access_key and secret_key and token) or end is None:
        return None
    return Lease(AwsCredentials(access_key, secret_key, token), end)


def session_name(wanted: str) -> str:
    """A name that STS accepts: 2 to 64 of letters, digits and `_+=,.@-`."""
    return _SESSION.sub("-", wanted)[:64].ljust(2, "-")


def _element(text: str, name: str) -> str:
    found = re.search(rf"<{name}>([^<]{{1,20000}})</{name}>", text)
    return html.unescape(found[1]).strip() if found else ""


def _seconds(text: str) -> float | None:
    """Seconds since 1970 of a date such as `2026-11-20T12:00:00Z`."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()
