"""The intermediate form into a request for a provider that speaks Chat Completions.

Habits of vendors that this writer asks `Target.flags` about:
`max_tokens`: the limit's older name, which every compatible vendor knows; `no_stream_usage`: streams tell their usage
unasked; `allowed_tools`: knows OpenAI's choice among some tools; `reasoning_back`: wants its `reasoning_content` back;
`top_k`: knows it; `id9`: names of calls have nine letters and digits (Mistral).
"""

from typing import Any, Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.ports import CannotServe
from segue.families.llm.ir import ids
from segue.families.llm.ir.blocks import Content, Media, Refusal, ServerItem, Text, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, FunctionTool, Message, VendorTool
from segue.families.llm.ir.effort import effort_for
from segue.families.llm.ir.format import Target, Written

Raw = msgspec.Raw
_encode: Final = msgspec.json.encode
_TIERS: Final = frozenset({"auto", "default", "flex", "priority", "scale", "batch"})
_AUDIO: Final = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}


def write_request(conversation: Conversation, target: Target) -> Written:
    """See `ProviderFormat.write_request`."""
    written = Written(b"")
    body: dict[str, Any] = {"model": target.model, "messages": _messages(conversation, target)}
    _write_tools(conversation, target, body)
    _write_settings(conversation, target, body, written.warnings)
    if conversation.stream:
        body["stream"] = True
        if "no_stream_usage" not in target.flags:
            body["stream_options"] = {"include_usage": True}
    if conversation.extra:
        body = {**conversation.extra, **body}
    written.body = _encode(body)
    return written


def _messages(conversation: Conversation, target: Target) -> list[dict[str, Any]]:
    rule = ids.MISTRAL if "id9" in target.flags else ids.OPENAI
    out: list[dict[str, Any]] = []
    if conversation.system:
        out.append({"role": "system", "content": _text_of(conversation.system)})
    for message in conversation.messages:
        if message.role == "assistant":
            written = _assistant(message, rule, target)
        elif message.role == "system":
            written = {"role": "system", "content": "".join(b.text for b in message.content if isinstance(b, Text))}
        else:
            written = _user(message, rule, out)
        if written is not None:
            if message.name:
                written["name"] = message.name
            out.append(written)
    return out


def _text_of(parts: list[Text]) -> str:
    return parts[0].text if len(parts) == 1 else "\n\n".join(part.text for part in parts)


def _user(message: Message, rule: ids.IdRule, out: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A turn of the user's; results of tools in it become messages of their own, right after the calls."""
    parts: list[Content] = []
    for block in message.content:
        if isinstance(block, ToolResult):
            out.append({"role": "tool", "tool_call_id": rule.fit(block.id), "content": _result(block)})
            parts += [part for part in block.content if isinstance(part, Media)]
    parts += [block for block in message.content if not isinstance(block, ToolResult)]
    if not parts:
        return None
    if all(type(part) is Text for part in parts):
        content: Any = "\n\n".join(part.text for part in parts if isinstance(part, Text))
        return {"role": "user", "content": content}
    return {"role": "user", "content": [_part(part) for part in parts if not isinstance(part, ServerItem)]}


def _result(block: ToolResult) -> str:
    text = "".join(part.text for part in block.content if isinstance(part, Text))
    if block.error:
        return f"Error: {text}"
    return text


def _part(block: Content) -> dict[str, Any]:
    if isinstance(block, (Text, Refusal)):
        return {"type": "text", "text": block.text}
    if not isinstance(block, Media):
        raise _cannot(f"a {type(block).__name__} in a turn of the user's", "messages")
    if block.kind == "image":
        image: dict[str, Any] = {"url": block.url or f"data:{block.type or 'image/png'};base64,{block.data}"}
        if block.detail:
            image["detail"] = block.detail
        return {"type": "image_url", "image_url": image}
    if block.kind == "audio":
        name = _AUDIO.get(block.type)
        if name is None:
            raise _cannot(f"audio of type {block.type[:60]!r}: send wav or mp3", "messages.content.input_audio.format")
        return {"type": "input_audio", "input_audio": {"data": block.data, "format": name}}
    if block.text is not None:
        title = f"{block.name}\n\n" if block.name else ""
        return {"type": "text", "text": f"{title}{block.text}"}
    if block.file:
        return {"type": "file", "file": {"file_id": block.file}}
    data = f"data:{block.type or 'application/pdf'};base64,{block.data}"
    return {"type": "file", "file": {"file_data": data, "filename": block.name or "document.pdf"}}


def _assistant(message: Message, rule: ids.IdRule, target: Target) -> dict[str, Any] | None:
    texts: list[str] = []
    refusals: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in message.content:
        if isinstance(block, Text):
            texts.append(block.text)
        elif isinstance(block, ToolUse):
            calls.append(_call(block, rule))
        elif isinstance(block, Refusal):
            refusals.append(block.text)
        elif isinstance(block, Thinking):
            thoughts.append(block.text)
    written: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None}
    if refusals:
        written["refusal"] = "".join(refusals)
    if calls:
        written["tool_calls"] = calls
    if thoughts and "reasoning_back" in target.flags:
        written["reasoning_content"] = "".join(thoughts)
    elif not (texts or refusals or calls):
        return None  # a turn of nothing but thoughts
    return written


def _call(block: ToolUse, rule: ids.IdRule) -> dict[str, Any]:
    if block.custom:
        return {
            "id": rule.fit(block.id), "type": "custom", "custom": {"name": block.name, "input": block.arguments}
        }  # fmt: skip
    call: dict[str, Any] = {
        "id": rule.fit(block.id),
        "type": "function",
        "function": {"name": block.name, "arguments": block.arguments or "{}"},
    }
    return call


def _write_tools(conversation: Conversation, target: Target, body: dict[str, Any]) -> None:
    choice = conversation.tool_choice
    chosen = choice.names if choice is not None else ()
    some = len(chosen) > 1 and "allowed_tools" not in target.flags
    tools: list[Any] = []
    for tool in conversation.tools:
        if not isinstance(tool, FunctionTool):
            tools.append(_vendor_tool(tool))
        elif not some or tool.name in chosen:
            function: dict[str, Any] = {"name": tool.name}
            if tool.description:
                function["description"] = tool.description
            if tool.parameters:
                function["parameters"] = Raw(tool.parameters)
            if tool.strict is not None:
                function["strict"] = tool.strict
            tools.append({"type": "function", "function": function})
    if not tools:
        return
    body["tools"] = tools
    if choice is not None:
        if len(chosen) == 1:
            body["tool_choice"] = {"type": "function", "function": {"name": chosen[0]}}
        elif chosen and not some:
            allowed = [{"type": "function", "function": {"name": name}} for name in chosen]
            body["tool_choice"] = {
                "type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": allowed}
            }  # fmt: skip
        else:
            body["tool_choice"] = choice.mode
    if conversation.parallel_tools is not None:
        body["parallel_tool_calls"] = conversation.parallel_tools


def _vendor_tool(tool: VendorTool) -> Any:
    """A custom tool; Responses declares it flat, Chat Completions one level deeper."""
    if tool.type != "custom":
        raise _cannot(f"the tool {tool.type!r}: only OpenAI's Responses know it", "tools")
    declared: dict[str, Any] = msgspec.json.decode(tool.raw)
    if "custom" in declared:
        return Raw(tool.raw)
    custom = {name: value for name, value in declared.items() if name != "type"}
    form = custom.get("format")
    if isinstance(form, dict) and form.get("type") == "grammar" and "grammar" not in form:
        grammar = {name: value for name, value in form.items() if name != "type"}
        custom["format"] = {"type": "grammar", "grammar": grammar}
    return {"type": "custom", "custom": custom}


def _write_settings(conversation: Conversation, target: Target, body: dict[str, Any], warnings: list[str]) -> None:
    sampling = conversation.sampling
    limit = "max_tokens" if "max_tokens" in target.flags else "max_completion_tokens"
    settings: tuple[tuple[str, Any], ...] = (
        (limit, conversation.max_tokens),
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
        ("top_k", sampling.top_k if "top_k" in target.flags else None),
        ("seed", sampling.seed),
        ("presence_penalty", sampling.presence_penalty),
        ("frequency_penalty", sampling.frequency_penalty),
        ("logit_bias", Raw(sampling.logit_bias) if sampling.logit_bias else None),
        ("stop", conversation.stop or None),
        ("user", conversation.user or None),
        ("prediction", Raw(conversation.prediction) if conversation.prediction else None),
        ("prompt_cache_key", conversation.prompt_cache_key or None),
        ("prompt_cache_retention", conversation.prompt_cache_retention or None),
        ("safety_identifier", conversation.safety_identifier or None),
        ("verbosity", conversation.verbosity or None),
        ("store", conversation.store),
    )
    body.update({name: value for name, value in settings if value is not None})
    _write_output(conversation, body)
    _write_reasoning(conversation, target, body, warnings)
    if conversation.metadata and conversation.store:
        body["metadata"] = conversation.metadata  # OpenAI allows it only where the answer is stored
    if conversation.service_tier in _TIERS:
        body["service_tier"] = conversation.service_tier


def _write_output(conversation: Conversation, body: dict[str, Any]) -> None:
    output = conversation.output
    if output is None:
        return
    if not output.schema:
        body["response_format"] = {"type": "json_object"}
        return
    schema: dict[str, Any] = {"name": output.name or "answer", "schema": Raw(output.schema)}
    if output.description:
        schema["description"] = output.description
    if output.strict is not None:
        schema["strict"] = output.strict
    body["response_format"] = {"type": "json_schema", "json_schema": schema}


def _write_reasoning(conversation: Conversation, target: Target, body: dict[str, Any], warnings: list[str]) -> None:
    reasoning = conversation.reasoning
    if reasoning is None:
        return
    effort = effort_for(reasoning)
    if effort is None:
        return
    if target.capabilities and "reasoning" not in target.capabilities:
        warnings.append(f"reasoning left out for {target.provider or 'the provider'}: {target.model} does not reason")
        return
    body["reasoning_effort"] = effort


def _cannot(what: str, param: str) -> CannotServe:
    failure = Failure(
        Kind.UNSUPPORTED, f"Chat Completions cannot express {what}", Executed.NO, Scope.REQUEST, param=param
    )
    return CannotServe(failure)
