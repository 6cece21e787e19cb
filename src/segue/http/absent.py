"""What vendors offer and Segue does not: said plainly, so that nobody looks for a typing error in a path.

An SDK that is pointed here shows all of its vendor's methods. Those without a counterpart are answered with 501 in the
shape for which that SDK raises its own class; `/passthrough/{provider}` serves them at one provider.
"""

from typing import Final

PATHS: Final = (
    # OpenAI's (its reference, and the methods of its SDK). Kept chats are what `store` keeps there.
    *("/v1/realtime", "/v1/live", "/v1/videos", "/v1/fine_tuning", "/v1/images/variations", "/v1/audio/voice"),
    *("/v1/batches", "/v1/files", "/v1/uploads", "/v1/vector_stores", "/v1/containers", "/v1/conversations"),
    *("/v1/assistants", "/v1/threads", "/v1/chatkit", "/v1/evals", "/v1/chat/completions/"),
    *("/v1/organization", "/v1/projects", "/v1/skills"),
    # Anthropic's, apart from those that OpenAI has, too.
    *("/v1/messages/batches", "/v1/complete", "/v1/agents", "/v1/sessions", "/v1/environments"),
)
"""How their paths begin."""
