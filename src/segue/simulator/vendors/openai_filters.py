"""Azure judges every prompt and every answer and says so in fields of its own, which surprise clients of OpenAI.

Written from Microsoft's description of content filter annotations
(https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter-annotations).
"""

from http import HTTPStatus
from typing import Any, Final

from segue.simulator.vendors.openai_errors import OpenAIError
from segue.simulator.vendors.openai_flavour import Flavour

_CATEGORIES: Final = ("hate", "self_harm", "sexual", "violence")
_NO_DEPLOYMENT: Final = "The API deployment for this resource does not exist."
_NO_ACCESS: Final = "Access denied due to invalid subscription key or wrong API endpoint."
_Json = dict[str, Any]


def _verdict(filtered: str | None = None) -> _Json:
    return {
        name: {"filtered": name == filtered, "severity": "high" if name == filtered else "safe"} for name in _CATEGORIES
    }


def chunk_filter(flavour: Flavour) -> _Json:
    """What is said about the text of one choice."""
    return {"content_filter_results": _verdict()} if flavour.filters else {}


def prompt_filter(flavour: Flavour) -> _Json:
    """What is said about the prompt."""
    if not flavour.filters:
        return {}
    results = _verdict() | {"jailbreak": {"filtered": False, "detected": False}}
    return {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": results}]}


def azure_error(error: OpenAIError) -> _Json:
    """The body of a refusal, with the inner error of a filtered prompt."""
    if error.code == "model_not_found":
        return {"error": {"code": "DeploymentNotFound", "message": _NO_DEPLOYMENT}}
    if error.status == HTTPStatus.UNAUTHORIZED:
        return {"error": {"code": "401", "message": _NO_ACCESS}}
    if error.code != "content_filter":
        fields: _Json = {"code": str(error.code or error.status), "message": error.message}
        if error.param is not None:
            fields |= {"param": error.param, "type": error.kind}
        return {"error": fields}
    inner = {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": _verdict("violence") | {"jailbreak": {"filtered": False, "detected": False}},
    }
    return {
        "error": {
            "message": error.message,
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": error.status,
            "innererror": inner,
        }
    }
