"""What a caller can ask for, described so that the pipeline needs no other knowledge of it.

Retrying a geocode and retrying a card payment are different things. The difference is a property of the operation
(its `Nature`), written here once, so that no layer ever asks "is this a chat?".
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from segue.core.features import Features


class Nature(StrEnum):
    """What happens when the same request reaches a provider twice."""

    READ = "read"  # nothing changes: safe to repeat, hedge and cache
    REPEATABLE = "repeatable"  # costs again but harms nobody: a chat
    EFFECTFUL = "effectful"  # the world changes: never sent again unless it is known not to have happened


def no_features(_request: Any) -> Features:
    """The features of a request that has nothing to say to routing."""
    return Features()


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One thing that can be called, whoever serves it.

    Attributes:
        id: the name in configuration, URLs and records, e.g. `chat` or `weather.current`.
        family: the room under `families/` that defines it; policies may be set for a whole family.
        nature: what a second execution does.
        request: the type of the typed request; `POST /v1/call/{id}` decodes its body into it.
        answer: the type of the typed answer.
        unit: what providers bill, for quotas and prices: `tokens` or `requests`.
        by_model: whether callers name a model. When they do not, every provider of the operation is a candidate.
        parse: a request from the body of `POST /v1/call/{id}`; raises `RequestInvalid`, naming the field.
        from_fields: a request from named values: the library's keyword arguments, or (`text`: all of them strings) the
            query of a URL.
        analyse: what routing may know of a request.
        summary: one sentence for `/docs`.
    """

    id: str
    family: str
    nature: Nature
    request: type
    answer: type
    parse: Callable[[bytes], Any]
    from_fields: Callable[[dict[str, Any], bool], Any]
    unit: str = "requests"
    by_model: bool = False
    analyse: Callable[[Any], Features] = no_features
    summary: str = ""
