"""What a conversation in Gemini's parts asks, and the candidates in which the simulated model answers it.

What it says is decided for all vendors in `scripting`; the last user message steers, beside that, what Gemini alone
has: `please block` refuses the prompt itself, without any candidate.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Head, Part, Script, Send, whole
from segue.simulator.vendors.gemini_models import ModelFacts
from segue.simulator.vendors.gemini_requests import THOUGHT, current_turn
from segue.simulator.vendors.openai_content import decoded_size
from segue.simulator.vendors.scripting import Ask, Attachment, Reply, Tool, ToolResult, digest, reply
from segue.simulator.vendors.signing import sealed

_FINISHES: Final = {
    "end": "STOP",
    "length": "MAX_TOKENS",
    "tools": "STOP",
    "stop_sequence": "STOP",
    "refusal": "SAFETY",
}
_CACHED_FROM: Final = 2048
_Json = dict[str, Any]


def standard_headers() -> tuple[tuple[str, str], ...]:
    """The headers of every answer."""
    return (("Vary", "Origin, X-Origin, Referer"), ("X-Content-Type-Options", "nosniff"))


def text_of(content: _Json | None) -> str:
    """All text of one content, thoughts left out."""
    parts = (content or {}).get("parts") or ()
    return " ".join(part["text"] for part in parts if part.get("text") and not part.get("thought"))


def _words_in(part: _Json) -> str:
    for name in ("functionCall", "functionResponse"):
        if name in part:
            values = part[name].get("args") or part[name].get("response") or {}
            return f"{part[name]['name']} {msgspec.json.encode(values).decode()}"
    return str(part.get("text", ""))


def _files(contents: list[_Json], kind: str) -> tuple[Attachment, ...]:
    found: list[Attachment] = []
    for part in (part for content in contents for part in content["parts"]):
        for name in ("inlineData", "fileData"):
            if name in part:
                media = part[name].get("mimeType", "application/octet-stream")
                family = media.partition("/")[0]
                if (family if family in {"image", "audio"} else "document") == kind:
                    size = decoded_size(part[name].get("data", "")) if name == "inlineData" else None
                    found.append(Attachment(media, size, part[name].get("fileUri", "")))
    return tuple(found)


def _plain(schema: object) -> object:
    """A schema of Google's with the type names that JSON schema has."""
    if isinstance(schema, dict):
        made: _Json = {name: _plain(value) for name, value in schema.items()}
        if isinstance(made.get("type"), str):
            made["type"] = made["type"].lower()
        return made
    return [_plain(value) for value in schema] if isinstance(schema, list) else schema


def _thinks(config: _Json, facts: ModelFacts) -> bool:
    if "thinkingBudget" in config:
        return bool(config["thinkingBudget"] != 0)
    return facts.thinks or "thinkingLevel" in config or bool(config.get("includeThoughts"))


def ask_of(document: _Json, facts: ModelFacts) -> Ask:
    """A request as the scripting of all vendors understands it."""
    contents: list[_Json] = document["contents"]
    config = document.get("generationConfig") or {}
    calling = (document.get("toolConfig") or {}).get("functionCallingConfig") or {}
    declared = [one for tool in document.get("tools") or () for one in tool.get("functionDeclarations") or ()]
    allowed = calling.get("allowedFunctionNames") or [one["name"] for one in declared]
    start = current_turn(contents)
    results = [
        part["functionResponse"]
        for content in contents[start:]
        for part in content["parts"]
        if "functionResponse" in part
    ]
    schema = config.get("responseJsonSchema") or _plain(config.get("responseSchema"))
    tools = [Tool(one["name"], one.get("parametersJsonSchema") or _plain(one.get("parameters"))) for one in declared]
    every = [_words_in(part) for content in contents for part in content["parts"]]
    return Ask(
        question=text_of(contents[start]),
        system=text_of(document.get("systemInstruction")),
        context=(
            *(msgspec.json.encode(one).decode() for one in declared),
            text_of(document.get("systemInstruction")),
            *every,
        ),
        images=_files(contents, "image"),
        audio=_files(contents, "audio"),
        documents=_files(contents, "document"),
        tools=tuple(tool for tool in tools if tool.name in allowed),
        choice={"ANY": "required", "NONE": "none"}.get(calling.get("mode", "AUTO"), "auto"),
        results=tuple(
            ToolResult(one.get("id", ""), msgspec.json.encode(one.get("response") or {}).decode()) for one in results
        ),
        schema=schema if isinstance(schema, dict) else None,
        json=config.get("responseMimeType") == "application/json",
        maximum=config.get("maxOutputTokens"),
        stop=tuple(config.get("stopSequences") or ()),
        reasoning=_thinks(config.get("thinkingConfig") or {}, facts),
        prefill=text_of(contents[-1]) if contents[-1].get("role") == "model" else "",
    )


def _grounding(text: str, question: str) -> _Json:
    segment = {"startIndex": 0, "endIndex": len(text.encode()), "text": text}
    return {
        "webSearchQueries": [question[:60] or "barley"],
        "searchEntryPoint": {"renderedContent": "<div>barley</div>"},
        "groundingChunks": [{"web": {"uri": "https://example.com/barley", "title": "example.com"}}],
        "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]}],
    }


class Rendering:
    """An answer to an accepted request, ready to be rendered in its three forms."""

    def __init__(self, exchange: Exchange, document: _Json, model: str, facts: ModelFacts, *, cached: int = 0) -> None:
        self._exchange = exchange
        self._facts = facts
        self._model = model
        self._config = document.get("generationConfig") or {}
        self._ask = ask_of(document, facts)
        self._grounds = any(
            "googleSearch" in tool or "googleSearchRetrieval" in tool for tool in document.get("tools") or ()
        )
        self._blocked = "please block" in self._ask.question.lower()
        count = self._config.get("candidateCount") or 1
        self._replies = [] if self._blocked else [reply(self._ask, exchange.seed, index) for index in range(count)]
        shelf = f"gemini.cache.{model}"
        self._cached = cached or exchange.memory.cached_prefix(shelf, " ".join(self._ask.context), least=_CACHED_FROM)
        self._explicit = cached

    @property
    def tokens(self) -> int:
        """The tokens of the longest reply."""
        return max((one.tokens for one in self._replies), default=0)

    def _usage(self) -> _Json:
        prompt = self._ask.tokens + self._explicit
        thoughts = sum(one.reasoning_tokens for one in self._replies)
        answered = sum(one.tokens for one in self._replies) - thoughts
        usage: _Json = {"promptTokenCount": prompt}
        if self._cached:
            usage["cachedContentTokenCount"] = self._cached
            usage["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": self._cached}]
        if answered:
            usage["candidatesTokenCount"] = answered
        searched = 10 if self._grounds and self._replies else 0
        if searched:
            usage["toolUsePromptTokenCount"] = searched
        usage["totalTokenCount"] = prompt + answered + thoughts + searched
        usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": prompt}]
        return usage | ({"thoughtsTokenCount": thoughts} if thoughts else {})

    def _envelope(self, candidates: list[_Json]) -> _Json:
        envelope: _Json = {"candidates": candidates} if candidates else {}
        if self._blocked:
            envelope["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}
        envelope |= {"usageMetadata": self._usage(), "modelVersion": self._model}
        return envelope | {"responseId": digest(self._exchange.seed, self._exchange.number, "response", length=22)}

    def _signature(self, content: str) -> _Json:
        return {"thoughtSignature": sealed(self._exchange.seed, THOUGHT, content)} if self._facts.signs else {}

    def _parts(self, one: Reply) -> Iterator[_Json]:
        """The parts of one reply, in the pieces of a stream."""
        if one.reasoning and (self._config.get("thinkingConfig") or {}).get("includeThoughts"):
            for piece in one.reasoning:
                yield {"text": piece, "thought": True}
        if one.stop != "refusal":
            for piece in one.pieces:
                yield {"text": piece}
        for index, call in enumerate(one.calls):
            made: _Json = {"name": call.name, "args": msgspec.json.decode(call.arguments)}
            if self._facts.signs:
                made = {"id": call.identifier[:8]} | made
            # Of several calls at once only the first is signed.
            yield {"functionCall": made} | (self._signature(call.name) if index == 0 else {})

    def _ending(self, index: int, one: Reply) -> _Json:
        ending: _Json = {"finishReason": _FINISHES[one.stop], "index": index}
        if one.stop == "refusal":
            ratings = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}]
            ending["safetyRatings"] = ratings
        if self._grounds and one.pieces:
            ending["groundingMetadata"] = _grounding(one.text, self._ask.question)
        if self._config.get("responseLogprobs"):
            ending["avgLogprobs"] = -0.01
        return ending

    def _joined(self, one: Reply) -> list[_Json]:
        """The parts of a whole answer: neighbouring pieces of text are one part."""
        joined: list[_Json] = []
        for part in self._parts(one):
            if joined and "text" in part and part.get("thought") == joined[-1].get("thought") and "text" in joined[-1]:
                joined[-1]["text"] += part["text"]
            else:
                joined.append(dict(part))
        if joined and "text" in joined[-1] and not joined[-1].get("thought"):
            joined[-1] |= self._signature("text")
        return joined

    def document(self) -> Script:
        """The answer as one document."""
        candidates = []
        for index, one in enumerate(self._replies):
            parts = self._joined(one)
            content: _Json = {"content": {"parts": parts, "role": "model"}} if parts else {}
            candidates.append(content | self._ending(index, one))
        body = msgspec.json.format(msgspec.json.encode(self._envelope(candidates)), indent=2) + b"\n"
        return whole(200, body, standard_headers(), self.tokens)

    def _chunks(self) -> Iterator[tuple[_Json, Part]]:
        if self._blocked:
            yield self._envelope([]), "finish"
        for index, one in enumerate(self._replies):
            for part in self._parts(one):
                yield self._envelope([{"content": {"parts": [part], "role": "model"}, "index": index}]), "content"
            last: _Json = {"text": ""} | (self._signature("text") if not one.calls else {})
            content: _Json = {} if one.stop == "refusal" else {"content": {"parts": [last], "role": "model"}}
            yield self._envelope([content | self._ending(index, one)]), "finish"

    def stream(self, *, events: bool) -> Script:
        """The answer as a stream: of server-sent events, or as the elements of one JSON array."""
        steps: list[Send] = []
        for number, (chunk, part) in enumerate(self._chunks()):
            data = msgspec.json.encode(chunk)
            lead = b"data: " if events else (b",\r\n" if number else b"[")
            steps.append(Send(lead + data + (b"\r\n\r\n" if events else b""), part))
        if not events:
            steps.append(Send(b"\n]\n", "done"))
        kind = "text/event-stream" if events else "application/json; charset=UTF-8"
        return Script((Head(200, (("Content-Type", kind), *standard_headers()), None), *steps), self.tokens)


def moment(after: float = 0.0) -> str:
    """A moment so many seconds from now as RFC 3339."""
    return datetime.fromtimestamp(time.time() + after, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
