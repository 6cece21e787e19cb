"""A conversation as the body of a request to Yandex's completion.

`Target.model` is the whole model URI, folder included: `gpt://<folder>/yandexgpt/latest`. A message of Yandex's holds
text or calls of tools or their results, never two of these: a turn becomes as many messages as it needs. Calls have no
names there: a result finds its call by the tool's name and by its place, so results stand in the order of the calls.
"""

from typing import Any, Final

import msgspec

from segue.families.llm.formats.tool_calls import as_object
from segue.families.llm.formats.turns import Turns
from segue.families.llm.ir.blocks import Media, Refusal, ServerItem, Text, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, FunctionTool, Reasoning
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import Target, Written
from segue.families.llm.ir.losses import cannot

_encode: Final = msgspec.json.encode
_NO_SCHEMA: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
_MODES: Final = {"auto": "AUTO", "none": "NONE", "required": "REQUIRED"}


def write_request(conversation: Conversation, target: Target) -> Written:
    """The body, for whole answers and for streams.

    Raises:
        CannotServe: media, or a tool that only its vendor can run.
    """
    warnings: list[str] = []
    turns = Turns(conversation, warnings, alternate=False)
    options: dict[str, Any] = {"stream": conversation.stream}
    temperature = conversation.sampling.temperature
    if temperature is not None:
        if temperature > 1:
            warnings.append("temperature lowered to 1, the most that Yandex accepts")
            temperature = 1.0
        options["temperature"] = temperature
    if conversation.max_tokens is not None:
        options["maxTokens"] = str(conversation.max_tokens)
    mode = _reasoning(conversation.reasoning)
    if mode:
        options["reasoningOptions"] = {"mode": mode}
    system = "\n\n".join([part.text for part in turns.system if part.text.strip()])
    messages = [{"role": "system", "text": system}] if system else []  # the first message only may be the system's
    names: dict[str, str] = {}
    for role, content in turns.turns:
        messages += _messages(role, content, names, warnings)
    body: dict[str, Any] = {"modelUri": target.model, "completionOptions": options, "messages": messages}
    _write_tools(body, conversation)
    output = conversation.output
    if output is not None and output.schema:
        body["jsonSchema"] = {"schema": msgspec.Raw(output.schema)}
    elif output is not None:
        body["jsonObject"] = True
    return Written(_encode(body), warnings=warnings)


def _reasoning(wish: Reasoning | None) -> str:
    """Yandex thinks or does not; how much is its own affair, and what it thought stays hidden."""
    if wish is None:
        return ""
    if wish.enabled is False or wish.effort == "none":
        return "DISABLED"
    return "ENABLED_HIDDEN" if wish.enabled or wish.adaptive or wish.budget or wish.effort else ""


def _messages(role: str, content: list[Any], names: dict[str, str], warnings: list[str]) -> list[dict[str, Any]]:
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for block in content:
        if isinstance(block, (Text, Refusal)):
            texts.append(block.text)
        elif isinstance(block, ToolUse):
            names[block.id] = block.name
            calls.append({"functionCall": {"name": block.name, "arguments": _arguments(block, warnings)}})
        elif isinstance(block, ToolResult):
            results.append(_result(block, names))
        elif isinstance(block, ServerItem) or (isinstance(block, Media) and role != "assistant"):
            raise cannot(
                "Yandex",
                "this content",
                field=Field.SERVER_ITEMS if isinstance(block, ServerItem) else Field.IMAGE_DATA,
            )
    messages: list[dict[str, Any]] = []
    if results:
        messages.append({"role": "user", "toolResultList": {"toolResults": results}})
    if texts:
        messages.append({"role": role, "text": "\n".join(texts)})
    if calls:
        messages.append({"role": "assistant", "toolCallList": {"toolCalls": calls}})
    return messages


def _arguments(block: ToolUse, warnings: list[str]) -> Any:
    arguments = as_object(block.arguments)
    if arguments is not None:
        return arguments
    warnings.append(f"arguments of the tool {block.name!r} that are no JSON object were put into one")
    return {"arguments": block.arguments}


def _result(block: ToolResult, names: dict[str, str]) -> dict[str, Any]:
    if any(isinstance(part, Media) for part in block.content):
        raise cannot("Yandex", "media in a tool's result", field=Field.TOOL_MEDIA)
    content = "\n".join(part.text for part in block.content if isinstance(part, Text))
    if block.error:
        content = f"Error: {content}"
    return {"functionResult": {"name": block.name or names.get(block.id, "tool"), "content": content}}


def _write_tools(body: dict[str, Any], conversation: Conversation) -> None:
    choice = conversation.tool_choice
    names = choice.names if choice is not None else ()
    tools = []
    for tool in conversation.tools:
        if not isinstance(tool, FunctionTool):
            raise cannot("Yandex", f"{tool.vendor}'s own tool {tool.type[:60]!r}", field=Field.VENDOR_TOOLS)
        if len(names) <= 1 or tool.name in names:
            tools.append(_tool(tool))
    if not tools:
        return
    body["tools"] = tools
    if choice is not None and choice.mode == "required" and len(names) == 1:
        body["toolChoice"] = {"functionName": names[0]}
    elif choice is not None:
        body["toolChoice"] = {"mode": _MODES.get(choice.mode, "AUTO")}
    if conversation.parallel_tools is not None:
        body["parallelToolCalls"] = conversation.parallel_tools


def _tool(tool: FunctionTool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = msgspec.Raw(tool.parameters) if tool.parameters else _NO_SCHEMA
    return {"function": function}
