"""What well-known models can do, and how long their answers may be: what price lists do not tell.

By the model's name, wherever it runs. A model that is not here has no abilities told, and is asked for everything.
The first pattern that fits counts, so the exceptions stand first. The word `reasoning` must be right wherever any word
is given: without it a wish to think is left out of the request.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_ANTHROPIC: Final = "platform.claude.com/docs/en/about-claude/models/overview"
_OPENAI: Final = "developers.openai.com/api/docs/models"
_GEMINI: Final = "ai.google.dev/gemini-api/docs/models"

_TEXT: Final = frozenset({"tools"})
_SCHEMA: Final = _TEXT | {"json_schema"}
_SEES: Final = _SCHEMA | {"vision"}
_READS: Final = _SEES | {"documents"}
_THINKS: Final = _READS | {"reasoning"}
_HEARS: Final = _READS | {"audio", "video"}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What is known of one family of models.

    Attributes:
        words: of `tools`, `json_schema`, `vision`, `documents`, `audio`, `video`, `reasoning`.
        max_output: the most tokens of one answer, thinking included.
        context: the context window in tokens.
        source: the vendor's page that says so.
    """

    words: frozenset[str] = frozenset()
    max_output: int | None = None
    context: int | None = None
    source: str = ""


NOTHING: Final = Abilities()

# A name may have a maker before it (anthropic/claude-…, us.anthropic.claude-…) and a date or a variant behind it.
_TABLE: Final[tuple[tuple[str, Abilities], ...]] = (
    # Anthropic: vision and PDFs from 3.5 on, structured outputs from 4.5 on, thinking from 3.7 on.
    (r"claude-(?:opus|sonnet|haiku|fable|mythos)-5", Abilities(_THINKS, 128_000, 1_000_000, _ANTHROPIC)),
    (r"claude-(?:opus-4[-.][678]|sonnet-4[-.]6)", Abilities(_THINKS, 128_000, None, _ANTHROPIC)),
    (r"claude-(?:opus|sonnet|haiku)-4[-.]5", Abilities(_THINKS, 64_000, 200_000, _ANTHROPIC)),
    (r"claude-opus-4[-.]1", Abilities(_THINKS, 32_000, 200_000, _ANTHROPIC)),
    (r"claude-opus-4(?![-.]\d(?!\d))", Abilities(_THINKS - {"json_schema"}, 32_000, 200_000, _ANTHROPIC)),
    (r"claude-sonnet-4(?![-.]\d(?!\d))", Abilities(_THINKS - {"json_schema"}, 64_000, 200_000, _ANTHROPIC)),
    (r"claude-3[-.]7-sonnet", Abilities(_THINKS - {"json_schema"}, 64_000, 200_000, _ANTHROPIC)),
    (r"claude-3[-.]5", Abilities(_READS - {"json_schema"}, 8_192, 200_000, _ANTHROPIC)),
    # OpenAI
    (r"gpt-(?:4o|5|6)[^/]*-(?:transcribe|tts|realtime|image|search)", NOTHING),
    (r"gpt-5(?:\.\d)?-chat", Abilities(_SEES, 16_384, 128_000, _OPENAI)),
    (r"gpt-(?:5\.[4-9]|6(?:\.\d)?)(?!\d)(?!-(?:mini|nano|cyber))", Abilities(_THINKS, 128_000, None, _OPENAI)),
    (r"gpt-5(?:\.\d)?(?!\d)", Abilities(_THINKS, 128_000, 400_000, _OPENAI)),
    (r"gpt-4\.1", Abilities(_READS, 32_768, 1_047_576, _OPENAI)),
    (r"gpt-4o-(?:mini-)?audio", Abilities(_TEXT | {"audio"}, 16_384, 128_000, _OPENAI)),
    (r"gpt-4o-2024-05-13", Abilities(_SEES - {"json_schema"}, 4_096, 128_000, _OPENAI)),
    (r"gpt-4o", Abilities(_READS, 16_384, 128_000, _OPENAI)),
    (r"gpt-4-turbo", Abilities(_TEXT | {"vision"}, 4_096, 128_000, _OPENAI)),
    (r"gpt-4-(?:1106-)?vision", NOTHING),
    (r"gpt-4-(?:1106|0125)-preview", Abilities(_TEXT, 4_096, 128_000, _OPENAI)),
    (r"gpt-4-32k", Abilities(_TEXT, 32_768, 32_768, _OPENAI)),
    (r"gpt-4(?![\w.])", Abilities(_TEXT, 8_192, 8_192, _OPENAI)),
    (r"gpt-3\.5-turbo(?!-instruct)", Abilities(_TEXT, 4_096, None, _OPENAI)),
    (r"gpt-oss-(?:20b|120b)", Abilities(_SCHEMA | {"reasoning"}, 131_072, 131_072, _OPENAI)),
    (r"(?:^|/)o1-(?:mini|preview)", Abilities(frozenset({"reasoning"}), None, 128_000, _OPENAI)),
    (r"(?:^|/)o3-mini", Abilities(_SCHEMA | {"reasoning"}, 100_000, 200_000, _OPENAI)),
    (r"(?:^|/)o(?:1|3|4-mini)(?!\w)", Abilities(_THINKS, 100_000, 200_000, _OPENAI)),
    # Google: 65,536 tokens of output from 2.5 on, 8,192 before.
    (r"gemini-[^/]*(?:-image|-tts|-live|-audio|embedding|robotics|omni)", NOTHING),
    (r"gemini-(?:2\.5|[3-9](?:\.\d+)?)-(?:pro|flash)", Abilities(_HEARS | {"reasoning"}, 65_536, 1_048_576, _GEMINI)),
    (r"gemini-2\.0-flash", Abilities(_HEARS, 8_192, 1_048_576, _GEMINI)),
    # Others, whose pages say what their models take.
    # A schema is enforced by whoever serves open weights: DeepSeek does not, by the names that its own service has.
    (r"^deepseek-(?:reasoner|r1)", Abilities(_TEXT | {"reasoning"}, None, None, "api-docs.deepseek.com")),
    (r"^deepseek-v4", Abilities(_TEXT | {"reasoning"}, None, None, "api-docs.deepseek.com")),
    (r"deepseek-(?:reasoner|r1|v4)", Abilities(_SCHEMA | {"reasoning"}, None, None, "api-docs.deepseek.com")),
    # Groq's own names of Llamas, for which it knows no schemas.
    (r"llama-3\.(?:3-70b-versatile|1-8b-instant)", Abilities(_TEXT, None, 131_072, "console.groq.com/docs/models")),
    (r"llama-?3[.-][13]", Abilities(_SCHEMA, None, 131_072, "llama.com/docs")),
)
_PATTERNS: Final = tuple((re.compile(pattern), abilities) for pattern, abilities in _TABLE)


@lru_cache(maxsize=4096)
def abilities_of(model: str) -> Abilities:
    """What is known of a model, by its name."""
    name = model.lower()
    return next((abilities for pattern, abilities in _PATTERNS if pattern.search(name)), NOTHING)
