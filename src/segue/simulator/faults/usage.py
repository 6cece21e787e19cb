"""A bill cannot be checked when the count of tokens is missing, and vendors leave it out or send it elsewhere.

This is that one kind: it knows the places in which the simulated vendors have their usage.
"""

from typing import Any, Final, Literal

import msgspec

from segue.simulator.faults.endings import edited
from segue.simulator.faults.kinds import Kind, Options, Situation, mapped, retold
from segue.simulator.script import Part, Script, Send, Step


class UsageOptions(Options, frozen=True):
    """Where a stream's usage is, when it was asked for; of a document, only `missing` and `null` mean something."""

    variant: Literal["missing", "null", "in_last_content", "in_finish"] = "missing"


def _usage_elsewhere(script: Script, options: UsageOptions) -> Script:
    """A stream whose usage travels in its other events, which lose it; it cannot move to another event."""

    def change(document: dict[str, Any]) -> None:
        for owner in (document, *(document.get(name) for name in ("response", "message", "x_groq", "result", "delta"))):
            if not isinstance(owner, dict):
                continue
            for name in ("usage", "usageMetadata", "prompt_eval_count", "eval_count"):
                if owner.get(name) is not None:
                    owner.update({name: None}) if options.variant == "null" else owner.pop(name)

    if options.variant not in {"missing", "null"}:
        return script
    carriers = (b'"usage":{', b'"usageMetadata":{', b'"eval_count":')
    return mapped(
        script,
        lambda bodies: tuple(
            edited(body, change) if any(carrier in body for carrier in carriers) else body for body in bodies
        ),
    )


def _usage_in(data: bytes) -> object:
    """The usage of an event that is plain data with a field of that name, or None."""
    try:
        document = msgspec.json.decode(data.removeprefix(b"data: "))
    except msgspec.DecodeError:
        return None
    return document.get("usage") if isinstance(document, dict) else None


def _usage(script: Script, options: UsageOptions, _situation: Situation) -> Script:
    def put(value: object) -> Any:
        return lambda document: document.__setitem__("usage", value)

    def drop(document: dict[str, Any]) -> None:
        for owner in (document, document.get("x_groq")):
            if isinstance(owner, dict):
                owner.pop("usage", None)

    if not script.streams:
        if options.variant not in {"missing", "null"}:
            return script
        edit = drop if options.variant == "missing" else put(None)
        return mapped(script, lambda bodies: tuple(edited(body, edit) for body in bodies))
    found = [step for step in script.steps if isinstance(step, Send) and step.part == "usage"]
    usage = _usage_in(found[0].data) if found else None
    if usage is None:
        return _usage_elsewhere(script, options)
    carriers: dict[str, Part] = {"in_last_content": "content", "in_finish": "finish"}
    carrier = carriers.get(options.variant)
    last = max(
        (
            place
            for place, step in enumerate(script.steps)
            if carrier and isinstance(step, Send) and step.part == carrier
        ),
        default=-1,
    )
    steps: list[Step] = []
    for place, step in enumerate(script.steps):
        if not isinstance(step, Send):
            steps.append(step)
        elif step.part == "usage":
            if options.variant == "null":
                steps.append(Send(edited(step.data, put(None)), "usage"))
        elif place == last:
            steps.append(Send(edited(step.data, put(usage)), step.part))
        else:
            steps.append(Send(edited(step.data, drop), step.part) if options.variant != "null" else step)
    return retold(script, tuple(steps))


USAGE: Final = Kind(
    name="usage",
    summary="The usage that was asked for is missing, null, or in the last content chunk or that of the finish.",
    options=UsageOptions,
    rewrite=_usage,
    scope="success",
    stage="shape",
)
