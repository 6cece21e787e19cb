"""The messages of the Gemini API, field by field, as its reference has them; what is not here is refused.

Sources: https://ai.google.dev/api/generate-content, https://ai.google.dev/api/caching and
https://ai.google.dev/api/embeddings. Vertex AI knows a few fields more (`VERTEX_SCHEMA`).
"""

from typing import Final

from segue.simulator.vendors.gemini_proto import Enum, Kind, Many, MapOf, Message

_GENERATIVE: Final = "google.ai.generativelanguage.v1beta"


def _enum(name: str, words: str) -> Enum:
    return Enum(f"{_GENERATIVE}.{name}", frozenset(words.split()))


_HARMS: Final = _enum(
    "HarmCategory",
    "HARM_CATEGORY_HARASSMENT HARM_CATEGORY_HATE_SPEECH HARM_CATEGORY_SEXUALLY_EXPLICIT "
    "HARM_CATEGORY_DANGEROUS_CONTENT HARM_CATEGORY_CIVIC_INTEGRITY",
)
_THRESHOLDS: Final = _enum(
    "SafetySetting.HarmBlockThreshold", "BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_ONLY_HIGH BLOCK_NONE OFF"
)
_SCHEMA_PLAIN: Final[dict[str, Kind]] = {
    "type": _enum("Type", "TYPE_UNSPECIFIED STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL"),
    "format": "string",
    "title": "string",
    "description": "string",
    "nullable": "bool",
    "enum": Many("string"),
    "maxItems": "int",
    "minItems": "int",
    "required": Many("string"),
    "minProperties": "int",
    "maxProperties": "int",
    "minLength": "int",
    "maxLength": "int",
    "pattern": "string",
    "example": "any",
    "propertyOrdering": Many("string"),
    "default": "any",
    "minimum": "float",
    "maximum": "float",
}


def _schema(more: dict[str, Kind]) -> Message:
    made = Message(dict(_SCHEMA_PLAIN) | more)
    made.fields |= {"items": made, "properties": MapOf(made), "anyOf": Many(made)}
    if "defs" in more:
        made.fields["defs"] = MapOf(made)
    return made


SCHEMA: Final = _schema({})
VERTEX_SCHEMA: Final = _schema({"additionalProperties": "any", "ref": "string", "defs": "struct"})
_RESOLUTION: Final = _enum(
    "MediaResolution",
    "MEDIA_RESOLUTION_UNSPECIFIED MEDIA_RESOLUTION_LOW MEDIA_RESOLUTION_MEDIUM MEDIA_RESOLUTION_HIGH",
)
_BLOB: Final = Message({"mimeType": "string", "data": "bytes", "displayName": "string"})
_FILE: Final = Message({"mimeType": "string", "fileUri": "string", "displayName": "string"})
PART: Final = Message(
    {
        "text": "string",
        "inlineData": _BLOB,
        "fileData": _FILE,
        "functionCall": Message({"id": "string", "name": "string", "args": "struct"}),
        "functionResponse": Message(
            {
                "id": "string",
                "name": "string",
                "response": "struct",
                "parts": Many(Message({"inlineData": _BLOB, "fileData": _FILE})),
                "willContinue": "bool",
                "scheduling": "string",
            }
        ),
        "executableCode": Message({"id": "string", "language": "string", "code": "string"}),
        "codeExecutionResult": Message({"id": "string", "outcome": "string", "output": "string"}),
        "thought": "bool",
        "thoughtSignature": "bytes",
        "videoMetadata": "struct",
        "mediaResolution": Message({"level": "string"}),
        "partMetadata": "struct",
    }
)
CONTENT: Final = Message({"role": "string", "parts": Many(PART)})


def _declaration(schema: Message) -> Message:
    return Message(
        {
            "name": "string",
            "description": "string",
            "behavior": _enum("FunctionDeclaration.Behavior", "UNSPECIFIED BLOCKING NON_BLOCKING"),
            "parameters": schema,
            "parametersJsonSchema": "any",
            "response": schema,
            "responseJsonSchema": "any",
        }
    )


def _tool(schema: Message) -> Message:
    return Message(
        {
            "functionDeclarations": Many(_declaration(schema)),
            "googleSearch": Message(
                {"timeRangeFilter": "struct", "excludeDomains": Many("string"), "searchTypes": "struct"}
            ),
            "googleSearchRetrieval": "struct",
            "codeExecution": Message({}),
            "urlContext": Message({}),
            "googleMaps": "struct",
            "fileSearch": "struct",
            "computerUse": "struct",
        }
    )


def _generation(schema: Message) -> Message:
    thinking = Message(
        {
            "includeThoughts": "bool",
            "thinkingBudget": "int",
            "thinkingLevel": _enum(
                "ThinkingConfig.ThinkingLevel", "THINKING_LEVEL_UNSPECIFIED MINIMAL LOW MEDIUM HIGH"
            ),
        }
    )
    return Message(
        {
            "stopSequences": Many("string"),
            "responseMimeType": "string",
            "responseSchema": schema,
            "responseJsonSchema": "any",
            "responseModalities": Many(_enum("Modality", "TEXT IMAGE AUDIO")),
            "candidateCount": "int",
            "maxOutputTokens": "int",
            "temperature": "float",
            "topP": "float",
            "topK": "float",
            "seed": "int",
            "presencePenalty": "float",
            "frequencyPenalty": "float",
            "responseLogprobs": "bool",
            "logprobs": "int",
            "enableEnhancedCivicAnswers": "bool",
            "speechConfig": "struct",
            "thinkingConfig": thinking,
            "imageConfig": "struct",
            "mediaResolution": _RESOLUTION,
        }
    )


_TOOL_CONFIG: Final = Message(
    {
        "functionCallingConfig": Message(
            {
                "mode": _enum("FunctionCallingConfig.Mode", "MODE_UNSPECIFIED AUTO ANY NONE VALIDATED"),
                "allowedFunctionNames": Many("string"),
                "streamFunctionCallArguments": "bool",
            }
        ),
        "retrievalConfig": "struct",
        "includeServerSideToolInvocations": "bool",
    }
)


def _request(schema: Message, more: dict[str, Kind]) -> Message:
    fields: dict[str, Kind] = {
        "contents": Many(CONTENT),
        "systemInstruction": CONTENT,
        "tools": Many(_tool(schema)),
        "toolConfig": _TOOL_CONFIG,
        "safetySettings": Many(Message({"category": _HARMS, "threshold": _THRESHOLDS, "method": "string"})),
        "generationConfig": _generation(schema),
        "cachedContent": "string",
    }
    return Message(fields | more)


GENERATE: Final = _request(SCHEMA, {"model": "string", "serviceTier": "string", "store": "bool"})
VERTEX_GENERATE: Final = _request(VERTEX_SCHEMA, {"labels": MapOf("string"), "modelArmorConfig": "struct"})
COUNT: Final = Message({"contents": Many(CONTENT), "generateContentRequest": GENERATE})
VERTEX_COUNT: Final = Message(dict(VERTEX_GENERATE.fields) | {"model": "string", "instances": "any"})
EMBED: Final = Message(
    {
        "model": "string",
        "content": CONTENT,
        "taskType": _enum(
            "TaskType",
            "TASK_TYPE_UNSPECIFIED RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING "
            "QUESTION_ANSWERING FACT_VERIFICATION CODE_RETRIEVAL_QUERY",
        ),
        "title": "string",
        "outputDimensionality": "int",
    }
)
_TASK_TYPE: Final = EMBED.fields["taskType"]
VERTEX_EMBED: Final = Message(
    {
        "model": "string",
        "content": CONTENT,
        "embedContentConfig": Message(
            {
                "title": "string",
                "taskType": _TASK_TYPE,
                "autoTruncate": "bool",
                "outputDimensionality": "int",
                "documentOcr": "bool",
                "audioTrackExtraction": "bool",
            }
        ),
        # Deprecated in favour of the object.
        "title": "string",
        "taskType": _TASK_TYPE,
        "autoTruncate": "bool",
        "outputDimensionality": "int",
    }
)
VERTEX_PREDICT: Final = Message({"instances": Many("struct"), "parameters": "struct", "labels": MapOf("string")})
EMBED_BATCH: Final = Message({"requests": Many(EMBED)})
CACHE: Final = Message(
    {
        "model": "string",
        "displayName": "string",
        "contents": Many(CONTENT),
        "systemInstruction": CONTENT,
        "tools": Many(_tool(SCHEMA)),
        "toolConfig": _TOOL_CONFIG,
        "ttl": "string",
        "expireTime": "string",
    }
)
