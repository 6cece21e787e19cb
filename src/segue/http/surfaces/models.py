"""The names that callers may use, for every surface's own way of listing models."""

from segue.app.engine import Engine
from segue.core.errors import UnknownModel
from segue.families.llm.operations import CHAT


def listed_models(engine: Engine, path: str) -> tuple[list[str], bool]:
    """The names of models, sorted; and whether the path asks for one of them, which is then the only one.

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
        return sorted(listed), False
    if wanted not in listed:
        if names is None:
            raise UnknownModel(f"the model {wanted[:256]!r} does not exist", param="model")
        names.resolve(wanted)  # what a wildcard provider serves exists, though nobody lists it
    return [wanted], True
