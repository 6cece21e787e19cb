"""The codec of `chat` at a provider: bytes where the client speaks its format, translation where it does not.

A provider speaks one format or several. Which one is used for a call follows from the client's format alone, so that
the request and its answer always agree: the client's own where the provider speaks it, else the provider's first. Only
an answer that another attempt has begun goes to the format in which the provider goes on with one.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from segue.core.express import ExpressCodec
from segue.core.failure import Failure
from segue.core.features import FIELD
from segue.core.outcome import Outcome
from segue.core.ports import Codec, StreamReader, WireRequest
from segue.families.llm.asked import Asked
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.formats.openai_chat import OpenAIChat
from segue.families.llm.history import ANYTHING
from segue.families.llm.ir.blocks import OPENAI
from segue.families.llm.linked import PassedUnlessLinked, takes_of
from segue.families.llm.needs import GROUPS, can_carry
from segue.families.llm.thoughts import mended, tell
from segue.families.llm.translated import Passed, Translated

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate


class ChatCodec:
    """Chooses between passing through and translating, by the client's format.

    Args:
        endpoints: the formats that the provider speaks, the preferred one first.
        chat: the codec that passes Chat Completions through, where the provider speaks it.
        imitates: whether the formats are another vendor's: then that vendor's files do not lie here.
        history: what it takes back in earlier turns (see `segue.families.llm.history`).
        tools: tools that it runs by itself and that are asked for in OpenAI's formats: their types; one that ends with
            a colon means all that begin so.
    """

    __slots__ = ("_begun", "_default", "_direct", "_history", "_tools", "_translated", "_vendors")

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        chat: Codec | None = None,
        *,
        imitates: bool = False,
        history: frozenset[str] = ANYTHING,
        tools: frozenset[str] = frozenset(),
    ) -> None:
        self._history = history
        self._tools = tools
        self._direct: dict[str, Codec] = {
            endpoint.format.id: Passed(endpoint)
            for endpoint in endpoints
            if endpoint.format.id in {"messages", "responses", "gemini", "converse"}
        }
        if chat is not None:
            self._direct["chat"] = chat
        self._translated = {endpoint.format.id: Translated(endpoint) for endpoint in endpoints}
        for endpoint in endpoints:  # of vendors that fetch nothing although their format has a word for addresses
            name, fetched = endpoint.format.id, takes_of(endpoint.losses)
            if fetched and name in self._direct:
                self._direct[name] = PassedUnlessLinked(self._direct[name], self._translated[name], fetched)
        self._default = self._translated[endpoints[0].format.id]
        going_on = (self._translated[endpoint.format.id] for endpoint in endpoints if endpoint.prefill is not None)
        self._begun = next(going_on, self._default)
        self._vendors = frozenset() if imitates else frozenset(endpoint.format.vendor for endpoint in endpoints)

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        if call.continuation is not None and call.continuation.so_far is not None:
            return self._begun.encode(call, candidate)
        request: Asked = call.request
        # Nearly always it passes, so this is not left to `_of`.
        passed = None if request.sealed or request.history else self._direct.get(request.client.id)
        written = (passed or self._of(call)).encode(call, candidate)
        if request.forgot:
            tell(request, candidate)
        return written

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """See `Codec.decode`."""
        if call.continuation is not None and call.continuation.so_far is not None:
            return self._begun.decode(call, candidate, status, headers, body)
        request: Asked = call.request
        passed = None if request.sealed or request.history else self._direct.get(request.client.id)
        outcome = (passed or self._of(call)).decode(call, candidate, status, headers, body)
        if outcome.failure is not None:
            outcome.failure = mended(request, outcome.failure)
        return outcome

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """See `Codec.reader`."""
        continuation = call.continuation
        if continuation is not None:
            request: Asked = call.request
            of_client = self._translated.get(request.client.id, self._default)
            codec = of_client if continuation.so_far is None else self._begun
            continuable = codec.continuable(call, candidate, headers)
            if continuable is not None:
                return continuable
        return self._of(call).reader(call, candidate, headers)

    def express(self, client: str) -> ExpressCodec | None:
        """The quick way of plain requests in a client's format, where this provider speaks it and there is one."""
        direct = self._direct.get(client)
        return direct if isinstance(direct, OpenAIChat) else None

    def wants_stream(self, call: "Call") -> bool:
        """See `Codec.wants_stream`."""
        request: Asked = call.request
        return request.stream

    def formats(self, _model: str) -> frozenset[str]:
        """The wire formats in which a model can be asked, for selectors."""
        return frozenset((*self._direct, *self._translated))

    def carries(self, need: str, _model: str) -> bool:
        """Whether a need that is bound to a vendor can be sent; see `segue.families.llm.needs`.

        `field:chat.several_answers` asks whether that field of a client's format is not refused.
        """
        if need.startswith(FIELD):
            client, _, name = need.removeprefix(FIELD).partition(".")
            direct = self._direct.get(client)
            if direct is not None and not (isinstance(direct, PassedUnlessLinked) and direct.concerns(name)):
                return True
            return self._translated.get(client, self._default).serves(name)
        if need == GROUPS and "responses" not in self._direct:
            return True  # groups of tools become plain functions
        return self._runs(need) or can_carry(need, self._vendors, self._translated)

    def _runs(self, need: str) -> bool:
        """Whether a need of OpenAI's formats is a tool of this vendor's own."""
        vendor, _, tool = need.partition(":")
        maker, colon, _ = tool.partition(":")
        return vendor == OPENAI and (tool in self._tools or (maker + colon if colon else "") in self._tools)

    def _of(self, call: "Call") -> Codec:
        request: Asked = call.request
        name = request.client.id
        if not request.sealed and request.history <= self._history:
            direct = self._direct.get(name)
            if direct is not None:
                return direct
        return self._translated.get(name, self._default)
