"""The clients of the wall: the official SDKs, and bytes where none speaks a format, all reporting in the same words."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import anthropic
import httpx2
import openai
from google import genai
from google.genai import errors as google
from google.genai import types

ASKED: Final = "hello in 12 words"
PATIENCE: Final = 3.0
"""Seconds for the rest of a body of which the SDK has seen enough."""

_recorded: ContextVar["Heard"] = ContextVar("recorded")


@dataclass
class Heard:
    """What one call came to.

    Attributes:
        text: all words that came, whatever happened after them.
        whole: whether the client takes the answer for a whole one.
        reason: why it ended, in the client's own word; empty where it never ended.
        raised: the name of the SDK's exception.
        wrong: what must never happen: another exception, an end that the SDK does not notice.
        status: of HTTP.
        headers: of HTTP, names in lower case.
        body: every byte that came.
        ended: whether the body came to its proper end.
        elapsed: seconds until all was known.
        stream: the body as it comes.
    """

    text: str = ""
    whole: bool = False
    reason: str = ""
    raised: str = ""
    wrong: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    elapsed: float = 0.0
    stream: Any = None

    @property
    def code(self) -> str:
        """Segue's stable word for an error that came instead of an answer."""
        told = json.loads(bytes(self.body))
        return str((told[0] if isinstance(told, list) else told)["segue"]["code"])


class _Stream(httpx2.AsyncByteStream):
    """Passes a body on. What the SDK does not read, since it has raised, is read when it is done."""

    def __init__(self, stream: Any, heard: Heard) -> None:
        self._pieces = stream.__aiter__()
        self._stream = stream
        self._heard = heard

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._next()) is not None:
            yield piece

    async def _next(self) -> bytes | None:
        if self._heard.ended:
            return None
        try:
            piece: bytes = await anext(self._pieces)
        except StopAsyncIteration:
            self._heard.ended = True
            return None
        self._heard.body += piece
        return piece

    async def aclose(self) -> None:
        """The SDK has enough; the test has not."""

    async def rest(self) -> None:
        """Read the rest, and let go of the connection."""
        with suppress(TimeoutError, httpx2.HTTPError):  # `ended` says so
            async with asyncio.timeout(PATIENCE):
                while await self._next() is not None:
                    pass
        await self._stream.aclose()


class _Recording(httpx2.AsyncHTTPTransport):
    """Writes down what comes, for the call that is under way in this task."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        heard = _recorded.get()
        response = await super().handle_async_request(request)
        heard.status = response.status_code
        heard.headers = {name.lower(): value for name, value in response.headers.items()}
        response.stream = heard.stream = _Stream(response.stream, heard)
        return response


def web() -> httpx2.AsyncClient:
    """An HTTP client, as the SDKs use it, that writes down what comes."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
    return httpx2.AsyncClient(transport=_Recording(limits=limits), timeout=60)


class Caller:
    """One client's format.

    Attributes:
        name: how the page calls it.
        modes: whether it can be asked plainly, streaming, or both.
        raises: the exception for a status.
        breaks: the exceptions for a stream that breaks after its content has begun.
        ends: bytes that only a stream with an end has.
        words: for the end of a whole answer, of one that became too long, and of one that was filtered.
        statuses: of errors that have another one in this format, by their code.
    """

    name = ""
    modes: tuple[bool, ...] = (False, True)
    breaks: tuple[str, ...] = ("APIError",)
    ends: tuple[bytes, ...] = ()
    words: ClassVar[Mapping[str, str]] = {}
    statuses: ClassVar[Mapping[str, int]] = {}

    async def ask(self, model: str, question: str = ASKED, *, stream: bool) -> Heard:
        """One call, and what came of it."""
        heard = Heard()
        token = _recorded.set(heard)
        try:
            if stream:
                await self._streamed(model, question, heard)
            else:
                await self._plain(model, question, heard)
        except (openai.APIError, anthropic.APIError, google.APIError) as error:
            heard.raised = type(error).__name__
        except Exception as error:  # noqa: BLE001 - whatever else is raised is what the test has to show
            heard.wrong = repr(error)
        finally:
            heard.whole = heard.reason == self.words["end"] and not heard.raised and not heard.wrong
            if heard.stream is not None:
                await heard.stream.rest()
            _recorded.reset(token)
        if not heard.raised and not heard.wrong and not heard.reason:
            heard.wrong = "ended without an exception and without its end"
        return heard

    @classmethod
    def raises(cls, status: int) -> str:
        """The exception's name for a status."""
        raise NotImplementedError

    async def _plain(self, model: str, question: str, heard: Heard) -> None:
        raise NotImplementedError

    async def _streamed(self, model: str, question: str, heard: Heard) -> None:
        raise NotImplementedError


_COMMON: Final = {
    400: "BadRequestError",
    404: "NotFoundError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}


class Chat(Caller):
    """OpenAI's SDK, Chat Completions."""

    name = "chat"
    ends = (b"[DONE]",)
    words: ClassVar = {"end": "stop", "length": "length", "filter": "content_filter"}

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        # As many retries as it has by default: `x-should-retry` has to stop them.
        self._sdk = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", http_client=client)

    @classmethod
    def raises(cls, status: int) -> str:
        return _COMMON.get(status) or ("InternalServerError" if status >= 500 else "APIStatusError")

    async def _plain(self, model: str, question: str, heard: Heard) -> None:
        messages: Any = [{"role": "user", "content": question}]
        made = await self._sdk.chat.completions.create(model=model, messages=messages)
        heard.text = made.choices[0].message.content or ""
        heard.reason = made.choices[0].finish_reason or ""

    async def _streamed(self, model: str, question: str, heard: Heard) -> None:
        messages: Any = [{"role": "user", "content": question}]
        async for piece in await self._sdk.chat.completions.create(model=model, messages=messages, stream=True):
            for choice in piece.choices or ():
                heard.text += choice.delta.content or ""
                heard.reason = choice.finish_reason or heard.reason


class Responses(Chat):
    """OpenAI's SDK, Responses."""

    name = "responses"
    ends = (b"response.completed",)
    words: ClassVar = {"end": "completed", "length": "max_output_tokens", "filter": "content_filter"}

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        self._sdk = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", http_client=client)

    async def _plain(self, model: str, question: str, heard: Heard) -> None:
        made = await self._sdk.responses.create(model=model, input=question, store=False)
        heard.text, heard.reason = made.output_text, _reason(made)

    async def _streamed(self, model: str, question: str, heard: Heard) -> None:
        async for event in await self._sdk.responses.create(model=model, input=question, store=False, stream=True):
            if event.type == "response.output_text.delta":
                heard.text += event.delta
            elif event.type in {"response.completed", "response.incomplete"}:
                heard.reason = _reason(event.response)


def _reason(made: Any) -> str:
    return made.incomplete_details.reason if made.incomplete_details else made.status


class Messages(Caller):
    """Anthropic's SDK."""

    name = "messages"
    breaks = ("APIStatusError",)
    ends = (b"message_stop", b'"stop_reason":"')
    words: ClassVar = {"end": "end_turn", "length": "max_tokens", "filter": "refusal"}
    statuses: ClassVar = {"overloaded": 529}
    _CLASSES: Final = {
        413: "ContentTooLargeError", 503: "ServiceUnavailableError", 504: "GatewayTimeoutError", 529: "OverloadedError",
    }  # fmt: skip

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        self._sdk = anthropic.AsyncAnthropic(base_url=url, api_key="none", http_client=client)

    @classmethod
    def raises(cls, status: int) -> str:
        common = _COMMON.get(status) or cls._CLASSES.get(status)
        return common or ("InternalServerError" if status >= 500 else "APIStatusError")

    async def _plain(self, model: str, question: str, heard: Heard) -> None:
        messages: Any = [{"role": "user", "content": question}]
        made = await self._sdk.messages.create(model=model, max_tokens=500, messages=messages)
        heard.text = "".join(block.text for block in made.content if block.type == "text")
        heard.reason = made.stop_reason or ""

    async def _streamed(self, model: str, question: str, heard: Heard) -> None:
        messages: Any = [{"role": "user", "content": question}]
        reason, stopped = "", False
        stream = await self._sdk.messages.create(model=model, max_tokens=500, messages=messages, stream=True)
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                heard.text += event.delta.text
            elif event.type == "message_delta":
                reason = event.delta.stop_reason or reason
            elif event.type == "message_stop":
                stopped = True
        heard.reason = reason if stopped else ""


class Gemini(Caller):
    """Google's SDK: plain, and streams of server-sent events."""

    name = "gemini"
    breaks = ("ServerError", "ClientError")
    ends = (b'"finishReason"',)
    words: ClassVar = {"end": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        options = types.HttpOptions(
            base_url=url, httpx_async_client=client, retry_options=types.HttpRetryOptions(attempts=1)
        )
        self._sdk = genai.Client(api_key="none", http_options=options)

    @classmethod
    def raises(cls, status: int) -> str:
        return "ServerError" if status >= 500 else "ClientError"

    async def _plain(self, model: str, question: str, heard: Heard) -> None:
        made = await self._sdk.aio.models.generate_content(model=model, contents=question)
        heard.text = made.text or ""
        heard.reason = _finished(made)

    async def _streamed(self, model: str, question: str, heard: Heard) -> None:
        async for piece in await self._sdk.aio.models.generate_content_stream(model=model, contents=question):
            heard.text += piece.text or ""
            heard.reason = _finished(piece) or heard.reason


def _finished(made: types.GenerateContentResponse) -> str:
    reason = made.candidates[0].finish_reason if made.candidates else None
    return reason.value if reason else ""


class GeminiArray(Caller):
    """Gemini's streams without `alt=sse`: one JSON array, for which there is no SDK."""

    name = "gemini array"
    modes = (True,)
    breaks = ("an error in the array",)
    ends = (b'"finishReason"',)
    words: ClassVar = {"end": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        self._url = url
        self._web = client

    @classmethod
    def raises(cls, status: int) -> str:
        return f"status {status}"

    async def _streamed(self, model: str, question: str, heard: Heard) -> None:
        body = {"contents": [{"role": "user", "parts": [{"text": question}]}]}
        answer = await self._web.post(f"{self._url}/v1beta/models/{model}:streamGenerateContent", json=body)
        told = json.loads(answer.content)
        if answer.status_code != 200:
            error = told["error"]
            assert error["code"] == answer.status_code
            assert error["message"]
            assert error["status"]
            heard.raised = f"status {answer.status_code}"
            return
        assert isinstance(told, list)
        for piece in told:
            assert not heard.raised, "something comes after the error"
            if "error" in piece:
                assert {"code", "message", "status"} <= set(piece["error"])
                heard.raised = "an error in the array"
                continue
            (candidate,) = piece["candidates"]
            heard.text += "".join(part.get("text", "") for part in candidate["content"]["parts"])
            heard.reason = candidate.get("finishReason") or heard.reason


CALLERS: Final = (Chat, Responses, Messages, Gemini, GeminiArray)
