"""LangChain's three classes for Bedrock: an agent calls a tool and tells what it said; one JSON line for each."""

import json
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from langchain.agents import create_agent
from langchain_aws import ChatBedrock, ChatBedrockConverse
from langchain_aws.chat_models.anthropic import ChatAnthropicBedrock

HELLO = "hello in 12 words"
USE = "use the tool weather"

base, *names = sys.argv[1:]
client = boto3.client(
    "bedrock-runtime", endpoint_url=base, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
)
client.meta.events.register("before-call", lambda params, **_: params["headers"].update({"x-api-key": "none"}))
given = {"client": client, "bedrock_client": client, "provider": "anthropic", "disable_streaming": False}


def weather(place: str) -> str:
    """Tell the weather of a place."""
    return f"sunny-4711 at {place}"


def tell(speaks, name, model):
    whole = model.invoke(HELLO)
    pieces = list(model.stream(HELLO))
    streamed = "".join(piece.text for piece in pieces)
    answer = create_agent(model, [weather]).invoke({"messages": [("user", USE)]})["messages"][-1].text
    line = {
        "speaks": speaks,
        "name": name,
        "words": len(whole.text.split()),
        "streamed": len(streamed.split()),
        "heard": "sunny-4711" in answer,
        "counted": whole.usage_metadata["output_tokens"],
    }
    sys.stdout.write(f"{json.dumps(line)}\n")


for name in names:
    tell("converse", name, ChatBedrockConverse(model=name, **given))
    tell("invoke for Claude", name, ChatAnthropicBedrock(model=name, region_name="us-east-1", max_tokens=2000))
    if "claude" in name:  # for other names this class writes no tools
        tell("invoke", name, ChatBedrock(model=name, beta_use_converse_api=False, max_tokens=2000, **given))
