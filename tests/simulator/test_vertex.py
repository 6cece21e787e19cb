"""Vertex AI: the token server, Gemini with access tokens, and Claude through `rawPredict`."""

import base64
import json
import time

import anthropic
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from segue.simulator import Simulator
from segue.simulator.vendors.vertex_keys import read_public_key

# The SDK subclasses aiohttp's session, which aiohttp discourages.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
EMAIL = "gateway@project.iam.gserviceaccount.com"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GOOGLE = "/vertex/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:generateContent"
BODY = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def assertion(sim: Simulator, key: rsa.RSAPrivateKey, algorithm: str = "RS256", **claims: object) -> str:
    now = int(time.time())
    usual = {"iss": EMAIL, "scope": SCOPE, "aud": f"{sim.url}/vertex/token", "iat": now, "exp": now + 3600}
    header = encoded(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    signed = f"{header}.{encoded(json.dumps(usual | claims).encode())}"
    return f"{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


async def token(web, text: str, status: int = 200) -> dict:
    async with web.post("/vertex/token", data={"grant_type": GRANT, "assertion": text}) as answer:
        assert answer.status == status
        return await answer.json()


async def test_an_assertion_is_exchanged_for_a_token(sim, web, key):
    """The token lives for an hour and opens the door; another one does not; the records count the requests."""
    sim.service_account("vertex", EMAIL, public(key))
    given = await token(web, assertion(sim, key))
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 3600)
    for sent, status in ((given["access_token"], 200), ("another", 401)):
        async with web.post(GOOGLE, json=BODY, headers={"Authorization": f"Bearer {sent}"}) as answer:
            assert answer.status == status
    assert [record.path for record in sim.seen("vertex")].count("/token") == 1
    assert "assertion" not in str(sim.seen("vertex")[0].as_json()["body"])


async def test_a_token_expires(sim, web, key):
    """After `expires_in` it is refused as unauthenticated."""
    sim.service_account("vertex", EMAIL, public(key), lives=0)
    given = await token(web, assertion(sim, key))
    assert given["expires_in"] == 0
    async with web.post(GOOGLE, json=BODY, headers={"Authorization": f"Bearer {given['access_token']}"}) as answer:
        assert (await answer.json())["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "stranger@project"}, "invalid_grant"),
        ({"aud": "https://example.com/token"}, "invalid_grant"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"exp": int(time.time()) + 9000}, "invalid_grant"),
        ({"iat": int(time.time()) - 9000, "exp": int(time.time()) - 8000}, "invalid_grant"),
        ({"exp": "soon"}, "invalid_grant"),
        ({"algorithm": "HS256"}, "invalid_grant"),
    ],
)
async def test_a_wrong_assertion_is_refused(sim, web, key, claims, error):
    """Status 400 with the error of RFC 6749 and a description."""
    sim.service_account("vertex", EMAIL, public(key))
    refused = await token(web, assertion(sim, key, **claims), 400)
    assert refused["error"] == error
    assert refused["error_description"]


async def test_a_foreign_signature_is_refused(sim, web, key):
    """Another key, and no signature at all."""
    sim.service_account("vertex", EMAIL, public(key))
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert (await token(web, assertion(sim, foreign), 400))["error_description"] == "Invalid JWT Signature."
    unsigned = assertion(sim, key).rpartition(".")[0]
    assert (await token(web, unsigned, 400))["error"] == "invalid_grant"
    async with web.post("/vertex/token", data={"grant_type": "password"}) as answer:
        assert (await answer.json())["error"] == "unsupported_grant_type"


def test_only_rsa_keys_are_registered(key):
    """Another kind of key, a short one and nonsense are named as wrong; a right one is read as it is."""
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    other = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*form).decode()
    for wrong in (other, "", "nonsense", public(key)[:200], public(key).replace("MII", "AII")):
        with pytest.raises(ValueError, match="public_key: must be an RSA public key"):
            read_public_key(wrong)
    found = read_public_key(public(key))
    numbers = key.public_key().public_numbers()
    assert (found.modulus, found.exponent) == (numbers.n, numbers.e)


async def test_gemini_answers_the_official_sdk(sim):
    """Whole and streamed, with a token in place of a key."""
    options = types.HttpOptions(base_url=f"{sim.url}/vertex", retry_options=types.HttpRetryOptions(attempts=1))
    client = genai.Client(
        vertexai=True, project="p", location="l", credentials=Credentials("any-token"), http_options=options
    )
    answer = await client.aio.models.generate_content(model="gemini-2.5-flash", contents="in 4 words")
    stream = await client.aio.models.generate_content_stream(model="gemini-2.5-flash", contents="in 4 words")
    assert "".join([chunk.text or "" async for chunk in stream]) == answer.text
    counted = await client.aio.models.count_tokens(model="gemini-2.5-flash", contents="in 4 words")
    assert counted.total_tokens == answer.usage_metadata.prompt_token_count
    with pytest.raises(errors.ClientError, match="Publisher Model"):
        await client.aio.models.generate_content(model="missing-model", contents="x")
    await client.aio.aclose()
    client.close()


async def test_claude_answers_the_official_sdk(sim):
    """Whole, streamed, counted; the identifiers bear the platform's prefix."""
    async with anthropic.AsyncAnthropicVertex(
        region="l", project_id="p", access_token="a-token", base_url=f"{sim.url}/vertex/v1", max_retries=0
    ) as claude:
        asked = {"model": "claude-haiku-4-5@20251001", "messages": [{"role": "user", "content": "in 4 words"}]}
        message = await claude.messages.create(max_tokens=50, **asked)
        assert message.id.startswith("msg_vrtx_")
        async with claude.messages.stream(max_tokens=50, **asked) as stream:
            assert await stream.get_final_text() == message.content[0].text
        assert (await claude.messages.count_tokens(**asked)).input_tokens == message.usage.input_tokens
        with pytest.raises(anthropic.BadRequestError, match="first message must use") as caught:
            await claude.messages.create(
                max_tokens=5, model="claude-haiku-4-5", messages=[{"role": "assistant", "content": "x"}]
            )
        assert caught.value.body["request_id"].startswith("req_vrtx_")
    assert sim.seen("vertex")[1].path.endswith("claude-haiku-4-5@20251001:streamRawPredict")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "anthropic_version: Field required"),
        ({"anthropic_version": "2023-06-01"}, "anthropic_version: Input should be 'vertex-2023-10-16' or '2026-10-21'"),
        ({"anthropic_version": "vertex-2023-10-16", "model": "m"}, "model: Extra inputs are not permitted"),
    ],
)
async def test_claude_wants_its_version_in_the_body_and_no_model(web, fields, message):
    """In the publisher's own form of error."""
    path = "/vertex/v1/projects/p/locations/l/publishers/anthropic/models/claude-haiku-4-5:rawPredict"
    body = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 5, **fields}
    async with web.post(path, json=body, headers={"Authorization": "Bearer a-token"}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["message"] == message


async def test_a_quota_is_the_platforms_own_error(sim, web):
    """429 comes in Google's form for either publisher, an overload in the publisher's."""
    path = "/vertex/v1/projects/p/locations/l/publishers/anthropic/models/claude-haiku-4-5:rawPredict"
    for code, kind in ((429, "RESOURCE_EXHAUSTED"), (529, "overloaded_error")):
        sim.fault("vertex", "status", code=code, times=1)
        async with web.post(path, json={}) as answer:
            error = (await answer.json())["error"]
            assert kind in {error.get("status"), error.get("type")}


async def test_no_token_no_answer(web):
    """Status 401 in Google's form."""
    async with web.post(GOOGLE, json=BODY) as answer:
        assert answer.status == 401
        assert (await answer.json())["error"]["status"] == "UNAUTHENTICATED"
