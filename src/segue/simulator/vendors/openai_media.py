"""Pictures and sound are files, sent as forms and answered as bytes, and a client must handle both like any answer.

`POST /v1/images/generations|edits` and `/v1/audio/transcriptions|translations|speech`. What is made is small and
valid: a picture of one pixel, half a second of silence.
"""

import base64
import struct
import zlib
from typing import Any, Final

from segue.simulator.script import Head, Script, Send
from segue.simulator.vendors.openai_access import Request
from segue.simulator.vendors.openai_answers import DONE, STREAM_HEADERS, event
from segue.simulator.vendors.openai_checks import (
    Check,
    array,
    boolean,
    choice,
    integer,
    missing,
    number,
    refusal,
    string,
    text,
)
from segue.simulator.vendors.openai_errors import OpenAIError
from segue.simulator.vendors.openai_headers import standard_headers
from segue.simulator.vendors.openai_multipart import Upload
from segue.simulator.vendors.openai_responses_stream import named_event
from segue.simulator.vendors.scripting import digest, pieces_of, words

_Json = dict[str, Any]
_LONGEST_SPEECH: Final = 4096
_LONGEST_PROMPT: Final = 32_000
_IMAGE_TOKENS: Final = 272
_FORMATS: Final = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
_MEDIA: Final = {"mp3": "audio/mpeg", "opus": "audio/opus", "aac": "audio/aac", "flac": "audio/flac"} | {
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_RATE: Final = 24_000


def picture(colour: bytes) -> bytes:
    """A PNG of one pixel; `colour` has three bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\x00" + colour)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def silence(form: str) -> bytes:
    """Half a second of silence; a proper WAVE file for `wav`, bare samples otherwise."""
    samples = bytes(_RATE)
    if form != "wav":
        return samples
    layout = struct.pack("<HHIIHH", 1, 1, _RATE, 2 * _RATE, 2, 16)
    head = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(samples))
    return b"RIFF" + struct.pack("<I", len(head) + len(samples)) + head + samples


def _bounded(most: int) -> Check:
    def check(value: object, param: str) -> None:
        length = len(text(value, param))
        if not 1 <= length <= most:
            bound = (
                f"Expected a string with length between 1 and {most}, but got a string with length {length} instead."
            )
            raise refusal(f"Invalid '{param}': {bound}", param, "string_above_max_length" if length else "empty_string")

    return check


def _form_number(check: Check, kind: type[int] | type[float]) -> Check:
    """A number that may come as a form's text."""

    def read(value: object, param: str) -> None:
        try:
            check(kind(value) if isinstance(value, str) else value, param)
        except ValueError:
            check(value, param)

    return read


IMAGES: Final[dict[str, Check]] = {
    "prompt": _bounded(_LONGEST_PROMPT),
    "model": string,
    "background": choice("transparent", "opaque", "auto"),
    "input_fidelity": choice("high", "low"),
    "moderation": choice("low", "auto"),
    "n": _form_number(integer(1, 10), int),
    "output_compression": _form_number(integer(0, 100), int),
    "output_format": choice("png", "jpeg", "webp"),
    "partial_images": _form_number(integer(0, 3), int),
    "quality": choice("standard", "hd", "low", "medium", "high", "auto"),
    "response_format": choice("url", "b64_json"),
    "size": choice("auto", "1024x1024", "1536x1024", "1024x1536", "256x256", "512x512", "1792x1024", "1024x1792"),
    "stream": boolean,
    "style": choice("vivid", "natural"),
    "user": string,
}


def _image(request: Request, document: _Json, index: int, *, with_base64: bool) -> _Json:
    colour = bytes.fromhex(digest(request.exchange.seed, document["prompt"], index, length=6))
    if with_base64:
        return {"b64_json": base64.b64encode(picture(colour)).decode()}
    return {"url": f"https://images.invalid/{colour.hex()}.png", "revised_prompt": document["prompt"]}


def _image_usage(document: _Json, files: int, count: int) -> _Json:
    given = words(document["prompt"])
    details = {"text_tokens": given, "image_tokens": _IMAGE_TOKENS * files}
    made = _IMAGE_TOKENS * count
    return {
        "input_tokens": given + _IMAGE_TOKENS * files,
        "input_tokens_details": details,
        "output_tokens": made,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": made},
        "total_tokens": given + _IMAGE_TOKENS * files + made,
    }


def images(request: Request) -> Script:
    """The answer to `POST /v1/images/generations` and `/v1/images/edits`."""
    request.need("POST")
    edit = request.path.endswith("/edits")
    sources: list[Upload] = request.files("image") if edit else []
    document = request.parameters(IMAGES, "prompt")
    if edit and not sources:
        raise missing("image")
    for source in sources:
        if source.media_type not in {"image/png", "image/jpeg", "image/webp"}:
            message = (
                f"Invalid file '{source.filename}': unsupported mimetype ('{source.media_type}'). "
                "Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'."
            )
            raise OpenAIError(400, message, "invalid_request_error", "image", "unsupported_file_mimetype")
    model = str(document.get("model") or "gpt-image-1")
    modern = not model.startswith("dall-e")
    if modern and document.get("response_format") is not None:
        name = "response_format"
        raise OpenAIError(400, f"Unknown parameter: '{name}'.", "invalid_request_error", name, "unknown_parameter")
    count = int(document.get("n") or 1)
    usage = _image_usage(document, len(sources), count)
    extra = {"background": "opaque", "output_format": document.get("output_format") or "png"}
    extra |= {"quality": "low", "size": "1024x1024"}
    if document.get("stream") is True:
        return _image_stream(request, document, usage, extra, edit=edit)
    with_base64 = modern or document.get("response_format") == "b64_json"
    made = [_image(request, document, index, with_base64=with_base64) for index in range(count)]
    answer: _Json = {"created": int(request.exchange.started), "data": made}
    return request.answer(answer | (extra | {"usage": usage} if modern else {}))


def _image_stream(request: Request, document: _Json, usage: _Json, extra: _Json, *, edit: bool) -> Script:
    prefix = "image_edit" if edit else "image_generation"
    common = {"created_at": int(request.exchange.started), **extra}
    parts = int(document.get("partial_images") or 0)
    steps = [
        named_event(
            {
                "type": f"{prefix}.partial_image",
                **_image(request, document, index, with_base64=True),
                "partial_image_index": index,
                **common,
            },
            "content",
        )
        for index in range(parts)
    ]
    last = _image(request, document, parts, with_base64=True)
    steps.append(named_event({"type": f"{prefix}.completed", **last, **common, "usage": usage}, "finish"))
    head = Head(200, (*STREAM_HEADERS, *standard_headers(request.exchange, request.flavour)), None)
    return Script((head, *steps))


AUDIO: Final[dict[str, Check]] = {
    "model": string,
    "chunking_strategy": lambda _value, _param: None,
    "include": array,
    "language": string,
    "prompt": string,
    "response_format": choice("json", "text", "srt", "verbose_json", "vtt", "diarized_json"),
    "stream": boolean,
    "temperature": _form_number(number(0, 1), float),
    "timestamp_granularities": array,
}


def _transcript(request: Request, upload: Upload, document: _Json) -> str:
    verb = "translated" if request.path.endswith("/translations") else "heard"
    language = f" in {document['language']}" if document.get("language") else ""
    prompt = f" Prompt: {document['prompt']}." if document.get("prompt") else ""
    return f"I {verb} {upload.filename}{language}, {len(upload.data)} bytes of {upload.media_type}.{prompt}"


def transcriptions(request: Request) -> Script:
    """The answer to `POST /v1/audio/transcriptions` and `/v1/audio/translations`."""
    request.need("POST")
    uploads = request.files("file")
    document = request.parameters(AUDIO, "model")
    if not uploads:
        raise missing("file")
    upload = uploads[0]
    if upload.filename.rpartition(".")[2].lower() not in _FORMATS:
        listed = ", ".join(f"'{name}'" for name in _FORMATS)
        raise OpenAIError(400, f"Invalid file format. Supported formats: [{listed}]", "invalid_request_error", None)
    model, form = str(document["model"]), document.get("response_format") or "json"
    if model.startswith("gpt-4o") and form not in {"json", "text", "diarized_json"}:
        message = f"response_format '{form}' is not compatible with model '{model}'. Use 'json' or 'text' instead."
        raise OpenAIError(400, message, "invalid_request_error", "response_format", "unsupported_value")
    said = _transcript(request, upload, document)
    if document.get("stream") is True and not model.startswith("whisper"):
        return _transcript_stream(request, said)
    return _transcript_document(request, said, form, model)


def _transcript_document(request: Request, said: str, form: str, model: str) -> Script:
    stamp = "00:00:00.000 --> 00:00:01.000"
    plain = (("Content-Type", "text/plain; charset=utf-8"),)
    if form == "text":
        return request.bytes(f"{said}\n".encode(), plain)
    if form == "vtt":
        return request.bytes(f"WEBVTT\n\n{stamp}\n{said}\n\n".encode(), plain)
    if form == "srt":
        return request.bytes(f"1\n{stamp.replace('.', ',')}\n{said}\n\n".encode(), plain)
    usage: _Json = {"type": "duration", "seconds": 1} if model.startswith("whisper") else _audio_usage(said)
    if form != "verbose_json":
        return request.answer({"text": said, "usage": usage}, words(said))
    segment: _Json = {"id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": said, "tokens": [50364]}
    segment |= {"temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.01}
    verbose = {"task": "transcribe", "language": "english", "duration": 1.0, "text": said, "segments": [segment]}
    return request.answer(verbose | {"usage": usage}, words(said))


def _audio_usage(said: str) -> _Json:
    details = {"text_tokens": 0, "audio_tokens": 10}
    made = words(said)
    return {
        "type": "tokens",
        "input_tokens": 10,
        "input_token_details": details,
        "output_tokens": made,
        "total_tokens": 10 + made,
    }


def _transcript_stream(request: Request, said: str) -> Script:
    deltas = [event({"type": "transcript.text.delta", "delta": piece}, "content") for piece in pieces_of(said)]
    last = event({"type": "transcript.text.done", "text": said, "usage": _audio_usage(said)}, "finish")
    head = Head(200, (*STREAM_HEADERS, *standard_headers(request.exchange, request.flavour)), None)
    return Script((head, *deltas, last, DONE), words(said))


SPEECH: Final[dict[str, Check]] = {
    "model": string,
    "input": _bounded(_LONGEST_SPEECH),
    "voice": string,
    "instructions": string,
    "response_format": choice(*_MEDIA),
    "speed": number(0.25, 4),
    "stream_format": choice("sse", "audio"),
}


def speech(request: Request) -> Script:
    """The answer to `POST /v1/audio/speech`: bytes of sound, or a stream of events that carry them."""
    request.need("POST")
    document = request.parameters(SPEECH, "model", "input", "voice")
    form = str(document.get("response_format") or "mp3")
    sound = silence(form)
    if document.get("stream_format") != "sse":
        return request.bytes(sound, (("Content-Type", _MEDIA[form]),), words(document["input"]))
    half = len(sound) // 2
    steps: list[Send] = [
        event({"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()}, "content")
        for part in (sound[:half], sound[half:])
    ]
    given = words(document["input"])
    usage = {"input_tokens": given, "output_tokens": 10, "total_tokens": given + 10}
    steps.append(event({"type": "speech.audio.done", "usage": usage}, "finish"))
    head = Head(200, (*STREAM_HEADERS, *standard_headers(request.exchange, request.flavour)), None)
    return Script((head, *steps), given)
