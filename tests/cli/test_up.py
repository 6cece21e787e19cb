"""`segue up`: it says where it is and who may call, finishes what it has begun, and takes a new configuration."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable

import aiohttp
import openai
import pytest

from cli.support import SEGUE, Run, Serve, Up, clean_environment, configuration, until
from segue.simulator import Simulator

ASK = {"model": "smart", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def client():
    def made(up: Up, key: str = "any") -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{up.url}/v1", api_key=key, max_retries=0)

    return made


async def ready(up: Up) -> dict:
    async with aiohttp.ClientSession() as web, web.get(f"{up.url}/ready") as answer:
        return await answer.json()


async def test_the_first_screen_says_where_it_is_what_it_uses_and_that_it_is_open(
    sim: Simulator, write: Callable, serve: Serve
):
    write(configuration(sim.url))
    async with serve() as up:
        assert up.url.startswith("http://127.0.0.1:")
        assert up.facts["configuration"] == "segue.yaml"
        assert up.facts["providers"] == ["primary", "backup", "sky"]
        assert up.facts["open"] is True
        assert up.facts["first_key"] is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "anybody on this machine, without a key (`segue keys create NAME` ends that)"),
        ("auth: {mode: open}", "anybody who reaches it, without a key (auth.mode is open)"),
    ],
)
async def test_people_get_the_first_screen_in_words(sim: Simulator, write: Callable, tmp_path, more: str, said: str):
    write(configuration(sim.url, more=more))
    process = await asyncio.create_subprocess_exec(
        *SEGUE, "up", "--port", "0",
        cwd=tmp_path, env=clean_environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    shown = ""
    while "/docs" not in shown:
        shown += (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert shown.startswith("Segue serves at http://127.0.0.1:")
    assert "primary, backup, sky" in shown
    assert said in shown


async def test_sigterm_lets_a_stream_that_is_under_way_end(write: Callable, serve: Serve, client: Callable):
    async with Simulator(token_delay=0.05) as slow:
        write(configuration(slow.url))
        async with serve() as up, client(up) as sdk:
            asked = [{"role": "user", "content": "answer in 40 words"}]
            stream = await sdk.chat.completions.create(model="smart", messages=asked, stream=True)
            text, finish, told = "", None, False
            async for chunk in stream:
                if not told and chunk.choices and chunk.choices[0].delta.content:
                    up.send(signal.SIGTERM)
                    told = True
                if chunk.choices:
                    text += chunk.choices[0].delta.content or ""
                    finish = chunk.choices[0].finish_reason or finish
            assert finish == "stop"
            assert len(text.split()) == 40
            code, err = await up.ended()
            assert code == 0
            assert "Traceback" not in err


async def test_a_second_signal_does_not_wait(write: Callable, serve: Serve, client: Callable):
    async with Simulator(first_token_delay=0.05, token_delay=1.0) as slow:
        write(configuration(slow.url))
        async with serve() as up, client(up) as sdk:
            asked = [{"role": "user", "content": "answer in 300 words"}]
            stream = await sdk.chat.completions.create(model="smart", messages=asked, stream=True)
            await anext(aiter(stream))
            up.send(signal.SIGTERM)

            async def stopping() -> bool:
                return (await ready(up))["status"] == "stopping"

            await until(stopping)
            up.send(signal.SIGTERM)
            code, _ = await asyncio.wait_for(up.ended(), 10)
            assert code == 0
            await stream.close()


async def test_sighup_puts_a_good_configuration_in_force(
    sim: Simulator, write: Callable, serve: Serve, client: Callable
):
    write(configuration(sim.url))
    async with serve() as up, client(up) as sdk:
        write(configuration(sim.url, more="  other: [backup/gpt-4o-mini]\n"))
        up.send(signal.SIGHUP)

        async def in_force() -> bool:
            return (await ready(up))["configuration"]["version"] == 2

        await until(in_force)
        answer = await sdk.chat.completions.create(model="other", messages=ASK["messages"])
        assert answer.model == "gpt-4o-mini"


async def test_sighup_keeps_the_old_configuration_when_the_new_one_is_wrong_and_ready_says_why(
    sim: Simulator, write: Callable, serve: Serve, client: Callable
):
    write(configuration(sim.url))
    async with serve() as up, client(up) as sdk:
        write(configuration(sim.url).replace("models:\n", "modles:\n"))
        up.send(signal.SIGHUP)

        async def refused() -> bool:
            return not (await ready(up))["configuration"]["in_force"]

        await until(refused)
        said = (await ready(up))["configuration"]
        assert said["version"] == 1
        assert "did you mean 'models'?" in said["problems"][0]
        assert (await sdk.chat.completions.create(**ASK)).choices[0].message.content
        up.send(signal.SIGTERM)
        code, err = await up.ended()
        assert code == 0
        assert "configuration refused" in err


def test_a_port_in_use_is_a_line_and_exit_code_1(run: Run, write: Callable):
    write(configuration("http://127.0.0.1:9"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        shown = run("up", "--port", str(port))
    assert shown.code == 1
    assert shown.err.startswith(f"cannot listen on 127.0.0.1:{port}: address already in use")
    assert "--port" in shown.err


def test_without_any_provider_it_names_the_variables_the_file_and_the_demo(run: Run):
    shown = run("up", "--port", "0")
    assert shown.code == 1
    assert "segue demo" in shown.err.splitlines()[0]
    assert "OPENAI_API_KEY" in shown.err
    assert "./segue.yaml" in shown.err


async def test_a_key_in_the_environment_is_a_configuration(serve: Serve):
    async with serve(OPENAI_API_KEY="sk-from-the-environment") as up:
        assert up.facts["configuration"] == "the environment"
        assert up.facts["providers"] == ["openai"]


async def test_flags_stand_above_the_environment_and_the_environment_above_the_file(
    sim: Simulator, write: Callable, serve: Serve, tmp_path
):
    write(configuration(sim.url, more='server: {port: 1}\nstore: "sqlite:///file.db"\n'))
    async with serve(PORT="2", DATABASE_URL="sqlite:///variable.db") as up:
        assert up.facts["store"] == "sqlite:///variable.db"
        assert not up.url.endswith((":1", ":2"))
        assert (tmp_path / "variable.db").exists()
        assert not (tmp_path / "file.db").exists()


async def test_the_first_start_on_a_public_address_makes_one_admin_key_and_shows_it_once(
    sim: Simulator, write: Callable, serve: Serve, client: Callable
):
    write(configuration(sim.url))
    async with serve("--host", "0.0.0.0") as up:
        key = up.facts["first_key"]
        assert up.facts["open"] is False
        async with client(up) as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.chat.completions.create(**ASK)
        async with client(up, key) as owner:
            assert (await owner.chat.completions.create(**ASK)).choices[0].message.content
        headers = {"authorization": f"Bearer {key}"}
        async with aiohttp.ClientSession(headers=headers) as web, web.get(f"{up.url}/admin/keys") as answer:
            assert answer.status == 200
            assert [(one["name"], one["admin"]) for one in await answer.json()] == [("first", True)]
        up.send(signal.SIGTERM)
        _, err = await up.ended()
        assert key not in err
    async with serve("--host", "0.0.0.0") as again:
        assert again.facts["first_key"] is None


async def test_what_is_set_and_not_used_is_said(sim: Simulator, write: Callable, serve: Serve):
    write(configuration(sim.url))
    async with serve(REDIS_URL="redis://127.0.0.1:6379") as up:
        assert any("REDIS_URL" in note for note in up.facts["notes"])


@pytest.mark.skipif(os.name != "posix", reason="signals")
async def test_log_lines_go_to_standard_error_as_json_where_no_terminal_is(
    sim: Simulator, write: Callable, serve: Serve
):
    write(configuration(sim.url))
    async with serve() as up:
        up.send(signal.SIGHUP)

        async def in_force() -> bool:
            return (await ready(up))["configuration"]["version"] == 2

        await until(in_force)
        up.send(signal.SIGTERM)
        code, err = await up.ended()
        assert code == 0
        assert '"event": "configuration in force"' in err
