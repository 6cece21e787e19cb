"""OpenAI by its Responses alone (platform.openai.com/docs/api-reference/responses), whatever the client speaks."""

from segue.families.llm.compatible import OPENAI_MODELS, OpenAICompatible

ADAPTER = OpenAICompatible(
    id="openai-responses",
    base_url="https://api.openai.com/v1",
    # The same variable as `openai`, which comes first: without a configuration there is one provider for one key.
    environment=(),
    models=OPENAI_MODELS,
    formats=("responses",),
    losses={},
)
