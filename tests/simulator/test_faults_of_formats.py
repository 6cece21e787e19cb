"""Every kind of fault can be set for every format of stream, and the simulator survives each of them."""

import json

import pytest

from segue.simulator import KINDS
from simulator.wire import hear, request_bytes

QUESTION = [{"role": "user", "content": "in 6 words"}]
FORMATS = {
    "responses": ("/a/v1/responses", {"input": "in 6 words"}),
    "completions": ("/a/v1/completions", {"prompt": "in 6 words"}),
    "azure": ("/a/openai/v1/chat/completions", {"messages": QUESTION}),
    "openrouter": ("/openrouter/v1/chat/completions", {"messages": QUESTION}),
    "groq": ("/groq/v1/chat/completions", {"messages": QUESTION}),
}
# With these nothing comes at all, or nothing more, so that a client has to give up.
QUIET = {"silence", "no_accept", "stall"}
# The first request passes a limit.
LIMITS = {"concurrency", "rate_limit"}


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize("kind", sorted(set(KINDS) - LIMITS))
async def test_every_kind_is_applied_and_then_it_serves_as_ever(sim, eventually, kind, form):
    """One faulty stream (or document, where the kind is about documents), then a healthy one."""
    path, fields = FORMATS[form]
    stream = KINDS[kind].scope != "document"
    request = request_bytes("POST", path, json.dumps({"model": "m", "stream": stream, **fields}).encode())
    account = path.split("/")[1]
    sim.fault(account, kind, times=1, **KINDS[kind].example)
    await hear(sim.port, request, 0.05 if kind in QUIET else 3.0)
    await eventually(lambda: sim.seen(account)[0].outcome != "open")
    assert sim.seen(account)[0].faults == [kind]
    healthy = await hear(sim.port, request)
    assert healthy.status == 200
    assert healthy.body.endswith(b"\n\n" if stream else b"}")


@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"responses"}))
async def test_the_terminator_can_be_missing_in_every_format(sim, form):
    """Without `[DONE]`, all else is as it was."""
    path, fields = FORMATS[form]
    body = json.dumps({"model": "m", "stream": True, **fields}).encode()
    sim.fault("*", "end_without_done", times=1)
    broken = (await hear(sim.port, request_bytes("POST", path, body))).body
    whole = (await hear(sim.port, request_bytes("POST", path, body))).body
    assert b"[DONE]" not in broken
    assert broken.count(b"data: ") == whole.count(b"data: ") - 1


async def test_groqs_usage_can_be_missing_from_its_own_field(sim):
    """The kind `usage` knows `x_groq`."""
    path, fields = FORMATS["groq"]
    body = json.dumps({"model": "m", "stream": True, **fields}).encode()
    sim.fault("groq", "usage", times=1)
    bodies = [(await hear(sim.port, request_bytes("POST", path, body))).body for _ in range(2)]
    assert [b'"usage"' in one for one in bodies] == [False, True]
