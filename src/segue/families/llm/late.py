"""A writer for clients that is made only when it is needed."""

from segue.core.errors import RequestInvalid
from segue.core.failure import Failure
from segue.families.llm.asked import Asked
from segue.families.llm.ir.answer import Event
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import Shown


class LateWriter:
    """Stands for a writer that is needed only if the stream breaks: then the request is read, and not before.

    What passes through may use what our readers do not know yet; that it cannot be read must not cost its answer.
    """

    __slots__ = ("_call_id", "_model", "_request")

    def __init__(self, request: Asked, model: str, call_id: str) -> None:
        self._request = request
        self._model = model
        self._call_id = call_id

    def write(self, event: Event) -> bytes:  # noqa: ARG002 - the protocol's own shape
        """Nothing is written of a stream that passes through."""
        return b""

    def broken(self, failure: Failure) -> bytes:
        """See `EventWriter.broken`."""
        request = self._request
        try:
            shown = request.shown(self._model, self._call_id)
        except RequestInvalid:
            shown = Shown(Conversation(model=request.model), self._model, self._call_id, request.created)
        return request.client.event_writer(shown).broken(failure)
