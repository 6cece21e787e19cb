"""What Bedrock, Yandex and Ollama tell a caller before anything is sent."""

import pytest

from families.llm.formats.converse_support import NOVA, SONNET, assistant, chat, user
from segue.core.ports import CannotServe
from segue.families.llm.formats.converse.format import format_of
from segue.families.llm.formats.ollama.format import OLLAMA
from segue.families.llm.formats.yandex.format import YANDEX
from segue.families.llm.ir.blocks import Media, Signature, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, FunctionTool, Message, Output, Sampling, ToolChoice
from segue.families.llm.ir.format import ProviderFormat
from segue.families.llm.ir.losses import check, without_fetching
from segue.families.llm.ir.used import used

CLAUDE, OTHER = format_of(SONNET), format_of(NOVA)
PICTURE = Media("image", "image/png", "iVBO")
THOUGHT = Thinking("hm", Signature("anthropic", "c2ln"))


def told(conversation: Conversation, fmt: ProviderFormat) -> str:
    return "; ".join(check(used(conversation), fmt.losses, fmt.vendor, "them", {}))


def test_thoughts_of_claudes_are_lost_anywhere_but_at_claude() -> None:
    asked = chat(user("x"), assistant(THOUGHT, "a"), user("y"))
    assert told(asked, CLAUDE) == ""
    assert "thinking_in_history left out" in told(asked, OTHER)
    assert "thinking_in_history left out" in told(asked, YANDEX)


@pytest.mark.parametrize("fmt", [CLAUDE, OTHER, OLLAMA])
def test_images_as_data_go_through_and_by_url_are_fetched(fmt: ProviderFormat) -> None:
    assert told(chat(user("x", PICTURE)), fmt) == ""
    by_url = chat(user("x", Media("image", url="https://e.example/a.png")))
    assert told(by_url, fmt) == "image_url changed for them: fetched by Segue and sent as data"
    with pytest.raises(CannotServe, match=r"image_url.*send the image as data"):
        check(used(by_url), without_fetching(fmt.losses), fmt.vendor, "them", {})


def test_yandex_refuses_images() -> None:
    with pytest.raises(CannotServe, match="image_data"):
        told(chat(user("x", PICTURE)), YANDEX)


def test_what_is_lost_is_told() -> None:
    asked = chat(sampling=Sampling(seed=7, presence_penalty=1.0), user="u")
    for name in ("seed", "presence_penalty", "user"):
        assert f"{name} left out" in told(asked, CLAUDE)
        assert f"{name} left out" in told(asked, YANDEX)
    assert told(asked, OLLAMA) == "user left out for them"


def test_a_forced_call_is_refused_where_nothing_can_force_it() -> None:
    asked = chat(tools=[FunctionTool("f")], tool_choice=ToolChoice("required", ("f",)))
    assert (told(asked, CLAUDE), told(asked, YANDEX)) == ("", "")
    with pytest.raises(CannotServe, match="cannot be forced"):
        told(asked, OLLAMA)


def test_a_schema_for_the_answer_goes_through_everywhere() -> None:
    for fmt in (CLAUDE, YANDEX, OLLAMA):
        assert told(chat(output=Output(b"{}", "n")), fmt) == ""


def test_errors_of_tools_are_exact_at_bedrock_and_changed_elsewhere() -> None:
    asked = chat(user("x"), assistant(ToolUse("a", "f")), user(ToolResult("a", error=True)))
    assert told(asked, CLAUDE) == ""
    assert "error_of_a_tool changed" in told(asked, YANDEX)
    assert "error_of_a_tool changed" in told(asked, OLLAMA)


def test_instructions_in_the_middle_move_only_at_bedrock() -> None:
    asked = chat(user("x"), Message("system", list(user("Be brief.").content)), user("y"))
    assert "moved to the system prompt" in told(asked, CLAUDE)
    assert (told(asked, YANDEX), told(asked, OLLAMA)) == ("", "")
