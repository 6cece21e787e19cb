"""The programs of docs/clients.md run as they stand there, and each thing that they print is an answer."""

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from clients.installed import AWS, FRAMEWORKS, ROOT, SCRIPTS, output
from support.service import Serving

PAGE = (ROOT / "docs" / "clients.md").read_text()
DEFAULT = "http://127.0.0.1:3002"
BLOCKS = re.findall(r"```(python|js)\n(.*?)```", PAGE, re.DOTALL)


def _title(block: tuple[str, str]) -> str:
    language, text = block
    library = re.findall(r"from \"?([@\w/.-]+)", text)[0]
    return f"{language}-{library}"


@pytest.mark.parametrize("block", BLOCKS, ids=_title)
async def test_a_recipe_answers(served: Serving, block: tuple[str, str], tmp_path: Path) -> None:
    language, text = block
    if language == "js":
        SCRIPTS.need()
        place = SCRIPTS.place / f"recipe-{os.getpid()}.mjs"  # Node looks for packages beside the file
        command = ["node", str(place)]
    else:
        here = all(importlib.util.find_spec(name) for name in re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))
        bundle = AWS if "langchain_aws" in text else FRAMEWORKS
        if not here:
            bundle.need()
        place = tmp_path / "recipe.py"
        command = [sys.executable if here else bundle.python, str(place)]
    place.write_text(text.replace(DEFAULT, served.url))
    try:
        told = await output(*command, cwd=tmp_path)
    finally:
        place.unlink()
    answers = told.strip().splitlines()
    assert answers
    assert [len(answer.split()) for answer in answers] == [12] * len(answers)


async def test_the_recipe_for_curl_answers(served: Serving, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (text,) = re.findall(r"## curl\n+```sh\n(.*?)```", PAGE, re.DOTALL)
    told = await output("sh", "-c", text.replace(DEFAULT, served.url), cwd=tmp_path, SEGUE_KEY="none")
    assert '"finish_reason":"stop"' in told.replace(" ", "")
