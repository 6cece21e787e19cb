"""The layer that writes down what each attempt cost, be it that it answered, failed or was given up.

It costs one comparison where no price is known. A stream is charged at its end; one that ended before its provider told
the whole usage is charged by an estimate, and says so. Speech that is billed by the characters of its text is billed
for all of them, however much of it was heard.
"""

from segue.core.call import Attempt, Call
from segue.core.outcome import Ending, Outcome, StreamEnd, Usage
from segue.core.provider import Pricing
from segue.metering.estimate import estimated
from segue.pipeline.folding import AroundAttempt, around_attempt
from segue.pipeline.parts import AttemptHandler, Parts


def cost(parts: Parts, inner: AttemptHandler) -> AttemptHandler:
    """Charge each attempt whose model has a price."""
    clock = parts.clock

    def after(call: Call, attempt: Attempt, outcome: Outcome) -> None:
        info = attempt.candidate.info
        price = None if info is None else info.price
        if price is None:
            return
        if outcome.stream is not None:
            outcome.stream.on_end(lambda end: stream_ended(call, attempt, price, end))
        elif outcome.failure is None:
            charge(attempt, price, outcome.usage)
        elif (usage := outcome.usage) is not None:
            if usage.input_tokens is None or usage.output_tokens is None:
                usage = estimated(usage, call.features.tokens, 0)
            charge(attempt, price, usage)

    def broken(call: Call, attempt: Attempt, _error: BaseException) -> None:
        info = attempt.candidate.info
        if info is not None and info.price is not None and attempt.usage is not None:
            cut_short(call, attempt, info.price, attempt.usage, 0)

    def stream_ended(call: Call, attempt: Attempt, price: Pricing, end: StreamEnd) -> None:
        usage = end.usage
        if usage is not None and (usage.characters is not None or (end.ending is Ending.COMPLETE and _whole(usage))):
            charge(attempt, price, usage)
        else:
            cut_short(call, attempt, price, usage, end.tokens)

    def cut_short(call: Call, attempt: Attempt, price: Pricing, told: Usage | None, output: int) -> None:
        charge(attempt, price, estimated(told, call.features.tokens, output))

    def charge(attempt: Attempt, price: Pricing, usage: Usage | None) -> None:
        if usage is not None:
            attempt.charge = price.charge(usage, clock.wall())

    return around_attempt(AroundAttempt(after=after, broken=broken), inner)


def _whole(usage: Usage) -> bool:
    """Whether the provider has told all that its bill is made of."""
    return usage.output_tokens is not None or usage.audio_seconds is not None or usage.billed is not None
