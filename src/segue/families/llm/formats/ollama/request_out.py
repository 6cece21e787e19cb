"""A conversation as the body of a request to Ollama's chat.

Every setting of the model lies in `options`; a setting that is not sent is the model's own. One of them is a trap: a
conversation longer than `num_ctx` is cut at its beginning without a word. Sources: Ollama's docs/api.md, api/types.go.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from segue.families.llm.formats.tool_calls import as_object
from segue.families.llm.formats.turns import Turns
from segue.families.llm.ir.blocks import Content, Media, Refusal, Text, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, FunctionTool
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import Target, Written
from segue.families.llm.ir.losses import cannot

NUM_CTX_FLAG: Final = "num_ctx:"
"""`Target.flags` tell the size of the context window to ask for: `num_ctx:32768`."""

_encode: Final = msgspec.json.encode
_NO_SCHEMA: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
_LEVELS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_WITH_LEVELS: Final = "gpt-oss"  # the one family that is told how much to think; others are told whether


def write_request(conversation: Conversation, target: Target) -> Written:
    """The body, for whole answers and for streams.

    Raises:
        CannotServe: media other than images as data, a forced tool, or a tool that only its vendor can run.
    """
    warnings: list[str] = []
    turns = Turns(conversation, warnings, alternate=False)
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": part.text} for part in turns.system if part.text.strip()
    ]
    names: dict[str, str] = {}
    for role, content in turns.turns:
        messages += _messages(role, content, names, warnings)
    # A stream is Ollama's own habit, so it is always said.
    body: dict[str, Any] = {"model": target.model, "messages": messages, "stream": conversation.stream}
    tools = _tools(conversation)
    if tools:
        body["tools"] = tools
    output = conversation.output
    if output is not None:
        body["format"] = msgspec.Raw(output.schema) if output.schema else "json"
    think = _think(conversation, target.model, warnings)
    if think is not None:
        body["think"] = think
    options = _options(conversation, target)
    if options:
        body["options"] = options
    return Written(_encode(body), warnings=warnings)


def _messages(
    role: str, content: Sequence[Content], names: dict[str, str], warnings: list[str]
) -> list[dict[str, Any]]:
    """The messages of one turn: first results of tools, each one by itself, then the rest."""
    message: dict[str, Any] = {"role": role}
    texts: list[str] = []
    results: list[dict[str, Any]] = []
    for block in content:
        if isinstance(block, (Text, Refusal)):
            texts.append(block.text)
        elif isinstance(block, ToolUse):
            names[block.id] = block.name
            message.setdefault("tool_calls", []).append(_call(block, warnings))
        elif isinstance(block, ToolResult):
            results.append(_result(block, names))
        elif isinstance(block, Thinking):
            if block.signature is not None:
                warnings.append("thoughts left out: they are bound to the vendor that made them")
            elif block.text:
                message["thinking"] = message.get("thinking", "") + block.text
        elif isinstance(block, Media):
            if role != "assistant":  # the table of losses has warned
                _add_media(message, texts, block)
        else:
            raise cannot("Ollama", f"a step of {block.vendor}'s own tool", field=Field.SERVER_ITEMS)
    if texts or len(message) > 1:
        message["content"] = "\n".join(texts)
        return [*results, message]
    return results


def _add_media(message: dict[str, Any], texts: list[str], media: Media) -> None:
    if media.kind == "image" and media.data:
        message.setdefault("images", []).append(media.data)
    elif media.kind == "document" and media.text is not None:
        texts.append(f"{media.name}\n{media.text}" if media.name else media.text)
    else:
        raise cannot(
            "Ollama",
            f"{media.kind} in this form",
            field=Field.IMAGE_URL if media.kind == "image" else Field.DOCUMENT_DATA,
        )


def _call(block: ToolUse, warnings: list[str]) -> dict[str, Any]:
    arguments: Any = as_object(block.arguments)
    if arguments is None:
        arguments = {"arguments": block.arguments}
        warnings.append(f"arguments of the tool {block.name!r} that are no JSON object were put into one")
    return {"id": block.id, "function": {"name": block.name, "arguments": arguments}}


def _result(block: ToolResult, names: dict[str, str]) -> dict[str, Any]:
    if any(isinstance(part, Media) for part in block.content):
        raise cannot("Ollama", "media in a tool's result", field=Field.TOOL_MEDIA)
    content = "\n".join(part.text for part in block.content if isinstance(part, Text))
    return {
        "role": "tool",
        "tool_name": block.name or names.get(block.id, "tool"),
        "tool_call_id": block.id,
        "content": f"Error: {content}" if block.error else content,
    }


def _tools(conversation: Conversation) -> list[dict[str, Any]]:
    choice = conversation.tool_choice
    names = choice.names if choice is not None else ()
    if choice is not None and choice.mode == "none":
        return []
    if choice is not None and choice.mode == "required":
        raise cannot("Ollama", "a forced call of a tool", field=Field.TOOL_CHOICE)
    tools = []
    for tool in conversation.tools:
        if not isinstance(tool, FunctionTool):
            raise cannot("Ollama", f"{tool.vendor}'s own tool {tool.type[:60]!r}", field=Field.VENDOR_TOOLS)
        if not names or tool.name in names:
            parameters = msgspec.Raw(tool.parameters) if tool.parameters else _NO_SCHEMA
            function = {"name": tool.name, "description": tool.description, "parameters": parameters}
            tools.append({"type": "function", "function": function})
    return tools


def _think(conversation: Conversation, model: str, warnings: list[str]) -> bool | str | None:
    wish = conversation.reasoning
    if wish is None:
        return None
    if wish.enabled is False or wish.effort == "none":
        return False
    if not (wish.enabled or wish.adaptive or wish.budget or wish.effort):
        return None
    if _WITH_LEVELS not in model:
        if wish.effort or wish.budget:
            warnings.append("how much to think left out: this model only knows whether")
        return True
    return _LEVELS.get(wish.effort or "medium", "medium")


def _options(conversation: Conversation, target: Target) -> dict[str, Any]:
    sampling = conversation.sampling
    told = {
        "num_predict": conversation.max_tokens,
        "temperature": sampling.temperature,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "stop": conversation.stop or None,
    }
    options: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    for flag in target.flags:
        size = flag.removeprefix(NUM_CTX_FLAG)
        if size != flag and size.isdecimal():
            options["num_ctx"] = int(size)
    return options
