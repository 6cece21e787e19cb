"""Help is quick, and a wrong command line is told so in a line."""

import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from cli.support import Run
from segue import __version__

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_help_takes_less_than_half_a_second(run: Run):
    def seconds() -> float:
        began = time.perf_counter()
        assert run("--help").code == 0
        return time.perf_counter() - began

    assert min(seconds() for _ in range(3)) < 0.5


def test_help_imports_nothing_that_only_commands_need():
    heavy = {"aiohttp", "fastapi", "msgspec", "openai", "pydantic", "ruamel", "rich", "sqlalchemy", "uvicorn"}
    program = f"import segue.cli.main, sys; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_version_is_shown(run: Run):
    assert run("--version").out == f"segue {__version__}\n"


def test_the_script_of_the_package_is_this_program():
    assert PROJECT["scripts"] == {"segue": "segue.cli.main:run"}


@pytest.mark.parametrize(
    "command", ["up", "demo", "check", "explain", "test", "simulate", "schema", "openapi", "keys", "keys create"]
)
def test_every_command_has_help(run: Run, command: str):
    shown = run(*command.split(), "--help")
    assert shown.code == 0
    assert f"segue {command}" in shown.out


@pytest.mark.parametrize(
    "line", ["frobnicate", "up --port 70000", "up --port abc", "test", "explain --model", "up --log-format xml"]
)
def test_a_wrong_command_line_ends_with_exit_code_2(run: Run, line: str):
    shown = run(*line.split())
    assert shown.code == 2
    assert "Error" in shown.err
    assert not shown.out


def test_a_reader_that_leaves_early_gets_no_traceback(tmp_path: Path):
    shown = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m segue schema | head -1"], capture_output=True, text=True, cwd=tmp_path
    )
    assert shown.stdout == "{\n"
    assert not shown.stderr
