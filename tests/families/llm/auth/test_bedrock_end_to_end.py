"""The simulated Bedrock checks every signature: ours are accepted, by key, by credentials and by a role."""

import pytest

from segue import Segue
from segue.core.errors import ProviderFailed
from segue.core.failure import Kind
from segue.simulator import Simulator

NOVA = "amazon.nova-lite-v1:0"
CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ACCESS = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ROLE = "arn:aws:iam::123456789012:role/team/gateway"


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch, tmp_path):
    """No variable and no file of whoever runs the tests."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def bedrock(library: Segue, simulator: Simulator, **settings: str) -> None:
    library.register_provider(
        "bedrock",
        adapter="bedrock",
        base_url=f"{simulator.url}/bedrock",
        allow_private_network=True,
        region="us-east-1",
        **settings,
    )


async def both_ways(library: Segue, model: str) -> None:
    reply = await library.chat("hello", model=f"bedrock/{model}", max_tokens=50)
    assert "hello" in reply.text
    streamed = "".join([piece.text async for piece in library.stream_chat("hello", model=f"bedrock/{model}")])
    assert "hello" in streamed


@pytest.mark.parametrize("model", [NOVA, CLAUDE])
@pytest.mark.parametrize(
    "settings", [{"key": "bedrock-key"}, {"access_key_id": ACCESS, "secret_access_key": SECRET}], ids=["key", "signed"]
)
async def test_a_key_and_a_signature_open_the_door(settings, model):
    async with Simulator(port=0) as simulator, Segue() as library:
        bedrock(library, simulator, **settings)
        await both_ways(library, model)


async def test_credentials_of_the_environment_are_found_when_a_call_needs_them(monkeypatch):
    async with Simulator(port=0) as simulator, Segue() as library:
        bedrock(library, simulator)
        with pytest.raises(ProviderFailed) as error:
            await library.chat("hello", model=f"bedrock/{NOVA}")
        assert error.value.failure.kind is Kind.AUTH
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        await both_ways(library, NOVA)


async def test_a_role_is_taken_on_once_for_many_calls(monkeypatch):
    async with Simulator(port=0) as simulator, Segue() as library:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"{simulator.url}/bedrock")
        bedrock(library, simulator, access_key_id=ACCESS, secret_access_key=SECRET, role_arn=ROLE)
        await both_ways(library, NOVA)
        await both_ways(library, CLAUDE)
        asked = [seen for seen in simulator.seen("bedrock") if "AssumeRole" in str(seen.body)]
        assert len(asked) == 1


async def test_a_wrong_secret_is_a_failure_of_the_key():
    async with Simulator(port=0) as simulator, Segue() as library:
        bedrock(library, simulator, access_key_id=ACCESS, secret_access_key="another")
        with pytest.raises(ProviderFailed) as error:
            await library.chat("hello", model=f"bedrock/{NOVA}")
        assert error.value.failure.kind in {Kind.AUTH, Kind.PERMISSION}
        assert "another" not in error.value.message
