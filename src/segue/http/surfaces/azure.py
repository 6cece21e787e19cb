"""Azure's way to address OpenAI's operations: the model is a deployment, named in the URL and not in the body.

`AzureOpenAI` of OpenAI's SDK asks for `/openai/deployments/{deployment}/chat/completions?api-version=…`, and for what
needs no deployment at `/openai/responses`. Both are OpenAI's own operations under another address, so a request is
given that address, and the name in the URL counts, as it does at Azure. Versions (`api-version`) are not told apart.
"""

from typing import Final

import msgspec

from segue.families.llm.asked import split_top
from segue.families.llm.other.multipart import is_form, read_form
from segue.http.exchange import Exchange, Receive, Scope, Send

_PREFIX: Final = "/openai/"
_DEPLOYMENTS: Final = "/openai/deployments/"
_OPERATIONS: Final = (
    *("/chat/completions", "/completions", "/embeddings", "/images/generations", "/images/edits"),
    *("/audio/transcriptions", "/audio/translations", "/audio/speech"),
)
"""What Azure serves below a deployment; the longer of two that end alike first."""


def at_openai(scope: Scope, receive: Receive, send: Send) -> Exchange | None:
    """The same request at OpenAI's own path; `None` where it is not one of Azure's.

    A name of a model may contain slashes, which the SDK encodes and the server decodes.
    """
    path: str = scope["path"]
    if not path.startswith(_PREFIX) or path.startswith("/openai/v1/"):
        return None
    if not path.startswith(_DEPLOYMENTS):
        return Exchange({**scope, "path": f"/openai/v1/{path.removeprefix(_PREFIX)}"}, receive, send)
    for operation in _OPERATIONS:
        model = path.removeprefix(_DEPLOYMENTS).removesuffix(operation)
        if path.endswith(operation) and model:
            return _Deployed({**scope, "path": f"/openai/v1{operation}"}, receive, send, model)
    return None


class _Deployed(Exchange):
    """A request whose model is named in the URL."""

    __slots__ = ("_model",)

    def __init__(self, scope: Scope, receive: Receive, send: Send, model: str) -> None:
        super().__init__(scope, receive, send)
        self._model = model

    async def body(self, limit: int) -> bytes:
        """The body with the model's name in it."""
        body = await super().body(limit)
        content_type = self.header(b"content-type") or ""
        if not is_form(content_type):
            name = msgspec.Raw(msgspec.json.encode(self._model))
            return msgspec.json.encode({**split_top(body), "model": name})
        form = read_form(body, content_type)
        if form.has("model"):
            return form.replaced("model", self._model.encode())
        first_line, _, _ = body[body.find(b"--") :].partition(b"\r\n")
        head = b'content-disposition: form-data; name="model"'
        return b"\r\n".join((first_line, head, b"", self._model.encode(), body))
