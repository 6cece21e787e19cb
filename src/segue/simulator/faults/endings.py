"""An answer may end early and say so: the reason for the end is wrong, and everything else is right. This is that kind.

`edited` changes the JSON inside an event, whatever form the event has, for this kind and for others.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from segue.simulator import frames
from segue.simulator.faults.kinds import Count, Kind, Options, Situation, document_instead, retold
from segue.simulator.script import Script, Send, Step


class FinishReasonOptions(Options, frozen=True):
    """Another reason for the end of an answer; `after` is how many content events of a stream come before it."""

    reason: str = "content_filter"
    after: Count = 3


def edited(data: bytes, edit: Callable[[dict[str, Any]], None]) -> bytes:
    """JSON, or an event that carries JSON, after `edit` has changed the decoded object; other bytes as they are.

    An event that is named after the `type` of its data keeps being so, and a frame stays a whole one.
    """
    if frames.is_frame(data):
        return frames.with_payload(data, edited(frames.payload_of(data), edit))
    name, separator, rest = data.partition(b"\ndata: ")
    if not (separator and name.startswith(b"event: ")):
        name, separator, rest = b"", b"data: ", data.removeprefix(b"data: ")
        separator = b"data: " if data.startswith(b"data: ") else b""
    try:
        document = msgspec.json.decode(rest)
    except msgspec.DecodeError:
        return data
    if not isinstance(document, dict):
        return data
    named_by_type = name.removeprefix(b"event: ") == str(document.get("type")).encode()
    edit(document)
    if name and named_by_type:
        name = b"event: " + str(document.get("type")).encode()
    return name + separator + msgspec.json.encode(document) + (b"\n\n" if separator else data[len(data.rstrip()) :])


def _finish_reason(script: Script, options: FinishReasonOptions, _situation: Situation) -> Script:
    def finish(document: dict[str, Any]) -> None:
        for choice in document.get("choices", ()):
            choice["finish_reason"] = options.reason
        for candidate in document.get("candidates", ()):
            candidate["finishReason"] = options.reason.upper()
        for owner in (document, document.get("delta")):
            for name in ("stop_reason", "stopReason", "done_reason", "finish_reason"):
                if isinstance(owner, dict) and name in owner:
                    owner[name] = options.reason
        result = document.get("result")
        for alternative in result.get("alternatives", ()) if isinstance(result, dict) else ():
            alternative["status"] = f"ALTERNATIVE_STATUS_{options.reason.upper()}"
        response = document if document.get("object") == "response" else document.get("response")
        if isinstance(response, dict) and response.get("object") == "response":
            response |= {"status": "incomplete", "incomplete_details": {"reason": options.reason}}
            if "response" in document:
                document["type"] = "response.incomplete"

    if not script.streams:
        body = b"".join(step.data for step in script.steps if isinstance(step, Send))
        return document_instead(script, edited(body, finish))
    steps: list[Step] = []
    contents = 0
    for step in script.steps:
        if isinstance(step, Send) and step.part == "content":
            contents += 1
            if contents > options.after:
                continue
        ends = isinstance(step, Send) and step.part in {"finish", "done"}
        steps.append(Send(edited(step.data, finish), step.part) if ends and isinstance(step, Send) else step)
    return retold(script, tuple(steps))


FINISH_REASON: Final = Kind(
    name="finish_reason",
    summary="The answer ends early and for another reason, such as `content_filter`.",
    options=FinishReasonOptions,
    rewrite=_finish_reason,
    scope="success",
)
