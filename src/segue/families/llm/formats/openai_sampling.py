"""OpenAI's reasoning models refuse every setting of sampling that is not their own, which other vendors' take.

Applications of other vendors send a temperature with every request (LangChain's class for Google does so unasked). What
they wish for cannot be had there, so it is left out and told. Sources: OpenAI's guide "Reasoning models" (limits of the
o-series) and "Using GPT-5" (temperature, top_p and logprobs; from 5.1 on they are taken while the effort is `none`,
which is the default there).
"""

import re
from functools import lru_cache
from typing import Final

import msgspec

from segue.families.llm.ir.conversation import Sampling

_OWN: Final = re.compile(r"(?:^|/)(?:o[134](?![a-z0-9])|gpt-5(?![.\da-z]|-chat|-\d\d?(?!\d)))")
_DEFAULTS: Final = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}


@lru_cache(maxsize=1024)
def _samples_by_itself(model: str) -> bool:
    return _OWN.search(model) is not None


def taken_sampling(sampling: Sampling, model: str) -> tuple[Sampling, str]:
    """What a model takes of the settings of sampling, and a warning of the rest; "" where it takes all."""
    if (sampling.temperature, sampling.top_p, sampling.presence_penalty, sampling.frequency_penalty) == (None,) * 4:
        return sampling, ""
    if not _samples_by_itself(model):
        return sampling, ""
    lost = [name for name, default in _DEFAULTS.items() if getattr(sampling, name) not in {None, default}]
    taken = msgspec.structs.replace(sampling, **dict.fromkeys(_DEFAULTS))
    return taken, f"{', '.join(lost)} left out: {model[:100]} draws by itself" if lost else ""
