"""Images and documents that callers name by their address, for providers that take them as data only."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
import pytest

from backends.scripted import Peer, Server, answer
from backends.scripted import serving as listening
from segue.app.explain import explain
from support.service import Answer, Serving, serving

CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n%%EOF\n"
SIGNATURE = "X-Amz-Signature=0123456789abcdef"

PROVIDERS: dict[str, Any] = {
    "at-bedrock": {
        "adapter": "bedrock", "base_url": "{sim}/bedrock", "region": "us-east-1", "key": "key-bedrock-1",
        "models": [CLAUDE],
    },
    "at-bedrock-2": {
        "adapter": "bedrock", "base_url": "{sim}/bedrock-2", "region": "us-east-1", "key": "key-bedrock-2",
        "models": [CLAUDE],
    },
    "at-ollama": {"adapter": "ollama", "base_url": "{sim}/ollama/v1", "key": "key-ollama-1", "models": ["llama3.2"]},
    "at-native": {"adapter": "ollama", "native": True, "base_url": "{sim}/ollama", "models": ["llama3.2"]},
    "at-chat": {
        "adapter": "openai", "base_url": "{sim}/chat/v1", "key": "key-of-chat-1", "models": ["gpt-4o"],
        "formats": ["chat"],
    },
}  # fmt: skip
MODELS = {
    "bedrock": [f"at-bedrock/{CLAUDE}"],
    "ollama": ["at-ollama/llama3.2"],
    "native": ["at-native/llama3.2"],
    "chat": ["at-chat/gpt-4o"],
    "twice": [f"at-bedrock/{CLAUDE}", f"at-bedrock-2/{CLAUDE}"],
    "either": [f"at-bedrock/{CLAUDE}", "at-chat/gpt-4o"],
    "neither": [f"at-bedrock/{CLAUDE}", "at-native/llama3.2"],
}
OPEN = {"fetch": {"allow_private_network": True}}


class Files:
    """A server of files on loopback.

    Attributes:
        said: the whole HTTP answer for each path.
        asked: the paths that were asked for, and the heads of their requests.
    """

    def __init__(self) -> None:
        self.said = {"/a.png": answer(PNG, headers="content-type: image/png\r\n")}
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.server: Server | None = None

    def url(self, path: str = "/a.png") -> str:
        assert self.server is not None
        return self.server.url(f"{path}?{SIGNATURE}")

    async def script(self, peer: Peer) -> None:
        while request := (await peer.request()).decode():
            path = request.split()[1].partition("?")[0]
            self.asked.append(path)
            self.heads.append(request)
            if path == "/slow":
                await peer.until_closed()
                return
            await peer.say(self.said.get(path, answer(b"hidden words", status="404 Not Found")))


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    made = Files()
    async with listening(made.script) as made.server:
        yield made


@asynccontextmanager
async def gateway(server: dict[str, Any] | None = None, **sections: Any) -> AsyncIterator[Serving]:
    async with serving(
        providers=PROVIDERS, models=MODELS, server=OPEN if server is None else server, **sections
    ) as made:
        yield made


# One question about an image or a document in each of the clients' formats


def chat(model: str, *urls: str) -> tuple[str, dict[str, Any]]:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    question = {"role": "user", "content": [{"type": "text", "text": "what is this?"}, *parts]}
    messages = [{"role": "system", "content": "be brief"}, question]
    return "/v1/chat/completions", {"model": model, "messages": messages}


def responses(model: str, *urls: str, kind: str = "image") -> tuple[str, dict[str, Any]]:
    name = f"{kind}_url"
    parts = [{"type": f"input_{kind}", name: url} for url in urls]
    content = [{"type": "input_text", "text": "what is this?"}, *parts]
    return "/v1/responses", {"model": model, "input": [{"role": "user", "content": content}]}


def messages(model: str, *urls: str, kind: str = "image") -> tuple[str, dict[str, Any]]:
    parts = [{"type": kind, "source": {"type": "url", "url": url}} for url in urls]
    content = [{"type": "text", "text": "what is this?"}, *parts]
    return "/v1/messages", {"model": model, "max_tokens": 99, "messages": [{"role": "user", "content": content}]}


def gemini(model: str, *urls: str, mime: str = "image/png") -> tuple[str, dict[str, Any]]:
    parts = [{"fileData": {"fileUri": url, "mimeType": mime}} for url in urls]
    content = {"role": "user", "parts": [{"text": "what is this?"}, *parts]}
    return f"/v1beta/models/{model}:generateContent", {"contents": [content]}


CLIENTS = (chat, responses, messages, gemini)
Client = Callable[..., tuple[str, dict[str, Any]]]


async def ask(served: Serving, question: tuple[str, dict[str, Any]], **headers: str) -> Answer:
    path, body = question
    return await served.ask("POST", path, json=body, headers=headers)


def sent(served: Serving, account: str) -> str:
    """The only request that a vendor saw, as text."""
    (record,) = served.sim.seen(account)
    return record.raw_body.decode()


ACCOUNTS = {"bedrock": "bedrock", "ollama": "ollama", "native": "ollama"}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
@pytest.mark.parametrize("model", ACCOUNTS)
async def test_an_image_comes_as_data_whatever_the_client_speaks(files: Files, client: Client, model: str) -> None:
    async with gateway() as served:
        got = await ask(served, client(model, files.url()))
        body = sent(served, ACCOUNTS[model])
    assert got.status == 200, got.body
    assert f"({'image' if model == 'native' else 'image/png'}, 70 bytes)" in got.body.decode()
    assert base64.b64encode(PNG).decode() in body
    assert SIGNATURE not in body
    assert "fetched by Segue and sent as data" in got.headers["x-segue-warnings"]
    assert files.asked == ["/a.png"]


@pytest.mark.parametrize(
    "question",
    [
        responses("bedrock", "{url}", kind="file"),
        messages("bedrock", "{url}", kind="document"),
        gemini("bedrock", "{url}", mime="application/pdf"),
        responses("chat", "{url}", kind="file"),
        messages("chat", "{url}", kind="document"),
        gemini("chat", "{url}", mime="application/pdf"),
    ],
    ids=lambda question: f"{question[0].rpartition('/')[2]}-{question[1].get('model', '')}",
)
async def test_a_document_comes_as_data_too(files: Files, question: tuple[str, dict[str, Any]]) -> None:
    files.said["/a.pdf"] = answer(PDF, headers="content-type: application/octet-stream\r\n")
    path, body = question
    asked = json.loads(json.dumps(body).replace("{url}", files.url("/a.pdf")))
    account = "chat" if "chat" in {body.get("model"), path.rpartition("/")[2].partition(":")[0]} else "bedrock"
    async with gateway() as served:
        got = await ask(served, (path, asked))
        assert got.status == 200, got.body
        assert base64.b64encode(PDF).decode() in sent(served, account)
    assert files.asked == ["/a.pdf"]


async def test_a_document_without_a_type_that_is_a_picture_becomes_an_image(files: Files) -> None:
    async with gateway() as served:
        path, body = gemini("bedrock", files.url())
        del body["contents"][0]["parts"][1]["fileData"]["mimeType"]
        got = await ask(served, (path, body))
        content = json.loads(sent(served, "bedrock"))["messages"][0]["content"]
    assert got.status == 200, got.body
    assert content[1]["image"]["format"] == "png"


async def test_an_image_in_a_tools_result_is_fetched_too(files: Files) -> None:
    image = {"type": "image", "source": {"type": "url", "url": files.url()}}
    turns = [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "see", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [image]}]},
    ]
    tools = [{"name": "see", "input_schema": {"type": "object"}}]
    async with gateway() as served:
        got = await ask(
            served, ("/v1/messages", {"model": "bedrock", "max_tokens": 9, "messages": turns, "tools": tools})
        )
        assert got.status == 200, got.body
        assert base64.b64encode(PNG).decode() in sent(served, "bedrock")


async def test_a_stream_is_asked_for_with_data_and_does_not_keep_it(files: Files) -> None:
    async with gateway() as served:
        path, body = chat("bedrock", files.url())
        got = await ask(served, (path, {**body, "stream": True}))
        assert base64.b64encode(PNG).decode() in sent(served, "bedrock")
        assert [ended.call.fetched for ended in served.calls] == [None]
    assert got.status == 200
    assert got.body.endswith(b"data: [DONE]\n\n")


async def test_data_urls_need_no_fetching(files: Files) -> None:
    async with gateway() as served:
        got = await ask(served, chat("bedrock", f"data:image/png;base64,{base64.b64encode(PNG).decode()}"))
    assert got.status == 200
    assert "x-segue-warnings" not in got.headers
    assert files.asked == []


async def test_an_address_is_fetched_once_however_often_it_stands_there(files: Files) -> None:
    async with gateway() as served:
        got = await ask(served, chat("bedrock", files.url(), files.url(), files.url()))
        assert sent(served, "bedrock").count(base64.b64encode(PNG).decode()) == 3
    assert got.status == 200
    assert files.asked == ["/a.png"]


async def test_a_failover_does_not_fetch_twice(files: Files) -> None:
    async with gateway() as served:
        served.sim.fault("bedrock", "status", code=500)
        got = await ask(served, chat("twice", files.url()))
        assert (got.status, got.headers["x-segue-provider"]) == (200, "at-bedrock-2")
        assert [len(served.sim.seen(account)) for account in ("bedrock", "bedrock-2")] == [1, 1]
    assert files.asked == ["/a.png"]


async def test_a_provider_that_takes_addresses_gets_the_address(files: Files) -> None:
    async with gateway() as served:
        got = await ask(served, messages("chat", files.url()))
        assert files.url() in sent(served, "chat")
    assert got.status == 200
    assert files.asked == []


async def test_nothing_of_the_caller_and_nothing_of_a_provider_goes_along(files: Files) -> None:
    async with gateway() as served:
        got = await ask(
            served, chat("bedrock", files.url()), authorization="Bearer sk-of-the-caller", cookie="a=b", referer="me"
        )
    assert got.status == 200
    names = {line.partition(":")[0].lower() for line in files.heads[0].strip().split("\r\n")[1:]}
    assert names == {"host", "accept", "user-agent", "accept-encoding"}


# What cannot be fetched


def told(got: Answer, client: Client) -> tuple[str, str | None]:
    """The message of an error in the client's own shape, and the field that it names."""
    error = got.json["error"]
    if client is messages:
        assert (got.json["type"], error["type"]) == ("error", "invalid_request_error")
    elif client is gemini:
        assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    else:
        assert (error["type"], error["code"]) == ("invalid_request_error", "media_not_fetched")
    return error["message"], error.get("param")


FIELDS: dict[Client, str] = {
    chat: "messages[1].content[1].image_url.url",
    responses: "input[0].content[1].image_url",
    messages: "messages.0.content.1.source.url",
    gemini: "contents[0].parts[1].fileData.fileUri",
}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
@pytest.mark.parametrize("model", ACCOUNTS)
async def test_the_error_names_the_field_in_the_clients_own_words(files: Files, client: Client, model: str) -> None:
    async with gateway() as served:
        got = await ask(served, client(model, files.url("/gone")))
        assert served.sim.seen() == []
    assert got.status == 400
    message, param = told(got, client)
    assert message.startswith(f"{FIELDS[client]}: the image could not be fetched: its server answered with status 404")
    assert param == (FIELDS[client] if client in {chat, responses} else None)
    assert got.json["segue"]["code"] == "media_not_fetched"
    assert "hidden words" not in got.body.decode()
    assert SIGNATURE not in got.body.decode()


@pytest.mark.parametrize("model", ACCOUNTS)
async def test_private_addresses_are_not_connected_to_although_the_provider_may_be_private(
    files: Files, model: str
) -> None:
    async with gateway({}) as served:
        got = await ask(served, chat(model, files.url()))
        assert served.sim.seen() == []
    assert got.status == 400
    assert "its host has no address on the public Internet" in got.error["message"]
    assert files.server is not None
    assert files.server.peers == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(b"<html>", headers="content-type: image/png\r\n"), "none of image/png, image/jpeg, image/gif"),
        (answer(b"", headers="content-type: image/png\r\n"), "none of image/png"),
        (answer(PDF, headers="content-type: image/png\r\n"), "none of image/png"),
        (answer(PNG + bytes(4_000_000)), "it is larger than 3.75 MiB"),
        (answer(b"", status="302 Found", headers="location: ftp://example.com/\r\n"), "redirects to what is no plain"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "it did not come within 0.3 s"),
        (b"nonsense\r\n\r\n", "sent what is no answer"),
    ],
    ids=["a page", "nothing", "a document", "too large", "elsewhere", "half", "no http"],
)
async def test_what_is_of_no_use_is_told_and_sent_nowhere(files: Files, said: bytes, why: str) -> None:
    files.said["/odd"] = said
    async with gateway({"fetch": {"allow_private_network": True, "timeout": "300ms"}}) as served:
        got = await ask(served, chat("bedrock", files.url("/odd")))
        assert served.sim.seen() == []
    assert (got.status, got.error["code"]) == (400, "media_not_fetched")
    assert why in got.error["message"]


async def test_a_picture_is_taken_for_what_it_is_and_not_for_what_its_server_calls_it(files: Files) -> None:
    files.said["/odd"] = answer(PNG, headers="content-type: text/html\r\n")
    async with gateway() as served:
        got = await ask(served, chat("bedrock", files.url("/odd")))
        assert json.loads(sent(served, "bedrock"))["messages"][0]["content"][1]["image"]["format"] == "png"
    assert got.status == 200


async def test_more_images_than_the_vendor_takes_are_not_fetched_at_all(files: Files) -> None:
    async with gateway() as served:
        got = await ask(served, chat("bedrock", *(files.url(f"/{number}.png") for number in range(21))))
    assert got.status == 400
    assert got.error["param"] == "messages[1].content[21].image_url.url"
    assert "20 are fetched for one request" in got.error["message"]
    assert files.asked == []


async def test_providers_that_take_addresses_are_asked_when_it_cannot_be_fetched(files: Files) -> None:
    async with gateway() as served:
        got = await ask(served, messages("either", files.url("/gone")), **{"x-segue-max-attempts": "1"})
        assert (got.status, got.headers["x-segue-provider"]) == (200, "at-chat")
        assert files.url("/gone") in sent(served, "chat")


async def test_nobody_else_fetches_again_what_could_not_be_fetched(files: Files) -> None:
    async with gateway() as served:
        got = await ask(served, chat("neither", files.url("/gone")))
    assert (got.status, got.error["code"]) == (400, "media_not_fetched")
    assert files.asked == ["/gone"]


async def test_a_slow_server_is_no_failure_of_the_provider(files: Files) -> None:
    policies = {"default": {"retries": 0, "breaker": {"failures": 1}, "timeouts": {"total": "400ms"}}}
    async with gateway(policies=policies) as served:
        for _ in range(3):
            got = await ask(served, chat("bedrock", files.url("/slow")))
            assert (got.status, got.error["code"]) == (400, "media_not_fetched")
            assert "it did not come within 0.2 s" in got.error["message"]
        assert (await ask(served, chat("bedrock", files.url()))).status == 200
        assert served.in_flight() == 0


async def test_the_deadline_counts_while_something_is_fetched(files: Files) -> None:
    policies = {"default": {"retries": 0, "breaker": {"failures": 1}}}
    async with gateway(policies=policies) as served:
        began = asyncio.get_running_loop().time()
        got = await ask(served, chat("bedrock", files.url("/slow")), **{"x-segue-deadline-ms": "200"})
        assert asyncio.get_running_loop().time() - began < 3
        assert (got.status, got.error["code"]) == (504, "deadline_exceeded")
        assert (await ask(served, chat("bedrock", files.url()))).status == 200
        assert files.server is not None
        await files.server.until(lambda: files.server is not None and files.server.open <= 1)


async def test_fetching_can_be_switched_off(files: Files) -> None:
    async with gateway({"fetch": {"enabled": False, "allow_private_network": True}}) as served:
        for model, remedy in (
            ("bedrock", "send the image as data, or as a file 's3://…'"),
            ("native", "send the image as data"),
            ("ollama", "send the image as data"),
        ):
            got = await ask(served, chat(model, files.url()))
            assert (got.status, got.error["code"]) == (400, "unsupported")
            assert got.error["param"] == "messages.content.image_url"
            assert remedy in got.error["message"]
            assert "these may: at-chat/gpt-4o" in got.error["message"]
        assert served.sim.seen() == []
    assert files.asked == []


async def test_an_explanation_fetches_nothing(files: Files) -> None:
    async with gateway() as served:
        snapshot = served.service.running.engine.snapshot
        explained = explain(snapshot.lines["chat"], "bedrock", None, snapshot.version)
        assert explained.winner == f"at-bedrock/{CLAUDE}"
    assert files.asked == []


async def test_what_lies_at_an_address_is_counted_with_the_rest(files: Files) -> None:
    path, body = messages("bedrock", files.url())
    async with gateway() as served:
        got = await ask(served, (f"{path}/count_tokens", body))
        assert base64.b64encode(PNG).decode() in sent(served, "bedrock")
    assert got.status == 200, got.body
    assert "x-segue-warnings" not in got.headers
    assert files.asked == ["/a.png"]


async def test_no_address_is_recorded(files: Files) -> None:
    async with gateway() as served:
        got = await ask(served, chat("bedrock", files.url("/gone")))
        kept = await served.ask("GET", f"/v1/calls/{got.headers['x-segue-call-id']}")
        assert kept.status == 200
        assert "media_not_fetched" in kept.body.decode()
        assert "/gone" not in kept.body.decode()
        assert SIGNATURE not in kept.body.decode()


# The official SDKs


async def test_the_openai_sdk_asks_bedrock_about_an_image_by_its_address(files: Files) -> None:
    async with gateway() as served, served.sdk() as sdk:
        _, body = chat("bedrock", files.url())
        done = await sdk.chat.completions.create(**body)
        assert "images: 1 (image/png, 70 bytes)" in (done.choices[0].message.content or "")
        _, body = chat("bedrock", files.url("/gone"))
        with pytest.raises(openai.BadRequestError) as caught:
            await sdk.chat.completions.create(**body)
    assert (caught.value.code, caught.value.param) == ("media_not_fetched", FIELDS[chat])


async def test_the_anthropic_sdk_asks_ollama_about_an_image_by_its_address(files: Files) -> None:
    async with (
        gateway() as served,
        anthropic.AsyncAnthropic(base_url=served.url, api_key="not-needed", max_retries=0) as sdk,
    ):
        _, body = messages("ollama", files.url())
        done = await sdk.messages.create(**body)
        assert "images: 1" in done.content[0].text
        _, body = messages("ollama", files.url("/gone"))
        with pytest.raises(anthropic.BadRequestError, match=r"messages\.0\.content\.1\.source\.url.*status 404"):
            await sdk.messages.create(**body)
