"""Bedrock offers many vendors' models by one interface, and not every model takes all of it.

The differences are data here, found by the identifier: of a model, of an inference profile (with a region before it),
or the resource name of either. Source: the table of supported models and features at
https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html.
"""

import re
from dataclasses import dataclass
from typing import Final

from segue.simulator.vendors.anthropic_models import ModelFacts, facts_of
from segue.simulator.vendors.bedrock_errors import AwsError, denied, invalid

_PROFILE: Final = re.compile(r"(?:us|eu|apac|jp|au|ca|sa|us-gov|global)\.(?=[a-z0-9]+\.)")
_IDENTIFIER: Final = re.compile(r"[a-zA-Z0-9._:/-]{1,2048}")
_WITHOUT_SYSTEM: Final = ("amazon.titan-text", "mistral.mistral-7b", "mistral.mixtral")
_WITHOUT_TOOLS: Final = (*_WITHOUT_SYSTEM, "meta.llama3-8b", "meta.llama3-70b", "deepseek.r1")
_WITHOUT_STREAMED_TOOLS: Final = ("meta.llama3-1", "meta.llama3-2", "ai21.jamba-instruct")
_THINKING: Final = ("deepseek.r1", "openai.gpt-oss", "qwen.qwen3", "moonshot.kimi-k2-thinking")


@dataclass(frozen=True, slots=True)
class BedrockModel:
    """One model.

    Attributes:
        name: Its identifier without region and resource name.
        claude: The name by which Anthropic knows it, None for another vendor's.
        facts: What it accepts, as far as Anthropic's rules apply.
        system: Whether it takes system prompts.
        tools: Whether it takes tools.
        streamed_tools: Whether it takes them in a stream.
        thinks: Whether it thinks without being asked.
        media: Whether it takes films and sound.
    """

    name: str
    claude: str | None
    facts: ModelFacts
    system: bool
    tools: bool
    streamed_tools: bool
    thinks: bool
    media: bool


def model_of(identifier: str) -> BedrockModel:
    """The model that an identifier means; raises AwsError for one that cannot be called.

    Names that begin with `missing-`, `retired-` and `denied-` are refused in the three ways that Bedrock has for it.
    """
    if not _IDENTIFIER.fullmatch(identifier):
        raise invalid("The provided model identifier is invalid.")
    name = _PROFILE.sub("", identifier.rpartition("/")[2], count=1)
    if name.startswith("missing-"):
        raise invalid("The provided model identifier is invalid.")
    if name.startswith("retired-"):
        message = "This model version has reached the end of its life. See the AWS documentation for details."
        raise AwsError(404, "ResourceNotFoundException", message)
    if name.startswith("denied-"):
        raise denied("AccessDeniedException")
    claude = name.removeprefix("anthropic.") if name.startswith("anthropic.claude") else None
    return BedrockModel(
        name,
        claude,
        facts_of(claude or ""),
        not name.startswith(_WITHOUT_SYSTEM),
        not name.startswith(_WITHOUT_TOOLS),
        not name.startswith((*_WITHOUT_TOOLS, *_WITHOUT_STREAMED_TOOLS)),
        name.startswith(_THINKING),
        claude is None,
    )
