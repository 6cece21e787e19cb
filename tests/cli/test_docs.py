"""docs/cli.md is run: its examples say what the commands say, and its table names every command and option."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.support import Run
from segue.simulator import Simulator

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `segue ([^`]+)` \|", PAGE, re.MULTILINE)
SESSION = next(block for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) if "$ segue check\n" in block)


def test_the_table_names_every_command(run: Run):
    listed = run("--help").out.partition("Commands:")[2].partition("Exit codes")[0]
    assert set(re.findall(r"^  (\w+) ", listed, re.MULTILINE)) == {row.split()[0] for row in ROWS}


@pytest.mark.parametrize("row", ROWS)
def test_every_option_of_the_table_exists(run: Run, row: str):
    words = row.split()
    command = words[:2] if words[0] == "keys" else words[:1]
    shown = run(*command, "--help").out
    for option in re.findall(r"--[a-z-]+", row):
        assert option in shown


async def test_the_first_session_goes_as_the_page_says(sim: Simulator, write: Callable, run_async: Callable):
    file = re.search(r"```yaml\n# segue.yaml\n(.*?)```", PAGE, re.DOTALL)
    assert file is not None
    write(file[1].replace("http://127.0.0.1:8089", sim.url))
    commands = re.split(r"^\$ segue ", SESSION, flags=re.MULTILINE)[1:]
    assert len(commands) == 6
    for command in commands:
        line, _, expected = command.partition("\n")
        shown = await run_async(*line.split())
        assert shown.code == 0, shown.err
        assert shown.out.startswith(expected.rstrip("\n"))


def test_a_broken_file_is_told_as_the_page_says(run: Run, tmp_path):
    expected = re.search(r"\$ segue check broken.yaml\n(.*?)\n```", PAGE, re.DOTALL)
    assert expected is not None
    (tmp_path / "broken.yaml").write_text(
        "providers:\n  p: {adapter: ollama, models: [m]}\n\nmodles:\n  smart: p/m\n", encoding="utf-8"
    )
    shown = run("check", "broken.yaml")
    assert shown.err == expected[1] + "\n"
