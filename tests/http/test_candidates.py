"""Selectors, needs, names of models and changed requests through the whole service, before a vendor that looks on."""

import openai
import pytest

from support.service import BACKUP_KEY, HELLO, PRIMARY_KEY, serving

IMAGE = [
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}
]


def openai_at(account, **more):
    return {"adapter": "openai", "base_url": f"{{sim}}/{account}/v1", "key": PRIMARY_KEY, "formats": ["chat"], **more}


def models(**capabilities):
    return {name: {"capabilities": words} for name, words in capabilities.items()}


async def test_a_selector_chooses_models_and_a_header_chooses_among_them():
    providers = {
        "us": openai_at("us", tags=["us"], models=["gpt-4o", "gpt-4o-mini"]),
        "eu": openai_at("eu", tags=["eu"], models=["gpt-4o"]),
    }
    async with serving(providers=providers, models={"any": {"match": "gpt-4o"}}) as served:
        first = await served.chat("any")
        assert (first.status, first.headers["x-segue-provider"]) == (200, "us")
        eu = await served.chat("any", headers={"x-segue-only": "tag:eu"})
        assert (eu.status, eu.headers["x-segue-provider"]) == (200, "eu")
        nobody = await served.chat("any", headers={"x-segue-avoid": "tag:eu,tag:us"})
        assert nobody.status == 503


async def test_a_request_goes_to_who_can_serve_it_and_is_the_callers_mistake_where_nobody_can():
    providers = {
        "blind": openai_at("blind", models=models(small=["tools"])),
        "seeing": openai_at("seeing", models={"gpt-4o": {"capabilities": ["tools", "vision"]}}),
    }
    async with (
        serving(providers=providers, models={"both": ["blind/small", "seeing/gpt-4o"]}) as served,
        served.sdk() as sdk,
    ):
        made = await sdk.chat.completions.with_raw_response.create(model="both", messages=IMAGE)
        assert (made.headers["x-segue-provider"], made.headers["x-segue-attempts"]) == ("seeing", "1")
        with pytest.raises(openai.BadRequestError) as caught:
            await sdk.chat.completions.create(model="blind/small", messages=IMAGE)
        assert caught.value.code == "unsupported"
        assert "blind/small lacks: vision" in str(caught.value)
        assert "these may: seeing/gpt-4o" in str(caught.value)
    assert [record.account for record in served.sim.seen()] == ["seeing"]


async def test_a_tool_that_only_its_vendor_has_is_refused_in_the_clients_own_shape():
    async with serving(providers={"o": openai_at("o", models=["gpt-4o"])}) as served:
        body = {
            "model": "o/gpt-4o", "max_tokens": 10, "messages": [{"role": "user", "content": "news?"}],
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        }  # fmt: skip
        answer = await served.ask("POST", "/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"})
        assert answer.status == 400
        assert answer.json["type"] == "error"
        assert answer.json["error"]["type"] == "invalid_request_error"
        assert "o/gpt-4o lacks: anthropic:web_search" in answer.json["error"]["message"]
        assert served.sim.seen() == []


async def test_the_provider_is_asked_by_its_own_name_and_so_the_answer_says():
    keys = [PRIMARY_KEY, {"key": BACKUP_KEY, "models": ["gpt-4o-m*"], "model_map": {"gpt-4o-mini": "gpt-4.1-nano"}}]
    provider = openai_at("p", models=["gpt-4o", "gpt-4o-mini"], model_map={"gpt-4o*": "gpt-4.1*"}, keys=keys)
    del provider["key"]
    async with serving(providers={"p": provider}) as served:
        first, second = await served.chat("p/gpt-4o-mini"), await served.chat("gpt-4o-mini")
        other = [await served.chat("p/gpt-4o") for _ in range(2)]
        assert [one.headers["x-segue-model"] for one in (first, second, *other)] == [
            "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4.1", "gpt-4.1",
        ]  # fmt: skip
        seen = served.sim.seen()
        assert [record.body["model"] for record in seen] == ["gpt-4.1-mini", "gpt-4.1-nano", "gpt-4.1", "gpt-4.1"]
        used = [record.headers["authorization"][-4:] for record in seen]
        assert used == [PRIMARY_KEY[-4:], BACKUP_KEY[-4:], PRIMARY_KEY[-4:], PRIMARY_KEY[-4:]]


OVERRIDES = {
    "set": {"temperature": 0.5},
    "defaults": {"seed": 7, "top_p": 0.5},
    "drop": ["logit_bias", "user"],
    "headers": {"x-billing": "very-secret-4711"},
}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_requests_are_changed_in_the_providers_own_format_whatever_the_client_speaks(path):
    provider = openai_at(
        "p",
        models={"gpt-4o": {"overrides": {"set": {"seed": 9}}}, "gpt-4o-mini": None},
        overrides=OVERRIDES,
        forward_headers=["x-trace-id"],
    )
    headers = {"x-trace-id": "t-1", "x-other": "o", "anthropic-version": "2023-06-01"}
    async with serving(providers={"p": provider}) as served:
        for model in ("gpt-4o-mini", "gpt-4o"):
            fields = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}], "top_p": 0.25}
            answer = await served.ask("POST", path, json={**fields, "temperature": 1}, headers=headers)
            assert answer.status == 200
        plain, special = (record.body for record in served.sim.seen())
        assert (plain["temperature"], plain["seed"], plain["top_p"]) == (0.5, 7, 0.25)
        assert (special["temperature"], special["seed"], special["top_p"]) == (0.5, 9, 0.25)
        sent = served.sim.seen()[0].headers
        assert (sent["x-trace-id"], "x-other" in sent) == ("t-1", False)
        assert sent["x-billing"].endswith("4711")
        assert "very-secret-4711" not in answer.body.decode() + str(dict(answer.headers))


async def test_what_is_dropped_does_not_reach_the_provider_and_its_key_stays_its_own():
    provider = openai_at("p", models=["gpt-4o"], overrides=OVERRIDES, forward_headers=["x-trace-id"])
    async with serving(providers={"p": provider, "q": openai_at("q", models=["gpt-4o"])}) as served:
        await served.chat("p/gpt-4o", user="ann", logit_bias={"5": 1}, headers={"x-trace-id": "t"})
        await served.chat("q/gpt-4o", user="ann", headers={"x-trace-id": "t"})
        changed, plain = served.sim.seen()
        assert not {"user", "logit_bias"} & changed.body.keys()
        assert changed.headers["authorization"].endswith(PRIMARY_KEY[-4:])
        assert plain.body == {"model": "gpt-4o", "messages": HELLO, "user": "ann"}
        assert "x-trace-id" not in plain.headers
