"""The declared losses: every target knows every field, and the page says what the code does."""

import pytest

from families.llm.translation_page import PAGE, TARGETS, page
from segue.core.ports import CannotServe
from segue.families.llm.ir.conversation import Conversation, Sampling
from segue.families.llm.ir.fields import DEFAULTS, Deed, Field, Loss
from segue.families.llm.ir.losses import check
from segue.families.llm.ir.used import used


def test_the_page_says_what_the_tables_say() -> None:
    assert PAGE.read_text() == page(), "PYTHONPATH=tests python -m families.llm.translation_page writes it anew"


@pytest.mark.parametrize("target", TARGETS)
def test_no_table_names_what_is_no_field(target: str) -> None:
    assert set(TARGETS[target]) <= set(Field)


def test_what_a_target_cannot_express_is_refused_changed_left_out_with_a_word_or_dropped() -> None:
    uses = used(Conversation(sampling=Sampling(top_k=5, seed=1), n=2, store=True))
    table = {Field.TOP_K: Loss(Deed.DEGRADE, "so so"), Field.N: None}
    warnings = check(uses, table, "openai", "them", {Field.TOP_K: "topK"})
    assert warnings == ["topK changed for them: so so", "seed left out for them"]
    with pytest.raises(CannotServe) as refused:
        check(uses, {}, "openai", "them", {})
    assert "'several_answers' (2)" in refused.value.failure.message


def test_every_default_is_a_decision() -> None:
    assert all(isinstance(loss, Loss) for loss in DEFAULTS.values())
