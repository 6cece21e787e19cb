"""The parsers of chats: each format's four, requests as they are routed, and readers that pass bytes on."""

from typing import Any, Final

from families.llm.test_other_streams import COMPLETION, SPEECH, TRANSCRIPT, drafts
from fuzzing import exchanges as given
from fuzzing import others
from fuzzing.mutations import SECRET, events
from fuzzing.parser import Parser
from fuzzing.reading import CLIENTS, PROVIDERS, SHOWN, answer_of, error_of, request_of, stream_of
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.passing.gemini import GeminiPassing
from segue.families.llm.passing.messages import MessagesPassing
from segue.families.llm.passing.responses import ResponsesPassing
from segue.families.llm.request import parse_chat
from segue.families.llm.responses import ResponsesRequest


def _passed(name: str, format_: Any, reader: Any, **options: bool) -> Parser:
    def new() -> Any:
        return reader(format_, format_.event_writer(SHOWN), SECRET, **options)

    return Parser(name, given.STREAMS[format_.id], others.passing(new, "array" if options.get("array") else "events"))


_READ: Final = ("read", "refused")
_BESIDE: Final = [events(stream) for stream in (COMPLETION, TRANSCRIPT, SPEECH, drafts(1))]

CHATS: Final = [
    *[Parser(f"{one.id}: request", given.REQUESTS[one.id], request_of(one), _READ) for one in CLIENTS[:4]],
    *[
        Parser(f"{one.id}: answer", given.ANSWERS[one.id], answer_of(one), ("read", "bad_response"))
        for one in PROVIDERS
    ],
    *[Parser(f"{one.id}: stream", given.STREAMS[one.id], stream_of(one), ("read", "stream_cut")) for one in PROVIDERS],
    *[Parser(f"{one.id}: error", given.ERRORS[one.id], error_of(one), ("bad_response",)) for one in PROVIDERS],
    Parser("chat: routed", given.REQUESTS["chat"], others.routed(parse_chat), _READ),
    Parser("responses: routed", given.REQUESTS["responses"], others.routed(ResponsesRequest), _READ),
    Parser(
        "messages: routed", given.REQUESTS["messages"], others.routed(lambda data: RawRequest(MESSAGES, data)), _READ
    ),
    Parser(
        "gemini: routed",
        given.REQUESTS["gemini"],
        others.routed(lambda data: RawRequest(GEMINI, data, model="m", stream=True)),
        _READ,
    ),
    Parser("chat: passing", given.STREAMS["chat"], others.passing(others.chat_reader), ("read", "stream_cut")),
    _passed("responses: passing", RESPONSES, ResponsesPassing),
    _passed("messages: passing", MESSAGES, MessagesPassing),
    _passed("gemini: passing", GEMINI, GeminiPassing, array=False),
    _passed("gemini: passing as an array", GEMINI, GeminiPassing, array=True),
    Parser("beside chat: passing", _BESIDE, others.passing(others.events_reader), ("read", "stream_cut")),
]
