"""Vendors and faults look at the same request; each must not parse it again, nor trip over bytes that are no text.

An exchange is one request as it was understood once: text is made encodable, the JSON body is decoded or marked as
undecodable, and what faults ask for (model, streaming) has one answer.
"""

import re
import time
from dataclasses import dataclass, field
from typing import Final

import msgspec

from segue.simulator.memory import Memory

BODY_LIMIT: Final = 32 * 1024 * 1024

# Google's and Amazon's paths name the model, and the method says whether to stream.
_MODEL_IN_PATH: Final = re.compile(r"/models/([^/:]+)(?::|$)|^/model/(.+)/[a-z-]+$")
_STREAMING: Final = (
    ":streamGenerateContent",
    ":streamRawPredict",
    "/converse-stream",
    "/invoke-with-response-stream",
)
# Ollama streams by default.
_STREAMING_UNLESS_DENIED: Final = frozenset({"/api/chat", "/api/generate"})


class _Undecodable:
    """Marks a body that is not JSON; unlike None, which is the JSON document `null`."""


UNDECODABLE: Final = _Undecodable()


def clean(text: str) -> str:
    """The same text with every character that cannot be written as UTF-8 replaced by a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def decode(body: bytes) -> object:
    """The JSON document in `body`, or `UNDECODABLE`."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNDECODABLE


def without_nulls(value: object) -> object:
    """The same JSON without the fields of objects that are null, which is what protobuf and Go make of them."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@dataclass(slots=True)
class Exchange:
    """One request: `path` is the vendor's own path, without the account; header names are in lower case.

    `memory` is what the account remembers from request to request; `target` is the path with account and query as it
    came, still encoded, which is what signatures are about.
    """

    number: int
    account: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    seed: int
    document: object = field(default=UNDECODABLE)
    started: float = field(default_factory=time.time)
    memory: Memory = field(default_factory=Memory)
    target: str = ""

    def read(self, body: bytes) -> None:
        """Take in the body, once it has come."""
        self.body = body
        self.document = decode(body)

    @property
    def model(self) -> str | None:
        """The model that the request names, where it names one."""
        model = self.document.get("model") if isinstance(self.document, dict) else None
        if isinstance(self.document, dict) and isinstance(self.document.get("modelUri"), str):
            # Yandex names the folder before the model.
            return str(self.document["modelUri"]).split("/", 3)[-1]
        if isinstance(model, str) and not model.startswith("models/"):
            return model
        named = _MODEL_IN_PATH.search(self.path)
        return (named[1] or named[2]) if named else None

    @property
    def streaming(self) -> bool:
        """Whether the request asks for a stream."""
        if self.path.endswith(_STREAMING):
            return True
        if not isinstance(self.document, dict):
            return False
        if self.path in _STREAMING_UNLESS_DENIED:
            return self.document.get("stream") is not False
        options = self.document.get("completionOptions")
        return self.document.get("stream") is True or (isinstance(options, dict) and options.get("stream") is True)
