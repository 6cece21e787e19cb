"""`segue simulate`: the simulator alone, until it is told to stop."""

import asyncio
import signal
import socket

import aiohttp
import pytest

from cli.support import SEGUE, Run, clean_environment


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_plays_vendors_until_it_is_told_to_stop(tmp_path, number: signal.Signals):
    (tmp_path / "faults.yaml").write_text("faults: [{account: primary, kind: status, code: 503}]\n", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *SEGUE, "simulate", "--port", "0", "--faults", "faults.yaml",
        cwd=tmp_path, env=clean_environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    first = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    url = first.split()[4]
    async with aiohttp.ClientSession(url) as web, web.get("/_sim/state") as answer:
        assert (await answer.json())["faults"][0]["account"] == "primary"
    process.send_signal(number)
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, err) == (0, b"")


def test_a_port_in_use_is_a_line(run: Run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shown = run("simulate", "--port", str(taken.getsockname()[1]))
    assert shown.code == 1
    assert "cannot listen" in shown.err


def test_wrong_faults_are_a_line(run: Run, tmp_path):
    (tmp_path / "faults.yaml").write_text("faults: [{account: primary, kind: nonsense}]\n", encoding="utf-8")
    shown = run("simulate", "--port", "0", "--faults", "faults.yaml")
    assert shown.code == 1
    assert "nonsense" in shown.err


def test_faults_that_are_not_there_are_named(run: Run):
    shown = run("simulate", "--port", "0", "--faults", "nowhere.yaml")
    assert shown.code == 1
    assert "nowhere.yaml" in shown.err
