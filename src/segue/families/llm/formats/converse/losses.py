"""What becomes of fields that Converse has no exact word for.

Where it depends on the maker of the model (cache points, `top_k`, thinking), the table says "exact" and the writer
warns.
"""

from collections.abc import Mapping
from typing import Final

from segue.families.llm.ir.fields import EXACT, Deed, Field, Loss

LOSSES: Final[Mapping[Field, Loss | None]] = {
    Field.SYSTEM_INSIDE: Loss(Deed.DEGRADE, "moved to the system prompt"),
    Field.IMAGE_DATA: EXACT,
    Field.IMAGE_URL: Loss(Deed.REFUSE, "send the image as data, or as a file 's3://…'"),
    Field.IMAGE_FILE: EXACT,  # s3:// locations; the writer refuses others
    Field.AUDIO_INPUT: EXACT,
    Field.VIDEO_INPUT: EXACT,
    Field.DOCUMENT_DATA: EXACT,
    Field.DOCUMENT_URL: Loss(Deed.REFUSE, "send the document as data, or as a file 's3://…'"),
    Field.DOCUMENT_FILE: EXACT,
    Field.DOCUMENT_TEXT: EXACT,
    Field.DOCUMENT_CITATIONS: EXACT,
    Field.TOOL_ERROR: EXACT,
    Field.TOOL_MEDIA: EXACT,
    Field.CACHE_MARKS: EXACT,
    Field.TOOL_STRICT: EXACT,
    Field.TOOL_CHOICE_SOME: Loss(Deed.DEGRADE, "only these tools are offered"),
    Field.JSON_OUTPUT: Loss(Deed.DEGRADE, "asked for in the system prompt"),
    Field.JSON_SCHEMA: EXACT,
    Field.TOP_K: EXACT,
    Field.STOP: EXACT,
    Field.METADATA: EXACT,
    Field.GUARDRAIL: EXACT,
    Field.SERVICE_TIER: EXACT,
    Field.BETAS: EXACT,
}
