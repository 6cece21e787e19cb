"""Which stop sequences a target is given, and which Segue looks for itself (see `segue.families.llm.stopping`).

To look for one that the target would have taken costs money and nothing else: the model writes on behind it. To send
one that it refuses costs the call. So a sequence is given away only where it is known to be taken.

Sources: OpenAI's API reference, "Create chat completion", on `stop` (at most four; not with o3 and o4-mini), and for
GPT-5 to 5.2 its answers, "Unsupported parameter: 'stop' is not supported with this model", as they stand in
github.com/huggingface/smolagents (issues 1671 and 1893, pull request 1868); Google's reference of `generationConfig`
(at most five); Anthropic's refusal of sequences that are nothing but white space.
"""

import re
from functools import lru_cache
from typing import Final

from segue.families.llm.formats.gemini.request_in import MAX_STOP
from segue.families.llm.ir.blocks import ANTHROPIC
from segue.families.llm.ir.fields import STOPPED_HERE, Field
from segue.families.llm.ir.format import ProviderFormat
from segue.families.llm.ir.losses import Losses, cannot, loss_of

MOST_SEQUENCES: Final = 64
"""How many sequences Segue looks for in one answer; each is looked for in every piece of it."""
LONGEST_SEQUENCE: Final = 256
"""Characters of one of them: so much of a text may have to wait, and is compared with each at worst."""

_MOST_TAKEN: Final = {"chat": 4, "gemini": MAX_STOP}
_REFUSE: Final = re.compile(r"(?:^|/)(?:o3(?!-mini|[a-z0-9])|o4(?![a-z0-9])|gpt-5(?![\da-z])(?!(?:\.\d+)?-chat))")


@lru_cache(maxsize=1024)
def refuses_stops(model: str) -> bool:
    """Whether a model of OpenAI's refuses stop sequences in Chat Completions: those that think by habit do."""
    return _REFUSE.search(model) is not None


class Stops:
    """The stop sequences of one request, divided.

    Args:
        texts: as the caller gave them.
        format_: the target's.
        losses: what the target declares.
        refused: whether its model refuses sequences although the format has them.

    Attributes:
        given: what the target gets.
        own: what Segue looks for.
    """

    __slots__ = ("given", "own")

    def __init__(self, texts: list[str], format_: ProviderFormat, losses: Losses, *, refused: bool) -> None:
        wanted = [text for text in dict.fromkeys(texts) if text]
        taken: list[str] = []
        if not refused and loss_of(Field.STOP, losses) is not STOPPED_HERE:
            taken = [text for text in wanted if text.strip()] if format_.vendor == ANTHROPIC else wanted
            taken = taken[: _MOST_TAKEN.get(format_.id)]
        self.given = taken
        self.own = [text for text in wanted if text not in taken]

    def check(self, target: str, called: str) -> None:
        """Whether what Segue looks for is within its limits.

        Args:
            target: the candidate's name, for messages.
            called: what the caller calls the field.

        Raises:
            CannotServe: there are too many sequences, or one is too long.
        """
        if len(self.own) > MOST_SEQUENCES or max(map(len, self.own), default=0) > LONGEST_SEQUENCE:
            what = f"{called!r}: Segue stops its text, at {MOST_SEQUENCES} sequences of {LONGEST_SEQUENCE} characters"
            raise cannot(target, f"{what} at most", needs=Field.STOP.value, param=called)
