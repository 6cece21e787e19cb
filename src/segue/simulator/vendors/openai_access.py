"""Whoever calls must show a key, name a model that exists, and send JSON; each endpoint asks for that in one way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from segue.simulator.exchange import UNDECODABLE, Exchange
from segue.simulator.script import Script, whole
from segue.simulator.vendors.openai_checks import Check, missing, refusal, wrong_type
from segue.simulator.vendors.openai_errors import OpenAIError, missing_key, named_error, wrong_key, wrong_method
from segue.simulator.vendors.openai_flavour import Flavour
from segue.simulator.vendors.openai_headers import standard_headers
from segue.simulator.vendors.openai_multipart import Form, Upload, form_of

_BAD_JSON: Final = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble "
    "figuring out how to fix this, please contact us through our help center at help.openai.com.)"
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to one endpoint: `path` is what follows `/v1`, and `flavour` the vendor that is played."""

    exchange: Exchange
    path: str
    flavour: Flavour

    def json(self) -> object:
        """The JSON body; raises the documented refusal of any other."""
        content_type = self.exchange.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            message = (
                f"Unsupported content type: '{content_type}'. This API method only accepts 'application/json' "
                f"requests, but you specified the header 'Content-Type: {content_type}'. Please try again with a "
                "supported content type."
            )
            raise OpenAIError(400, message, "invalid_request_error", None, "unsupported_content_type")
        if self.exchange.document is UNDECODABLE:
            raise OpenAIError(400, _BAD_JSON)
        return self.exchange.document

    def need(self, *methods: str) -> None:
        """Refuse every other method, and a request without a key."""
        if self.exchange.method not in methods:
            raise wrong_method(" and ".join(methods))
        check_key(self.exchange, self.flavour)

    def parameters(self, table: Mapping[str, Check], *required: str) -> dict[str, Any]:
        """The fields of the body, when all are known and right and those that are `required` are there."""
        document = self.exchange.document if self.form is not None else self.json()
        if not isinstance(document, dict):
            raise wrong_type(document, "body", "an object")
        for name in document:
            if name not in table and self.flavour.unknown != "ignored":
                raise refusal(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        for name in required:
            if document.get(name) is None:
                raise missing(name)
        for name, check in table.items():
            if document.get(name) is not None:
                check(document[name], name)
        check_model(str(document.get("model", "")))
        return document

    @property
    def form(self) -> Form | None:
        """The multipart form that the body is, or None when it is another."""
        return form_of(self.exchange.headers.get("content-type", ""), self.exchange.body)

    def files(self, name: str) -> list[Upload]:
        """The files of a form's field; raises the refusal of a request that has none."""
        form = self.form
        if form is None:
            message = "Invalid content type. This endpoint expects a multipart form (multipart/form-data)."
            raise OpenAIError(400, message, "invalid_request_error", None, "unsupported_content_type")
        return [upload for upload in form.files if upload.name.removesuffix("[]") == name]

    def answer(self, document: Any, tokens: int = 0, extra: tuple[tuple[str, str], ...] = ()) -> Script:
        """The answer that is one JSON document."""
        return self.bytes(msgspec.json.encode(document), extra, tokens)

    def bytes(self, body: bytes, extra: tuple[tuple[str, str], ...] = (), tokens: int = 0) -> Script:
        """The answer that is one body."""
        return whole(200, body, (*extra, *standard_headers(self.exchange, self.flavour)), tokens)


def check_key(exchange: Exchange, flavour: Flavour) -> None:
    """Raise the 401 error unless the request shows a key; a key that contains `invalid` is wrong."""
    given = exchange.headers.get("authorization", "")
    scheme, _, key = given.partition(" ")
    key = key.strip()
    if flavour.key_header == "api-key" and exchange.headers.get("api-key"):
        scheme, key = "bearer", exchange.headers["api-key"].strip()
    if scheme.lower() != "bearer" or not key:
        if flavour.open_door and not given:
            return
        raise missing_key()
    if "invalid" in key:
        raise wrong_key(key)


def check_model(model: str) -> None:
    """Raise the 404 error for a model whose name begins with `missing-`."""
    if model.startswith("missing-"):
        raise named_error(404, "model_not_found", None, model)
