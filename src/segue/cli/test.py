"""`segue test`: one real call through one provider, before anybody depends on it: is the key right, how quick is it?"""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.cli.options import Config, Json
from segue.cli.output import fail, say, say_json, warn
from segue.core.failure import Kind

if TYPE_CHECKING:
    from segue.app.engine import Engine
    from segue.core.call import Call
    from segue.core.outcome import Outcome
    from segue.core.provider import Provider

SAMPLES: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "chat": {"messages": [{"role": "user", "content": "Answer with one word: hello"}]},
        "completions": {"prompt": "Say hello", "max_tokens": 5},
        "embeddings": {"input": "hello"},
        "count_tokens": {"messages": [{"role": "user", "content": "hello"}]},
        "moderations": {"input": "hello"},
        "rerank": {"query": "hello", "documents": ["hello there", "good night"]},
        "images.generate": {"prompt": "a grey square"},
        "audio.speech": {"input": "hello", "voice": "alloy"},
        "weather.current": {"query": "London"},
    }
)
"""A small, cheap request of each operation that needs no file."""

REMEDIES: MappingProxyType[Kind, str] = MappingProxyType(
    {
        Kind.INVALID_REQUEST: "the provider does not take this request: try another --model",
        Kind.NOT_FOUND: "the provider works, but knows nothing of what was asked",
        Kind.CONTEXT_LENGTH: "the model's context is tiny: try another --model",
        Kind.CONTENT_FILTER: "the provider refuses a harmless text: look at the filters of the account",
        Kind.UNSUPPORTED: "this provider cannot do it: choose another --operation or --model",
        Kind.MODEL_MISSING: "correct the name of the model in the configuration, or choose another with --model",
        Kind.AUTH: "check `key` of this provider: it is wrong, revoked, or of another account",
        Kind.PERMISSION: "the key is good, but its plan or project lacks this: mend that in the vendor's console",
        Kind.QUOTA: "the allowance or the money of this account is used up: look at the vendor's billing page",
        Kind.RATE_LIMITED: "too many requests just now: wait a moment, or add keys",
        Kind.OVERLOADED: "the vendor has too much to do: try again, and keep a second provider for such hours",
        Kind.SERVER_ERROR: "the vendor's own fault: look at its status page",
        Kind.CONNECT: "check `base_url`, the network, and proxies (HTTPS_PROXY); for an address on this machine or in "
        "a private network set `allow_private_network: true`",
        Kind.CONNECTION_LOST: "the connection was cut: look at proxies and at the vendor's status page",
        Kind.TIMEOUT: "no answer in time: look at the vendor's status page, or raise `timeouts` of the policy",
        Kind.BAD_RESPONSE: "something else answers at this address: check `base_url` and `adapter`",
        Kind.STREAM_CUT: "the answer broke off: look at proxies and at the vendor's status page",
        Kind.DEADLINE: "no answer before the deadline: raise `deadline` of the policy",
    }
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What one call showed. Times in milliseconds from the moment when it was sent; `prepared` is what came before."""

    ok: bool
    provider: str
    operation: str
    model: str
    key: str
    prepared_ms: float
    first_byte_ms: float | None
    total_ms: float
    input_tokens: int | None
    output_tokens: int | None
    kind: str | None
    message: str | None
    remedy: str | None


def try_provider(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Its id in the configuration.")],
    operation: Annotated[
        str | None, typer.Option(metavar="OP", help="What to ask for.  [default: the first that it serves]")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="M", help="The model.  [default: the first listed]")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make one real call through one provider, timed.

    It may cost what a few tokens cost.

    Exits 1 when the provider failed; the failure is classified, with what may mend it.
    """
    from segue.cli.loop import run_async

    trial = run_async(_try(config, provider, operation, model))
    if json:
        say_json(trial)
    else:
        _show(trial)
    if not trial.ok:
        raise typer.Exit(1)


async def _try(config: Path | None, provider_id: str, operation: str | None, model: str | None) -> Trial:
    from segue.cli.prepare import booted
    from segue.core.call import CallOptions

    engine = booted(config).running.engine
    provider = engine.snapshot.providers.get(provider_id)
    if provider is None:
        fail(f"unknown provider {provider_id!r}: there are {', '.join(engine.snapshot.providers) or 'none'}")
    wanted = engine.operation(operation or _principal(provider))
    if wanted.id not in provider.operations:
        fail(f"{provider_id} does not serve {wanted.id}: it serves {', '.join(sorted(provider.operations))}")
    if wanted.id not in SAMPLES:
        fail(f"{wanted.id} has no sample request: choose another --operation")
    fields = dict(SAMPLES[wanted.id])
    if wanted.by_model:
        fields["model"] = f"{provider_id}/{_model_of(provider, model)}"
    options = CallOptions(only=(provider_id,), max_attempts=1)
    call = engine.call(wanted, wanted.from_fields(fields, False), options=options, surface="test")
    try:
        outcome = await engine.run(call)
    finally:
        if engine.world.transport is not None:
            await engine.world.transport.close()
    return _trial(engine, call, outcome, provider_id)


def _principal(provider: "Provider") -> str:
    """What is tried when nothing is named: the first operation that the provider's family lists."""
    from segue.app.catalogue import operations

    return next((name for name in operations() if name in provider.operations), min(provider.operations))


def _model_of(provider: "Provider", model: str | None) -> str:
    if model is not None:
        return model.removeprefix(f"{provider.id}/")
    if not provider.models:
        fail(f"{provider.id} lists no models: name one with --model")
    return provider.models[0].id


def _trial(engine: "Engine", call: "Call", outcome: "Outcome", provider_id: str) -> Trial:
    if not call.attempts:
        why = outcome.refusal.message if outcome.refusal is not None else "it was not asked"
        fail(f"{provider_id} was not asked: {why}")
    attempt = call.attempts[-1]
    failure, usage = attempt.failure, attempt.usage
    return Trial(
        ok=failure is None,
        provider=provider_id,
        operation=call.operation.id,
        model=attempt.candidate.model,
        key=attempt.candidate.key.label,
        prepared_ms=_ms(attempt.started - call.started),
        first_byte_ms=None if attempt.first_byte is None else _ms(attempt.first_byte),
        total_ms=_ms(attempt.elapsed or engine.world.clock.now() - attempt.started),
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        kind=failure.kind.value if failure else None,
        message=failure.message if failure else None,
        remedy=REMEDIES[failure.kind] if failure else None,
    )


def _show(trial: Trial) -> None:
    asked = f"{trial.provider}/{trial.model}" if trial.model else trial.provider
    say(f"{trial.operation} through {asked} ({trial.key}): {'ok' if trial.ok else 'failed'}")
    say(f"  prepared    {trial.prepared_ms:8.1f} ms")
    if trial.first_byte_ms is not None:
        say(f"  first byte  {trial.first_byte_ms:8.1f} ms after it was sent, the connection included")
    say(f"  {'answered' if trial.ok else 'ended   '}    {trial.total_ms:8.1f} ms after it was sent")
    if trial.output_tokens is not None:
        say(f"  tokens      {trial.input_tokens or 0} in, {trial.output_tokens} out")
    if not trial.ok:
        warn(f"{trial.kind}: {trial.message}")
        warn(f"what may help: {trial.remedy}")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
