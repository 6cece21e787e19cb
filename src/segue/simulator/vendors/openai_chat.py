"""What a model can do differs from model to model, and a request that asks for more is refused by name.

This is `POST /v1/chat/completions`: the checks of shape, then those of ability, then the answer.
"""

from typing import Any, Final

from segue.simulator.script import Script
from segue.simulator.vendors.openai_access import Request, check_model
from segue.simulator.vendors.openai_answers import Rendering
from segue.simulator.vendors.openai_content import decoded_size
from segue.simulator.vendors.openai_errors import OpenAIError
from segue.simulator.vendors.openai_flavour import Flavour
from segue.simulator.vendors.openai_requests import check_request

_BLIND: Final = ("gpt-3.5", "o1-mini", "o3-mini")
_FAMILIES: Final = ("gpt-", "o1", "o3", "o4", "chatgpt-")
_IMAGES: Final = ("image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp")


def unsupported(name: str, instead: str | None = None) -> OpenAIError:
    """The refusal of a parameter that this model does not have."""
    hint = f" Use '{instead}' instead." if instead else ""
    message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
    return OpenAIError(400, message, "invalid_request_error", name, "unsupported_parameter")


def unsupported_value(name: str, value: object) -> OpenAIError:
    """The refusal of a value that this model does not take."""
    message = (
        f"Unsupported value: '{name}' does not support {value} with this model. "
        "Only the default (1) value is supported."
    )
    return OpenAIError(400, message, "invalid_request_error", name, "unsupported_value")


def check_image(address: str, param: str) -> None:
    """Raise the refusal of an image that is neither an address nor a data URL with an image that models can read."""
    if address.startswith(("https://", "http://")):
        return
    head, separator, data = address.partition(",")
    if not address.startswith("data:") or not separator:
        message = f"Invalid '{param}'. Expected a valid URL, but got a value with an invalid format."
        raise OpenAIError(400, message, "invalid_request_error", param, "invalid_value")
    kind = head.removeprefix("data:").partition(";")[0]
    if kind not in _IMAGES:
        message = (
            "You uploaded an unsupported image. Please make sure your image has of one the following formats: "
            "['png', 'jpeg', 'gif', 'webp']."
        )
        raise OpenAIError(400, message, "invalid_request_error", None, "invalid_image_format")
    if not head.endswith(";base64") or not decoded_size(data):
        raise OpenAIError(400, "Invalid base64 image_url.", "invalid_request_error", None, "invalid_base64")


def _check_parts(document: dict[str, Any], model: str) -> None:
    for place, message in enumerate(document["messages"]):
        content = message.get("content")
        for index, part in enumerate(content if isinstance(content, list) else ()):
            if part["type"] == "image_url":
                if model.startswith(_BLIND):
                    raise OpenAIError(
                        400,
                        "Invalid content type. image_url is only supported by certain models.",
                        "invalid_request_error",
                        f"messages.[{place}].content.[{index}].type",
                    )
                check_image(part["image_url"]["url"], f"messages[{place}].content[{index}].image_url.url")
            if part["type"] == "input_audio" and "audio" not in model and model.startswith(_FAMILIES):
                raise OpenAIError(
                    400,
                    "Content blocks are expected to be either text or image_url type.",
                    "invalid_request_error",
                    f"messages.[{place}].content",
                    "invalid_value",
                )


def _check_ability(document: dict[str, Any], flavour: Flavour) -> None:
    model = str(document["model"])
    if flavour.thinkers or not flavour.thinks(model):
        return
    if document.get("max_tokens") is not None:
        raise unsupported("max_tokens", "max_completion_tokens")
    for name in ("temperature", "top_p"):
        if document.get(name) not in {None, 1}:
            raise unsupported_value(name, document[name])
    stop = () if model.lower().rpartition("/")[2].startswith(("o1", "o3-mini")) else ("stop",)
    for name in ("presence_penalty", "frequency_penalty", "logit_bias", "logprobs", *stop):
        if document.get(name):
            raise unsupported(name)


def chat(request: Request) -> Script:
    """The answer to a request for a chat completion."""
    request.need("POST")
    document = check_request(request.json(), request.flavour)
    check_model(str(document["model"]))
    _check_parts(document, str(document["model"]))
    _check_ability(document, request.flavour)
    rendering = Rendering(request.exchange, document, request.flavour)
    return rendering.stream() if document.get("stream") is True else rendering.completion()
