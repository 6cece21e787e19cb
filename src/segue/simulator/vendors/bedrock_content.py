"""What a conversation in Bedrock's blocks asks is what the same conversation would ask in Anthropic's.

So a checked request is written as one of Anthropic's: Claude's own rules for thinking, signatures, sampling and
structured output apply to it without being written twice, and the scripting and the cache of prompts understand it.
"""

import base64
from typing import Any, Final

import msgspec

from segue.simulator.vendors.anthropic_errors import AnthropicError
from segue.simulator.vendors.anthropic_requests import check_request
from segue.simulator.vendors.bedrock_errors import by_model, invalid
from segue.simulator.vendors.bedrock_models import BedrockModel

_Json = dict[str, Any]
_GIVEN_OUTPUT: Final = 8192


def _file(source: _Json) -> _Json:
    stored = source["s3Location"]["uri"].removeprefix("s3://")
    return {"type": "url", "url": f"https://s3.invalid/{stored}"}


def _image(block: _Json) -> _Json:
    source = block["source"]
    if source.get("bytes") is None:
        return {"type": "image", "source": _file(source)}
    inner = {"type": "base64", "media_type": f"image/{block['format']}", "data": source["bytes"]}
    return {"type": "image", "source": inner}


def _plain(text: str) -> _Json:
    return {"type": "text", "media_type": "text/plain", "data": text}


def _document(block: _Json) -> _Json:
    source = block["source"]
    if source.get("bytes") is not None:
        pdf = block.get("format") == "pdf"
        inner = (
            {"type": "base64", "media_type": "application/pdf", "data": source["bytes"]}
            if pdf
            else _plain(base64.b64decode(source["bytes"]).decode("utf-8", "replace"))
        )
    elif source.get("s3Location"):
        inner = _file(source)
    else:
        parts = [part["text"] for part in source.get("content") or ()]
        inner = _plain(source.get("text") or " ".join(parts))
    made: _Json = {"type": "document", "source": inner, "title": block["name"]}
    if block.get("citations"):
        made["citations"] = {"enabled": block["citations"]["enabled"]}
    return made | ({"context": block["context"]} if block.get("context") else {})


def _media(kind: str, block: _Json) -> _Json:
    """Films and sound, which Anthropic has no block for, as a document of the same size."""
    size = len(base64.b64decode(block["source"].get("bytes") or ""))
    return {"type": "document", "source": _plain("x" * size), "title": f"{kind} {block['format']}"}


def _thought(block: _Json) -> _Json:
    if block.get("redactedContent") is not None:
        return {"type": "redacted_thinking", "data": block["redactedContent"]}
    text = block["reasoningText"]
    return {"type": "thinking", "thinking": text["text"], "signature": text.get("signature") or ""}


def _result(block: _Json) -> _Json:
    content: list[_Json] = []
    for inner in block["content"]:
        if inner.get("json") is not None:
            content.append({"type": "text", "text": msgspec.json.encode(inner["json"]).decode()})
        else:
            content += _blocks(inner)
    made: _Json = {"type": "tool_result", "tool_use_id": block["toolUseId"], "content": content}
    return made | ({"is_error": True} if block.get("status") == "error" else {})


def _found(block: _Json) -> _Json:
    content = [{"type": "text", "text": one["text"]} for one in block["content"]]
    return {"type": "search_result", "source": block["source"], "title": block["title"], "content": content}


def _guarded(block: _Json) -> _Json:
    if block.get("image"):
        return _image(block["image"])
    return {"type": "text", "text": block["text"]["text"]}


def _blocks(block: _Json) -> list[_Json]:
    """One block of Bedrock's as blocks of Anthropic's; a cache point is none of its own."""
    kind = next(name for name, value in block.items() if value is not None)
    value = block[kind]
    match kind:
        case "text":
            return [{"type": "text", "text": value}]
        case "image":
            return [_image(value)]
        case "document":
            return [_document(value)]
        case "video" | "audio":
            return [_media(kind, value)]
        case "toolUse":
            return [{"type": "tool_use", "id": value["toolUseId"], "name": value["name"], "input": value["input"]}]
        case "toolResult":
            return [_result(value)]
        case "guardContent":
            return [_guarded(value)]
        case "reasoningContent":
            return [_thought(value)]
        case "searchResult":
            return [_found(value)]
        case "citationsContent":
            return [{"type": "text", "text": one["text"]} for one in value.get("content") or () if one["text"]]
        case _:
            return []


def _marked(blocks: list[_Json], point: _Json) -> None:
    """Mark the block before a cache point, as Anthropic does without one."""
    if not blocks:
        raise invalid("A cachePoint must come after the content that it is to cache.")
    blocks[-1]["cache_control"] = {"type": "ephemeral"} | ({"ttl": point["ttl"]} if point.get("ttl") else {})


def _listed(blocks: list[_Json]) -> list[_Json]:
    made: list[_Json] = []
    for block in blocks:
        if block.get("cachePoint"):
            _marked(made, block["cachePoint"])
        else:
            made += _blocks(block)
    return made


def _tools(config: _Json) -> _Json:
    made: list[_Json] = []
    for tool in config["tools"]:
        if tool.get("cachePoint"):
            _marked(made, tool["cachePoint"])
        elif tool.get("toolSpec"):
            specified = tool["toolSpec"]
            one = {"name": specified["name"], "input_schema": specified["inputSchema"]["json"]}
            one |= {name: specified[name] for name in ("description", "strict") if specified.get(name) is not None}
            made.append(one)
    chosen = config.get("toolChoice")
    if not chosen:
        return {"tools": made}
    kind = next(name for name, value in chosen.items() if value is not None)
    choice = {"type": kind} | ({"name": chosen["tool"]["name"]} if kind == "tool" else {})
    return {"tools": made, "tool_choice": choice}


def _structured(form: _Json) -> _Json:
    try:
        schema = msgspec.json.decode(form["structure"]["jsonSchema"]["schema"])
    except msgspec.DecodeError:
        schema = None
    if not isinstance(schema, dict):
        raise invalid("The value at outputConfig.textFormat.structure.jsonSchema.schema must be a JSON schema as text.")
    return {"format": {"type": "json_schema", "schema": schema}}


def _settings(document: _Json, model: BedrockModel) -> _Json:
    inference = document.get("inferenceConfig") or {}
    made: _Json = {"max_tokens": inference.get("maxTokens") or min(_GIVEN_OUTPUT, model.facts.output)}
    names = {"temperature": "temperature", "topP": "top_p", "stopSequences": "stop_sequences"}
    made |= {names[name]: inference[name] for name in names if inference.get(name) is not None}
    output = document.get("outputConfig") or {}
    config = _structured(output["textFormat"]) if output.get("textFormat") else {}
    config |= {"effort": output["effort"]} if output.get("effort") else {}
    return made | ({"output_config": config} if config else {})


def _thinking(model: BedrockModel, extra: _Json) -> _Json:
    """What makes a model of another vendor think: its kind, or the field that it has for it."""
    asked = extra.get("reasoningConfig") or extra.get("reasoning_config") or {}
    wanted = isinstance(asked, dict) and asked.get("type") == "enabled"
    return {"thinking": {"type": "enabled" if model.thinks or wanted else "disabled"}}


def translated(document: _Json, model: BedrockModel, seed: int, *, counting: bool = False) -> _Json:
    """A checked request as Anthropic's; raises AwsError when the model does not take it."""
    system = _listed(document.get("system") or [])
    messages = [{"role": message["role"], "content": _listed(message["content"])} for message in document["messages"]]
    made: _Json = {"messages": messages} | ({"system": system} if system else {})
    made |= {} if counting else _settings(document, model)
    if document.get("toolConfig"):
        made |= _tools(document["toolConfig"])
    extra = dict(document.get("additionalModelRequestFields") or {})
    if model.claude is None:
        for message in messages:
            # No other model signs its thoughts, nor wants them back.
            message["content"] = [one for one in message["content"] if "thinking" not in one["type"]]
        return made | _thinking(model, extra)
    extra.pop("anthropic_beta", None)
    if "reasoning_config" in extra:
        extra["thinking"] = extra.pop("reasoning_config")
    for name in extra:
        if name in made:
            raise invalid(f"The additional field {name} conflicts with an existing field.")
    made |= extra
    try:
        return check_request(made, model=model.claude, seed=seed, counting=counting)
    except AnthropicError as error:
        raise by_model(error.message) from None
