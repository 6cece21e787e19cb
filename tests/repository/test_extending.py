"""What docs/extending.md promises: a vendor and a strategy are each one new file, and both files are on that page."""

import re
from pathlib import Path

import pytest

import segue.families.llm.providers
import segue.routing.strategies
from segue import Segue
from segue.app.catalogue import ADAPTERS, STRATEGIES
from segue.simulator import Simulator

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


def code(title: str) -> str:
    """The block of the page with this title."""
    found = re.search(rf"```python title={re.escape(title)}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found, f"no block {title} in {PAGE}"
    return found[1]


@pytest.fixture
def newcomer(tmp_path, monkeypatch):
    """Puts the page's files where a contributor would, without touching the checkout."""
    for package, title in ((segue.families.llm.providers, "acme.py"), (segue.routing.strategies, "shortest_name.py")):
        folder = tmp_path / title.removesuffix(".py")
        folder.mkdir()
        (folder / title).write_text(code(title))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    ADAPTERS.refresh()
    STRATEGIES.refresh()
    yield
    monkeypatch.undo()
    for registry, name in ((ADAPTERS, "acme"), (STRATEGIES, "shortest_name")):
        registry.refresh()
        registry._known.pop(name, None)


async def test_a_vendor_in_one_file_serves_chats(newcomer):
    """The vendor of the page is found by its file's name and answers a chat."""
    async with Simulator(port=0) as simulator, Segue() as library:
        library.register_provider(
            "acme", adapter="acme", key="key-of-acme", base_url=f"{simulator.url}/acme/v1", allow_private_network=True
        )
        reply = await library.chat("hello", model="acme-large")
    assert (reply.provider, reply.model) == ("acme", "acme-large")
    assert len(simulator.seen("acme")) == 1


async def test_a_strategy_in_one_file_orders_candidates(newcomer):
    """The strategy of the page decides who is asked first."""
    providers = {
        name: {"adapter": "acme", "key": "key-of-acme", "models": ["m"]} for name in ("much-longer", "tiny", "middling")
    }
    library = Segue({"providers": providers, "policies": {"chat": {"strategy": "shortest_name"}}})
    order = [one.candidate for one in library.explain("chat", model="m").candidates]
    assert order == ["tiny/m", "middling/m", "much-longer/m"]
