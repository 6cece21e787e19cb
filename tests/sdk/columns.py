"""The providers of the matrix: one for each way in which Segue asks somebody, all of them played by the simulator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Column:
    """One provider.

    Attributes:
        name: in the configuration; the simulator plays a vendor by the name of the account.
        settings: of the provider.
        model: an ordinary model; `thinker`: one that thinks, or "" where the vendor shows none.
    """

    name: str
    model: str
    thinker: str
    settings: Mapping[str, Any] = field(repr=False)

    def model_of(self, behaviour: str) -> str:
        """Segue's name of the model that a behaviour needs."""
        thinks = behaviour.startswith("thoughts")
        return f"{self.name}/{self.thinker if thinks else self.model}"


def _compatible(name: str, adapter: str, model: str, thinker: str, path: str = "/v1", **more: Any) -> Column:
    address = {"base_url": f"{{sim}}/{name}{path}"}
    models = list(dict.fromkeys(one for one in (model, thinker) if one))
    return Column(name, model, thinker, {"adapter": adapter, "key": f"key-{name}-1", "models": models} | address | more)


COLUMNS: Final = (
    _compatible("chat", "openai", "gpt-4o", "o3", formats=["chat"]),
    _compatible("responses", "openai-responses", "gpt-4o", "o3"),
    _compatible("anthropic", "anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5", ""),
    _compatible("gemini", "gemini", "gemini-2.5-flash-lite", "gemini-2.5-flash", ""),
    Column(
        "vertex",
        "gemini-2.5-flash-lite",
        "claude-sonnet-4-5@20250929",
        {
            "adapter": "vertex",
            "base_url": "{sim}/vertex",
            "project": "my-project",
            "location": "us-central1",
            "access_token": "token-vertex-1",
            "models": ["gemini-2.5-flash-lite", "claude-sonnet-4-5@20250929"],
        },
    ),
    _compatible(
        "bedrock", "bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0", "", region="us-east-1",
    ),
    _compatible("azure", "azure", "gpt-4o", "o3", "", formats=["chat"]),
    _compatible("mistral", "mistral", "mistral-large-latest", ""),
    _compatible("deepseek", "deepseek", "deepseek-chat", "deepseek-reasoner"),
    _compatible("groq", "groq", "llama-3.3-70b-versatile", "openai/gpt-oss-120b", "/openai/v1"),
    _compatible("openrouter", "openrouter", "openai/gpt-4o", "deepseek/deepseek-r1", "/api/v1"),
    _compatible("ollama", "ollama", "llama3.2", "qwen3"),
    _compatible("ollama-native", "ollama", "llama3.2", "qwen3", "", native=True),
    _compatible("yandex", "yandex", "yandexgpt", "", "", folder="b1g0123456789abcdefg"),
)  # fmt: skip
BY_NAME: Final = {column.name: column for column in COLUMNS}
PROVIDERS: Final = {column.name: column.settings for column in COLUMNS}
