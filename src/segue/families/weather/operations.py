"""The operations of this family, as the pipeline sees them."""

import msgspec

from segue.core.features import Features
from segue.core.operation import Nature, Operation
from segue.core.parsing import parser
from segue.families.weather.types import CurrentRequest, CurrentWeather


def analyse(request: CurrentRequest) -> Features:
    """What routing may know of a weather request: its size, and nothing else."""
    return Features(size=len(msgspec.json.encode(request)))


_parse, _from_fields = parser(CurrentRequest)

CURRENT = Operation(
    id="weather.current",
    family="weather",
    nature=Nature.READ,
    request=CurrentRequest,
    answer=CurrentWeather,
    parse=_parse,
    from_fields=_from_fields,
    unit="requests",
    by_model=False,
    analyse=analyse,
    summary="The weather now at a place given by name or by coordinates, in metric units.",
)

OPERATIONS = (CURRENT,)
"""Every operation of the family."""
