"""Compares what a request uses with what a format can say, and tells what is lost."""

from collections.abc import Mapping

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.ports import CannotServe
from segue.families.llm.ir.fields import DEFAULTS, Deed, Field, Loss, Uses

Losses = Mapping[Field, Loss | None]
"""What a format does with the fields that it cannot express; `None` for those that it expresses exactly."""


def loss_of(field: Field, losses: Losses) -> Loss | None:
    """What becomes of a field: what the format declares, else the default; `None` where nothing is lost."""
    return losses[field] if field in losses else DEFAULTS.get(field)


def without_fetching(losses: Losses) -> Losses:
    """The same where nothing may be fetched."""
    return {
        field: Loss(Deed.REFUSE, loss.otherwise) if loss is not None and loss.deed is Deed.FETCH else loss
        for field, loss in losses.items()
    }


def cannot(
    whose: str, what: str, *, field: Field | None = None, needs: str | None = None, param: str | None = None
) -> CannotServe:
    """What says that a format has no word for something.

    Args:
        whose: the format or the provider, for people.
        what: what cannot be expressed, for people.
        field: its name among the fields; stands for both of the others.
        needs: what another candidate must be able to do.
        param: what the caller calls it.
    """
    if field is not None:
        needs = param = field.value
    message = f"{whose} cannot express {what}"
    return CannotServe(Failure(Kind.UNSUPPORTED, message, Executed.NO, Scope.REQUEST, needs=needs, param=param))


def check(uses: Uses, losses: Losses, vendor: str, target: str, names: Mapping[Field, str]) -> list[str]:
    """The warnings that translating this request deserves.

    Args:
        uses: what the request makes use of (`used.used`).
        losses: what the target's format declares.
        vendor: whose signatures, files and server tools the target understands.
        target: the provider's name for people.
        names: what the caller's format calls the fields; a field that is missing is called by its own name.

    Raises:
        CannotServe: the target cannot express something without which the answer would be another.
    """
    warnings = []
    for (field, bound), detail in uses.items():
        loss = losses[field] if field in losses else DEFAULTS.get(field)
        if loss is None or loss.deed is Deed.DROP or (bound and bound == vendor):
            continue
        called = detail if field is Field.EXTRA else names.get(field, field.value)
        note = f": {loss.note}" if loss.note else ""
        if loss.deed is Deed.REFUSE:
            what = f"{called!r} ({detail})" if detail and detail != called else f"{called!r}"
            raise cannot(target, f"{what}{note}", needs=field.value, param=called)
        verb = "left out" if loss.deed is Deed.WARN else "changed"
        warnings.append(f"{called} {verb} for {target}{note}")
    return warnings
