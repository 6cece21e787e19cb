"""Who is let in: by signature, by a temporary key, by an API key."""

import hashlib
import time

import aiohttp
import pytest

from segue.simulator import FaultError
from simulator.bedrock import EXAMPLE, NOVA, AWSRequest, ClientError, Credentials, SigV4Auth, sdk, told, user

BODY = b'{"messages": [{"role": "user", "content": [{"text": "hello"}]}]}'
ROLE = "arn:aws:iam::123456789012:role/team/gateway"


def signed(url: str, *, service: str = "bedrock", body: bytes = BODY, key: tuple[str, ...] = EXAMPLE) -> dict[str, str]:
    """The headers that Amazon's own implementation signs."""
    request = AWSRequest("POST", url, {"Content-Type": "application/json"}, body)
    SigV4Auth(Credentials(*key), service, "us-east-1").add_auth(request)
    return dict(request.headers)


async def post(url: str, headers: dict[str, str], body: bytes = BODY) -> tuple[int, str, str]:
    """Status, name of the error, and body of the answer."""
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        kind = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
        return answer.status, kind, await answer.text()


@pytest.fixture
def address(sim) -> str:
    """Where to converse."""
    return f"{sim.url}/bedrock/model/{NOVA}/converse"


async def test_amazons_own_signature_is_accepted(address):
    """Of a request signed by botocore."""
    assert (await post(address, signed(address)))[0] == 200


async def test_what_was_signed_may_not_change(address):
    """Neither body nor path nor query nor a signed header."""
    headers = signed(address)
    assert (await post(address, headers, BODY.replace(b"hello", b"howdy")))[1] == "InvalidSignatureException"
    assert (await post(address + "-stream", headers))[1] == "InvalidSignatureException"
    assert (await post(address + "?a=b", headers))[1] == "InvalidSignatureException"
    assert (await post(address, headers | {"Content-Type": "text/plain"}))[1] == "InvalidSignatureException"
    assert (await post(address, signed(address + "?b=c%20d&a=")))[1] == "InvalidSignatureException"
    assert (await post(address + "?b=c%20d&a=", signed(address + "?b=c%20d&a=")))[0] == 200


async def test_headers_of_amazon_must_be_signed(address):
    """One that was added afterwards, even a true hash of the body, is refused; so is a false hash."""
    added = signed(address) | {"X-Amz-Content-Sha256": hashlib.sha256(BODY).hexdigest()}
    status, kind, text = await post(address, added)
    assert (status, kind) == (403, "InvalidSignatureException")
    assert "'x-amz-content-sha256' must be a 'SignedHeader'" in text


async def test_clocks_may_differ_by_five_minutes(address, monkeypatch):
    """Not by more, into either direction; the refusal tells both times."""
    headers = signed(address)
    now = time.time()
    for shift, status, words in ((290, 200, ""), (310, 403, "Signature expired"), (-310, 403, "not yet current")):
        monkeypatch.setattr("segue.simulator.vendors.aws_signatures.time.time", lambda shift=shift: now + shift)
        answer = await post(address, headers)
        assert answer[0] == status
        assert words in answer[2]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda header: header.replace("/bedrock/", "/s3/"), "InvalidSignatureException"),
        (lambda header: header.replace("AKIA", "AKIB"), "UnrecognizedClientException"),
        (lambda header: header.replace("SignedHeaders=", "Headers="), "IncompleteSignatureException"),
        (lambda header: header.replace("host;", ""), "InvalidSignatureException"),
        (lambda header: header[:-1], "InvalidSignatureException"),
        (lambda header: "", "MissingAuthenticationTokenException"),
        (lambda header: "Basic YTpi", "MissingAuthenticationTokenException"),
    ],
)
async def test_a_wrong_authorization_is_refused_by_its_own_name(address, change, kind):
    """Scope, key, completeness and signed headers are told apart."""
    headers = signed(address)
    status, found, _ = await post(address, headers | {"Authorization": change(headers["Authorization"])})
    assert (status, found) == (403, kind)


async def test_an_api_key_is_a_bearer_token(sim, address):
    """Any is taken but an invalid or expired one, until one is registered."""
    assert (await post(address, {"Authorization": "Bearer bedrock-key"}))[0] == 200
    assert (await post(address, {"Authorization": "Bearer expired-key"}))[1] == "AccessDeniedException"
    assert "make sure your API Key is valid" in (await post(address, {"Authorization": "Bearer invalid"}))[2]
    sim.aws_api_key("bedrock", "secret-key")
    assert (await post(address, {"Authorization": "Bearer bedrock-key"}))[0] == 403
    assert (await post(address, {"Authorization": "Bearer secret-key"}))[0] == 200


async def test_a_registered_key_replaces_that_of_the_documents(sim, address):
    """For its account alone; a wrong name of a key is refused at once."""
    own = ("AKIAQQQQQQQQQQQQQQQQ", "own-secret")
    sim.aws_key("bedrock", *own)
    assert (await post(address, signed(address, key=own)))[0] == 200
    assert (await post(address, signed(address)))[1] == "UnrecognizedClientException"
    other = address.replace("/bedrock/", "/other/")
    assert (await post(other, signed(other)))[0] == 200
    with pytest.raises(ValueError, match="access_key_id"):
        sim.aws_key("bedrock", "short", "secret")
    with pytest.raises(FaultError):
        sim.aws_key("No account", *own)


async def test_a_temporary_key_needs_its_session_token(sim, address):
    """Given out by the token service, used with its token, and of no use without it."""
    async with sdk(f"{sim.url}/bedrock", "sts") as sts:
        given = await sts.call("assume_role", RoleArn=ROLE, RoleSessionName="segue", DurationSeconds=900)
    key = given["Credentials"]
    assert given["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/gateway/segue"
    whole = (key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
    async with sdk(f"{sim.url}/bedrock", key=whole) as bedrock:
        assert (await bedrock.converse(user("hello")))["stopReason"] == "end_turn"
    for wrong in (whole[:2], (*whole[:2], "other-token"), (*EXAMPLE, "any-token")):
        assert (await post(address, signed(address, key=wrong)))[1] == "UnrecognizedClientException"


async def test_a_temporary_key_ends(sim, address, monkeypatch):
    """After as many seconds as were asked for, with an error of its own."""
    async with sdk(f"{sim.url}/bedrock", "sts") as sts:
        key = (await sts.call("assume_role", RoleArn=ROLE, RoleSessionName="segue", DurationSeconds=900))["Credentials"]
    whole = (key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
    assert (await post(address, signed(address, key=whole)))[0] == 200
    real = time.time
    shelf = sim._dispatcher.memory_of("bedrock").shelf("aws.temporary_keys")
    until = shelf.get(whole[0]).expires
    assert 890 < until - real() <= 900
    headers = signed(address, key=whole)
    monkeypatch.setattr("segue.simulator.vendors.aws_signatures.SKEW", 2000)
    monkeypatch.setattr("segue.simulator.vendors.aws_signatures.time.time", lambda: until + 1)
    assert (await post(address, headers))[:2] == (403, "ExpiredTokenException")


@pytest.mark.parametrize(
    ("fields", "key", "expected"),
    [
        ({"RoleArn": "nonsense"}, EXAMPLE, ("ValidationError", 400)),
        ({"RoleSessionName": "a"}, EXAMPLE, ("ValidationError", 400)),
        ({"DurationSeconds": 60}, EXAMPLE, ("ValidationError", 400)),
        ({"RoleArn": "arn:aws:iam::123456789012:role/denied"}, EXAMPLE, ("AccessDenied", 403)),
        ({}, (EXAMPLE[0], "wrong"), ("SignatureDoesNotMatch", 403)),
        ({}, ("AKIAQQQQQQQQQQQQQQQQ", "wrong"), ("InvalidClientTokenId", 403)),
    ],
)
async def test_the_token_service_refuses_in_its_own_words(sim, fields, key, expected):
    """In XML, by names without `Exception`."""
    async with sdk(f"{sim.url}/bedrock", "sts", key) as sts:
        with pytest.raises(ClientError) as caught:
            await sts.call("assume_role", **{"RoleArn": ROLE, "RoleSessionName": "segue", **fields})
    assert told(caught.value)[:2] == expected


async def test_records_show_calls_of_the_token_service_and_no_secret(sim):
    """The role can be seen; signatures and session tokens are reduced."""
    async with sdk(f"{sim.url}/bedrock", "sts") as sts:
        key = (await sts.call("assume_role", RoleArn=ROLE, RoleSessionName="segue"))["Credentials"]
    whole = (key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
    async with sdk(f"{sim.url}/bedrock", key=whole) as bedrock:
        await bedrock.converse()
    first, second = sim.seen("bedrock")
    assert "Action=AssumeRole" in first.body
    assert first.path == "/"
    assert second.headers["x-amz-security-token"] == f"...{whole[2][-4:]}"
    assert second.headers["authorization"].startswith("...")
