"""Writes docs/translation.md from the formats: `PYTHONPATH=tests python -m families.llm.translation_page`."""

from pathlib import Path
from typing import Final

from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.formats.converse.format import CONVERSE
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.ollama.format import OLLAMA
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.formats.yandex.format import YANDEX
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.losses import Losses, loss_of
from segue.families.llm.stopping import MOST_UNSEEN
from segue.families.llm.stops import LONGEST_SEQUENCE, MOST_SEQUENCES

PAGE: Final = Path(__file__).parents[3] / "docs" / "translation.md"

TARGETS: Final[dict[str, Losses]] = {
    "Chat (OpenAI)": CHAT.losses,
    "Chat (others)": {**CHAT.losses, **COMPATIBLE},
    "Responses": RESPONSES.losses,
    "Messages": MESSAGES.losses,
    "Gemini": GEMINI.losses,
    "Converse": CONVERSE.losses,
    "Yandex": YANDEX.losses,
    "Ollama": OLLAMA.losses,
}

_INTRO: Final = """\
# What translating keeps, and what it loses

Where a provider speaks the client's own format, the bytes go through and nothing is lost. Everywhere else a request is
read into one intermediate form and written in the provider's. This page is made from the tables by which the code
decides what becomes of a field that the target cannot express:

| word | meaning |
|---|---|
| exact | the target has a word for it |
| *fetch* | fetched by Segue, written as data, and told in `x-segue-warnings`; **refuse** where that is switched off |
| *degrade* | written in another way that means nearly the same, and told in `x-segue-warnings` |
| *warn* | left out, and told in `x-segue-warnings` |
| *drop* | left out: it changes nothing that the caller could see |
| **refuse** | this candidate is not asked; if nobody else can serve it, the answer is 400 and names the field |

A vendor's own things (signatures of thoughts, files, server tools, their steps) are exact where the target is of the
same vendor, whatever the table says. What depends on a value (an effort that a model does not know) is told by a
warning of its own. How images and documents are fetched, and what keeps that safe, stands in
[http.md](http.md#media-by-address).

"""


_STOPPED: Final = f"""\
Where Segue stops the text itself, it ends before the first stop sequence as the client's format would have it: nothing
behind the sequence is shown, no call of a tool either, and the reason is the client's own word for it. The same is done
for reasoning models of OpenAI's and xAI's, which refuse stop sequences, for more sequences than a vendor takes, and for
those of nothing but white space, which Claude does not take. At most {MOST_SEQUENCES} sequences of {LONGEST_SEQUENCE}
characters are looked for. The vendor does not know that its answer has ended and bills what it writes until its own
end. Segue listens to it, so that usage and cost are what was billed; a limit of tokens keeps it short. Behind a
sequence at most {MOST_UNSEEN} tokens of a stream are listened to; then the usage is an estimate, and marked as one.

"""


_UNKNOWN: Final = """\
Unknown fields of a client go to providers of its own format where they can be put back. Everywhere else they are told
by their paths, whether they stand at the top level or inside of a turn, a tool or a setting: each field once, at its
first place, never a value. What means nothing in a request is no warning: what SDKs add where an answer is sent back
whole (ids, states, places in a list, annotations, what was parsed out of it), and whatever is empty.

Groups of tools (`namespace` in Responses, as Codex declares those of MCP servers) are plain functions in all other
formats: `group__tool`, of at most 64 letters, digits, `_` and `-`, and no two alike. In the answer they are groups
again.

"""


def page() -> str:
    """The page."""
    lines = [f"| field | {' | '.join(TARGETS)} |", f"|---|{'---|' * len(TARGETS)}"]
    notes: dict[str, None] = {}
    for field in Field:
        cells = []
        for losses in TARGETS.values():
            loss = loss_of(field, losses)
            if loss is None:
                cells.append("exact")
                continue
            word = f"**{loss.deed.value}**" if loss.deed.value == "refuse" else f"*{loss.deed.value}*"
            if loss.note:
                notes.setdefault(loss.note)
                word += f" {list(notes).index(loss.note) + 1}"
            cells.append(word)
        lines.append(f"| `{field.value}` | {' | '.join(cells)} |")
    told = [f"{number}. {note}" for number, note in enumerate(notes, start=1)]
    return _INTRO + _UNKNOWN + _STOPPED + "\n".join(lines) + "\n\nThe numbers:\n\n" + "\n".join(told) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
