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


def check(uses: Uses, losses: Losses, vendor: str, target: str, names: Mapping[Field, str]) -> list[str]:
    """The warnings that translating this request deserves.

    Args:
        uses: what the request makes use of (`fields.used`).
        losses: what the target's format declares.
        vendor: whose signatures, files and server tools the target understands.
        target: the provider's name for people.
        names: what the caller's format calls the fields; a field that is missing is called by its own name.

    Raises:
        CannotServe: the target cannot express something without which the answer would be another.
    """
    warnings = []
    for (field, bound), detail in uses.items():
        if bound and bound == vendor:
            continue
        loss = loss_of(field, losses)
        if loss is None or loss.deed is Deed.DROP:
            continue
        called = names.get(field, field.value)
        what = f"{called!r} ({detail})" if detail else f"{called!r}"
        note = f": {loss.note}" if loss.note else ""
        if loss.deed is Deed.REFUSE:
            raise CannotServe(
                Failure(
                    Kind.UNSUPPORTED,
                    f"{target} cannot express {what}{note}",
                    executed=Executed.NO,
                    scope=Scope.REQUEST,
                    needs=field.value,
                    param=called,
                )
            )
        verb = "changed" if loss.deed is Deed.DEGRADE else "left out"
        warnings.append(f"{called} {verb} for {target}{note}")
    return warnings
