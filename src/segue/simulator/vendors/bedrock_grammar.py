"""Bedrock's Converse interface has one shape of request for all models; this is its grammar.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and the data types beside it.
Changes of the tools within a conversation (`toolAddition`, `toolRemoval`) and prompts that Bedrock keeps are left out.
"""

from typing import Final

from segue.simulator.vendors.bedrock_checks import (
    Check,
    anything,
    blob,
    boolean,
    choice,
    fraction,
    integer,
    many,
    mapping,
    structure,
    text,
    union,
)

_STORED: Final = structure(
    {"uri": text(1, 1024, r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?")}, {"bucketOwner": text(pattern="[0-9]{12}")}
)
_BYTES: Final = union({"bytes": blob, "s3Location": _STORED})
_CITED: Final = structure({"enabled": boolean})
_NAME: Final = text(1, 64, "[a-zA-Z0-9_-]+")
_IDENTIFIER: Final = text(1, 64, "[a-zA-Z0-9_.:-]+")
_TEXTS: Final = many(union({"text": text()}))
IMAGE: Final = structure({"format": choice("png", "jpeg", "gif", "webp"), "source": _BYTES})
DOCUMENT: Final = structure(
    {
        "name": text(1, 200),
        "source": union({"bytes": blob, "s3Location": _STORED, "text": text(), "content": _TEXTS}),
    },
    {
        "format": choice("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"),
        "context": text(),
        "citations": _CITED,
    },
)
VIDEO: Final = structure(
    {
        "format": choice("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"),
        "source": _BYTES,
    }
)
AUDIO: Final = structure(
    {
        "format": choice(
            *("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm"),
            "webm",
        ),
        "source": _BYTES,
    }
)
_FOUND: Final = structure(
    {"source": text(), "title": text(), "content": many(structure({"text": text()}))}, {"citations": _CITED}
)
_GUARDED: Final = union(
    {
        "text": structure({"text": text()}, {"qualifiers": many(choice("grounding_source", "query", "guard_content"))}),
        "image": structure({"format": choice("png", "jpeg"), "source": union({"bytes": blob})}),
    }
)
_CACHE_POINT: Final = structure({"type": choice("default")}, {"ttl": choice("5m", "1h")})
_CALL: Final = structure(
    {"toolUseId": _IDENTIFIER, "name": _NAME, "input": anything}, {"type": choice("server_tool_use")}
)
_RESULT: Final = structure(
    {
        "toolUseId": _IDENTIFIER,
        "content": many(
            union(
                {
                    "json": anything,
                    "text": text(),
                    "image": IMAGE,
                    "document": DOCUMENT,
                    "video": VIDEO,
                    "searchResult": _FOUND,
                }
            )
        ),
    },
    {"status": choice("success", "error"), "type": text()},
)
_THOUGHT: Final = union({"reasoningText": structure({"text": text()}, {"signature": text()}), "redactedContent": blob})
BLOCK: Final = union(
    {
        "text": text(),
        "image": IMAGE,
        "document": DOCUMENT,
        "video": VIDEO,
        "audio": AUDIO,
        "toolUse": _CALL,
        "toolResult": _RESULT,
        "guardContent": _GUARDED,
        "cachePoint": _CACHE_POINT,
        "reasoningContent": _THOUGHT,
        "citationsContent": structure({}, {"content": _TEXTS, "citations": many(mapping)}),
        "searchResult": _FOUND,
    }
)
_TOOL: Final = union(
    {
        "toolSpec": structure(
            {"name": _NAME, "inputSchema": union({"json": anything})}, {"description": text(1), "strict": boolean}
        ),
        "systemTool": structure({"name": _NAME}),
        "cachePoint": _CACHE_POINT,
    }
)
_CONVERSATION: Final[dict[str, Check]] = {
    "messages": many(structure({"role": choice("user", "assistant"), "content": many(BLOCK)})),
    "system": many(union({"text": text(1), "guardContent": _GUARDED, "cachePoint": _CACHE_POINT})),
    "toolConfig": structure(
        {"tools": many(_TOOL, least=1)},
        {
            "toolChoice": union(
                {"auto": structure({}), "any": structure({}), "tool": structure({"name": _NAME})},
            )
        },
    ),
    "additionalModelRequestFields": mapping,
}
_GUARDRAIL: Final[dict[str, Check]] = {
    "guardrailIdentifier": text(
        0, 2048, r"(|([a-z0-9]+)|(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+))"
    ),
    "guardrailVersion": text(pattern="(|([1-9][0-9]{0,7})|(DRAFT))"),
    "trace": choice("enabled", "disabled", "enabled_full"),
}


def converse(*, stream: bool) -> Check:
    """The body of a request; a stream may judge its parts later than it sends them."""
    guardrail = _GUARDRAIL | ({"streamProcessingMode": choice("sync", "async")} if stream else {})
    schema = structure({"schema": text()}, {"name": text(), "description": text()})
    form = structure({"type": choice("json_schema"), "structure": union({"jsonSchema": schema})})
    return structure(
        {},
        _CONVERSATION
        | {
            "inferenceConfig": structure(
                {},
                {
                    "maxTokens": integer(1),
                    "temperature": fraction,
                    "topP": fraction,
                    "stopSequences": many(text(1), most=2500),
                },
            ),
            "guardrailConfig": structure({}, guardrail),
            "additionalModelResponseFieldPaths": many(text(1, 256, "/.*"), most=10),
            "requestMetadata": mapping,
            "performanceConfig": structure({}, {"latency": choice("standard", "optimized")}),
            "serviceTier": structure({"type": choice("priority", "default", "flex", "reserved")}),
            "outputConfig": structure({}, {"textFormat": form, "effort": text(0, 16)}),
        },
    )


COUNT: Final = structure(
    {
        "input": union(
            {
                "converse": structure({}, _CONVERSATION),
                "invokeModel": structure({"body": blob}),
            }
        )
    }
)
