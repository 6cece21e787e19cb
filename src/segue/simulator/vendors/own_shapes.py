"""Some vendors put files into JSON where OpenAI has forms and bytes, and OpenAI's clients cannot be pointed at them.

OpenRouter's transcriptions (openrouter.ai/docs/guides/overview/multimodal/stt), Mistral's speech
(docs.mistral.ai/studio/audio/text-to-speech), xAI's image edits (docs.x.ai/developers/model-capabilities/images) and
Perplexity's embeddings (docs.perplexity.ai/docs/embeddings).
"""

import base64
import struct
from typing import Any, Final

from segue.simulator.script import Script
from segue.simulator.vendors.openai_access import Request
from segue.simulator.vendors.openai_checks import (
    Check,
    array,
    choice,
    entries,
    entry,
    integer,
    mapping,
    missing,
    number,
    refusal,
    required_text,
    string,
    text,
)
from segue.simulator.vendors.openai_media import picture, silence
from segue.simulator.vendors.scripting import digest, words
from segue.simulator.vendors.vectors import in_form, unit_vector

_SOUNDS: Final = ("wav", "mp3", "flac", "m4a", "ogg", "webm", "aac")
_MOST_TEXTS: Final = 512
_MOST_PICTURES: Final = 3
_TICKS: Final = 200_000_000  # two cents

TRANSCRIPTION: Final[dict[str, Check]] = {
    "model": string,
    "input_audio": mapping,
    "language": string,
    "temperature": number(0, 1),
    "response_format": choice("json", "verbose_json"),
    "timestamp_granularities": array,
    "user": string,
}
SPEECH: Final[dict[str, Check]] = {
    "model": string,
    "input": string,
    "voice_id": string,
    "ref_audio": string,
    "stream": lambda _value, _param: None,
    "response_format": choice("pcm", "wav", "mp3", "flac", "opus"),
    "metadata": mapping,
}
EDITS: Final[dict[str, Check]] = {
    "model": string,
    "prompt": string,
    "image": mapping,
    "images": array,
    "n": integer(1, 10),
    "response_format": choice("url", "b64_json"),
    "aspect_ratio": string,
    "resolution": choice("1k", "2k"),
    "quality": choice("low", "medium"),
    "user": string,
}
EMBEDDINGS: Final[dict[str, Check]] = {
    "model": string,
    "input": lambda _value, _param: None,
    "dimensions": integer(128, 2560),
    "encoding_format": choice("base64_int8", "base64_binary"),
}


def _decoded(value: str, param: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise refusal(f"Invalid '{param}': not base64.", param, "invalid_value") from None


def transcription(request: Request) -> Script:
    """The answer to OpenRouter's `POST /api/v1/audio/transcriptions`."""
    request.need("POST")
    document = request.parameters(TRANSCRIPTION, "model", "input_audio")
    given = entry(document["input_audio"], "input_audio")
    sound = _decoded(required_text(given, "data", "input_audio.data"), "input_audio.data")
    kind = required_text(given, "format", "input_audio.format")
    if kind not in _SOUNDS:
        raise refusal(f"Invalid format '{kind}'.", "input_audio.format", "invalid_value")
    language = f" in {document['language']}" if document.get("language") else ""
    said = f"I heard {len(sound)} bytes of {kind}{language}."
    answer: dict[str, Any] = {"text": said, "usage": {"seconds": 1.5, "cost": 0.000508}}
    if document.get("response_format") == "verbose_json":
        answer |= {"task": "transcribe", "language": "english", "duration": 1.5, "segments": []}
    return request.answer(answer, words(said))


def speech(request: Request) -> Script:
    """The answer to Mistral's `POST /v1/audio/speech`."""
    request.need("POST")
    document = request.parameters(SPEECH, "model", "input")
    if not (document.get("voice_id") or document.get("ref_audio")):
        raise missing("voice_id")
    sound = silence(str(document.get("response_format") or "mp3"))
    return request.answer({"audio_data": base64.b64encode(sound).decode()}, words(document["input"]))


def _source(value: object, param: str) -> None:
    url = required_text(entry(value, param), "url", f"{param}.url")
    if url.startswith("data:"):
        _decoded(url.partition(";base64,")[2], f"{param}.url")


def edits(request: Request) -> Script:
    """The answer to xAI's `POST /v1/images/edits`."""
    request.need("POST")
    document = request.parameters(EDITS, "prompt")
    if document.get("image") is not None:
        _source(document["image"], "image")
    else:
        sources = entries(document.get("images"), "images", least=1, most=_MOST_PICTURES)
        for index, source in enumerate(sources):
            _source(source, f"images[{index}]")
    count = int(document.get("n") or 1)
    made = []
    for index in range(count):
        colour = bytes.fromhex(digest(request.exchange.seed, document["prompt"], index, length=6))
        if document.get("response_format") == "b64_json":
            made.append({"b64_json": base64.b64encode(picture(colour)).decode(), "mime_type": "image/png"})
        else:
            made.append({"url": f"https://imgen.invalid/{colour.hex()}.jpeg"})
    return request.answer({"data": made, "usage": {"cost_in_usd_ticks": _TICKS * count}})


def embeddings(request: Request) -> Script:
    """The answer to Perplexity's `POST /v1/embeddings`."""
    request.need("POST")
    document = request.parameters(EMBEDDINGS, "model", "input")
    given = document["input"]
    texts = [given] if isinstance(given, str) else entries(given, "input", least=1, most=_MOST_TEXTS)
    length = document.get("dimensions") or (2560 if "4b" in str(document["model"]) else 1024)
    data = []
    for index, one in enumerate(texts):
        vector = in_form(unit_vector(request.exchange.seed, text(one, f"input[{index}]"), length), "int8")
        packed = struct.pack(f"{length}b", *(int(number) for number in vector))
        data.append({"object": "embedding", "index": index, "embedding": base64.b64encode(packed).decode()})
    tokens = sum(words(str(one)) for one in texts)
    cost = {"currency": "USD", "input_cost": tokens * 4e-9, "total_cost": tokens * 4e-9}
    usage = {"prompt_tokens": tokens, "total_tokens": tokens, "cost": cost}
    return request.answer({"object": "list", "data": data, "model": document["model"], "usage": usage})
