"""Operations that a vendor offers in a shape of its own, for clients that know OpenAI's alone.

OpenAI takes files in forms and answers sound with bytes. Three vendors put both into JSON instead, so that OpenAI's SDK
cannot be pointed at them. Here a request is written anew for such a vendor, and its answer is put into OpenAI's shape;
what the vendor has no word for is told, or sends the call to the next candidate.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Outcome
from segue.core.ports import CannotServe, StreamReader, WireRequest
from segue.families.llm.formats.openai_errors import classify, error_object
from segue.families.llm.habits import Habits
from segue.families.llm.other.answers import bad
from segue.families.llm.other.embeddings import unable
from segue.families.llm.other.multipart import Form, Part
from segue.families.llm.other.task import JSON_TYPE, FormTask, JsonTask, Task

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

Raw = msgspec.Raw
_encode: Final = msgspec.json.encode
_OK: Final = 200
_LAYER: Final = 0x06

KINDS: Final[Mapping[bytes, tuple[str, str]]] = {
    b"\x89PNG\r\n\x1a\n": ("image/png", "png"),
    b"\xff\xd8\xff": ("image/jpeg", "jpeg"),
    b"GIF8": ("image/gif", "gif"),
    b"fLaC": ("audio/flac", "flac"),
    b"OggS": ("audio/ogg", "ogg"),
    b"ID3": ("audio/mpeg", "mp3"),
    b"\x1aE\xdf\xa3": ("audio/webm", "webm"),
}
"""How files begin, by their content type and a vendor's word for it: what a file is counts, not what it is called."""


class Shape(Protocol):
    """How one vendor is asked for one operation, and what it answers."""

    def write(self, task: Task, model: str, target: str, warnings: list[str]) -> bytes:
        """The body for the vendor.

        Args:
            task: the caller's request.
            model: the vendor's name of the model.
            target: the candidate's name, for messages.
            warnings: gets a sentence for each loss.

        Raises:
            CannotServe: the vendor cannot do it.
        """
        ...

    def read(self, task: Task, body: bytes, secret: str) -> Outcome:
        """The answer in OpenAI's shape, or the failure that stands in its place; `secret` is cut out of messages."""
        ...


@dataclass(frozen=True, slots=True)
class ShapedCodec:
    """The codec of one operation at a vendor with a shape of its own; its answers come whole.

    Attributes:
        shape: how the vendor is asked.
        url: of the operation.
        headers: from a key's secret.
    """

    shape: Shape
    url: str
    headers: Callable[[str], Mapping[str, str]]

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        task: Task = call.request
        warnings: list[str] = []
        try:
            body = self.shape.write(task, candidate.model, candidate.name, warnings)
        except RequestInvalid as invalid:
            raise CannotServe(
                Failure(Kind.INVALID_REQUEST, invalid.message, Executed.NO, Scope.REQUEST, param=invalid.param)
            ) from None
        if warnings:
            task.warnings[candidate.name] = warnings
        headers = {**self.headers(candidate.key.secret), "content-type": JSON_TYPE, "accept": "*/*"}
        return WireRequest("POST", self.url, headers, body)

    def decode(
        self,
        call: "Call",
        candidate: "Candidate",
        status: int,
        headers: Mapping[str, str],  # noqa: ARG002 - the port's own shape
        body: bytes,
    ) -> Outcome:
        """See `Codec.decode`."""
        secret = candidate.key.secret
        if status != _OK:
            return Outcome(failure=classify(status, error_object(body), secret))
        return self.shape.read(call.request, body, secret)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:  # noqa: ARG002 - the port's own shape
        """Nothing is streamed there."""
        return bad("a whole answer was asked for")

    def wants_stream(self, call: "Call") -> bool:  # noqa: ARG002 - the port's own shape
        """Never: a caller who asked for a stream gets the whole at once."""
        return False


def fields_of(task: Task) -> dict[str, Raw]:
    """The plain fields of a request as JSON: of a form each is text, and those that are lists (`name[]`) are lists.

    Raises:
        RequestInvalid: a field of the form is no text.
    """
    if isinstance(task, JsonTask):
        return dict(task.fields)
    assert isinstance(task, FormTask)  # noqa: S101 - there are no others
    plain: dict[str, Raw] = {}
    several: dict[str, list[str]] = {}
    for part in task.form.parts:
        if part.filename is not None:
            continue
        name, bracket, _ = part.name.partition("[")
        if bracket:
            several.setdefault(name, []).append(task.form.text_of(part))
        else:
            plain[name] = Raw(_encode(task.form.text(name)))
    return {**plain, **{name: Raw(_encode(values)) for name, values in several.items()}}


def files_of(form: Form, name: str) -> list[Part]:
    """The files of a form's field, be it one or a list."""
    return [
        part for part in form.parts if part.filename is not None and part.name.partition("[")[0] == name
    ]  # `name`, `name[]` or `name[0]`


def numbered(fields: dict[str, Raw], names: Mapping[str, type[int] | type[float]]) -> None:
    """Put numbers where a form could only have text; what is none stays for the vendor to refuse."""
    for name, kind in names.items():
        raw = bytes(fields.get(name, b""))
        if raw.startswith(b'"'):
            try:
                fields[name] = Raw(_encode(kind(msgspec.json.decode(raw, type=str))))
            except ValueError:
                continue


def settled(habits: Habits, fields: dict[str, Raw], target: str, warnings: list[str]) -> dict[str, Raw]:
    """The fields with a vendor's words for them; those that say nothing are left out.

    Raises:
        CannotServe: one of them would change the answer, and the vendor does not know it.
    """
    said = {name: value for name, value in fields.items() if bytes(value) not in {b"null", b'""'}}
    return dict(habits.edited(said, target, warnings))


def word_of(fields: Mapping[str, Raw], name: str) -> str:
    """A field as text; "" where it is absent or no text."""
    raw = bytes(fields.get(name, b""))
    return msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else ""


def kind_of_file(data: bytes) -> tuple[str, str] | None:
    """What a file is by its first bytes: its content type and the word for it; `None` where they do not tell."""
    if data.startswith(b"RIFF"):
        return {b"WAVE": ("audio/wav", "wav"), b"WEBP": ("image/webp", "webp")}.get(data[8:12])
    if data[4:8] == b"ftyp":
        return "audio/mp4", "m4a"
    if data[:1] == b"\xff" and data[1:2] >= b"\xe0":  # MPEG's eleven set bits; then its version and its layer
        return ("audio/aac", "aac") if data[1] & _LAYER == 0 else ("audio/mpeg", "mp3")
    return next((kind for beginning, kind in KINDS.items() if data.startswith(beginning)), None)


def unmade(form: str, target: str, name: str, made: Iterable[str]) -> CannotServe:
    """The refusal of a form of the answer, told by the field `name`, that a vendor does not make."""
    return unable(f"{target} does not make {form[:40]!r}: {name!r} may be {', '.join(made)}", name)
