"""Calls, attempts and signals for tests, without a pipeline."""

from segue.core.call import Attempt, Call, Caller, CallOptions
from segue.core.failure import Failure, Kind
from segue.core.features import Features
from segue.core.operation import Nature, Operation
from segue.core.outcome import Usage
from segue.core.provider import Candidate, Key, Provider
from segue.core.signals import AttemptEnded, CallEnded

CHAT = Operation(
    "chat",
    "llm",
    Nature.REPEATABLE,
    dict,
    dict,
    parse=lambda body: body,
    from_fields=lambda fields, _text: fields,
    unit="tokens",
    by_model=True,
)
BUSY = Failure(Kind.OVERLOADED, "too much to do", status=503)


def candidate(provider: str = "openai", model: str = "gpt-4o", key: str = "key-1") -> Candidate:
    made = Provider(provider, "openai", frozenset({"chat"}), None)
    return Candidate(made, model, Key(key, "sk-very-secret"), None)


def attempt(
    by: Candidate | None = None,
    *,
    started: float = 1000.0,
    elapsed: float = 0.25,
    failure: Failure | None = None,
    usage: Usage | None = None,
    cancelled: bool = False,
) -> Attempt:
    made = Attempt(by or candidate())
    made.started = started
    made.elapsed = elapsed
    made.first_byte = elapsed / 2
    made.failure = failure
    made.usage = usage
    made.ended = True
    made.cancelled = cancelled
    return made


def call(number: int = 1, attempts: tuple[Attempt, ...] = (), **changes) -> Call:
    made = Call(
        id=f"call_{number:08d}",
        operation=changes.pop("operation", CHAT),
        request={"messages": "what nobody may see"},
        started=1000.0,
        started_wall=changes.pop("wall", 1_700_000_000.0 + number),
        caller=Caller("key_1", "team-a"),
        options=changes.pop("options", CallOptions(tags={"team": "blue"}, user="u-1")),
        surface="openai",
    )
    made.features = Features(model=changes.pop("model", "smart"), stream=True)
    made.attempts = list(attempts)
    made.answered_by = next((each.candidate for each in attempts if each.failure is None), None)
    assert not changes
    return made


def ended(number: int = 1, *, code: str = "ok", status: int = 200, attempts=None, elapsed: float = 0.5, **changes):
    tries = (attempt(usage=Usage(10, 20)),) if attempts is None else attempts
    return CallEnded(call(number, tries, **changes), code, status, elapsed)


def attempt_ended(made: Attempt) -> AttemptEnded:
    return AttemptEnded(call(1, (made,)), made)
