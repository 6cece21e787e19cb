"""Frameworks and agents that people use, unmodified: only their base URL is ours, and a foreign format answers."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from clients.conftest import FORMATS
from clients.installed import AGENTS, AIDER, AWS, BUNDLES, CONTINUE, FRAMEWORKS, ROOT, SCRIPTS, Bundle, output
from support.service import Serving

PROGRAMS = Path(__file__).parent / "programs"
MARKER = "marker-4711"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
async def test_the_clients_can_be_installed(bundle: Bundle) -> None:
    """Stands first: what it puts into the build directory, the others use."""
    await bundle.install()
    assert bundle.ready


async def _lines(program: str, served: Serving, tmp_path: Path, *names: str) -> list[dict]:
    """What a program of ours in a client's language tells, line by line."""
    if program.endswith(".mjs"):
        SCRIPTS.need()
        # Node looks for packages beside the file.
        copy = SCRIPTS.place / program
        shutil.copy(PROGRAMS / program, copy)
        command = ["node", str(copy)]
    else:
        FRAMEWORKS.need()
        command = [FRAMEWORKS.python, str(PROGRAMS / program)]
    told = await output(*command, served.url, *names, cwd=tmp_path)
    return [json.loads(line) for line in told.splitlines() if line.startswith("{")]


async def test_the_ai_sdk_writes_streams_and_calls_tools_before_every_format(served: Serving, tmp_path: Path) -> None:
    lines = await _lines("vercel.mjs", served, tmp_path, *FORMATS, "chat/gpt-4o")
    assert len(lines) == 5 * (len(FORMATS) + 1)
    for line in lines:
        speaks, name = line.pop("speaks"), line.pop("name")
        assert line == {
            "words": 12, "pieces": 12, "same": True, "finish": "stop", "tokens": True, "steps": 2, "heard": True,
            "steps_streamed": 2, "heard_streamed": True,
        }, (speaks, name)  # fmt: skip


async def test_the_sdks_for_node_write_stream_count_and_list_before_every_format(
    served: Serving, tmp_path: Path
) -> None:
    lines = await _lines("sdks.mjs", served, tmp_path, *FORMATS)
    assert [line["name"] for line in lines] == list(FORMATS)
    for line in lines:
        assert set(line["words"].values()) == {12}, line
        assert min(line["counts"]) > 0, line
        assert line["listed"] == [True, True, True], line


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_langchain_and_llamaindex_call_tools_before_every_format(served: Serving, tmp_path: Path) -> None:
    lines = await _lines("frameworks.py", served, tmp_path, *FORMATS)
    assert len(lines) == 5 * len(FORMATS)
    for line in lines:
        assert (line["words"], line["streamed"], line["heard"]) == (12, 12, True), line


@pytest.fixture
def bin_directory(tmp_path: Path) -> str:
    """A command that our simulator's models like to call, because it is the smallest text: it prints a mark."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "text").write_text(f"#!/bin/sh\necho {MARKER}\n")
    (place / "text").chmod(0o755)
    return str(place)


async def _claude(
    served: Serving, model: str, prompt: str, cwd: Path, path: str, settings: Mapping[str, str] | None = None
) -> dict:
    AGENTS.need()
    program = AGENTS.place / "node_modules" / "@anthropic-ai" / "claude-code" / "cli-wrapper.cjs"
    usual = {"ANTHROPIC_BASE_URL": "{url}", "ANTHROPIC_AUTH_TOKEN": "none"}
    environ = {name: value.format(url=served.url) for name, value in (settings or usual).items()}
    told = await output(
        "node", str(program), "-p", prompt, "--tools", "Bash", "--allowedTools", "Bash", "--output-format", "json",
        cwd=cwd, path=path, ANTHROPIC_MODEL=model, ANTHROPIC_DEFAULT_HAIKU_MODEL=model,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1", DISABLE_AUTOUPDATER="1", **environ,
    )  # fmt: skip
    return json.loads(told)


CLAUDE = ["speaks-chat", "speaks-responses", "speaks-gemini", "claude-sonnet-4-5"]
"""Claude itself by its bare id: docs/clients.md says why."""


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("model", CLAUDE)
async def test_claude_code_writes_and_runs_a_command(
    served: Serving, model: str, tmp_path: Path, bin_directory: str
) -> None:
    told = await _claude(served, model, "hello in 12 words", tmp_path, bin_directory)
    assert len(told["result"].split()) == 12
    assert told["usage"]["output_tokens"] >= 12
    told = await _claude(served, model, "use the tool Bash", tmp_path, bin_directory)
    assert (told["is_error"], told["num_turns"]) == (False, 2)
    assert MARKER in told["result"]


CLOUDS = {
    "bedrock": {
        "CLAUDE_CODE_USE_BEDROCK": "1", "ANTHROPIC_BEDROCK_BASE_URL": "{url}", "AWS_BEARER_TOKEN_BEDROCK": "none",
        "AWS_REGION": "us-east-1",
    },
    "vertex": {
        "CLAUDE_CODE_USE_VERTEX": "1", "ANTHROPIC_VERTEX_BASE_URL": "{url}/v1", "CLAUDE_CODE_SKIP_VERTEX_AUTH": "1",
        "ANTHROPIC_AUTH_TOKEN": "none", "CLOUD_ML_REGION": "us-east5", "ANTHROPIC_VERTEX_PROJECT_ID": "any",
    },
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("model", ["speaks-chat", "speaks-gemini", "claude-sonnet-4-5"])
async def test_claude_code_that_believes_in_a_cloud_runs_a_command(
    served: Serving, model: str, cloud: str, tmp_path: Path, bin_directory: str
) -> None:
    told = await _claude(served, model, "use the tool Bash", tmp_path, bin_directory, CLOUDS[cloud])
    assert (told["is_error"], told["num_turns"]) == (False, 2)
    assert MARKER in told["result"]


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_langchain_for_aws_calls_tools_before_every_format(served: Serving, tmp_path: Path) -> None:
    AWS.need()
    told = await output(
        AWS.python, str(PROGRAMS / "aws.py"), served.url, *FORMATS, "claude-sonnet-4-5",
        cwd=tmp_path, ANTHROPIC_BEDROCK_BASE_URL=served.url, AWS_BEARER_TOKEN_BEDROCK="none",
    )  # fmt: skip
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert [line["speaks"] for line in lines] == ["converse", "invoke for Claude"] * len(FORMATS) + [
        "converse", "invoke for Claude", "invoke",
    ]  # fmt: skip
    for line in lines:
        assert (line["words"], line["streamed"], line["heard"]) == (12, 12, True), line
        assert line["counted"] >= 12


CODEX = """
model_provider = "segue"
web_search = "disabled"
[model_providers.segue]
name = "Segue"
base_url = "{url}/v1"
env_key = "SEGUE_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
[agents]
enabled = false
"""


async def _codex(served: Serving, model: str, prompt: str, cwd: Path) -> list[dict]:
    AGENTS.need()
    home = cwd / "codex"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(CODEX.format(url=served.url))
    told = await output(
        "node", str(AGENTS.place / "node_modules" / "@openai" / "codex" / "bin" / "codex.js"), "exec", "--json",
        "--skip-git-repo-check", "--sandbox", "danger-full-access", "-m", model, prompt,
        cwd=cwd, CODEX_HOME=str(home), SEGUE_KEY="none",
    )  # fmt: skip
    events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return [event["item"] for event in events if event["type"] == "item.completed"]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("model", FORMATS)
async def test_codex_writes_and_runs_a_command(served: Serving, model: str, tmp_path: Path) -> None:
    items = await _codex(served, model, "hello in 12 words", tmp_path)
    assert len(items[-1]["text"].split()) == 12
    items = await _codex(served, model, "use the tool exec_command", tmp_path)
    assert [item["exit_code"] for item in items if item["type"] == "command_execution"] == [127]
    assert "Process exited with code 127" in items[-1]["text"]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("model", FORMATS)
async def test_aider_gets_its_answer(served: Serving, model: str, tmp_path: Path) -> None:
    AIDER.need()
    told = await output(
        str(AIDER.place / "bin" / "aider"), "--model", f"openai/{model}", "--no-show-model-warnings",
        "--no-check-update", "--analytics-disable", "--no-git", "--yes-always", "--no-pretty",
        "--message", "hello in 12 words",
        cwd=tmp_path, OPENAI_API_BASE=f"{served.url}/v1", OPENAI_API_KEY="none",
    )  # fmt: skip
    assert "12 received" in told


async def _continue(served: Serving, provider: str, model: str, prompt: str, cwd: Path) -> str:
    """What Continue says, with the configuration of docs/clients.md."""
    CONTINUE.need()
    (recipe,) = re.findall(r"```yaml\n(name: Segue\n.*?)```", (ROOT / "docs" / "clients.md").read_text(), re.DOTALL)
    changes = {"http://127.0.0.1:3002": served.url, "provider: openai": f"provider: {provider}"}
    for before, after in {**changes, "model: smart": f"model: {model}"}.items():
        assert before in recipe
        recipe = recipe.replace(before, after)
    (cwd / "config.yaml").write_text(recipe)
    program = CONTINUE.place / "node_modules" / "@continuedev" / "cli" / "dist" / "cn.js"
    return await output(
        "node", str(program), "--config", str(cwd / "config.yaml"), "--allow", "Bash", "-p", prompt,
        cwd=cwd, CONTINUE_TELEMETRY_ENABLED="0",
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("model", FORMATS)
async def test_continue_writes_and_runs_a_command(served: Serving, provider: str, model: str, tmp_path: Path) -> None:
    told = await _continue(served, provider, model, "hello in 12 words", tmp_path)
    assert len(told.split()) == 12
    told = await _continue(served, provider, model, "use the tool Bash", tmp_path)
    assert "text: command not found" in told, "its shell ran what the model asked for, and the model heard of it"
