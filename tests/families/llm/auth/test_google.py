"""Google's tokens: a service account signs for one, a user's refresh token is exchanged, nothing of either is shown."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from families.llm.auth.support import RSA_KEY, account, form, pem
from segue.core.failure import Kind, Scope
from segue.core.ports import TransportError, WireRequest
from segue.families.llm.auth.google import (
    SCOPE,
    GoogleAuthoriser,
    GoogleTokens,
    WrongFile,
    assertion,
    read_credentials,
)
from segue.testing import FakeClock, ScriptedTransport, refuses, replies

HOST = "oauth2.googleapis.com"
USER = {"type": "authorized_user", "client_id": "i", "client_secret": "c-secret", "refresh_token": "r-secret"}
REQUEST = WireRequest("POST", "https://aiplatform.googleapis.com/v1/x", {"content-type": "application/json"}, b"{}")


def token(text: str = "ya29.one", seconds: object = 3600):
    return replies(json.dumps({"access_token": text, "expires_in": seconds, "token_type": "Bearer"}).encode())


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_an_assertion_says_who_signs_for_whom_and_until_when():
    text = assertion(read_credentials(account()), 1_700_000_000.9)
    header, claims, signature = text.split(".")
    assert json.loads(decoded(header)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert json.loads(decoded(claims)) == {
        "iss": "segue@p.iam.gserviceaccount.com",
        "scope": SCOPE,
        "aud": f"https://{HOST}/token",
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
    }
    signed = f"{header}.{claims}".encode()
    RSA_KEY.public_key().verify(decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())


async def test_a_service_account_gets_one_token_for_many_calls():
    network, clock = ScriptedTransport({HOST: [token(), token("ya29.two")]}), FakeClock()
    authoriser = GoogleAuthoriser(GoogleTokens(read_credentials(account()), {}))
    for _ in range(3):
        signed = await authoriser.authorise(REQUEST, "", network, clock)
        assert signed.headers["authorization"] == "Bearer ya29.one"
        assert signed.headers["content-type"] == "application/json"
    assert len(network.requests) == 1
    sent = form(network.requests[0])
    assert sent["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert not network.open
    clock.advance(3601)
    assert (await authoriser.authorise(REQUEST, "", network, clock)).headers["authorization"] == "Bearer ya29.two"


async def test_a_users_refresh_token_is_exchanged():
    network = ScriptedTransport({HOST: [token()]})
    lease = await GoogleTokens(read_credentials(json.dumps(USER)), {})(network, FakeClock())
    assert (lease.token, lease.until) == ("ya29.one", 1_700_003_600.0)
    assert form(network.requests[0]) == {
        "grant_type": "refresh_token",
        "client_id": "i",
        "client_secret": "c-secret",
        "refresh_token": "r-secret",
    }


async def test_the_file_of_the_environment_is_used_where_nothing_is_configured(tmp_path):
    file = tmp_path / "key.json"
    file.write_text(account())
    network = ScriptedTransport({HOST: [token()]})
    lease = await GoogleTokens(None, {"GOOGLE_APPLICATION_CREDENTIALS": str(file)})(network, FakeClock())
    assert lease.token == "ya29.one"


async def test_what_gcloud_stored_is_used_next(tmp_path):
    folder = tmp_path / ".config" / "gcloud"
    folder.mkdir(parents=True)
    (folder / "application_default_credentials.json").write_text(json.dumps(USER))
    lease = await GoogleTokens(None, {"HOME": str(tmp_path)})(ScriptedTransport({HOST: [token()]}), FakeClock())
    assert lease.token == "ya29.one"


async def test_the_machine_is_asked_last(tmp_path):
    network = ScriptedTransport({"metadata.google.internal": [token("of-the-machine")]})
    lease = await GoogleTokens(None, {"HOME": str(tmp_path)})(network, FakeClock())
    assert lease.token == "of-the-machine"
    assert network.requests[0].headers["metadata-flavor"] == "Google"


async def test_a_token_that_was_given_is_used_as_it_is():
    authoriser = GoogleAuthoriser(GoogleTokens(None, {}), "given")
    network = ScriptedTransport()
    assert (await authoriser.authorise(REQUEST, "", network, FakeClock())).headers["authorization"] == "Bearer given"
    assert (await authoriser.authorise(REQUEST, "key", network, FakeClock())).headers["authorization"] == "Bearer key"
    assert not network.requests


async def failure_of(environ: dict, hosts: dict, text: str | None = None):
    given = None if text is None else read_credentials(text)
    with pytest.raises(TransportError) as error:
        await GoogleTokens(given, environ)(ScriptedTransport(hosts), FakeClock())
    assert error.value.failure.scope is Scope.KEY
    return error.value.failure


async def test_without_any_credentials_the_remedy_is_named(tmp_path):
    failure = await failure_of({"HOME": str(tmp_path)}, {"metadata.google.internal": [refuses()]})
    assert failure.kind is Kind.AUTH
    assert "GOOGLE_APPLICATION_CREDENTIALS" in failure.message


async def test_a_file_of_the_environment_that_is_not_there_is_an_error():
    failure = await failure_of({"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json"}, {})
    assert "GOOGLE_APPLICATION_CREDENTIALS" in failure.message


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (replies(b'{"error": "invalid_grant", "error_description": "account not found"}', status=400), Kind.AUTH),
        (replies(b"oops", status=503), Kind.SERVER_ERROR),
        (replies(b"", status=429), Kind.RATE_LIMITED),
        (replies(b"{}"), Kind.BAD_RESPONSE),
        (replies(b"<html>"), Kind.BAD_RESPONSE),
        (token("two words\r\nx: y"), Kind.BAD_RESPONSE),
        (token(seconds=0), Kind.BAD_RESPONSE),
        (token(seconds="soon"), Kind.BAD_RESPONSE),
        (refuses(), Kind.CONNECT),
    ],
)
async def test_what_the_token_server_says_instead_becomes_a_failure_of_the_key(answer, kind):
    failure = await failure_of({}, {HOST: [answer]}, json.dumps(USER))
    assert failure.kind is kind
    assert "secret" not in failure.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("[]", "no JSON"),
        ("{}", "has the type ''"),
        ('{"type": "external_account"}', "only 'service_account' and 'authorized_user'"),
        (account(client_email=""), "lacks 'client_email'"),
        (account(private_key="-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"), "no RSA key"),
        (account(private_key=pem(ec.generate_private_key(ec.SECP256R1()))), "no RSA key"),
        (account(token_uri="ftp://x"), "token_uri"),
        (json.dumps({**USER, "refresh_token": ""}), "lacks"),
    ],
)
def test_a_file_that_holds_no_credentials_is_refused_without_being_shown(text, said):
    with pytest.raises(WrongFile, match=said) as error:
        read_credentials(text)
    assert "PRIVATE KEY" not in str(error.value)
    assert "c-secret" not in str(error.value)


def test_credentials_show_no_secret():
    assert "PRIVATE" not in repr(read_credentials(account()))
    assert "secret" not in repr(read_credentials(json.dumps(USER)))
