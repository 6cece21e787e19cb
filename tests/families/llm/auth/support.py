"""Scripted networks for credentials."""

import json
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from segue.core.ports import WireRequest
from segue.testing import replies

END = "2023-11-14T23:13:20Z"
"""An hour after the fake clocks begin (1,700,000,000)."""


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def sts(access: str = "ASIA1", *, until: str = END):
    """What STS answers, shortened."""
    return replies(
        f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
        <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser>
        <Credentials><AccessKeyId>{access}</AccessKeyId><SecretAccessKey>secret/of+role</SecretAccessKey>
        <SessionToken>token&amp;of=role</SessionToken><Expiration>{until}</Expiration></Credentials>
        </AssumeRoleResult></AssumeRoleResponse>""".encode()
    )


def told(access: str = "ASIA2", **more):
    """What a container or a machine answers."""
    document = {"AccessKeyId": access, "SecretAccessKey": "s", "Token": "t", "Expiration": END, **more}
    return replies(json.dumps(document).encode())


def form(request: WireRequest) -> dict[str, str]:
    """The fields of a form."""
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def pem(key) -> str:
    """A private key as files have it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def account(**changes) -> str:
    """The file of a service account."""
    given = {
        "type": "service_account",
        "client_email": "segue@p.iam.gserviceaccount.com",
        "private_key": pem(RSA_KEY),
        "private_key_id": "k1",
        "token_uri": "https://oauth2.googleapis.com/token",
        "project_id": "p",
    }
    return json.dumps({**given, **changes})
