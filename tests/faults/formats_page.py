"""The part of docs/faults.md about all formats; see `faults.page`."""

from collections.abc import Iterator
from typing import Final

from faults.callers import CALLERS
from faults.formats import SPEAKERS, TELLING, Breaks, Ends, Fails, Fault, Fine, What
from segue.core.failure import TREATMENTS, Kind, Next

_INTRO: Final = """\
## Every format

The same holds whatever the client and the provider speak. The clients of `tests/faults/test_formats.py` are the
official SDKs of OpenAI (Chat Completions, Responses), Anthropic and Google, and for Gemini's streams as a JSON array,
which no SDK reads, plain HTTP. Each calls a provider of each format, plain and streaming, alone and with a fallback
whose format is another one: {speakers}. Every call is one attempt here: there are no retries.

In each of these cells:

- the caller gets the whole answer, or its SDK's own exception, or a stream that says in the client's own protocol that
  it broke; nothing that is broken has the end of a whole answer (`[DONE]`, `response.completed`, `message_stop`, a
  `finishReason`), and every body is ended properly;
- before the first content the fallback's whole answer comes instead, also where it is of another format;
- attempts are counted, and each is recorded as what it was; no answer has a key or a token in it; nothing hangs; and
  afterwards the service answers every client as before.

`make test` carries out the whole product of clients, formats and modes for the faults below, and for each other kind
of the simulator's the client's own format and one that is foreign to it; `make proof` carries out all of it. What a
caller does to itself is tested beside it: requests that are none (`test_bad_requests.py`), and callers that go away in
the middle of a stream (`test_gone_callers.py`).
"""

_STATUSES: Final = """\
The SDKs' exceptions, by the status:
"""
_BROKEN: Final = {
    "chat": "`APIError`",
    "responses": "`APIError`, after an event `response.failed`",
    "messages": "`APIStatusError`",
    "gemini": "`ServerError` (`ClientError` where a rate limit broke it)",
    "gemini array": "an error as the last element",
}


def formats_section() -> Iterator[str]:
    """The lines of this part."""
    yield _INTRO.format(speakers=", ".join(SPEAKERS))
    yield "| fault | plain, alone | plain, fallback | stream, alone | stream, fallback | but |"
    yield "|---|---|---|---|---|---|"
    for fault in TELLING:
        cells = [_outcome(what, backed=backed) for what in (fault.plain, fault.stream) for backed in (False, True)]
        yield f"| {fault.name} | {' | '.join(cells)} | {_exceptions(fault)} |"
    yield ""
    yield _STATUSES
    yield f"| status | {' | '.join(caller.name for caller in CALLERS)} |"
    yield "|---|---|---|---|---|---|"
    for status in sorted({treatment.status for treatment in TREATMENTS.values()}):
        yield f"| {status} | {' | '.join(_raises(caller.raises(status)) for caller in CALLERS)} |"
    yield f"| a stream that broke | {' | '.join(_BROKEN[caller.name] for caller in CALLERS)} |"
    yield ""


def _raises(name: str) -> str:
    return "the body" if name.startswith("status") else f"`{name}`"


def _exceptions(fault: Fault) -> str:
    told: dict[str, list[str]] = {}
    for name, (plain, stream) in fault.but.items():
        modes = [
            f"{mode} {_outcome(what, backed=False)}"
            for mode, what, usual in (("plain", plain, fault.plain), ("stream", stream, fault.stream))
            if what != usual
        ]
        both = plain == stream and len(modes) == 2
        told.setdefault(_outcome(plain, backed=False) if both else ", ".join(modes), []).append(name)
    return "; ".join(f"{', '.join(names)}: {what}" for what, names in told.items())


def _outcome(what: What, *, backed: bool) -> str:
    if isinstance(what, Fine):
        return "answer"
    if isinstance(what, Fails):
        treatment = TREATMENTS[what.kind]
        if backed and treatment.next is not Next.STOP:
            return "fallback"
        later = f", Retry-After {what.retry_after}" if what.retry_after else ""
        return f"{treatment.status} `{what.kind.value}`{later}"
    if isinstance(what, Breaks):
        return f"{what.words} words, then an error{'' if what.kind is Kind.STREAM_CUT else f' `{what.kind.value}`'}"
    if isinstance(what, Ends):
        return f"{what.words} words, ended by its {what.reason}"
    return "answer, or some words and an error"
