"""A request for one of the operations beside chat, of which only what matters is looked at.

As with chats, most requests go to a provider that speaks the caller's own format: the model's name is replaced, all
the rest goes on byte by byte. JSON is split at its top level into raw values; of a form the spans of its fields are
known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.features import Features
from segue.core.ports import CannotServe
from segue.families.llm.asked import BYTES_PER_TOKEN, split_top, take_fallbacks
from segue.families.llm.other.multipart import Form, is_form, read_form, write_form

Raw = msgspec.Raw
_encode: Final = msgspec.json.encode
_NOTHING: Final = frozenset({b"null", b'""', b"[]"})
JSON_TYPE: Final = "application/json"


_T = TypeVar("_T", bound="Task")


class Task:
    """One request.

    Attributes:
        model: the name that the caller asked for.
        stream: whether the answer is to be passed on piece by piece.
        count: how many answers were asked for (`n`, for each prompt).
        size: bytes of the body as it came.
        fallbacks: names of models to try after the requested one (Segue's own field; never sent on).
        warnings: what translating lost, by the candidate's name.
        media: the content type of a streamed answer, by the candidate's name.
    """

    __slots__ = ("count", "fallbacks", "media", "model", "size", "stream", "warnings")
    fallbacks: tuple[str, ...]

    def __init__(self, model: str, size: int) -> None:
        self.model = model
        self.stream = False
        self.count = 1
        self.size = size
        self.fallbacks = ()
        self.warnings: dict[str, list[str]] = {}
        self.media: dict[str, str] = {}

    def text(self, name: str) -> str | None:
        """A field as text; `None` where it is absent or no text."""
        raise NotImplementedError

    def written(self, model: str, changes: Mapping[str, Raw]) -> tuple[bytes, str]:
        """The body for a provider that calls the model `model`, and its content type.

        Args:
            model: the provider's own name of the model.
            changes: further fields to set, where the body is JSON.

        Raises:
            CannotServe: the name cannot be written.
        """
        raise NotImplementedError


class JsonTask(Task):
    """A request in JSON. `fields`: the top level of the body, each value as its bytes."""

    __slots__ = ("fields",)

    def __init__(self, fields: dict[str, Raw], size: int, default_model: str = "") -> None:
        self.fields = fields
        super().__init__(self._string("model") or default_model, size)
        self.fallbacks = take_fallbacks(fields)

    def text(self, name: str) -> str | None:
        """See `Task.text`."""
        raw = bytes(self.fields.get(name, b""))
        return msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else None

    def written(self, model: str, changes: Mapping[str, Raw]) -> tuple[bytes, str]:
        """See `Task.written`."""
        return _encode({**self.fields, **changes, "model": Raw(_encode(model))}), JSON_TYPE

    def given(self, name: str) -> bool:
        """Whether a field says something."""
        return bytes(self.fields.get(name, b"null")) not in _NOTHING

    def flag(self, name: str) -> bool:
        """A truth value.

        Raises:
            RequestInvalid: it is another thing.
        """
        value = bytes(self.fields.get(name, b"null"))
        if value not in {b"true", b"false", b"null"}:
            raise RequestInvalid(f"field {name!r}: expected true or false", param=name)
        return value == b"true"

    def number(self, name: str) -> int | None:
        """A whole number of 1 or more; `None` where it is absent.

        Raises:
            RequestInvalid: it is another thing.
        """
        raw = bytes(self.fields.get(name, b"null"))
        if raw == b"null":
            return None
        try:
            value = msgspec.json.decode(raw, type=int)
        except msgspec.DecodeError:
            value = 0
        if value < 1:
            raise RequestInvalid(f"field {name!r}: expected a whole number, 1 or more", param=name)
        return value

    def _string(self, name: str) -> str:
        raw = bytes(self.fields.get(name, b"null"))
        if raw == b"null":
            return ""
        if not raw.startswith(b'"'):
            raise RequestInvalid(f"field {name!r}: expected a string", param=name)
        return msgspec.json.decode(raw, type=str)


class FormTask(Task):
    """A request as a form with files."""

    __slots__ = ("form",)

    def __init__(self, form: Form) -> None:
        self.form = form
        super().__init__(form.text("model") or "", len(form.body))
        self.stream = self._flag("stream")
        count = form.text("n") or "1"
        if not (count.isascii() and count.isdecimal() and int(count[:9]) > 0 and len(count) < 10):  # noqa: PLR2004
            raise RequestInvalid("field 'n': expected a whole number, 1 or more", param="n")
        self.count = int(count)

    def text(self, name: str) -> str | None:
        """See `Task.text`."""
        return self.form.text(name)

    def written(self, model: str, changes: Mapping[str, Raw]) -> tuple[bytes, str]:  # noqa: ARG002 - for JSON only
        """See `Task.written`."""
        if "\r" in model or "\n" in model:
            message = "the name of the model has a line break, which a form cannot hold"
            raise CannotServe(Failure(Kind.INVALID_REQUEST, message, Executed.NO, Scope.REQUEST, param="model"))
        return self.form.replaced("model", model.encode()), self.form.content_type

    def _flag(self, name: str) -> bool:
        value = (self.form.text(name) or "false").lower()
        if value not in {"true", "false"}:
            raise RequestInvalid(f"field {name!r}: expected true or false", param=name)
        return value == "true"


@dataclass(frozen=True, slots=True)
class Reading:
    """How requests for one operation are read.

    Attributes:
        path: what follows `/v1` in OpenAI's API.
        needs: fields that must be there (`a|b`: one of them), and what belongs there.
        model: the vendor's own default, where its API lets the model be left out.
        form, json: in which of the two shapes it may come.
        streams: whether `stream` means something here.
        make: the class of JSON requests.
    """

    path: str
    needs: tuple[tuple[str, str], ...]
    model: str = ""
    form: bool = False
    json: bool = True
    streams: bool = False
    make: Callable[[dict[str, Raw], int, str], JsonTask] = JsonTask

    def parse(self, body: bytes, content_type: str = JSON_TYPE) -> Task:
        """A request from its body.

        Raises:
            RequestInvalid: naming the field and what belongs there.
        """
        if self.form and (is_form(content_type) or not self.json):
            return self._form(read_form(body, content_type))
        task = self.make(split_top(body), len(body), self.model)
        self._check(task.given)
        if self.streams:
            task.stream = task.flag("stream")
        if "n" in task.fields:
            task.count = task.number("n") or 1
        return _with_model(task)

    def from_fields(self, fields: dict[str, Any], text: bool) -> Task:
        """A request from named values; see `Operation.from_fields`."""
        if text:
            raise RequestInvalid("this cannot be asked for by URL: POST it", status=405, code="method_not_allowed")
        if self.form and any(isinstance(value, (bytes, bytearray, tuple, list)) for value in fields.values()):
            body, content_type = write_form(fields)
            return self.parse(body, content_type)
        return self.parse(encode_fields(fields))

    def _form(self, form: Form) -> FormTask:
        self._check(form.has)
        return _with_model(FormTask(form))

    def _check(self, given: Callable[[str], bool]) -> None:
        for name, what in self.needs:
            names = name.split("|")
            if not any(map(given, names)):
                raise RequestInvalid(f"missing field {names[0]!r}: {what}", param=names[0])


def encode_fields(fields: Mapping[str, Any]) -> bytes:
    """Named values as JSON.

    Raises:
        RequestInvalid: one of them has no expression there.
    """
    try:
        return _encode(fields)
    except (TypeError, ValueError) as error:
        raise RequestInvalid(f"the arguments cannot be written as JSON: {error}") from None


def analyse_task(task: Task) -> Features:
    """What routing may know of a request."""
    tokens = 0 if isinstance(task, FormTask) else task.size // BYTES_PER_TOKEN
    return Features(model=task.model, stream=task.stream, size=task.size, tokens=tokens)


def _with_model(task: _T) -> _T:
    if not task.model:
        raise RequestInvalid("missing field 'model': name a model (GET /v1/models lists them)", param="model")
    return task
