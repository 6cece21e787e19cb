"""Bedrock counts the tokens of a Converse request: `POST /model/{modelId}/count-tokens`.

It takes the messages, the system's instructions, the tools and the model's own settings of what Converse would be
asked, counts only for models whose maker lets it (Claude), and knows a model by its own id, not by that of a profile
of several regions. Source: the service model of Bedrock Runtime, operation CountTokens.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Outcome, Usage
from segue.core.ports import CannotServe, StreamReader, WireRequest
from segue.families.llm.asked import split_top
from segue.families.llm.formats.converse.format import format_of
from segue.families.llm.ir.format import Target
from segue.families.llm.linked import AllTakes, with_data
from segue.families.llm.other.answers import bad
from segue.families.llm.other.counting import CountTask

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

_OK: Final = 200
_COUNTED: Final = frozenset({"messages", "system", "toolConfig", "additionalModelRequestFields"})
_REGIONS: Final = re.compile(r"(?:us|eu|apac|jp|au|ca|us-gov|global)\.(?=[a-z0-9-]+\.)")


class _Count(msgspec.Struct, rename="camel", gc=False):
    input_tokens: int


_count: Final = msgspec.json.Decoder(_Count)


@dataclass(frozen=True, slots=True)
class BedrockCount:
    """The codec of `count_tokens` on Bedrock.

    Attributes:
        root: the address of the runtime.
        headers: from a key's secret.
        flags: of a model, as its chats have them.
        takes: of which fields addresses are fetched, so that what lies there is counted, too.
    """

    root: str
    headers: Callable[[str], Mapping[str, str]]
    flags: Callable[[str], frozenset[str]]
    takes: AllTakes = field(default_factory=dict)

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        task: CountTask = call.request
        model = candidate.model
        flags = self.flags(model)
        try:
            conversation = task.conversation()
        except RequestInvalid as invalid:
            failure = Failure(
                Kind.INVALID_REQUEST,
                invalid.message,
                Executed.NO,
                Scope.REQUEST,
                param=invalid.param,
                status=invalid.status,
            )
            raise CannotServe(failure) from None
        conversation = with_data(conversation, self.takes, call.fetched, task.asked)
        written = format_of(model, flags).write_request(conversation, Target(model, flags=flags))
        fields = {name: value for name, value in split_top(written.body).items() if name in _COUNTED}
        body = msgspec.json.encode({"input": {"converse": fields}})
        url = f"{self.root}/model/{quote(_REGIONS.sub('', model, count=1), safe='')}/count-tokens"
        return WireRequest("POST", url, self.headers(candidate.key.secret), body)

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """See `Codec.decode`."""
        task: CountTask = call.request
        if status == _OK:
            try:
                return Outcome(answer=task.write(_count.decode(body).input_tokens), usage=Usage(0, 0))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
        format_ = format_of(candidate.model, self.flags(candidate.model))
        return Outcome(failure=format_.read_error(status, headers, body, candidate.key.secret))

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:  # noqa: ARG002 - the port's own shape
        """Counts are never streamed."""
        return bad("counts are not streamed")

    def wants_stream(self, call: "Call") -> bool:  # noqa: ARG002 - the port's own shape
        """Never."""
        return False
