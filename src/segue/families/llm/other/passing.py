"""The operations of OpenAI's API beside chat, at a provider that offers them in OpenAI's own shape: bytes go through.

The model's name is replaced, and a setting that the vendor calls otherwise is renamed. An answer is looked at as far
as is needed to know that it is one, and what it took.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Outcome, Usage
from segue.core.ports import StreamReader, WireRequest
from segue.families.llm.asked import split_top
from segue.families.llm.formats.openai_errors import classify, error_object
from segue.families.llm.habits import NO_HABITS, Habits
from segue.families.llm.other.answers import (
    bad,
    is_json,
    is_sound,
    is_text,
    passed_type,
    read_document,
    read_usage,
    tokens_told,
    with_pictures,
)
from segue.families.llm.other.streams import BytesReader, EventsReader, WholeReader
from segue.families.llm.other.task import JsonTask, Task

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

Raw = msgspec.Raw
_OK: Final = 200
_EVENTS: Final = "text/event-stream"
_SPEECH: Final = "audio.speech"
_TEXTS: Final = frozenset({"audio.transcribe", "audio.translate"})
_PICTURES: Final = frozenset({"images.generate", "images.edit"})
_LEGACY: Final = "completions"


@dataclass(frozen=True, slots=True)
class Passing:
    """The codec of one operation at one provider.

    Attributes:
        operation: its id.
        url: from the vendor's name of a model.
        headers: from a key's secret.
        name: the vendor's name of a model, from the one in the configuration.
        habits: what the vendor calls settings, and refuses.
        stream_usage: whether it knows `stream_options.include_usage`.
        defaults: fields (as JSON) of a request in JSON that does not say them, where the vendor's own default is
            another than OpenAI's.
    """

    operation: str
    url: Callable[[str], str]
    headers: Callable[[str], Mapping[str, str]]
    name: Callable[[str], str] = field(default=str)
    habits: Habits = NO_HABITS
    stream_usage: bool = True
    defaults: Mapping[str, bytes] = field(default_factory=dict)

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """The caller's body with the provider's name of the model; see `Codec.encode`."""
        task: Task = call.request
        model = self.name(candidate.model)
        changes: dict[str, Raw] = {}
        if self._hides_usage(task):
            changes["stream_options"] = Raw(_with_usage(task))
        for name, value in self.defaults.items():
            if isinstance(task, JsonTask) and not task.given(name):
                changes[name] = Raw(value)
        body, content_type = task.written(model, changes)
        if self.habits and isinstance(task, JsonTask):
            warnings: list[str] = []
            body = self.habits.finish(body, candidate.name, warnings)
            if warnings:
                task.warnings[candidate.name] = warnings
        headers = {**self.headers(candidate.key.secret), "content-type": content_type, "accept": "*/*"}
        return WireRequest("POST", self.url(model), headers, body)

    def decode(
        self,
        call: "Call",
        candidate: "Candidate",
        status: int,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Outcome:
        """The answer's own bytes, once they have been seen to be an answer; see `Codec.decode`."""
        secret = candidate.key.secret
        told = headers.get("content-type", "")
        if status != _OK:
            return Outcome(failure=classify(status, error_object(body), secret))
        if self.operation == _SPEECH:
            return self._sound(told, body, secret, said_aloud(call.request))
        if self.operation in _TEXTS and is_text(told):
            return Outcome(answer=body, headers={"content-type": passed_type(told, "text/plain")})
        if not is_json(told):
            return Outcome(failure=bad(f"expected JSON, got {told[:60]!r}"))
        found = read_document(self.operation, status, body, secret)
        if isinstance(found, Failure):
            return Outcome(failure=found)
        answer, fields = found
        usage = read_usage(fields.get("usage"))
        if self.operation in _PICTURES and not tokens_told(usage):
            task: Task = call.request
            words = [_word(fields.get(name)) or task.text(name) for name in ("quality", "size")]
            usage = with_pictures(usage, fields["data"], words)
        return Outcome(answer=answer, usage=usage)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """See `Codec.reader`; the answer's content type is noted in the request's `media`."""
        task: Task = call.request
        secret = candidate.key.secret
        told = headers.get("content-type", "")
        if told.lower().startswith(_EVENTS):
            task.media[candidate.name] = f"{_EVENTS}; charset=utf-8"
            hides = self._hides_usage(task)
            return EventsReader(_expected(task, self.operation), secret, shows_usage=not hides)
        if self.operation == _SPEECH and is_sound(told):
            task.media[candidate.name] = passed_type(told, "application/octet-stream")
            return BytesReader(said_aloud(task))
        if self.operation in _TEXTS and (is_text(told) or is_json(told)):
            task.media[candidate.name] = passed_type(told, "application/json")
            return WholeReader(lambda body: self.decode(call, candidate, _OK, headers, body))
        return bad(f"expected {_EVENTS}, got {told[:60] or 'no content type'!r}")

    def wants_stream(self, call: "Call") -> bool:
        """See `Codec.wants_stream`."""
        task: Task = call.request
        return task.stream

    def _sound(self, told: str, body: bytes, secret: str, usage: Usage | None) -> Outcome:
        if is_sound(told) and body:
            media = passed_type(told, "application/octet-stream")
            return Outcome(answer=body, headers={"content-type": media}, usage=usage)
        error = error_object(body) if is_json(told) else None
        if error is not None:
            return Outcome(failure=classify(_OK, error, secret))
        return Outcome(failure=bad(f"expected sound, got {told[:60] or 'no content type'!r}"))

    def _hides_usage(self, task: Task) -> bool:
        """Whether the provider is asked for a usage that the caller did not ask for."""
        if self.operation != _LEGACY or not task.stream or not self.stream_usage:
            return False
        return not _wants_usage(task) and not _mistaken(task)


def said_aloud(task: Task) -> Usage | None:
    """What speech takes, for vendors that bill by the character: they tell nothing, but the text is known."""
    text = task.text("input")
    return None if text is None else Usage(characters=len(text))


def _word(raw: Raw | None) -> str | None:
    value = b"" if raw is None else bytes(raw)
    return msgspec.json.decode(value, type=str) if value.startswith(b'"') else None


def _expected(task: Task, operation: str) -> int:
    """How many ends a stream must have before it has ended."""
    return task.count * _prompts(task) if operation == _LEGACY else task.count


def _prompts(task: Task) -> int:
    """How many prompts a legacy completion has; tokens instead of a text are one."""
    raw = Raw(b"null") if not isinstance(task, JsonTask) else task.fields.get("prompt", Raw(b"null"))
    try:
        prompts = msgspec.json.decode(raw, type=list[str | list[int]])
    except msgspec.DecodeError:
        return 1
    return len(prompts)


def _wants_usage(task: Task) -> bool:
    return bytes(_options(task).get("include_usage", b"")) == b"true"


def _mistaken(task: Task) -> bool:
    """Whether the options are none: the provider is to say so, and nothing is put in their place."""
    raw = task.fields.get("stream_options", Raw(b"null")) if isinstance(task, JsonTask) else Raw(b"null")
    return bytes(raw)[:1] not in {b"{", b"n"}


def _with_usage(task: Task) -> bytes:
    return msgspec.json.encode({**_options(task), "include_usage": True})


def _options(task: Task) -> dict[str, Raw]:
    raw = task.fields.get("stream_options", Raw(b"null")) if isinstance(task, JsonTask) else Raw(b"null")
    return split_top(bytes(raw)) if bytes(raw).startswith(b"{") else {}
