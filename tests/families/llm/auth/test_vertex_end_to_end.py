"""A service account signs its way into the simulated Vertex AI, and both makers' models answer there."""

import pytest
from cryptography.hazmat.primitives import serialization

from families.llm.auth.support import RSA_KEY, account
from segue import Segue
from segue.core.errors import ProviderFailed
from segue.core.failure import Kind
from segue.simulator import Simulator

EMAIL = "segue@p.iam.gserviceaccount.com"
PUBLIC = (
    RSA_KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


def vertex(library: Segue, simulator: Simulator, **changes: str) -> None:
    library.register_provider(
        "vertex",
        adapter="vertex",
        base_url=f"{simulator.url}/vertex",
        allow_private_network=True,
        project="my-project",
        location="us-central1",
        credentials=account(token_uri=f"{simulator.url}/vertex/token", **changes),
    )


async def test_gemini_and_claude_answer_with_one_token():
    async with Simulator(port=0) as simulator, Segue() as library:
        simulator.service_account("vertex", EMAIL, PUBLIC)
        vertex(library, simulator)
        for model in ("gemini-2.5-flash", "claude-sonnet-4-5@20250929"):
            reply = await library.chat("hello", model=f"vertex/{model}", max_tokens=50)
            assert "hello" in reply.text
            streamed = "".join([piece.text async for piece in library.stream_chat("hello", model=f"vertex/{model}")])
            assert "hello" in streamed
        paths = [seen.path for seen in simulator.seen("vertex")]
        assert paths.count("/token") == 1
        assert len(paths) == 5


async def test_an_account_that_google_does_not_know_is_a_failure_of_the_key():
    async with Simulator(port=0) as simulator, Segue() as library:
        simulator.service_account("vertex", "another@p.iam.gserviceaccount.com", PUBLIC)
        vertex(library, simulator)
        with pytest.raises(ProviderFailed) as error:
            await library.chat("hello", model="vertex/gemini-2.5-flash")
        assert error.value.failure.kind is Kind.AUTH
        assert "invalid_grant" in error.value.message
