"""What is known of the models that a configuration names: the user's word first, then the catalogue's.

It is put together when a configuration is put in force, and for names that callers invent when they are first asked
for; no call looks anything up.
"""

from segue.app.own_prices import Overrides, exchanges_of, price_of, with_exchange
from segue.app.world import World
from segue.config.listed import ModelSettings
from segue.config.models import Provider as ProviderSettings
from segue.config.models import Settings
from segue.core.clock import Clock
from segue.core.errors import ConfigError
from segue.core.provider import ModelInfo
from segue.families.llm.catalogue.book import Catalogue, packaged, shipped
from segue.metering.prices import Price


class ModelFacts:
    """Finds what is known of models under one configuration.

    Raises:
        ConfigError: the price list that the configuration asks for is not there.
    """

    def __init__(self, settings: Settings, world: World) -> None:
        self._catalogue = _catalogue(settings.prices.source, world.clock)
        self._exchange = exchanges_of(settings.prices.exchange)
        self._overrides = Overrides(
            {name: price_of(one, self._exchange) for name, one in settings.prices.overrides.items()}
        )

    def info(self, provider_id: str, wanted: ProviderSettings, model: str) -> ModelInfo:
        """What is known of a model of this provider."""
        said = (wanted.listed or {}).get(model) or _NOTHING_SAID
        known = self._catalogue.facts(wanted.adapter, wanted.base_url, model)
        told = said.model_fields_set
        return ModelInfo(
            model,
            said.context or known.context,
            frozenset(said.capabilities) if "capabilities" in told else known.capabilities,
            said.max_output or known.max_output,
            self._price(said, f"{provider_id}/{model}", known.price),
        )

    def _price(self, said: ModelSettings, name: str, known: Price | None) -> Price | None:
        if said.prices is not None:
            return price_of(said.prices, self._exchange)
        own = self._overrides.find(name)
        return own if own is not None or known is None else with_exchange(known, self._exchange)


def _catalogue(source: str, clock: Clock) -> Catalogue:
    if source == "shipped":
        return shipped()
    try:
        return packaged(clock.wall())
    except ImportError:
        raise ConfigError(
            ["prices.source: the package genai-prices is not installed: pip install 'segue[prices]', or 'shipped'"]
        ) from None
    except Exception as error:  # noqa: BLE001 - a stranger's package, perhaps of a later form; ours goes on with the file
        raise ConfigError(
            [f"prices.source: the installed genai-prices cannot be read ({type(error).__name__}): use 'shipped'"]
        ) from None


_NOTHING_SAID = ModelSettings()
