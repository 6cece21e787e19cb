"""Who may call Amazon is known by keys: an access key that signs, a temporary one with its token, or an API key.

Every account knows the pair of Amazon's own documentation, until a key is registered for it; from then on it knows only
registered ones, and those that its token service gave out. Source for API keys:
https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html.
"""

from typing import Final

from segue.simulator.exchange import Exchange
from segue.simulator.memory import Memory
from segue.simulator.vendors.aws_signatures import ALGORITHM, AccessKey, verify
from segue.simulator.vendors.bedrock_errors import denied

EXAMPLE_ID: Final = "AKIAIOSFODNN7EXAMPLE"
EXAMPLE_SECRET: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - the example of Amazon's documents
_KEYS: Final = "aws.keys"
_TEMPORARY: Final = "aws.temporary_keys"
_API_KEYS: Final = "aws.api_keys"


def register(memory: Memory, identifier: str, secret: str, *, token: str | None = None) -> None:
    """Let an access key sign its way in.

    Args:
        memory: That of the simulator's account.
        identifier: The access key's identifier, 16 to 128 letters and digits.
        secret: The secret access key.
        token: The session token of a temporary key.

    Raises:
        ValueError: When the identifier or the secret is empty, or the identifier is no such name.
    """
    if not (identifier.isascii() and identifier.isalnum() and 16 <= len(identifier) <= 128):  # noqa: PLR2004 - IAM's own
        raise ValueError("access_key_id: must have 16 to 128 letters and digits, such as AKIAIOSFODNN7EXAMPLE.")
    if not secret:
        raise ValueError("secret_access_key: must not be empty.")
    memory.shelf(_KEYS).put(identifier, AccessKey(secret, token))


def register_api_key(memory: Memory, key: str) -> None:
    """Let a Bedrock API key in, sent as a bearer token."""
    memory.shelf(_API_KEYS).put(key, value=True)


def give(memory: Memory, identifier: str, key: AccessKey) -> None:
    """Remember a temporary key that the token service gave out."""
    memory.shelf(_TEMPORARY).put(identifier, key)


def _find(memory: Memory, identifier: str) -> AccessKey | None:
    registered = memory.shelf(_KEYS)
    key: AccessKey | None = memory.shelf(_TEMPORARY).get(identifier) or registered.get(identifier)
    if key is None and not len(registered) and identifier == EXAMPLE_ID:
        return AccessKey(EXAMPLE_SECRET)
    return key


def _check_api_key(memory: Memory, key: str) -> None:
    registered = memory.shelf(_API_KEYS)
    closed = len(registered) or len(memory.shelf(_KEYS))
    if "expired" in key:
        raise denied("AccessDeniedException", "Bearer Token has expired")
    if (closed and key not in registered) or "invalid" in key or not key:
        raise denied("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")


def check_access(exchange: Exchange, service: str) -> str:
    """The identifier of the caller; raises AwsError when the request is not let in.

    Bearer tokens are API keys of Bedrock and no other service takes them.
    """
    header = exchange.headers.get("authorization", "")
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer" and service == "bedrock":
        _check_api_key(exchange.memory, rest.strip())
        return "api-key"
    if scheme != ALGORITHM:
        raise denied("MissingAuthenticationTokenException", "Missing Authentication Token")
    return verify(exchange, service, lambda identifier: _find(exchange.memory, identifier))
