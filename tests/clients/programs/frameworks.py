"""LangChain's and LlamaIndex's agents call a tool and tell what it said; one JSON line for each model and class."""

import asyncio
import json
import sys

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai_like import OpenAILike

HELLO = "hello in 12 words"
USE = "use the tool weather"


def weather(place: str) -> str:
    """Tell the weather of a place."""
    return f"sunny-4711 at {place}"


def tell(speaks, name, words, streamed, answer):
    heard = "sunny-4711" in answer
    line = {"speaks": speaks, "name": name, "words": words, "streamed": streamed, "heard": heard}
    sys.stdout.write(f"{json.dumps(line)}\n")


base, *names = sys.argv[1:]
for name in names:
    for speaks, model in {
        "chat": ChatOpenAI(model=name, base_url=f"{base}/v1", api_key="none", max_retries=0),
        "responses": ChatOpenAI(
            model=name, base_url=f"{base}/v1", api_key="none", max_retries=0, use_responses_api=True
        ),
        "messages": ChatAnthropic(model=name, base_url=base, api_key="none", max_retries=0),
        "gemini": ChatGoogleGenerativeAI(model=name, base_url=base, api_key="none", max_retries=1, vertexai=False),
    }.items():
        words = len(model.invoke(HELLO).text.split())
        streamed = len("".join(piece.text for piece in model.stream(HELLO)).split())
        answer = create_agent(model, [weather]).invoke({"messages": [("user", USE)]})["messages"][-1].text
        tell(speaks, name, words, streamed, answer)
    like = OpenAILike(
        model=name, api_base=f"{base}/v1", api_key="none", is_chat_model=True, is_function_calling_model=True,
        context_window=100_000, max_retries=0,
    )  # fmt: skip
    streamed = "".join(piece.delta or "" for piece in like.stream_complete(HELLO))

    async def loop(model):
        return str(await FunctionAgent(tools=[weather], llm=model, streaming=False).run(USE))

    tell("llama-index", name, len(str(like.complete(HELLO)).split()), len(streamed.split()), asyncio.run(loop(like)))
