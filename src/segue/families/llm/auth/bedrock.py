"""How requests to Bedrock are authorised: by a key of Bedrock's own, or by a signature."""

from typing import Final

from segue.core.clock import Clock
from segue.core.ports import Transport, WireRequest
from segue.families.llm.auth.sigv4 import AwsCredentials, sign
from segue.families.llm.auth.tokens import Fetch, TokenCache

SERVICE: Final = "bedrock"
"""The name in signatures, though the host is called `bedrock-runtime`."""


class BedrockAuthoriser:
    """Signs what has no key; see `segue.core.ports.Authoriser`.

    Args:
        region: of the signature.
        credentials: gets what is signed with.
    """

    def __init__(self, region: str, credentials: Fetch[AwsCredentials]) -> None:
        self._region = region
        self._credentials = TokenCache(credentials)

    async def authorise(self, request: WireRequest, secret: str, transport: Transport, clock: Clock) -> WireRequest:
        """The request with its signature; with a key it has its `Authorization` already."""
        if secret:
            return request
        credentials = await self._credentials.get(transport, clock)
        return sign(request, credentials, region=self._region, service=SERVICE, wall=clock.wall())
