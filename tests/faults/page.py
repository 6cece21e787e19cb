"""Writes docs/faults.md from the table: `PYTHONPATH=tests python -m faults.page`."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from faults.continued import CONTINUED
from faults.disputed import DISPUTED
from faults.expected import SLACK, WORDS, Answer, Continued, Error, Expected, Pair, Row
from faults.formats_page import formats_section
from faults.outcomes import POLICY
from faults.table import ROWS, SECTIONS

PAGE: Final = Path(__file__).parents[2] / "docs" / "faults.md"

_LIMITS: Final = {
    "connect": "a connection",
    "total": "a whole answer",
    "first_byte": "a stream's headers",
    "first_content": "its first content",
    "idle": "the time between two pieces of it",
    "stream": "all of it",
}

_INTRO: Final = """\
# Faults

What a caller gets when a provider breaks, fault by fault. This page is made from the table of the tests
(`tests/faults/table.py`), and every cell of it is a test: an unmodified OpenAI SDK calls Segue, Segue calls the
[simulator](simulator.md), and the simulator breaks in the way that the row names.

How to read it:

- **alone**: there is no other provider. **Fallback**: there is a second one, and it is well.
- **answer**: the whole answer of the provider that has the fault. **backup**: the whole answer of the second one; the
  caller notices nothing.
- An **exception** is what the SDK raises, with the HTTP status and the error's `code`. Nothing was given out before.
  Segue sends `x-should-retry: false` with it, so the SDK does not try again by itself.
- **n words, then** `APIError`: a stream that broke after its content had begun. What had come was delivered, then the
  SDK raises. It never looks like a whole answer: no `[DONE]` is sent. Nobody else is asked any more, since another
  provider would begin another answer; unless a stream may be [gone on with](#streams-that-are-gone-on-with).
- **attempts**: how often the provider with the fault was asked, and after `+` how often the second one; first alone,
  then with the fallback. The simulator counts them, too.
"""


_NUMBERS: Final = """\
The answer has {words} words. Retries of the same provider: {retries}. The call's deadline is {deadline}, and the limits
are {limits}. No call takes more than {slack:g} s longer than its limits and the pauses that the provider asked for.
After each of them the service answers the next call, and nothing stays behind.
"""

_RULES: Final = """\
Where more than one other provider is in reserve (`tests/faults/test_where_next.py`):

- a silent provider costs its time-out once and is not asked again in that call;
- a text that is too long for a model is never sent to it again, not with another key either, and goes on only to
  models whose window is larger or unknown;
- a content that was refused is shown to nobody else;
- a bad key gives way to another key of the same provider.
"""

_CONTINUED: Final = """\
## Streams that are gone on with

The same where [`on_cut`](configuration.md#on_cut) is `continue` and both providers document that they go on with an
answer that was begun. **from word 4 on by the backup**: for the caller it is one whole answer with one id, one
beginning and one end, whose last chunk says who went on with it and where. Alone, the provider with the fault is asked
once more, as the policy's one retry allows, and breaks again after as many words. All other faults of streams lead to
what stands above, which is tested, too.

| fault | alone | fallback | attempts |
|---|---|---|---|"""


def page() -> str:
    """The whole page."""
    limits = ", ".join(f"{POLICY['timeouts'][name]} for {what}" for name, what in _LIMITS.items())
    numbers = _NUMBERS.format(
        words=WORDS, retries=POLICY["retries"], deadline=POLICY["deadline"], limits=limits, slack=SLACK
    )
    return "\n".join(
        [
            _INTRO,
            textwrap.fill(numbers, 120),
            "",
            _RULES,
            *_sections(),
            *_continued(),
            *_deviations(),
            *formats_section(),
        ]
    )


def _sections() -> Iterator[str]:
    for title, rows in SECTIONS.items():
        yield f"## {title}\n"
        yield "| fault | plain, alone | plain, fallback | stream, alone | stream, fallback | attempts |"
        yield "|---|---|---|---|---|---|"
        for row in rows:
            pairs = (row.plain.alone, row.plain.backed, row.stream.alone, row.stream.backed)
            yield f"| {row.name} | {' | '.join(map(_outcome, pairs))} | {_attempts(row)} |"
        yield ""


def _continued() -> Iterator[str]:
    yield _CONTINUED
    for name, pair in CONTINUED.items():
        yield f"| {name} | {_outcome(pair.alone)} | {_outcome(pair.backed)} | {_of_pair(pair)} |"
    yield ""


def _deviations() -> Iterator[str]:
    if DISPUTED:
        yield "## Not yet as the table says\n"
        rows = {row.name: row for row in ROWS}
        for name, dispute in DISPUTED.items():
            row = rows[name]
            now = Row(name, row.kind, dispute.plain or row.plain, dispute.stream or row.stream)
            told = "; ".join(
                f"{mode}: {_outcome(pair.alone)}, with a fallback {_outcome(pair.backed)}"
                for mode, pair in (("plain", dispute.plain), ("stream", dispute.stream))
                if pair is not None
            )
            yield f"- **{name}**: {dispute.reason}. Today {told}; attempts {_attempts(now)}."
        yield ""


def _outcome(expected: Expected) -> str:
    outcome = expected.outcome
    if isinstance(outcome, Answer):
        return _answer(outcome)
    if isinstance(outcome, Continued):
        return _gone_on(outcome)
    if isinstance(outcome, Error):
        return f"`{outcome.exception}` {outcome.status} `{outcome.code}`"
    words = "some words" if outcome.words is None else f"{outcome.words} words"
    return f"{words}, then `APIError` `{outcome.code}`"


def _gone_on(continued: Continued) -> str:
    who = "the backup" if continued.who == "backup" else "a second attempt"
    if continued.words == WORDS:
        return f"answer (ended by {who})"
    return f"answer (from {'some word' if continued.words is None else f'word {continued.words + 1}'} on by {who})"


def _answer(answer: Answer) -> str:
    remarks = []
    if answer.words != WORDS:
        remarks.append(f"{answer.words} words")
    if answer.twice:
        remarks.append(f"word {answer.twice} twice")
    if answer.finish != "stop":
        remarks.append(f"finish reason `{answer.finish}`")
    if not answer.usage:
        remarks.append("without usage")
    if answer.foreign:
        remarks.append("and events that are no chunks")
    name = "answer" if answer.who == "primary" else answer.who
    return f"{name} ({', '.join(remarks)})" if remarks else name


def _attempts(row: Row) -> str:
    plain, stream = _of_pair(row.plain), _of_pair(row.stream)
    return plain if plain == stream else f"plain {plain}; stream {stream}"


def _of_pair(pair: Pair) -> str:
    alone, backed = (
        f"{one.primary} + {one.backup}" if one.backup else f"{one.primary}" for one in (pair.alone, pair.backed)
    )
    return alone if alone == backed else f"{alone}, {backed}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
