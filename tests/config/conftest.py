"""A house of fakes: three vendors with settings of their own, so that no test depends on a real adapter."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr, field_validator

from segue.config.known import Known
from segue.config.load import Loaded, load_settings
from segue.core.errors import ConfigError


class CloudOptions(BaseModel):
    """Demands a region, and an address that others may leave out."""

    region: str
    base_url: str
    token: SecretStr | None = None
    size: int | str | None = None


class ChattyOptions(BaseModel):
    """A careless adapter, whose validator repeats what it was given."""

    model_config = {"extra": "allow"}
    token: str = ""

    @field_validator("token")
    @classmethod
    def check(cls, value: str) -> str:
        if value.startswith("bad"):
            raise ValueError(f"cannot use {value}")
        return value


OPTIONS: dict[str, type[BaseModel]] = {"cloud": CloudOptions, "chatty": ChattyOptions}


@pytest.fixture(scope="session")
def known() -> Known:
    return Known(
        adapters=lambda: ("openai", "azure", "anthropic", "groq", "cloud", "chatty"),
        adapter_options=OPTIONS.get,
        strategies=("priority", "round_robin"),
        operations=("chat", "embeddings", "weather.current", "weather.forecast"),
        families=("llm", "weather"),
        needs_key=lambda adapter: adapter in {"anthropic", "groq"},
    )


@pytest.fixture
def load(tmp_path: Path, known: Known) -> Callable[..., Loaded]:
    """Load a text as `segue.yaml`."""

    def run(text: str | bytes, environ: Mapping[str, str] | None = None, **more: object) -> Loaded:
        path = tmp_path / "segue.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_settings(path, environ or {}, known, **more)

    return run


@pytest.fixture
def problems(load: Callable[..., Loaded], tmp_path: Path) -> Callable[..., list[str]]:
    """The problems of a text, with the file's folder left out."""

    def run(text: str | bytes, environ: Mapping[str, str] | None = None, **more: object) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, environ, **more)
        return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]

    return run
