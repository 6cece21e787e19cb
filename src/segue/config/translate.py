"""pydantic's findings in our words: one readable problem per place, and never the value that was given."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from segue.config.problems import Place, Problem, shown_key, unknown_key

_MAPPINGS = {"model_type", "model_attributes_type", "dict_type", "mapping_type", "dataclass_type"}
_MOST_ALTERNATIVES = 3


def problems_of(error: ValidationError, model: type[BaseModel], data: object, path: Place) -> list[Problem]:
    """The problems in an error of `model`, which was shown `data` that stands at `path`.

    A union reports each of its branches; they become one problem at the place that they share.
    """
    found: dict[Place, list[str]] = {}
    for one in error.errors(include_url=False, include_input=False):
        place = _existing(one["loc"], data, keep_last=one["type"] in {"missing", "extra_forbidden"})
        messages = found.setdefault(place, [])
        message = _message(one, model)
        if message not in messages:
            messages.append(message)
    return [Problem((*path, *place), " or ".join(messages[:_MOST_ALTERNATIVES])) for place, messages in found.items()]


def fields_at(model: type[BaseModel], place: Iterable[str | int]) -> tuple[str, ...]:
    """The keys that are allowed at a place inside a model."""
    current = model
    for part in place:
        field = current.model_fields.get(str(part))
        if field is not None:
            current = _model_in(field.annotation) or current
    return key_names(current)


def key_names(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys of a model as users write them."""
    return tuple(
        field.validation_alias if isinstance(field.validation_alias, str) else name
        for name, field in model.model_fields.items()
    )


def _message(error: Any, model: type[BaseModel]) -> str:
    kind, place = error["type"], error["loc"]
    if kind == "extra_forbidden":
        return unknown_key(str(place[-1]), fields_at(model, place[:-1]))
    if kind == "missing":
        return f"is missing: add '{shown_key(str(place[-1]))}: …'"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind in _MAPPINGS:
        return "must be a mapping: write 'key: value', one a line"
    text: str = error["msg"]
    return text.replace("Input should be", "must be")


def _existing(place: tuple[str | int, ...], data: object, *, keep_last: bool) -> Place:
    """The part of a place that exists in the data: the rest names branches of a union."""
    parts = place[:-1] if keep_last else place
    path: Place = ()
    for part in parts:
        in_mapping = isinstance(data, Mapping) and part in data
        in_list = isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)
        if in_mapping or in_list:
            data = data[part]  # type: ignore[index]  # one of the two was just shown to hold it
            path = (*path, part)
    return (*path, place[-1]) if keep_last and place else path


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)
