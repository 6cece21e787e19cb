"""The shapes of three vendors: OpenRouter's transcripts, Mistral's speech, xAI's changed pictures.

Sources: OpenRouter, components/sttrequest of github.com/OpenRouterTeam/python-sdk (generated from its OpenAPI) and
openrouter.ai/docs/guides/overview/multimodal/stt; Mistral, models/speechrequest of github.com/mistralai/client-python
and docs.mistral.ai/studio/audio/text-to-speech; xAI, docs.x.ai/developers/model-capabilities/images ("the xAI API
requires application/json").
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Outcome
from segue.families.llm.formats.openai_errors import classify, error_object
from segue.families.llm.habits import Habits
from segue.families.llm.other.answers import bad, read_document, read_usage, tokens_told, with_pictures
from segue.families.llm.other.embeddings import unable
from segue.families.llm.other.passing import said_aloud
from segue.families.llm.other.shaped import (
    Raw,
    fields_of,
    files_of,
    kind_of_file,
    numbered,
    settled,
    unmade,
    word_of,
)
from segue.families.llm.other.task import FormTask, JsonTask, Task

_encode: Final = msgspec.json.encode
_OK: Final = 200
_TEXT: Final = {"content-type": "text/plain; charset=utf-8"}
_EVENTS: Final = {"content-type": "text/event-stream; charset=utf-8"}


class OpenRouterTranscripts:
    """The sound as base64 in `input_audio`, with a word for its form."""

    _FORMATS: Final = ("json", "verbose_json", "text")
    _HABITS: Final = Habits(
        warns=("prompt", "chunking_strategy"),
        refuses=("include", "known_speaker_names", "known_speaker_references"),
        drops=("stream",),
    )
    _KINDS: Final[Mapping[str, str]] = {"mpeg": "mp3", "mpga": "mp3", "mp4": "m4a", "oga": "ogg", "opus": "ogg"}
    _KNOWN: Final = ("wav", "mp3", "flac", "m4a", "ogg", "webm", "aac")

    def write(self, task: Task, model: str, target: str, warnings: list[str]) -> bytes:
        """See `Shape.write`."""
        given = fields_of(task)
        form = word_of(given, "response_format") or "json"
        if form not in self._FORMATS:
            raise unmade(form, target, "response_format", self._FORMATS)
        fields = settled(self._HABITS, given, target, warnings)
        if form == "text":
            fields["response_format"] = Raw(b'"json"')
        numbered(fields, {"temperature": float})
        return _encode({**fields, "model": model, "input_audio": self._sound(task, target)})

    def read(self, task: Task, body: bytes, secret: str) -> Outcome:
        """See `Shape.read`. Who asked for a stream gets the transcript as one piece of it."""
        found = read_document("audio.transcribe", _OK, body, secret)
        if isinstance(found, Failure):
            return Outcome(failure=found)
        answer, fields = found
        usage = read_usage(fields.get("usage"))
        if task.text("response_format") == "text":
            return Outcome(answer=word_of(fields, "text").encode() + b"\n", usage=usage, headers=dict(_TEXT))
        if not task.stream:
            return Outcome(answer=answer, usage=usage)
        said = word_of(fields, "text")
        events = ({"type": "transcript.text.delta", "delta": said}, {"type": "transcript.text.done", "text": said})
        streamed = b"".join(b"data: %b\n\n" % _encode(event) for event in events)
        return Outcome(answer=streamed, usage=usage, headers=dict(_EVENTS))

    def _sound(self, task: Task, target: str) -> dict[str, str]:
        files = files_of(task.form, "file") if isinstance(task, FormTask) else []
        if not isinstance(task, FormTask) or not files:
            raise unable(f"{target} takes the sound as a file of the form only", "file")
        file = files[0]
        data = task.form.body[file.start : file.end]
        ending = (file.filename or "").rpartition(".")[2].lower()
        kind = kind_of_file(data)
        word = self._KINDS.get(ending, ending) if kind is None else kind[1]
        if word not in self._KNOWN:
            raise unable(f"{target} cannot tell what kind of sound it is: name the file so, as talk.wav", "file")
        return {"data": base64.b64encode(data).decode(), "format": word}


class MistralSpeech:
    """The voice by its id, and the sound as base64 in JSON."""

    # Its `pcm` has other samples than OpenAI's: floats of 32 bits instead of integers of 16.
    _MEDIA: Final[Mapping[str, str]] = {
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "opus": "audio/opus",
        "flac": "audio/flac",
    }
    _HABITS: Final = Habits(
        renames={"voice": "voice_id"},
        drops=("stream",),
        warns=("instructions", "speed"),
        only={"stream_format": ('"audio"',)},
        refuses=("stream_format",),
    )

    def write(self, task: Task, model: str, target: str, warnings: list[str]) -> bytes:
        """See `Shape.write`."""
        fields = settled(self._HABITS, fields_of(task), target, warnings)
        fields.pop("stream_format", None)
        form = word_of(fields, "response_format") or "mp3"
        if form not in self._MEDIA:
            raise unmade(form, target, "response_format", self._MEDIA)
        voice = bytes(fields.get("voice_id", b""))
        if voice.startswith(b"{"):  # OpenAI's own way to name a voice that was made by the caller
            fields["voice_id"] = msgspec.json.decode(voice, type=dict[str, Raw]).get("id", Raw(b"null"))
        return _encode({**fields, "model": model, "response_format": form})

    def read(self, task: Task, body: bytes, secret: str) -> Outcome:
        """See `Shape.read`."""
        try:
            sound = base64.b64decode(_mistral.decode(body).audio_data, validate=True)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error, ValueError):
            sound = b""
        if not sound:
            error = error_object(body)
            wrong = bad("status 200 with a body that is no speech")
            return Outcome(failure=wrong if error is None else classify(_OK, error, secret))
        media = self._MEDIA.get(task.text("response_format") or "mp3", "application/octet-stream")
        return Outcome(answer=sound, usage=said_aloud(task), headers={"content-type": media})


class _Sound(msgspec.Struct, gc=False):
    audio_data: str


_mistral: Final = msgspec.json.Decoder(_Sound)


class XaiPictures:
    """Pictures that are to be changed, by their address or as a data URL."""

    _HABITS: Final = Habits(
        warns=(
            *("size", "background", "input_fidelity", "moderation", "output_compression", "output_format"),
            "partial_images",
        ),
        refuses=("mask",),
        drops=("style", "stream"),
    )

    def write(self, task: Task, model: str, target: str, warnings: list[str]) -> bytes:
        """See `Shape.write`. A request that has xAI's own `image` keeps it."""
        if task.stream:
            raise unable(f"{target} does not stream pictures", "stream")
        fields = settled(self._HABITS, fields_of(task), target, warnings)
        if isinstance(task, FormTask):
            if files_of(task.form, "mask"):
                raise unable(f"{target} does not know 'mask'", "mask")
            pictures = self._of_form(task, target)
            numbered(fields, {"n": int})
        else:
            pictures = [_reference(one, target) for one in _given(task)]
        for name in ("image", "images"):
            fields.pop(name, None)
        source: Any = {"image": pictures[0]} if len(pictures) == 1 else {"images": pictures}
        return _encode({**fields, "model": model, **source})

    def read(self, task: Task, body: bytes, secret: str) -> Outcome:
        """See `Shape.read`: the answer has OpenAI's shape."""
        found = read_document("images.edit", _OK, body, secret)
        if isinstance(found, Failure):
            return Outcome(failure=found)
        answer, fields = found
        usage = read_usage(fields.get("usage"))
        if not tokens_told(usage):
            usage = with_pictures(usage, fields["data"], [task.text("quality"), None])
        return Outcome(answer=answer, usage=usage)

    def _of_form(self, task: FormTask, target: str) -> list[Any]:
        pictures = []
        for file in files_of(task.form, "image"):
            data = task.form.body[file.start : file.end]
            kind = kind_of_file(data)
            if kind is None or not kind[0].startswith("image/"):
                raise unable(f"{target} takes pictures as PNG, JPEG, WebP or GIF", "image")
            pictures.append(_address(f"data:{kind[0]};base64,{base64.b64encode(data).decode()}"))
        if not pictures:
            raise unable(f"{target} takes pictures as files of the form", "image")
        return pictures


def _address(url: str) -> dict[str, str]:
    return {"type": "image_url", "url": url}


def _given(task: Task) -> list[Raw]:
    """The pictures of a request in JSON: OpenAI's `images`, or one `image`, or several there."""
    fields = task.fields if isinstance(task, JsonTask) else {}
    given = fields.get("images") or fields.get("image") or Raw(b"null")
    if not bytes(given).startswith(b"["):
        return [given]
    return msgspec.json.decode(given, type=list[Raw])


def _reference(given: Raw, target: str) -> Any:
    """One picture as xAI has it: from an address, from OpenAI's `{image_url}`, or as it is."""
    raw = bytes(given)
    if raw.startswith(b'"'):
        return _address(msgspec.json.decode(raw, type=str))
    told = msgspec.json.decode(raw, type=dict[str, Raw]) if raw.startswith(b"{") else {}
    if "url" in told:
        return given
    url = word_of(told, "image_url")
    if not url:
        raise unable(f"{target} takes pictures by their address or as data, not by 'file_id'", "images")
    return _address(url)
