"""Amazon's own SDK as a client of the simulator; it is synchronous, so every call runs in a thread."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

boto3 = pytest.importorskip("boto3", reason="Amazon's SDK is not installed")
Config = pytest.importorskip("botocore.config").Config
ClientError = pytest.importorskip("botocore.exceptions").ClientError
EventStreamError = pytest.importorskip("botocore.exceptions").EventStreamError
SigV4Auth = pytest.importorskip("botocore.auth").SigV4Auth
AWSRequest = pytest.importorskip("botocore.awsrequest").AWSRequest
Credentials = pytest.importorskip("botocore.credentials").Credentials
EventStreamBuffer = pytest.importorskip("botocore.eventstream").EventStreamBuffer
ChecksumMismatch = pytest.importorskip("botocore.eventstream").ChecksumMismatch

EXAMPLE = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
NOVA = "amazon.nova-lite-v1:0"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": SCHEMA}}}]}


def user(*content: Any) -> dict:
    return {"role": "user", "content": [{"text": one} if isinstance(one, str) else one for one in content]}


def assistant(*content: Any) -> dict:
    return user(*content) | {"role": "assistant"}


class Sdk:
    """One client of one of Amazon's services."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def call(self, operation: str, **fields: Any) -> dict:
        return await asyncio.to_thread(getattr(self.client, operation), **fields)

    async def converse(self, *messages: dict, model: str = CLAUDE, **fields: Any) -> dict:
        return await self.call("converse", modelId=model, messages=list(messages) or [user("hello")], **fields)

    async def stream(self, *messages: dict, model: str = CLAUDE, **fields: Any) -> list[dict]:
        """All events of a stream."""

        def run() -> list[dict]:
            asked = list(messages) or [user("hello")]
            with closing(self.client.converse_stream(modelId=model, messages=asked, **fields)["stream"]) as events:
                return list(events)

        return await asyncio.to_thread(run)

    async def refused(self, *messages: dict, **fields: Any) -> tuple[str, int, str]:
        """The name, the status and the message of the error that a request meets."""
        with pytest.raises(ClientError) as caught:
            await self.converse(*messages, **fields)
        return told(caught.value)


def told(error: ClientError) -> tuple[str, int, str]:
    """The name, the status and the message of an error."""
    shown = error.response["Error"]
    return shown["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"], shown["Message"]


@asynccontextmanager
async def sdk(url: str, service: str = "bedrock-runtime", key: tuple[str, ...] = EXAMPLE) -> AsyncIterator[Sdk]:
    """A client without retries and without any setting of this machine."""
    session = boto3.Session(*key, region_name="us-east-1")
    settings = Config(retries={"total_max_attempts": 1}, read_timeout=5, parameter_validation=False)
    client = session.client(service, endpoint_url=url, config=settings)
    try:
        yield Sdk(client)
    finally:
        client.close()
