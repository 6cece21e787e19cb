"""Where the clients are that do not belong to the test group: in the ignored build directory, by `make proof`.

A quick test uses what is there already and else is skipped with the reason; only slow tests install.
"""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build" / "clients"


@dataclass(frozen=True)
class Bundle:
    """Packages that are installed together; `node` says by whose package manager."""

    name: str
    node: bool
    packages: tuple[str, ...]

    @property
    def place(self) -> Path:
        return CACHE / self.name

    @property
    def ready(self) -> bool:
        mark = self.place / "installed.json"
        return mark.exists() and json.loads(mark.read_text()) == list(self.packages)

    @property
    def python(self) -> str:
        return str(self.place / "bin" / "python")

    def need(self) -> None:
        """Skip the test where the packages are not there."""
        if self.node and shutil.which("node") is None:
            pytest.skip("Node is not installed")
        if not self.ready:
            pytest.skip(f"the clients {self.name!r} are not installed: `make proof` does it")

    async def install(self) -> None:
        """Install the packages unless they are there; skip the test where that is impossible."""
        if self.node and shutil.which("npm") is None:
            pytest.skip("Node is not installed")
        if self.ready:
            return
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        commands = (
            [["npm", "install", "--no-audit", "--no-fund", "--prefix", str(self.place), *self.packages]]
            if self.node
            else [
                [sys.executable, "-m", "venv", str(self.place)],
                [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *self.packages],
            ]
        )
        for command in commands:
            code, _, error = await run(*command, environ=os.environ, cwd=self.place, seconds=900)
            if code:
                pytest.skip(f"the clients {self.name!r} cannot be installed: {error.strip()[-300:]}")
        (self.place / "installed.json").write_text(json.dumps(list(self.packages)))


SCRIPTS = Bundle(
    "node", True,
    ("ai@6", "@ai-sdk/openai@3", "@ai-sdk/anthropic@3", "@ai-sdk/google@3", "@ai-sdk/openai-compatible@2", "zod@4",
     "openai@6", "@anthropic-ai/sdk@1", "@google/genai@2"),
)  # fmt: skip
AGENTS = Bundle("agents", True, ("@anthropic-ai/claude-code@2", "@openai/codex@0"))
FRAMEWORKS = Bundle(
    "python", False,
    ("langchain>=1,<2", "langchain-openai>=1,<2", "langchain-anthropic>=1,<2", "langchain-google-genai>=4,<5",
     "llama-index-llms-openai-like>=0.8,<1"),
)  # fmt: skip
AWS = Bundle("aws", False, ("langchain-aws[anthropic]>=1.9,<2", "langchain>=1,<2"))
AIDER = Bundle("aider", False, ("aider-chat>=0.86,<1",))
CONTINUE = Bundle("continue", True, ("@continuedev/cli@1",))
BUNDLES = (SCRIPTS, AGENTS, FRAMEWORKS, AWS, AIDER, CONTINUE)


async def run(*command: str, environ: Mapping[str, str], cwd: Path, seconds: float = 90) -> tuple[int, str, str]:
    """Run a program without input: its exit code and what it wrote. It is ended when its time is over."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=dict(environ),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            out, error = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(errors="replace"), error.decode(errors="replace")


async def output(*command: str, cwd: Path, path: str = "", **environ: str) -> str:
    """What a client prints; it sees no variable of ours and a home directory of its own, so it has no key but ours."""
    clean = {"PATH": f"{path}:{os.environ.get('PATH', os.defpath)}", "HOME": str(cwd), "TMPDIR": str(cwd), **environ}
    code, out, error = await run(*command, environ=clean, cwd=cwd)
    assert code == 0, f"{command[0]} ended with {code}:\n{out[-2000:]}\n{error[-2000:]}"
    return out
