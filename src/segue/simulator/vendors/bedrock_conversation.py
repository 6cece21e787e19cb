"""Each block may be right and the conversation wrong: turns that do not alternate, calls without results, no words.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html and
API_runtime_DocumentBlock.html beside it, for the numbers and sizes of files; the rules about turns and tools are in the
guide to the Converse interface, https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from segue.simulator.vendors.bedrock_errors import invalid

_MOST_IMAGES: Final = 20
_MOST_DOCUMENTS: Final = 5
# 3.75 MB and 4.5 MB, as the length of their base64.
_LARGEST_IMAGE: Final = 3_750_000 * 4 // 3
_LARGEST_DOCUMENT: Final = 4_500_000 * 4 // 3
_DOCUMENT_NAME: Final = re.compile(r"[A-Za-z0-9\-()\[\]]+(?:\s[A-Za-z0-9\-()\[\]]+)*")
_OF_USER: Final = ("image", "document", "video", "audio", "toolResult", "searchResult", "guardContent")
_OF_ASSISTANT: Final = ("toolUse", "reasoningContent", "citationsContent")
_Json = dict[str, Any]


def _placed(messages: list[_Json]) -> Iterator[tuple[str, str, _Json]]:
    for index, message in enumerate(messages):
        for position, block in enumerate(message["content"]):
            yield message["role"], f"messages.{index}.content.{position}", block


def _check_turns(messages: list[_Json]) -> None:
    if not messages or messages[0]["role"] != "user":
        raise invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a user "
            "message."
        )
    for before, after in pairwise(messages):
        if before["role"] == after["role"]:
            raise invalid(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
                "between user and assistant roles and try again."
            )
    for index, message in enumerate(messages):
        if not message["content"]:
            raise invalid(
                f"The content field in the Message object at messages.{index} is empty. Add a ContentBlock object to "
                "the content field and try again."
            )


def _check_blocks(messages: list[_Json]) -> None:
    for role, place, block in _placed(messages):
        kind = next(name for name, value in block.items() if value is not None)
        if kind in (_OF_ASSISTANT if role == "user" else _OF_USER):
            raise invalid(f"The {kind} content block at {place} is not allowed in a message with the role {role}.")
        if kind == "text" and not block["text"].strip():
            raise invalid(
                f"The text field in the ContentBlock object at {place} is blank. Add text to the text field, and try "
                "again."
            )
        if kind == "toolResult":
            _check_result(block["toolResult"], place)
        if kind == "cachePoint" and place.endswith(".content.0"):
            raise invalid(f"The cachePoint content block at {place} must come after another content block.")


def _check_result(result: _Json, place: str) -> None:
    if not result["content"] and result.get("status") == "error":
        raise invalid(f"The content field at {place}.toolResult cannot be empty when status value is error.")
    for position, inner in enumerate(result["content"]):
        if inner.get("text") is not None and not inner["text"].strip():
            raise invalid(
                f"The text field in the ContentBlock object at {place}.toolResult.content.{position} is blank. Add "
                "text to the text field, and try again."
            )
        if inner.get("json") is not None and not isinstance(inner["json"], dict):
            raise invalid(f"The format of the value at {place}.toolResult.content.{position}.json is invalid. "
                          "Provide a json object for the field and try again.")  # fmt: skip


def _identifiers(message: _Json, kind: str) -> list[str]:
    return [block[kind]["toolUseId"] for block in message["content"] if block.get(kind)]


def _check_unique(identifiers: list[str], kind: str, index: int) -> None:
    doubled = sorted({one for one in identifiers if identifiers.count(one) > 1})
    if doubled:
        listed = ", ".join(doubled)
        raise invalid(f"The {kind} blocks at messages.{index}.content contain duplicate Ids: {listed}")


def _check_pairs(messages: list[_Json]) -> None:
    called: list[str] = []
    for index, message in enumerate(messages):
        results = _identifiers(message, "toolResult")
        _check_unique(results, "toolResult", index)
        if message["role"] == "user":
            if len(results) > len(called):
                raise invalid(
                    f"The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks "
                    "of previous turn."
                )
            missing = [one for one in called if one not in results]
            if missing:
                listed = ", ".join(missing)
                raise invalid(f"Expected toolResult blocks at messages.{index}.content for the following Ids: {listed}")
        called = _identifiers(message, "toolUse")
        _check_unique(called, "toolUse", index)
    if called:
        listed = ", ".join(called)
        raise invalid(f"Expected toolResult blocks at messages.{len(messages)}.content for the following Ids: {listed}")


def _length(block: _Json) -> int:
    return len(block["source"].get("bytes") or "")


def _check_files(messages: list[_Json]) -> None:
    images = [(place, block["image"]) for _, place, block in _placed(messages) if block.get("image")]
    documents = [(place, block["document"]) for _, place, block in _placed(messages) if block.get("document")]
    if len(images) > _MOST_IMAGES:
        raise invalid(f"too many images and documents: {len(images)} > {_MOST_IMAGES} images in the conversation")
    if len(documents) > _MOST_DOCUMENTS:
        raise invalid(f"The maximum number of documents is {_MOST_DOCUMENTS}, but {len(documents)} were given.")
    for place, image in images:
        if _length(image) > _LARGEST_IMAGE:
            raise invalid(f"The image at {place} exceeds the maximum size of 3.75 MB.")
    names = [document["name"] for _, document in documents]
    for place, document in documents:
        if _length(document) > _LARGEST_DOCUMENT:
            raise invalid(f"The document at {place} exceeds the maximum size of 4.5 MB.")
        if not _DOCUMENT_NAME.fullmatch(document["name"]):
            raise invalid(
                "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, "
                "parentheses, and square brackets. The name can't contain more than one consecutive whitespace "
                "character."
            )
        if names.count(document["name"]) > 1:
            raise invalid(f"Messages can't contain duplicate document names. Change '{document['name']}' at {place}.")
    for index, message in enumerate(messages):
        if any(block.get("document") for block in message["content"]) and not any(
            block.get("text") for block in message["content"]
        ):
            raise invalid(f"A text content block is required beside the document at messages.{index}.content.")


def _check_tools(document: _Json) -> None:
    config = document.get("toolConfig")
    used = any(block.get("toolUse") or block.get("toolResult") for _, _, block in _placed(document["messages"]))
    if used and config is None:
        raise invalid("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    specified = [tool["toolSpec"] for tool in (config or {"tools": []})["tools"] if tool.get("toolSpec")]
    for index, tool in enumerate(specified):
        schema = tool["inputSchema"]["json"]
        if not isinstance(schema, dict) or schema.get("type") != "object":
            place = f"toolConfig.tools.{index}.toolSpec.inputSchema.json.type"
            raise invalid(f"The value at {place} must be one of the following: object.")
    names = [tool["name"] for tool in specified]
    if len(set(names)) < len(names):
        raise invalid("The toolConfig field contains tools with duplicate names. Tool names must be unique.")
    chosen = ((config or {}).get("toolChoice") or {}).get("tool")
    if chosen and chosen["name"] not in names:
        raise invalid(f"The tool '{chosen['name']}' of toolConfig.toolChoice is not among toolConfig.tools.")
    for place, block in ((place, block) for _, place, block in _placed(document["messages"]) if block.get("toolUse")):
        if not isinstance(block["toolUse"]["input"], dict):
            raise invalid(f"The format of the value at {place}.toolUse.input is invalid. Provide a json object for the "
                          "field and try again.")  # fmt: skip


def check_conversation(document: _Json) -> None:
    """Raise Bedrock's error unless the messages and tools are a conversation that a model can continue."""
    messages: list[_Json] = document["messages"]
    _check_turns(messages)
    _check_blocks(messages)
    _check_tools(document)
    _check_pairs(messages)
    _check_files(messages)
