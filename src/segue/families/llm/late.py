"""A writer for clients that is made only when it is needed."""

from typing import Final

from segue.core.errors import RequestInvalid
from segue.core.failure import Failure
from segue.families.llm.asked import Asked
from segue.families.llm.ir.answer import Event
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import Shown

_REPEATS: Final = "responses"


class LateWriter:
    """Stands for a writer that is needed only if the stream breaks: then the request is read, and not before.

    What passes through may use what our readers do not know yet; that it cannot be read must not cost its answer.
    """

    __slots__ = ("_asked_for", "_call_id", "_client", "_created", "_model", "_request")

    def __init__(self, request: Asked, model: str, call_id: str) -> None:
        self._client = request.client
        self._asked_for = request.model
        self._created = request.created
        # Only Responses repeats the request where a stream breaks; elsewhere it is let go while the stream goes on.
        self._request = request if request.client.id == _REPEATS else None
        self._model = model
        self._call_id = call_id

    def write(self, event: Event) -> bytes:  # noqa: ARG002 - the protocol's own shape
        """Nothing is written of a stream that passes through."""
        return b""

    def broken(self, failure: Failure) -> bytes:
        """See `EventWriter.broken`."""
        return self._client.event_writer(self._shown()).broken(failure)

    def _shown(self) -> Shown:
        if self._request is not None:
            try:
                return self._request.shown(self._model, self._call_id)
            except RequestInvalid:
                pass  # what passed through may be unreadable to us
        return Shown(Conversation(model=self._asked_for), self._model, self._call_id, self._created)
