"""AWS credentials are found where AWS's own SDKs find them, in the same order, and a role is taken on over STS."""

from pathlib import Path

import pytest

from families.llm.auth.support import form, sts, told
from segue.core.failure import Executed, Kind, Scope
from segue.core.ports import TransportError, WireRequest
from segue.families.llm.auth.aws_credentials import AwsChain, AwsSettings
from segue.families.llm.auth.bedrock import BedrockAuthoriser
from segue.testing import FakeClock, ScriptedTransport, refuses, replies

STS = "sts.eu-central-1.amazonaws.com"
STATIC = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "secret-1"}
NO_MACHINE = {"AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture
def home(tmp_path: Path):
    """A home directory whose `.aws` files a test writes."""
    (tmp_path / ".aws").mkdir()
    return tmp_path


async def find(environ: dict, home: Path, hosts: dict | None = None, **settings):
    network = ScriptedTransport(hosts or {})
    chain = AwsChain(AwsSettings("eu-central-1", **settings), {"HOME": str(home), **NO_MACHINE, **environ})
    lease = await chain(network, FakeClock())
    assert not network.open
    return lease, network


async def failure_of(*args, **settings):
    with pytest.raises(TransportError) as error:
        await find(*args, **settings)
    failure = error.value.failure
    assert failure.executed is Executed.NO
    assert failure.scope is Scope.KEY
    return failure


async def test_credentials_of_the_configuration_come_first(home):
    lease, _ = await find(STATIC, home, access_key="AKIA0", secret_key="s", token="t")
    assert (lease.token.access_key, lease.token.token, lease.until) == ("AKIA0", "t", None)


async def test_the_environment_comes_before_the_files(home):
    (home / ".aws/credentials").write_text("[default]\naws_access_key_id=AKIA2\naws_secret_access_key=s\n")
    lease, _ = await find({**STATIC, "AWS_SESSION_TOKEN": "t"}, home)
    assert (lease.token.access_key, lease.token.secret_key, lease.token.token) == ("AKIA1", "secret-1", "t")


async def test_a_profile_of_the_configuration_comes_before_the_environment(home):
    (home / ".aws/credentials").write_text("[work]\naws_access_key_id = AKIA2\naws_secret_access_key = s=/+\n")
    lease, _ = await find(STATIC, home, profile="work")
    assert (lease.token.access_key, lease.token.secret_key) == ("AKIA2", "s=/+")


async def test_the_profile_of_the_environment_and_files_elsewhere_are_read(home):
    elsewhere = home / "my.ini"
    elsewhere.write_text("[other]\naws_access_key_id=AKIA3\naws_secret_access_key=s\naws_session_token=t\n")
    lease, _ = await find({"AWS_PROFILE": "other", "AWS_SHARED_CREDENTIALS_FILE": str(elsewhere)}, home)
    assert (lease.token.access_key, lease.token.token) == ("AKIA3", "t")


async def test_a_profile_with_a_role_takes_it_on_with_its_source(home):
    (home / ".aws/credentials").write_text("[base]\naws_access_key_id=AKIA4\naws_secret_access_key=s\n")
    (home / ".aws/config").write_text(
        "[profile work]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\nexternal_id=x\nrole_session_name=me\n"
    )
    lease, network = await find({}, home, {STS: [sts()]}, profile="work")
    assert (lease.token.access_key, lease.token.secret_key) == ("ASIA1", "secret/of+role")
    assert (lease.token.token, lease.until) == ("token&of=role", 1_700_003_600.0)
    sent = form(network.requests[0])
    assert (sent["Action"], sent["RoleArn"]) == ("AssumeRole", "arn:aws:iam::1:role/r")
    assert (sent["ExternalId"], sent["RoleSessionName"]) == ("x", "me")
    assert "Credential=AKIA4/20231114/eu-central-1/sts/aws4_request" in network.requests[0].headers["authorization"]


async def test_a_role_may_lead_to_another_role(home):
    (home / ".aws/config").write_text(
        "[profile a]\nrole_arn=arn:a\nsource_profile=b\n[profile b]\nrole_arn=arn:b\nsource_profile=c\n"
        "[profile c]\naws_access_key_id=AKIA5\naws_secret_access_key=s\n"
    )
    lease, network = await find({}, home, {STS: [sts("ASIA-b"), sts("ASIA-a")]}, profile="a")
    assert lease.token.access_key == "ASIA-a"
    assert [form(request)["RoleArn"] for request in network.requests] == ["arn:b", "arn:a"]
    assert "Credential=ASIA-b/" in network.requests[1].headers["authorization"]
    assert network.requests[1].headers["x-amz-security-token"] == "token&of=role"


async def test_roles_that_lead_in_a_circle_are_an_error(home):
    (home / ".aws/config").write_text(
        "[profile a]\nrole_arn=x\nsource_profile=b\n[profile b]\nrole_arn=y\nsource_profile=a\n"
    )
    failure = await failure_of({}, home, profile="a")
    assert failure.kind is Kind.AUTH
    assert "without an end" in failure.message


async def test_a_role_of_the_configuration_is_taken_on_with_whatever_was_found(home):
    lease, network = await find(STATIC, home, {STS: [sts()]}, role="arn:aws:iam::1:role/r", session="my service!")
    assert lease.token.access_key == "ASIA1"
    assert form(network.requests[0])["RoleSessionName"] == "my-service-"


async def test_a_web_identity_is_exchanged_without_a_signature(home):
    """In Kubernetes a pod's token stands for credentials."""
    (home / "token").write_text("jwt-of-the-pod\n")
    environ = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": str(home / "token")}
    lease, network = await find(environ, home, {STS: [sts()]})
    assert lease.token.access_key == "ASIA1"
    sent = form(network.requests[0])
    assert (sent["Action"], sent["WebIdentityToken"]) == ("AssumeRoleWithWebIdentity", "jwt-of-the-pod")
    assert "authorization" not in network.requests[0].headers


@pytest.mark.parametrize(
    ("environ", "host", "url"),
    [
        ({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"}, "169.254.170.2", "http://169.254.170.2/v2/x"),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/c",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "T",
            },
            "169.254.170.23",
            "http://169.254.170.23/v1/c",
        ),
    ],
)
async def test_a_container_is_asked_with_its_token(home, environ, host, url):
    lease, network = await find(environ, home, {host: [told()]})
    assert (lease.token.access_key, lease.until) == ("ASIA2", 1_700_003_600.0)
    assert network.requests[0].url == url
    assert network.requests[0].headers.get("authorization") == environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")


async def test_a_containers_token_goes_nowhere_else_without_tls(home):
    failure = await failure_of({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.example.com/"}, home)
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in failure.message


async def test_the_machine_is_asked_last_and_by_its_second_version(home):
    machine = [replies(b"session"), replies(b"my-role\n"), told("ASIA9")]
    lease, network = await find({"AWS_EC2_METADATA_DISABLED": "false"}, home, {"169.254.169.254": machine})
    assert lease.token.access_key == "ASIA9"
    assert [request.method for request in network.requests] == ["PUT", "GET", "GET"]
    assert network.requests[2].url.endswith("/security-credentials/my-role")
    assert network.requests[2].headers["x-aws-ec2-metadata-token"] == "session"


async def test_without_any_credentials_the_remedy_is_named(home):
    failure = await failure_of({"AWS_EC2_METADATA_DISABLED": "false"}, home, {"169.254.169.254": [refuses()]})
    assert failure.kind is Kind.AUTH
    assert "AWS_ACCESS_KEY_ID" in failure.message


async def test_a_profile_that_is_not_there_is_named(home):
    assert "'nobody'" in (await failure_of(STATIC, home, profile="nobody")).message


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (
            replies(b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", status=403),
            "auth",
            "AccessDenied",
        ),
        (
            replies(b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>", status=400),
            "slow",
            "Throttling",
        ),
        (replies(b"<html>", status=503), "server", None),
        (replies(b"<AssumeRoleResponse/>"), "bad", None),
        (replies(b'{"AccessKeyId": "x"}'), "bad", None),
        (refuses(), "connect", None),
    ],
)
async def test_what_sts_says_instead_becomes_a_failure_of_the_key(home, answer, kind, code):
    kinds = {
        "auth": Kind.AUTH,
        "slow": Kind.RATE_LIMITED,
        "server": Kind.SERVER_ERROR,
        "bad": Kind.BAD_RESPONSE,
        "connect": Kind.CONNECT,
    }
    failure = await failure_of(STATIC, home, {STS: [answer]}, role="arn:r")
    assert failure.kind is kinds[kind]
    assert failure.vendor_code == code
    assert "secret-1" not in failure.message


async def test_bedrock_signs_with_what_was_found_and_leaves_a_key_alone(home):
    chain = AwsChain(AwsSettings("eu-central-1"), {"HOME": str(home), **STATIC})
    authoriser = BedrockAuthoriser("eu-central-1", chain)
    request = WireRequest("POST", "https://bedrock-runtime.eu-central-1.amazonaws.com/model/m/converse", {}, b"{}")
    network, clock = ScriptedTransport(), FakeClock()
    signed = await authoriser.authorise(request, "", network, clock)
    assert "Credential=AKIA1/20231114/eu-central-1/bedrock/aws4_request" in signed.headers["authorization"]
    assert await authoriser.authorise(request, "bedrock-api-key", network, clock) is request


def test_settings_show_no_secret():
    shown = repr(AwsSettings("r", "AKIA", "very-secret", "session-token"))
    assert "very-secret" not in shown
    assert "session-token" not in shown
