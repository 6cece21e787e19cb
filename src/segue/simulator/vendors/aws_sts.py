"""A gateway in the cloud signs with temporary keys, which it has to ask for, and ask for again before they end.

This is the part of Amazon's token service that gives them: `POST /` with `Action=AssumeRole`, answered in XML. Source:
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html. A role whose name contains `denied` is refused.
"""

import re
import time
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from segue.simulator.exchange import Exchange
from segue.simulator.script import Script, whole
from segue.simulator.vendors.aws_access import check_access, give
from segue.simulator.vendors.aws_signatures import AccessKey
from segue.simulator.vendors.bedrock_errors import AwsError
from segue.simulator.vendors.scripting import digest

_NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
_VERSION: Final = "2011-06-15"
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64})")
_SESSION: Final = re.compile(r"[\w+=,.@-]{2,64}")
_LEAST, _DEFAULT, _MOST = 900, 3600, 43_200
_KNOWN: Final = frozenset(
    {"Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "Policy", "SourceIdentity"}
)
# The service speaks of the same errors by shorter names than the others do.
_NAMES: Final = {
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "ExpiredTokenException": "ExpiredToken",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "ThrottlingException": "Throttling",
    "ValidationException": "ValidationError",
    "AccessDeniedException": "AccessDenied",
    "InternalServerException": "InternalFailure",
    "ServiceUnavailableException": "ServiceUnavailable",
}


def is_sts(exchange: Exchange) -> bool:
    """Whether a request for the path `/` is meant for the token service."""
    return exchange.path == "/" and (exchange.method == "POST" or "Action" in exchange.query)


def _identifier(exchange: Exchange) -> str:
    made = digest(exchange.seed, exchange.number, "sts", length=32)
    return "-".join((made[:8], made[8:12], made[12:16], made[16:20], made[20:]))


def refusal(exchange: Exchange, error: AwsError) -> Script:
    """An error as the token service words it."""
    code = escape(_NAMES.get(error.kind, error.kind))
    side = "Sender" if error.status < 500 else "Receiver"  # noqa: PLR2004 - where the server's errors begin
    body = (
        f'<ErrorResponse xmlns="{_NAMESPACE}">\n  <Error>\n    <Type>{side}</Type>\n    <Code>{code}</Code>\n'
        f"    <Message>{escape(error.message)}</Message>\n  </Error>\n"
        f"  <RequestId>{_identifier(exchange)}</RequestId>\n</ErrorResponse>\n"
    )
    return whole(error.status, body.encode("utf-8", "replace"), (("Content-Type", "text/xml"),))


def _refused(message: str, kind: str = "ValidationError", status: int = 400) -> AwsError:
    return AwsError(status, kind, message)


def _duration(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= 6 and _LEAST <= int(value) <= _MOST):  # noqa: PLR2004
        raise _refused(
            f"1 validation error detected: Value '{value[:20]}' at 'durationSeconds' failed to satisfy constraint: "
            f"Member must have value between {_LEAST} and {_MOST}"
        )
    return int(value)


def _checked(exchange: Exchange) -> tuple[dict[str, str], re.Match[str], int]:
    """The parameters, the role in them, and how long the keys are to live."""
    form = dict(parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True)) or dict(exchange.query)
    action = form.get("Action", "")
    if action != "AssumeRole" or form.get("Version") != _VERSION:
        message = (
            f"Could not find operation {action[:64]} for version {form.get('Version', 'NO_VERSION_SPECIFIED')[:32]}"
        )
        raise _refused(message, "InvalidAction")
    for name in form:
        if name not in _KNOWN and not name.startswith(("Tags.", "PolicyArns.", "TransitiveTagKeys.")):
            raise _refused(f"The parameter {name[:64]} is not simulated.", "InvalidParameter")
    role = _ROLE.fullmatch(form.get("RoleArn", ""))
    if role is None:
        raise _refused(f"{form.get('RoleArn', '')[:200]} is invalid")
    if not _SESSION.fullmatch(form.get("RoleSessionName", "")):
        raise _refused(
            "1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy "
            r"regular expression pattern: [\w+=,.@-]*, with a length of 2 to 64"
        )
    return form, role, _duration(form.get("DurationSeconds", str(_DEFAULT)))


def _assume_role(exchange: Exchange) -> Script:
    caller = check_access(exchange, "sts")
    form, role, seconds = _checked(exchange)
    if "denied" in role[2]:
        user = f"arn:aws:iam::{role[1]}:user/{caller[-4:]}"
        message = f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {form['RoleArn']}"
        raise _refused(message, "AccessDenied", 403)
    place = (exchange.seed, exchange.account, exchange.number)
    identifier = "ASIA" + digest(*place, "identifier", length=16).upper()
    secret, token = digest(*place, "secret", length=40), f"IQoJb3JpZ2luX2Vj{digest(*place, 'token', length=64)}"
    expires = time.time() + seconds
    give(exchange.memory, identifier, AccessKey(secret, token, expires))
    session = escape(form["RoleSessionName"])
    body = (
        f'<AssumeRoleResponse xmlns="{_NAMESPACE}">\n  <AssumeRoleResult>\n    <AssumedRoleUser>\n'
        f"      <AssumedRoleId>AROA{digest(role[0], length=17).upper()}:{session}</AssumedRoleId>\n"
        f"      <Arn>arn:aws:sts::{role[1]}:assumed-role/{escape(role[2])}/{session}</Arn>\n    </AssumedRoleUser>\n"
        f"    <Credentials>\n      <AccessKeyId>{identifier}</AccessKeyId>\n"
        f"      <SecretAccessKey>{secret}</SecretAccessKey>\n      <SessionToken>{token}</SessionToken>\n"
        f"      <Expiration>{datetime.fromtimestamp(expires, UTC):%Y-%m-%dT%H:%M:%SZ}</Expiration>\n"
        "    </Credentials>\n  </AssumeRoleResult>\n  <ResponseMetadata>\n"
        f"    <RequestId>{_identifier(exchange)}</RequestId>\n  </ResponseMetadata>\n</AssumeRoleResponse>\n"
    )
    return whole(200, body.encode(), (("Content-Type", "text/xml"),))


def answer_sts(exchange: Exchange) -> Script:
    """The answer of the token service."""
    try:
        return _assume_role(exchange)
    except AwsError as error:
        return refusal(exchange, error)
