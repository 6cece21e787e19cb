"""The real command line, in a directory of the test's own."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cli.support import LIMIT, SEGUE, Ran, Run, Serve, Up, clean_environment
from segue.simulator import Simulator


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command to its end, in a directory of the test's own."""

    def ran(*arguments: str, **environment: str) -> Ran:
        found = subprocess.run(
            [*SEGUE, *arguments],
            cwd=tmp_path,
            env=clean_environment(**environment),
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert "Traceback" not in found.stderr
        return Ran(found.returncode, found.stdout, found.stderr)

    return ran


@pytest.fixture
def run_async(run: Run) -> Callable:
    """The same while the test's own event loop goes on, for commands that call the test's simulator."""

    async def ran(*arguments: str, **environment: str) -> Ran:
        return await asyncio.to_thread(run, *arguments, **environment)

    return ran


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Run `segue up` on a free port while something is entered."""

    @asynccontextmanager
    async def serving(*arguments: str, **environment: str) -> AsyncIterator[Up]:
        process = await asyncio.create_subprocess_exec(
            *SEGUE, "up", "--json", "--port", "0", *arguments,
            cwd=tmp_path,
            env=clean_environment(**environment),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            first = await asyncio.wait_for(process.stdout.readline(), LIMIT)
            assert first, (await process.stderr.read()).decode()
            yield Up(process, json.loads(first))
        finally:
            if process.returncode is None:
                process.terminate()
                await asyncio.wait_for(process.communicate(), LIMIT)

    return serving


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Vendors on a free port."""
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write `segue.yaml` where commands run."""

    def written(text: str) -> Path:
        path = tmp_path / "segue.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written
