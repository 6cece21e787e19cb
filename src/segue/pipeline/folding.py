"""Layers that only act before and after what is inside them, folded into one coroutine.

Written as coroutines around each other, eight such layers cost a call some 8 us: each is an object that is made, and a
frame that every wait is handed through. Most of them await nothing. So they are written as three plain functions, and
layers that stand side by side are run by one coroutine, in the same order and with the same meaning: what was entered
is left again in the opposite order, whatever happens. A layer that waits (retry) is a coroutine as before.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from segue.core.call import Attempt, Call
from segue.core.errors import CallFailed
from segue.core.outcome import Outcome
from segue.pipeline.parts import AttemptHandler, Begun, CallHandler, Finish


class AroundCall(NamedTuple):
    """A layer around a call that awaits nothing.

    Attributes:
        before: acts first; a refusal keeps the call from what is inside, and the layer counts as never entered.
        after: sees the outcome.
        broken: sees what was raised inside: a cancellation, or a defect. It is raised on.
    """

    before: Callable[[Call], CallFailed | None] | None = None
    after: Callable[[Call, Outcome], None] | None = None
    broken: Callable[[Call, BaseException], None] | None = None


class AroundAttempt(NamedTuple):
    """A layer around an attempt that awaits nothing; as `AroundCall`.

    Attributes:
        broken: may turn what was raised into an outcome, which the layers outside see as any other.
    """

    before: Callable[[Call, Attempt], CallFailed | None] | None = None
    after: Callable[[Call, Attempt, Outcome], None] | None = None
    broken: Callable[[Call, Attempt, BaseException], Outcome | None] | None = None


class FoldedCall:
    """A handler that further layers can be folded into; `handler` is the same without a way to it."""

    __slots__ = ("handler", "inner", "layers")

    def __init__(self, layers: tuple[AroundCall, ...], inner: CallHandler) -> None:
        self.layers = layers
        self.inner = inner
        self.handler = _run_call(layers, inner)

    def __call__(self, call: Call, begun: Begun | None = None) -> Awaitable[Outcome]:
        """Run it."""
        return self.handler(call, begun)


class FoldedAttempt:
    """A handler that further layers can be folded into; `handler` is the same without a way to it."""

    __slots__ = ("handler", "inner", "layers")

    def __init__(self, layers: tuple[AroundAttempt, ...], inner: AttemptHandler) -> None:
        self.layers = layers
        self.inner = inner
        self.handler = _run_attempt(layers, inner)

    def __call__(self, call: Call, attempt: Attempt, finish: Finish | None = None) -> Awaitable[Outcome]:
        """Run it."""
        return self.handler(call, attempt, finish)


def around_call(layer: AroundCall, inner: CallHandler) -> CallHandler:
    """This layer around `inner`; one coroutine with those that `inner` was folded of."""
    if isinstance(inner, FoldedCall):
        return FoldedCall((layer, *inner.layers), inner.inner)
    return FoldedCall((layer,), inner)


def around_attempt(layer: AroundAttempt, inner: AttemptHandler) -> AttemptHandler:
    """This layer around `inner`; one coroutine with those that `inner` was folded of."""
    if isinstance(inner, FoldedAttempt):
        return FoldedAttempt((layer, *inner.layers), inner.inner)
    return FoldedAttempt((layer,), inner)


def _run_call(layers: tuple[AroundCall, ...], inner: CallHandler) -> CallHandler:
    # Lists of what there is, with how many layers are entered then: no call looks at what is absent.
    befores = [(layer.before, number) for number, layer in enumerate(layers) if layer.before is not None]
    afters = [(layer.after, number) for number, layer in enumerate(layers) if layer.after is not None][::-1]
    every = len(layers)

    async def run(call: Call, begun: Begun | None = None) -> Outcome:
        entered = 0
        try:
            for before, entered in befores if begun is None else ():  # noqa: B007 - how far it came matters after the loop
                refusal = before(call)
                if refusal is not None:
                    outcome = Outcome(refusal=refusal)
                    break
            else:
                entered = every
                outcome = await (inner(call) if begun is None else inner(call, begun))
            left = entered
            for after, number in afters:
                if number < left:
                    entered = number  # should it raise, only those outside it are told
                    after(call, outcome)
        except BaseException as error:
            for layer in reversed(layers[:entered]):
                if layer.broken is not None:
                    layer.broken(call, error)
            raise
        return outcome

    return run


def _run_attempt(layers: tuple[AroundAttempt, ...], inner: AttemptHandler) -> AttemptHandler:
    befores = [(layer.before, number) for number, layer in enumerate(layers) if layer.before is not None]
    afters = [(layer.after, number) for number, layer in enumerate(layers) if layer.after is not None][::-1]
    every = len(layers)

    async def run(call: Call, attempt: Attempt, finish: Finish | None = None) -> Outcome:
        entered = 0
        try:
            for before, entered in befores if finish is None else ():  # noqa: B007 - how far it came matters after the loop
                refusal = before(call, attempt)
                if refusal is not None:
                    outcome = Outcome(refusal=refusal)
                    break
            else:
                entered = every
                outcome = await (inner(call, attempt) if finish is None else finish())
            left = entered
            for after, number in afters:
                if number < left:
                    entered = number
                    after(call, attempt, outcome)
        except BaseException as error:  # noqa: BLE001 - raised again unless a layer makes an outcome of it
            return _leave(layers[:entered], call, attempt, error)
        return outcome

    return run


def _leave(entered: tuple[AroundAttempt, ...], call: Call, attempt: Attempt, error: BaseException) -> Outcome:
    """Tell the layers that were entered, inside out; raises unless one of them makes an outcome of it."""
    outcome: Outcome | None = None
    for layer in reversed(entered):
        try:
            if outcome is None:
                outcome = None if layer.broken is None else layer.broken(call, attempt, error)
            elif layer.after is not None:
                layer.after(call, attempt, outcome)
        except BaseException as another:  # noqa: BLE001 - the layers outside are told of it as of any other
            outcome, error = None, another
    if outcome is not None:
        return outcome
    try:
        raise error
    finally:
        del error  # its traceback holds this frame: together they would be a cycle
