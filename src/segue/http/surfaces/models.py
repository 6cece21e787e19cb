"""The names that callers may use, for every surface's own way of listing models."""

from segue.app.engine import Engine
from segue.core.errors import UnknownModel
from segue.core.provider import ModelInfo
from segue.families.llm.operations import CHAT


def listed_models(engine: Engine, path: str) -> tuple[dict[str, str], bool]:
    """The names of models, sorted, with their owners; and whether the path asks for one, which is then the only one.

    Args:
        engine: what serves.
        path: of the request; what follows `/models/` is the name that is asked for.

    Raises:
        UnknownModel: the one that is asked for does not exist.
    """
    names = engine.snapshot.lines[CHAT.id].names
    listed = names.names() if names is not None else {}
    wanted = path.partition("/models")[2].removeprefix("/")
    if not wanted:
        return dict(sorted(listed.items())), False
    if wanted not in listed:
        if names is None:
            raise UnknownModel(f"the model {wanted[:256]!r} does not exist", param="model")
        names.resolve(wanted)  # what a wildcard provider serves exists, though nobody lists it
        return {wanted: wanted.partition("/")[0]}, True
    return {wanted: listed[wanted]}, True


def info_of(engine: Engine, name: str) -> ModelInfo | None:
    """What is known of the model that a listed name means first; `None` where nothing is."""
    names = engine.snapshot.lines[CHAT.id].names
    return None if names is None else names.resolve(name)[0][0].targets[0].candidates[0].info
