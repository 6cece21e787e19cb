"""What is claimed of the parsers beside the formats of chats.

Requests as they are routed, readers that pass bytes on, the other operations, and what is read from headers, files and
token servers.
"""

import json
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from math import isfinite
from types import SimpleNamespace
from typing import Any, Final, TypeVar

from families.llm.support import candidate
from families.weather import support as weather
from fuzzing.mutations import SECRET, cut_up
from fuzzing.reading import LONGEST, STATUSES, Try, an_object, cannot_be_served, failed, readable, refused
from segue.app.engine import known
from segue.config.document import parse_document
from segue.config.load import parse_settings
from segue.core.errors import ConfigError, RequestInvalid
from segue.core.outcome import Outcome
from segue.core.ports import CannotServe, TransportError
from segue.families.llm.allowance import METER
from segue.families.llm.asked import analyse
from segue.families.llm.auth import aws_files
from segue.families.llm.auth.aws_sts import Sts
from segue.families.llm.auth.google import WrongFile, _lease, read_credentials
from segue.families.llm.formats.eventstream import BadFrame, FrameSplitter
from segue.families.llm.formats.lines import LineSplitter
from segue.families.llm.formats.openai_stream import ChatStreamReader
from segue.families.llm.formats.responses import memory
from segue.families.llm.other.embeddings import Dialect, EmbeddingsCodec
from segue.families.llm.other.multipart import read_form
from segue.families.llm.other.passing import Passing
from segue.families.llm.other.reading import READINGS
from segue.families.llm.other.streams import EventsReader
from segue.families.llm.other.task import Task, analyse_task
from segue.families.llm.passthrough import plain_path, plain_query
from segue.families.llm.request import parse_chat
from segue.families.llm.responses import ResponsesRequest
from segue.families.llm.sse import EventSplitter, read_event
from segue.families.weather.operations import CURRENT
from segue.resilience.retry_after import parse_retry_after
from segue.testing import FakeClock

T = TypeVar("T")
CANDIDATE: Final = candidate()
FORM: Final = "multipart/form-data; boundary=cut"
KNOWN: Final = known()


def headers(_secret: str) -> Mapping[str, str]:
    """Nothing of a vendor's."""
    return {}


def address(_model: str) -> str:
    """Where nobody goes."""
    return "https://api.example.com/v1/x"


def done(work: Coroutine[Any, Any, T]) -> T:
    """The result of what never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits for something")


def routed(parse: Callable[[bytes], Any]) -> Try:
    """Requests as they are routed, before anybody looks into them: read for the plan, and written with another name."""

    def one(data: bytes, dice: random.Random) -> str:
        try:
            asked = parse(data)
        except RequestInvalid as invalid:
            return refused(invalid)
        features = analyse(asked)
        assert features.model == asked.model
        assert features.tokens >= 0
        an_object(asked.body("upstream", ask_usage=dice.random() < 0.5))
        return "read"

    return one


def task(parse: Callable[[bytes], Task], write: Callable[[Any], Any]) -> Try:
    """Requests beside chat."""

    def one(data: bytes, _dice: random.Random) -> str:
        try:
            asked = parse(data)
            analyse_task(asked)
            request = write(SimpleNamespace(request=asked, id="call_1", fetched=None))
        except RequestInvalid as invalid:
            return refused(invalid)
        except CannotServe as cannot:
            return cannot_be_served(cannot.failure, "it")
        if isinstance(request, bytes):
            an_object(request)
        return "read"

    return one


def encoded(codec: Any) -> Callable[[Any], bytes]:
    """Writes a request for one provider."""
    return lambda call: codec.encode(call, CANDIDATE).body


def form(data: bytes, _dice: random.Random) -> str:
    """Forms with files."""
    try:
        read_form(data, FORM)
        asked = READINGS["audio.transcribe"].parse(data, FORM)
        asked.written("other", {})
    except RequestInvalid as invalid:
        return refused(invalid)
    return "read"


def decoded(codec: Any, asked: Task) -> Try:
    """Whole answers of the operations beside chat."""
    call = SimpleNamespace(request=asked, id="call_1", fetched=None)

    def one(data: bytes, dice: random.Random) -> str:
        status = 200 if dice.random() < 0.8 else dice.choice(STATUSES)
        outcome: Outcome = codec.decode(call, CANDIDATE, status, {"content-type": "application/json"}, data)
        if outcome.failure is not None:
            return failed(outcome.failure)
        assert status == 200
        an_object(outcome.answer.removeprefix(b"\xef\xbb\xbf"))
        return "read"

    return one


def passing(new: Callable[[], Any], made_of: str = "events") -> Try:
    """Readers that pass events on: whole or broken, never both, and a client can read all that it is given."""

    def fed(pieces: list[bytes]) -> tuple[Any, bytes]:
        reader = new()
        out = b"".join([reader.feed(piece) for piece in pieces])
        return reader, out + reader.end()

    def one(data: bytes, dice: random.Random) -> str:
        reader, out = fed(cut_up(data, dice))
        assert reader.finished != (reader.failure is not None), "it is neither whole nor broken"
        assert reader.committed or not reader.finished
        if reader.failure is None:
            if made_of != "array":  # its end may be missing, as it came
                readable(out, made_of)
            word = "read"
        else:
            word = failed(reader.failure)
        if dice.random() < 0.1:
            again, same = fed([data])
            assert (same, again.finished) == (out, reader.finished), "the cuts made a difference"
        return word

    return one


def chat_reader() -> ChatStreamReader:
    """The reader of Chat Completions that pass through."""
    return ChatStreamReader(parse_chat(b'{"model":"m","messages":[1],"stream":true}'), CANDIDATE.key.secret)


def events_reader() -> EventsReader:
    """The reader of streams beside chat."""
    return EventsReader(1, SECRET)


def split(new: Callable[[], Any]) -> Try:
    """Splitters: the same pieces wherever the bytes are cut, and nothing lost."""

    def fed(pieces: list[bytes]) -> list[Any]:
        splitter, found = new(), []
        for piece in pieces:
            try:
                found += splitter.feed(piece)
            except BadFrame as error:
                return [*found, *error.before, "bad"]
        return found

    def one(data: bytes, dice: random.Random) -> str:
        found = fed(cut_up(data, dice))
        assert found == fed([data]), "the cuts made a difference"
        for each in found:
            if isinstance(each, bytes):
                read_event(each)
        return "bad" if found[-1:] == ["bad"] else "read"

    return one


FRAMES: Final = split(FrameSplitter)
LINES: Final = split(LineSplitter)
EVENTS: Final = split(EventSplitter)


def records(answer: bytes) -> Try:
    """Responses that are kept, and requests that go on from them."""
    kept = memory.record_of(b'{"input":"x"}', answer)
    assert kept is not None

    def one(data: bytes, _dice: random.Random) -> str:
        memory.previous_of(data)
        memory.answer_of_event(data)
        record = memory.record_of(data, data)
        if record is not None:
            memory.input_items(memory.read(memory.write(record)))
        try:
            ResponsesRequest(memory.expand(data, kept, 100_000))
        except RequestInvalid as invalid:
            return refused(invalid)
        return "read"

    return one


def weather_request(data: bytes, _dice: random.Random) -> str:
    """Requests for the weather, as typed fields."""
    try:
        CURRENT.parse(data)
    except RequestInvalid as invalid:
        return refused(invalid)
    return "read"


def weather_answer(vendor: str) -> Try:
    """Answers of a weather service."""
    codec = weather.codec(vendor)
    call, asked = weather.call(), weather.candidate(vendor, SECRET)

    def one(data: bytes, dice: random.Random) -> str:
        status = 200 if dice.random() < 0.8 else dice.choice(STATUSES)
        outcome = codec.decode(call, asked, status, {}, data)
        if outcome.failure is not None:
            return failed(outcome.failure)
        return "read"

    return one


def _told(problems: Sequence[str]) -> str:
    """Each problem of a file is one line for people, and shows no secret."""
    assert problems
    for problem in problems:
        assert 0 < len(problem) < LONGEST
        assert "\n" not in problem
        assert SECRET not in problem
    return "refused"


def configuration(data: bytes, _dice: random.Random) -> str:
    """Files of settings: understood, or a list of problems that each name their line."""
    try:
        parse_settings(parse_document(data, "f.yaml").plain(), KNOWN, environ={})
    except ConfigError as error:
        return _told(error.problems)
    return "read"


def google_file(data: bytes, _dice: random.Random) -> str:
    """Files of Google credentials."""
    try:
        read_credentials(data)
    except WrongFile as wrong:
        return _told([str(wrong)])
    return "read"


def google_token(data: bytes, dice: random.Random) -> str:
    """Answers of Google's token server."""
    try:
        lease = _lease(dice.choice((200, 200, 400, 500)), data, FakeClock(), "Google")
    except TransportError as error:
        return failed(error.failure, "-----BEGIN")  # what they call an error is theirs; ours is the private key
    assert isfinite(lease.until)
    return "read"


class _Answering:
    """A network that answers at once, and its answer."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self._body = body

    async def send(self, *_request: Any, **_options: Any) -> "_Answering":
        return self

    async def read_whole(self, _limit: int) -> bytes:
        return self._body

    def close(self) -> None:
        """Nothing is open."""


def sts_answer(data: bytes, dice: random.Random) -> str:
    """Answers of AWS's token service."""
    transport: Any = _Answering(dice.choice((200, 200, 403, 500)), data)
    try:
        lease = done(Sts("eu-west-1").assume_role_with_web_identity(transport, role="r", session="s", token=SECRET))
    except TransportError as error:
        return failed(error.failure, "-----BEGIN")  # what they call an error is theirs; ours is the private key
    assert lease.until is not None
    assert isfinite(lease.until)
    return "read"


def aws_profiles(data: bytes, _dice: random.Random) -> str:
    """AWS's shared files: settings by section, or nothing."""
    return "read" if aws_files.read_sections(data.decode("utf-8", "replace")) else "nothing"


def answer_headers(data: bytes, _dice: random.Random) -> str:
    """Headers about limits: sane numbers, or nothing."""
    told = {}
    for line in data.decode("latin-1").split("\n"):
        name, _, value = line.partition(": ")
        told[name.lower()] = value
    after = parse_retry_after(told, 1_795_182_300.0)
    assert after is None or (isfinite(after) and after >= 0)
    allowance = METER.read(told, 5.0, 1_795_182_300.0)
    if allowance is None:
        return "nothing" if after is None else "read"
    for left in (allowance.requests, allowance.tokens):
        assert left is None or left >= 0
    assert isfinite(allowance.spent_until)
    return "read"


def odd_address(data: bytes, _dice: random.Random) -> str:
    """Paths and queries of the passthrough: plain, or refused; never another address."""
    raw = data.decode("latin-1")
    path, _, query = raw.partition("?")
    try:
        passed = plain_path(path)
        plain_query(query.encode("latin-1"))
    except RequestInvalid as invalid:
        return refused(invalid)
    assert passed == path
    assert not {".", "..", ""} & set(passed.rstrip("/").split("/"))
    return "read"


def embeddings_of(dialect: Dialect) -> EmbeddingsCodec:
    """The codec of a vendor's embeddings."""
    return EmbeddingsCodec(dialect, address, headers)


def passed(operation: str) -> Passing:
    """The codec of an operation that passes through."""
    return Passing(operation, address, headers)


def read_task(operation: str, **fields: Any) -> Task:
    """A request for an operation."""
    return READINGS[operation].parse(json.dumps(fields).encode())
