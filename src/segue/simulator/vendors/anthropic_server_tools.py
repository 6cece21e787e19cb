"""Some tools run at the vendor: their calls and results stand in the answer itself, and its text cites them.

Source: the guides on web search, code execution and citations at https://platform.claude.com/docs/en/agents-and-tools.
"""

from typing import Any, Final

from segue.simulator.vendors.scripting import digest
from segue.simulator.vendors.signing import sealed

_OLDEST_EXECUTION: Final = "code_execution_20250522"
_CITED: Final = 60
_Json = dict[str, Any]


def search_blocks(seed: int, question: str) -> tuple[_Json, _Json]:
    """A search of the web and what it found, which is always the same page."""
    identifier = f"srvtoolu_01{digest(seed, question, 'search', length=22)}"
    found = {
        "type": "web_search_result",
        "url": "https://example.com/barley",
        "title": "Fields of barley",
        "encrypted_content": sealed(seed, "anthropic search result", question),
        "page_age": "April 30, 2025",
    }
    caller = {"type": "direct"}
    query = {"query": " ".join(question.split())[:_CITED]}
    return (
        {"type": "server_tool_use", "id": identifier, "name": "web_search", "input": query, "caller": caller},
        {"type": "web_search_tool_result", "tool_use_id": identifier, "content": [found], "caller": caller},
    )


def execution_blocks(seed: int, question: str, version: str) -> tuple[_Json, _Json]:
    """A run of code and what it printed; the oldest version of the tool runs Python, the others run shell commands."""
    identifier = f"srvtoolu_01{digest(seed, question, 'execution', length=22)}"
    prefix = "" if version == _OLDEST_EXECUTION else "bash_"
    call = {"code": "print(6 * 7)"} if not prefix else {"command": "python -c 'print(6 * 7)'"}
    printed = {
        "type": f"{prefix}code_execution_result",
        "stdout": "42\n",
        "stderr": "",
        "return_code": 0,
        "content": [],
    }
    return (
        {"type": "server_tool_use", "id": identifier, "name": f"{prefix}code_execution", "input": call},
        {"type": f"{prefix}code_execution_tool_result", "tool_use_id": identifier, "content": printed},
    )


def _document_citation(block: _Json, index: int) -> _Json:
    source, title = block["source"], block.get("title")
    common = {"document_index": index, "document_title": title, "file_id": None}
    match source["type"]:
        case "text":
            text = source["data"][:_CITED]
            place: _Json = {"type": "char_location", "start_char_index": 0, "end_char_index": len(text)}
        case "content":
            inner = source["content"]
            text = inner[:_CITED] if isinstance(inner, str) else str(inner[0].get("text", ""))[:_CITED] if inner else ""
            place = {"type": "content_block_location", "start_block_index": 0, "end_block_index": 1}
        case _:
            text = "Page 1"
            place = {"type": "page_location", "start_page_number": 1, "end_page_number": 2}
    return {"cited_text": text} | common | place


def cited(document: _Json, made: list[tuple[_Json, tuple[str, ...]]], text: str) -> list[_Json]:
    """The citations of the answer's text: of pages that were found, and of documents that may be cited."""
    citations: list[_Json] = []
    for block, _ in made:
        if block["type"] == "web_search_tool_result":
            page = block["content"][0]
            citations.append(
                {
                    "type": "web_search_result_location",
                    "url": page["url"],
                    "title": page["title"],
                    "encrypted_index": digest(text, page["url"]),
                    "cited_text": "morning came early over fields of barley",
                }
            )
    index = 0
    for message in document["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block["type"] == "document":
                if (block.get("citations") or {}).get("enabled"):
                    citations.append(_document_citation(block, index))
                index += 1
    return citations
