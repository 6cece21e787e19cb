"""The two tables in `segue.pipeline.order` are the pipeline, and its documentation."""

import dataclasses
import re
from pathlib import Path

import segue
from pipeline.house import House, provider
from segue.pipeline import order
from segue.testing import run_virtual

GOLDEN = Path(__file__).with_name("order.golden.md")


def as_table(title, layers):
    rows = [f"| {layer.name} | {'yes' if layer.make else 'no'} | {layer.why} |" for layer in layers]
    return [f"## {title}", "", "| layer | in force | why it stands here |", "|---|---|---|", *rows, ""]


def test_the_order_and_its_reasons_are_those_of_the_golden_file():
    """Whoever moves a layer sees the whole order, and says why. The tables print themselves for the docs."""
    page = "\n".join(as_table("A call", order.CALL_LAYERS) + as_table("An attempt", order.ATTEMPT_LAYERS))
    assert page == GOLDEN.read_text(encoding="utf-8"), f"if this is meant, write it to {GOLDEN.name}:\n{page}"


def test_every_layer_has_a_name_of_its_own_and_a_reason():
    layers = [*order.CALL_LAYERS, *order.ATTEMPT_LAYERS]
    assert len({layer.name for layer in layers}) == len(layers)
    assert all(len(layer.why) > 20 for layer in layers)


def test_what_is_composed_is_what_stands_in_the_tables_in_that_order(monkeypatch):
    entered = []

    def watched(layer):
        if layer.make is None:
            return layer

        def make(parts, inner):
            async def seen(*arguments):
                entered.append(layer.name)
                return await made(*arguments)

            made = layer.make(parts, inner)
            return seen

        return dataclasses.replace(layer, make=make)

    monkeypatch.setattr(order, "CALL_LAYERS", tuple(map(watched, order.CALL_LAYERS)))
    monkeypatch.setattr(order, "ATTEMPT_LAYERS", tuple(map(watched, order.ATTEMPT_LAYERS)))

    async def main():
        _, outcome = await House([provider("a")]).ask()
        assert outcome.ok

    run_virtual(main())
    in_force = [layer.name for layer in (*order.CALL_LAYERS, *order.ATTEMPT_LAYERS) if layer.make]
    assert entered == in_force


def test_a_place_without_a_layer_is_filled_by_its_line_in_the_table_alone(monkeypatch):
    def make(parts, inner):
        async def cached(call):
            outcome = await inner(call)
            outcome.answer = b"seen by the cache"
            return outcome

        return cached

    layers = [dataclasses.replace(one, make=make) if one.name == "cache" else one for one in order.CALL_LAYERS]
    monkeypatch.setattr(order, "CALL_LAYERS", tuple(layers))

    async def main():
        return (await House([provider("a")]).ask())[1].answer

    assert run_virtual(main()) == b"seen by the cache"


def test_nobody_else_composes_layers():
    names = "|".join(layer.make.__name__ for layer in (*order.CALL_LAYERS, *order.ATTEMPT_LAYERS) if layer.make)
    room = Path(order.__file__).parent
    for path in room.parent.rglob("*.py"):
        if path.name != "order.py" and "testing" not in path.parts:
            imported = re.findall(rf"from segue\.pipeline\.\w*layers import .*\b({names})\b", path.read_text("utf-8"))
            assert not imported, path


def test_no_line_of_routing_resilience_and_pipeline_knows_a_family():
    """A word of one family in here would be an `if` for it tomorrow. Docstrings and comments may give examples."""
    package = Path(segue.__file__).parent
    families = {path.name for path in (package / "families").iterdir() if path.is_dir() and path.name[0] != "_"}
    assert families >= {"llm", "weather"}
    words = {*families, "chat", "openai", "anthropic", "payment", "prompt", "messages", "completion"}
    for room in ("pipeline", "routing", "resilience"):
        for path in (package / room).rglob("*.py"):
            code = code_of(path.read_text("utf-8")).lower()
            found = [word for word in words if re.search(rf"\b{word}", code)]
            assert not found, f"{path.relative_to(package)} speaks of {found}"


def code_of(source):
    """Without comments and docstrings."""
    source = re.sub(r'"""(?:.|\n)*?"""', "", source)
    return re.sub(r"#.*", "", source)
