"""Counts as clients of Bedrock and of Vertex AI ask for them.

Vertex AI takes what Anthropic takes, in the envelope of its other requests. Bedrock is given a whole request of one of
its other operations: that of Converse as it is, that of InvokeModel as bytes.
"""

import base64
import binascii
from typing import Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.asked import RawRequest, split_top
from segue.families.llm.formats.converse.format import CONVERSE_FOR_CLIENTS
from segue.families.llm.formats.messages.clouds import VERSION, plain_request
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.other.counting import COUNTED, CountTask

_CLAUDES: Final = frozenset({*COUNTED, VERSION})


class BedrockCountTask(CountTask):
    """What a client of Bedrock's wants to be counted."""

    __slots__ = ()

    def conversation(self) -> Conversation:
        """See `CountTask.conversation`."""
        if self.asked.client.id == MESSAGES.id:
            return super().conversation()
        if self._conversation is None:
            self._conversation = self.asked.read()
        return self._conversation

    def write(self, tokens: int) -> bytes:
        """See `CountTask.write`."""
        return msgspec.json.encode({"inputTokens": tokens})


def count_for_vertex(body: bytes) -> CountTask:
    """A client's `count-tokens:rawPredict`, whose body names the model.

    Raises:
        RequestInvalid: naming the field.
    """
    return CountTask(plain_request(body, "", stream=False))


def count_for_bedrock(body: bytes, model: str) -> CountTask:
    """A client's `CountTokens`.

    Raises:
        RequestInvalid: naming the field.
    """
    given = _object(split_top(body).get("input"), "input")
    if len(given) != 1:
        raise RequestInvalid("field 'input': expected one of converse and invokeModel", param="input")
    if "converse" in given:
        fields = msgspec.json.encode(_object(given["converse"], "input.converse"))
        return BedrockCountTask(RawRequest(CONVERSE_FOR_CLIENTS, fields, model=model, stream=False))
    invoked = _object(given.get("invokeModel"), "input.invokeModel")
    fields_of_claude = split_top(_bytes(invoked.get("body")))
    counted = {name: value for name, value in fields_of_claude.items() if name in _CLAUDES}
    asked = plain_request(msgspec.json.encode(counted), model, stream=False)
    return BedrockCountTask(asked)


def _object(raw: msgspec.Raw | None, name: str) -> dict[str, msgspec.Raw]:
    if raw is None or bytes(raw)[:1] != b"{":
        raise RequestInvalid(f"field {name!r}: expected an object", param=name)
    return split_top(bytes(raw))


def _bytes(raw: msgspec.Raw | None) -> bytes:
    name = "input.invokeModel.body"
    try:
        return base64.b64decode(msgspec.json.decode(raw or b"null", type=str), validate=True)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise RequestInvalid(f"field {name!r}: expected base64 of a request", param=name) from None
