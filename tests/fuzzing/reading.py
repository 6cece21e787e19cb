"""What is claimed of every parser, whatever it is given: an answer, or a failure that is documented and helps.

Each `Try` is given one broken exchange, asserts what must hold, and says in a word how it ended.
"""

import random
import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

import msgspec

from families.llm.formats.provider_streams import check_order
from fuzzing.mutations import SECRET, cut_up
from segue.core.errors import ProviderFailed, RequestInvalid
from segue.core.failure import Failure, Kind
from segue.core.ports import CannotServe
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.converse.format import CONVERSE_FOR_CLIENTS, CONVERSE_OF_CLAUDE
from segue.families.llm.formats.eventstream import FrameSplitter
from segue.families.llm.formats.gemini.format import GEMINI, GEMINI_ARRAY
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.ollama.format import OLLAMA
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.formats.yandex.format import YANDEX
from segue.families.llm.ir.answer import Broke, Stopped
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import BadAnswer, Shown, Target
from segue.families.llm.ir.losses import check
from segue.families.llm.ir.used import used
from segue.families.llm.sse import EventSplitter, read_event
from segue.families.llm.translating import TranslatingReader

Try = Callable[[bytes, random.Random], str]
CLIENTS: Final[tuple[Any, ...]] = (CHAT, RESPONSES, MESSAGES, GEMINI, GEMINI_ARRAY, CONVERSE_FOR_CLIENTS)
PROVIDERS: Final[tuple[Any, ...]] = (CHAT, RESPONSES, MESSAGES, GEMINI, CONVERSE_OF_CLAUDE, OLLAMA, YANDEX)
MODELS: Final = {"chat": "gpt-4o", "messages": "claude-sonnet-4-5", "gemini": "gemini-3-flash",
                 "converse": "anthropic.claude-sonnet-4-5-20250929-v1:0"}  # fmt: skip
SHOWN: Final = Shown(Conversation(model="m"), "m", "call_00000001", 1_700_000_000)
STATUSES: Final = (200, 204, 301, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 424, 429, 499, 500, 503, 529, 599)
LONGEST: Final = 2_000
"""Characters of a message for people."""

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PLACE: Final = re.compile(r"\bbyte \d+|\bline \d+|\bthe body (?:must be|is) ")
_FIELD: Final = re.compile(r"`[^`]+`|'[^']+'|\bbyte \d+|is nested too deeply|Number out of range")
"""The last two are said of the whole: the decoder does not tell where."""


def refused(invalid: RequestInvalid) -> str:
    """A caller is told where the mistake is, and no more than fits a line of a log."""
    assert invalid.param is not None or _PLACE.search(invalid.message), f"no place in {invalid.message!r}"
    assert 400 <= invalid.status < 500
    assert 0 < len(invalid.message) < LONGEST, "the message repeats what was sent"
    assert invalid.param is None or len(invalid.param) < LONGEST
    return "refused"


def failed(failure: Failure, secret: str = SECRET) -> str:
    """A vendor's failure is classified, holds no key of ours, and numbers that make sense."""
    assert isinstance(failure.kind, Kind)
    assert 0 < len(failure.message) < LONGEST
    for told in (failure.message, failure.vendor_type, failure.vendor_code, failure.param, failure.needs):
        assert told is None or secret not in told, f"the key is shown in {told!r}"
    assert failure.retry_after is None or (isfinite(failure.retry_after) and failure.retry_after >= 0)
    return failure.kind.value


def cannot_be_served(failure: Failure, target: str) -> str:
    """A provider that cannot express a request says which field it is."""
    assert 0 < len(failure.message) < LONGEST, "the message repeats what was sent"
    assert failure.param or failure.needs or _PLACE.search(failure.message), failure.message
    return f"{target} cannot"


def no_answer(problem: str) -> None:
    """What is wrong with an answer is told by its place, and shows nothing of it."""
    assert _FIELD.search(problem), f"no place in {problem!r}"
    assert SECRET not in problem
    assert len(problem) < LONGEST


def an_object(data: bytes) -> None:
    """It is an object in JSON; numbers may be beyond what any machine counts, as those that came."""
    data.decode()
    _OBJECT.decode(data)


def request_of(format_: Any) -> Try:
    """Requests of clients: what is understood can be written for every provider, or is refused for its field."""
    url = {"model": "m", "stream": True} if format_.id in {"gemini", "converse"} else {}

    def one(data: bytes, dice: random.Random) -> str:
        try:
            conversation = format_.read_request(data, **url)
        except RequestInvalid as invalid:
            return refused(invalid)
        target = dice.choice(PROVIDERS)
        try:
            check(used(conversation), target.losses, target.vendor, "p", format_.names)
            written = target.write_request(conversation, Target(MODELS.get(target.id, "m"), "p"))
        except CannotServe as cannot:
            return cannot_be_served(cannot.failure, target.id)
        an_object(written.body)
        return "read"

    return one


def answer_of(format_: Any) -> Try:
    """Whole answers: one that is understood can be written for every client, another is a classified failure."""

    def one(data: bytes, dice: random.Random) -> str:
        try:
            answer = format_.read_answer(data)
        except BadAnswer as bad:
            no_answer(str(bad))
            return failed(format_.read_error(200, {}, data, SECRET))
        written = dice.choice(CLIENTS).write_answer(answer, SHOWN)
        an_object(written)
        return "read"

    return one


def stream_of(format_: Any) -> Try:
    """Streams: events in order, one end, the same however they are cut; what a client sees can be read by its SDK."""

    def one(data: bytes, dice: random.Random) -> str:
        reader = format_.event_reader()
        events = [event for piece in cut_up(data, dice) for event in reader.feed(piece)]
        events += reader.end()
        check_order(events)
        assert not reader.feed(b"data: {}\n\n"), "it says more behind its end"
        assert not reader.end()
        if dice.random() < 0.05:
            again = format_.event_reader()
            assert [*again.feed(data), *again.end()] == events, "the cuts made a difference"
        last = events[-1]
        assert isinstance(last, Broke) or any(isinstance(event, Stopped) for event in events), "a cut is a success"
        client = dice.choice(CLIENTS)
        writer = client.event_writer(SHOWN)
        out = b"".join([writer.write(event) for event in events if not isinstance(event, Broke)])
        if isinstance(last, Broke):
            told = writer.broken(last.failure)
            assert told
            out += told
        if dice.random() < 0.2:
            readable(out, carried_by(client))
            translated = TranslatingReader(format_.event_reader(), client.event_writer(SHOWN), SECRET)
            translated.feed(data)
            translated.end()
            assert translated.finished != (translated.failure is not None), "it is neither whole nor broken"
            if translated.failure is not None:
                failed(translated.failure)
        return last.failure.kind.value if isinstance(last, Broke) else "read"

    return one


def carried_by(client: Any) -> str:
    """What a client's streams are made of: see `readable`."""
    if client is GEMINI_ARRAY:
        return "array"
    return "frames" if client is CONVERSE_FOR_CLIENTS else "events"


def readable(out: bytes, made_of: str = "events") -> None:
    """What a client gets is JSON in UTF-8, in server-sent events, in Amazon's frames, or in one array."""
    if made_of == "array":
        out.decode()
        assert isinstance(msgspec.json.decode(out, type=list[msgspec.Raw]), list)
    elif made_of == "frames":
        for frame in FrameSplitter().feed(out):
            an_object(frame.payload)
    else:
        for event in EventSplitter().feed(out):
            _, data = read_event(event)
            if data and data.strip() != b"[DONE]":
                an_object(data)


def error_of(format_: Any) -> Try:
    """Errors are classified, whatever they look like; and every client can be told of them."""

    def one(data: bytes, dice: random.Random) -> str:
        headers: Mapping[str, str] = {"x-amzn-errortype": "ThrottlingException:http://x"} if dice.random() < 0.2 else {}
        failure = format_.read_error(dice.choice(STATUSES), headers, data, SECRET)
        word = failed(failure)
        error = ProviderFailed(failure, f"p/m: {failure.message}")
        assert isinstance(msgspec.json.decode(dice.choice(CLIENTS).write_error(error, {})), dict)
        return word

    return one
