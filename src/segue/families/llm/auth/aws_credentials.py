"""Where AWS credentials come from: the places where AWS's own SDKs look, in their order.

Settings, the environment, a web identity (Kubernetes), the shared files, the container, the machine; then, where a
role is given, that role by way of them. What is temporary is fetched when it is first needed and kept fresh
(`TokenCache`).
Source: "Standardized credential providers", AWS SDKs and Tools Reference Guide.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from segue.core.clock import Clock
from segue.core.failure import Kind
from segue.core.ports import Transport, TransportError, WireRequest
from segue.families.llm.auth.aws_files import profile_of, read_profiles
from segue.families.llm.auth.aws_sts import Sts, lease_of
from segue.families.llm.auth.files import read_text
from segue.families.llm.auth.requests import ask, check, unreadable
from segue.families.llm.auth.sigv4 import AwsCredentials
from segue.families.llm.auth.tokens import Lease, refused

_CONTAINER: Final = "http://169.254.170.2"
"""Where ECS tells the credentials of a task."""
_CONTAINER_HOSTS: Final = frozenset(
    {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost", "127.0.0.1", "::1"}
)
"""Where a container's token may go without TLS: nowhere but this machine (ECS, EKS, a helper beside us)."""
_MACHINE: Final = "http://169.254.169.254"
_MACHINE_CONNECT: Final = 1.0
"""Seconds; the machine answers at once, and where there is none nobody does."""
_MOST_HOPS: Final = 5
"""Profiles that may lead to one another."""

Credentials = Lease[AwsCredentials]


class _Told(msgspec.Struct):
    """What a container or a machine answers."""

    AccessKeyId: str = ""
    SecretAccessKey: str = ""
    Token: str = ""
    Expiration: str = ""


_told: Final = msgspec.json.Decoder(_Told)


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """What a configuration says of AWS credentials.

    Attributes:
        region: for the token service.
        access_key, secret_key, token: credentials themselves.
        profile: of the shared files; with it the environment's own credentials do not count.
        role: the ARN of a role to take on.
        external_id: what the role's owner demands besides.
        session: how the session of a role is named in AWS's records.
        allow_private: whether the token service's address (`AWS_ENDPOINT_URL_STS`) may be private.
    """

    region: str
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    profile: str | None = None
    role: str = ""
    external_id: str = ""
    session: str = "segue"
    allow_private: bool = False


class AwsChain:
    """Finds credentials; a `Fetch` for `TokenCache`.

    Args:
        settings: what the configuration says.
        environ: the variables of the process, looked at with each fetch.
    """

    def __init__(self, settings: AwsSettings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ
        self._sts = Sts(
            settings.region, endpoint=environ.get("AWS_ENDPOINT_URL_STS"), allow_private=settings.allow_private
        )

    async def __call__(self, transport: Transport, clock: Clock) -> Credentials:
        """Credentials, from the first place that has some.

        Raises:
            TransportError: none has.
        """
        settings = self._settings
        found = await self._base(transport, clock)
        if found is None:
            raise refused(
                Kind.AUTH,
                "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or 'profile', or a Bedrock 'key'",
            )
        if not settings.role:
            return found
        return await self._sts.assume_role(
            transport,
            clock,
            found.token,
            role=settings.role,
            session=settings.session,
            external_id=settings.external_id,
        )

    async def _base(self, transport: Transport, clock: Clock) -> Credentials | None:
        settings, environ = self._settings, self._environ
        if settings.access_key:
            return Lease(AwsCredentials(settings.access_key, settings.secret_key, settings.token))
        if settings.profile is None:
            found = _from_environment(environ)
            if found is not None:
                return found
            role, file = environ.get("AWS_ROLE_ARN"), environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
            if role and file:
                return await self._web_identity(transport, role, file, environ.get("AWS_ROLE_SESSION_NAME", ""))
        profiles = read_profiles(environ)
        name = profile_of(environ, settings.profile)
        if name in profiles:
            found = await self._profile(transport, clock, profiles, name, _MOST_HOPS)
            if found is not None:
                return found
        if settings.profile is not None or environ.get("AWS_PROFILE"):
            raise refused(Kind.AUTH, f"the AWS profile {name!r} is not there, or holds no credentials")
        return await self._container(transport) or await self._machine(transport)

    async def _profile(
        self, transport: Transport, clock: Clock, profiles: Mapping[str, Mapping[str, str]], name: str, hops: int
    ) -> Credentials | None:
        """The credentials of a profile; a role by way of the profile that it names."""
        mine = profiles.get(name, {})
        role = mine.get("role_arn")
        source = mine.get("source_profile")
        session = mine.get("role_session_name", "")
        if role and mine.get("web_identity_token_file"):
            return await self._web_identity(transport, role, mine["web_identity_token_file"], session)
        if role and (source or mine.get("credential_source")) and not (source == name and hops < _MOST_HOPS):
            if hops == 0:
                raise refused(Kind.AUTH, f"the AWS profile {name!r} leads from role to role without an end")
            base = (
                _static(mine)
                if source == name
                else await self._profile(transport, clock, profiles, source, hops - 1)
                if source
                else await self._named(transport, mine["credential_source"])
            )
            if base is None:
                raise refused(Kind.AUTH, f"the AWS profile {name!r} has a role, but nothing to take it on with")
            return await self._sts.assume_role(
                transport,
                clock,
                base.token,
                role=role,
                session=session or self._settings.session,
                external_id=mine.get("external_id", ""),
            )
        return _static(mine)

    async def _named(self, transport: Transport, source: str) -> Credentials | None:
        """The place that `credential_source` names."""
        if source == "Environment":
            return _from_environment(self._environ)
        if source == "EcsContainer":
            return await self._container(transport)
        return await self._machine(transport) if source == "Ec2InstanceMetadata" else None

    async def _web_identity(self, transport: Transport, role: str, file: str, session: str) -> Credentials:
        token = (read_text(Path(file)) or "").strip()
        if not token:
            raise refused(Kind.AUTH, "the file of AWS_WEB_IDENTITY_TOKEN_FILE cannot be read, or is empty")
        return await self._sts.assume_role_with_web_identity(
            transport, role=role, session=session or self._settings.session, token=token
        )

    async def _container(self, transport: Transport) -> Credentials | None:
        environ = self._environ
        relative = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        url = f"{_CONTAINER}{relative}" if relative else environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if not url:
            return None
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _CONTAINER_HOSTS:
            raise refused(Kind.AUTH, "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or an address of this machine")
        token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        file = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        if file:
            token = (read_text(Path(file)) or "").strip()
        headers = {"accept": "application/json", **({"authorization": token} if token else {})}
        return await _told_by(transport, WireRequest("GET", url, headers), "the container's credentials service")

    async def _machine(self, transport: Transport) -> Credentials | None:
        """The role of the machine, by version 2 of its metadata service; `None` where there is none."""
        if self._environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            return None
        who, base = "the machine's metadata service", f"{_MACHINE}/latest"
        wanted = WireRequest("PUT", f"{base}/api/token", {"x-aws-ec2-metadata-token-ttl-seconds": "300"})
        try:
            status, token = await ask(transport, wanted, who=who, allow_private=True, connect=_MACHINE_CONNECT)
        except TransportError:
            return None
        if status != 200:  # noqa: PLR2004 - HTTP's own number
            return None
        headers = {"x-aws-ec2-metadata-token": token.decode("latin-1").strip()}
        roles = f"{base}/meta-data/iam/security-credentials/"
        status, body = await ask(transport, WireRequest("GET", roles, headers), who=who, allow_private=True)
        role = body.decode("utf-8", "replace").partition("\n")[0].strip()
        if status != 200 or not role or "/" in role:  # noqa: PLR2004 - HTTP's own number
            return None
        return await _told_by(transport, WireRequest("GET", f"{roles}{role}", headers), who)


async def _told_by(transport: Transport, request: WireRequest, who: str) -> Credentials:
    status, body = await ask(transport, request, who=who, allow_private=True)
    check(status, "", who)
    try:
        told = _told.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise unreadable(who) from None
    lease = lease_of(told.AccessKeyId, told.SecretAccessKey, told.Token, told.Expiration)
    if lease is None:
        raise unreadable(who)
    return lease


def _from_environment(environ: Mapping[str, str]) -> Credentials | None:
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not (access and secret):
        return None
    return Lease(AwsCredentials(access, secret, environ.get("AWS_SESSION_TOKEN", "")))


def _static(profile: Mapping[str, str]) -> Credentials | None:
    access, secret = profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")
    if not (access and secret):
        return None
    return Lease(AwsCredentials(access, secret, profile.get("aws_session_token", "")))
