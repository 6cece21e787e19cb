"""Claude as it is asked for on Vertex AI: `…/publishers/anthropic/models/{model}:rawPredict` and its relatives.

It is Anthropic's format in an envelope, so its answers, streams and errors are those of Anthropic's surface. Project
and location mean nothing here. Google's own models at Vertex AI's paths are the Gemini surface's.
"""

import re
from functools import partial
from typing import Final

from segue.app.running import Running
from segue.families.llm.formats.messages.clouds import plain_request
from segue.http.auth import Authenticator
from segue.http.exchange import Exchange
from segue.http.surfaces.anthropic import AnthropicSurface
from segue.http.surfaces.openai_other import TaskSurface

_CLAUDE: Final = re.compile(
    r"/v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?publishers/anthropic/models/(.+):(rawPredict|streamRawPredict)"
)
_COUNT: Final = "count-tokens"


class VertexSurface(AnthropicSurface):
    """Chats as `AnthropicVertex` of Anthropic's SDK asks for them.

    Args:
        running: what serves.
        authenticator: who may call.
        tasks: serves counts.
    """

    def __init__(self, running: Running, authenticator: Authenticator, tasks: TaskSurface) -> None:
        super().__init__(running, authenticator)
        self._tasks = tasks

    async def predict(self, exchange: Exchange) -> None:
        """A path for which `is_for_claude` holds."""
        found = _CLAUDE.fullmatch(exchange.path)
        model, action = (found[1], found[2]) if found is not None else ("", "")
        if model == _COUNT and action == "rawPredict":
            await self._tasks.vertex_count(exchange)
        else:
            await self.ask(exchange, partial(plain_request, model=model, stream=action == "streamRawPredict"))


def is_for_claude(path: str) -> bool:
    """Whether a path asks for Claude as on Vertex AI."""
    return _CLAUDE.fullmatch(path) is not None
