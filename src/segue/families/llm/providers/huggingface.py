"""Hugging Face's router (huggingface.co/docs/inference-providers), and by `base_url` one's own TGI.

Text Generation Inference at an address of one's own (huggingface.co/docs/text-generation-inference/messages_api)
wants no key and calls its one model `tgi`.
"""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="huggingface",
    base_url="https://router.huggingface.co/v1",
    environment=("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    more_formats=("responses",),
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store",),
        warns=("metadata", "service_tier", "verbosity", "prediction"),
        developer=False,
    ),
)
