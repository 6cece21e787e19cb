"""The intermediate form into a request for a provider that speaks Chat Completions.

Habits of vendors that this writer asks `Target.flags` about:
`max_tokens`: the limit's older name, which every compatible vendor knows; `no_stream_usage`: streams tell their usage
unasked; `allowed_tools`: knows OpenAI's choice among some tools; `reasoning_back`: wants its `reasoning_content` back;
`top_k`: knows it; `id9`: names of calls have nine letters and digits (Mistral).
"""

from operator import attrgetter
from typing import Any, Final

import msgspec

from segue.families.llm.formats.openai_sampling import taken_sampling
from segue.families.llm.ir import ids
from segue.families.llm.ir.blocks import Content, Media, Refusal, ServerItem, Text, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import (
    Conversation,
    FunctionTool,
    Message,
    Output,
    Reasoning,
    Sampling,
    VendorTool,
)
from segue.families.llm.ir.effort import effort_for
from segue.families.llm.ir.extra import named, within
from segue.families.llm.ir.format import Target, Written
from segue.families.llm.ir.losses import cannot

Raw = msgspec.Raw
_encode: Final = msgspec.json.encode
_TIERS: Final = frozenset({"auto", "default", "flex", "priority", "scale", "batch"})
_SELDOM: Final = (
    "user", "prediction", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "verbosity"
)  # fmt: skip
_seldom: Final = attrgetter(*_SELDOM)
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
        inside = within(conversation.extra)
        if inside:
            written.warnings.append(f"{named(inside)} left out: not a field of Chat Completions that Segue can place")
        body = {**{name: value for name, value in conversation.extra.items() if name not in inside}, **body}
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
    parts = message.content
    if ToolResult in map(type, parts):
        parts = []
        for block in message.content:
            if isinstance(block, ToolResult):
                out.append({"role": "tool", "tool_call_id": rule.fit(block.id), "content": _result(block)})
                parts += [part for part in block.content if isinstance(part, Media)]
        parts += [block for block in message.content if not isinstance(block, ToolResult)]
    if not parts:
        return None
    texts = [part.text for part in parts if isinstance(part, Text)]
    if len(texts) == len(parts):
        return {"role": "user", "content": "\n\n".join(texts)}
    return {"role": "user", "content": [_part(part) for part in parts if not isinstance(part, ServerItem)]}


def _result(block: ToolResult) -> str:
    text = "".join([part.text for part in block.content if isinstance(part, Text)])
    if block.error:
        return f"Error: {text}"
    return text


def _part(block: Content) -> dict[str, Any]:
    if isinstance(block, (Text, Refusal)):
        return {"type": "text", "text": block.text}
    if not isinstance(block, Media):
        raise cannot("Chat Completions", f"a {type(block).__name__} in a turn of the user's", param="messages")
    if block.kind == "image":
        image: dict[str, Any] = {"url": block.url or f"data:{block.type or 'image/png'};base64,{block.data}"}
        if block.detail:
            image["detail"] = block.detail
        return {"type": "image_url", "image_url": image}
    if block.kind == "audio":
        name = _AUDIO.get(block.type)
        if name is None:
            raise cannot(
                "Chat Completions",
                f"audio of type {block.type[:60]!r}: send wav or mp3",
                param="messages.content.input_audio.format",
            )
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
        if isinstance(tool, VendorTool) and tool.type == "web_search":
            body["web_search_options"] = _web_search(tool)
        elif not isinstance(tool, FunctionTool):
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


def _web_search(tool: VendorTool) -> dict[str, Any]:
    """OpenAI's search, which is a setting here: the place of the user stands one level deeper than in Responses."""
    options: dict[str, Any] = msgspec.json.decode(tool.raw)
    del options["type"]
    place = options.get("user_location")
    if isinstance(place, dict):
        flat = {name: value for name, value in place.items() if name != "type"}
        options["user_location"] = {"type": "approximate", "approximate": flat}
    return options


def _vendor_tool(tool: VendorTool) -> Any:
    """A custom tool; Responses declares it flat, Chat Completions one level deeper."""
    if tool.type != "custom":
        raise cannot("Chat Completions", f"the tool {tool.type!r}: only OpenAI's Responses know it", param="tools")
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
    if conversation.max_tokens is not None:
        body["max_tokens" if "max_tokens" in target.flags else "max_completion_tokens"] = conversation.max_tokens
    sampling, lost = taken_sampling(conversation.sampling, target.model)
    if lost:
        warnings.append(lost)
    _write_sampling(sampling, target, body)
    if conversation.stop:
        body["stop"] = conversation.stop
    if any(_seldom(conversation)):
        body.update({name: value for name, value in zip(_SELDOM, _seldom(conversation), strict=True) if value})
        if conversation.prediction:
            body["prediction"] = Raw(conversation.prediction)
    if conversation.store is not None:
        body["store"] = conversation.store
    if conversation.output is not None:
        body["response_format"] = _format(conversation.output)
    if conversation.reasoning is not None:
        _write_reasoning(conversation.reasoning, target, body, warnings)
    if conversation.metadata and conversation.store:
        body["metadata"] = conversation.metadata  # OpenAI allows it only where the answer is stored
    if conversation.service_tier in _TIERS:
        body["service_tier"] = conversation.service_tier
    elif conversation.service_tier:
        warnings.append(f"service_tier {conversation.service_tier[:32]!r} left out: OpenAI has none of this name")


def _write_sampling(sampling: Sampling, target: Target, body: dict[str, Any]) -> None:
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if sampling.top_k is not None and "top_k" in target.flags:
        body["top_k"] = sampling.top_k
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.presence_penalty is not None:
        body["presence_penalty"] = sampling.presence_penalty
    if sampling.frequency_penalty is not None:
        body["frequency_penalty"] = sampling.frequency_penalty
    if sampling.logit_bias:
        body["logit_bias"] = Raw(sampling.logit_bias)


def _format(output: Output) -> dict[str, Any]:
    if not output.schema:
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": output.name or "answer", "schema": Raw(output.schema)}
    if output.description:
        schema["description"] = output.description
    if output.strict is not None:
        schema["strict"] = output.strict
    return {"type": "json_schema", "json_schema": schema}


def _write_reasoning(reasoning: Reasoning, target: Target, body: dict[str, Any], warnings: list[str]) -> None:
    effort = effort_for(reasoning)
    if effort is None:
        return
    if target.capabilities and "reasoning" not in target.capabilities:
        warnings.append(f"reasoning left out for {target.provider or 'the provider'}: {target.model} does not reason")
        return
    body["reasoning_effort"] = effort
