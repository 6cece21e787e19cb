"""The catalogue of kinds: complete, documented, and to be set in every way."""

import json
from pathlib import Path

import pytest

from segue.simulator import KINDS, Simulator, catalogue
from segue.simulator.faults.describing import table
from simulator.wire import chat_request, hear

DOCUMENT = Path(__file__).parents[2] / "docs" / "simulator.md"
# With these nothing comes at all, so that a client has to give up.
QUIET = {"silence", "no_accept", "stall"}


def test_the_documentation_has_the_table_of_the_code():
    """`docs/simulator.md` contains exactly what `table()` makes of the kinds."""
    assert table() in DOCUMENT.read_text(encoding="utf-8"), "paste the output of python -m segue.simulator --kinds"


def test_every_kind_is_described():
    """Name, one line, options with types and defaults, and an example that has all that is required."""
    described = {entry["name"]: entry for entry in catalogue()}
    assert list(described) == list(KINDS)
    for name, entry in described.items():
        assert entry["summary"].endswith("."), name
        assert "\n" not in entry["summary"], name
        required = {option for option, facts in entry["options"].items() if facts["required"]}
        assert required <= set(entry["example"]) <= set(entry["options"]), name
        assert all(facts["type"] and not facts["type"].endswith("Type") for facts in entry["options"].values()), name
    assert json.loads(json.dumps(catalogue())) is not None


async def test_the_catalogue_can_be_asked_for(web):
    """The admin interface gives the same list."""
    async with web.get("/_sim/kinds") as answer:
        assert [entry["name"] for entry in await answer.json()] == list(KINDS)


async def hit(sim: Simulator, count: int = 1) -> list[list[str]]:
    """Ask for streams that accept gzip, and tell what the records say was applied."""
    request = chat_request("a", "Accept-Encoding: gzip\r\n", stream=True, stream_options={"include_usage": True})
    document = chat_request("a", "Accept-Encoding: gzip\r\n")
    quiet = 0.03 if any(fault["kind"] in QUIET for fault in sim.faults.as_json()) else 3.0
    for number in range(count):
        # Some kinds concern only whole answers.
        whole = any(KINDS[fault["kind"]].scope == "document" for fault in sim.faults.as_json())
        await hear(sim.port, document if whole else request, quiet)
        assert len(sim.seen("a")) == number + 1
    return [record.faults for record in sim.seen("a")]


# A limit refuses only when it is exceeded, which the second request does.
FIRST_PASSES = {"rate_limit"}


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("way", ["admin", "method", "file", "schedule"])
async def test_every_kind_is_set_in_every_way(sim, web, tmp_path, kind, way):
    """By the admin interface, by the method, from a file and by a schedule, with `times`; then it serves as ever."""
    fault = {"account": "a", "kind": kind, "times": 1, **KINDS[kind].example}
    if way == "admin":
        async with web.post("/_sim/faults", json=fault) as answer:
            assert answer.status == 201
    elif way == "method":
        sim.fault(**fault)
    elif way == "file":
        file = tmp_path / "faults.json"
        file.write_text(json.dumps({"faults": [fault]}))
        sim.load_faults(file)
    else:
        del fault["account"]
        sim.schedule("a", [{"start": 0, "end": 60, **fault}])
    passes = [[]] if kind in FIRST_PASSES else []
    applied = await hit(sim, 2 + len(passes))
    assert applied == [*passes, [kind], []]
    assert sim.faults.as_json()[0]["hits"] == 1
    last = await hear(sim.port, chat_request("a"))
    assert (last.status, json.loads(last.body)["object"]) == (200, "chat.completion")


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"rate_limit", "concurrency"}))
async def test_every_kind_can_be_set_for_a_share_of_requests(kind):
    """With the same seed the same requests are hit, and about half of them."""
    seen = []
    for _ in range(2):
        async with Simulator(seed=3) as sim:
            sim.fault("a", kind, rate=0.5, **KINDS[kind].example)
            seen.append([bool(faults) for faults in await hit(sim, 5)])
    assert seen[0] == seen[1]
    assert 1 <= seen[0].count(True) <= 4


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"early_response", "rate_limit"}))
async def test_every_kind_can_be_set_for_some_requests(sim, kind):
    """With a match for another model, or for the other way of answering, nothing is hit."""
    streams = KINDS[kind].scope != "document"
    for match in ({"model": "other"}, {"stream": not streams}):
        sim.fault("a", kind, match=match, **KINDS[kind].example)
    assert await hit(sim) == [[]]
    sim.fault("a", kind, match={"model": "gpt-4o-mini", "stream": streams}, **KINDS[kind].example)
    sim.requests.clear()
    assert await hit(sim) == [[kind]]
