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

# Google's paths name the model, and the method says whether to stream.
_MODEL_IN_PATH: Final = re.compile(r"/models/([^/:]+)(?::|$)")
_STREAMING: Final = (":streamGenerateContent", ":streamRawPredict")


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


@dataclass(slots=True)
class Exchange:
    """One request: `path` is the vendor's own path, without the account; header names are in lower case.

    `memory` is what the account remembers from request to request.
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

    def read(self, body: bytes) -> None:
        """Take in the body, once it has come."""
        self.body = body
        self.document = decode(body)

    @property
    def model(self) -> str | None:
        """The model that the request names, where it names one."""
        model = self.document.get("model") if isinstance(self.document, dict) else None
        if isinstance(model, str) and not model.startswith("models/"):
            return model
        named = _MODEL_IN_PATH.search(self.path)
        return named[1] if named else None

    @property
    def streaming(self) -> bool:
        """Whether the request asks for a stream."""
        if self.path.endswith(_STREAMING):
            return True
        return isinstance(self.document, dict) and self.document.get("stream") is True
