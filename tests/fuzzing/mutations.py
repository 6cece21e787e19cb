"""Exchanges as vendors and clients write them, broken in the ways in which exchanges break.

Random bytes die at the first brace. What finds mistakes is an exchange that is right but for one thing: a field that
is missing, twice there or of another type, an event out of order, a text that ends in the middle of a letter. So an
exchange is kept as its pieces (a body is one piece, a stream has one for each event), and the damage is done inside
of their JSON, to their order, or to the bytes.
"""

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import msgspec

Raw = msgspec.Raw
SECRET: Final = "sk-very-secret-key-123456"
"""The key of whoever was asked; vendors repeat it in odd places, and nobody may hear of it."""

_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e308, 2**31, 2**53 + 1, 2**63 - 1, "", " ", "0", "-1", "null", "\x00",
    "\u2028", "é", "漢🙂", "a\r\nb: c", "x" * 300, SECRET, "data:image/png;base64,iVBORw0=", "data:,", "https://[",
    "../../etc", [], {}, [None], [[]], [{}], {"": None}, {"type": None}, {"type": "nothing_known"}, [""],
    Raw(b"1e999"), Raw(b"-1e999"), Raw(b"9" * 40), Raw(b"-" + b"9" * 400), Raw(b"0." + b"0" * 400 + b"1"),
    Raw(b"18446744073709551616"), Raw(b'"\\ud800"'), Raw(b'"\\udc00\\ud800"'), Raw(b'"\\u0000"'), Raw(b"1.0"),
    Raw(b"1E2"), Raw(b"-0"), Raw(b'"\xff"'), Raw(b'"\xed\xa0\x80"'), Raw(b"NaN"), Raw(b"Infinity"), Raw(b"01"),
    Raw(b"truee"), Raw(b"'a'"), Raw(b"[1,]"), Raw(b'{"a":1,}'), Raw(b""), Raw(b'{"a":1,"a":2}'),
)  # fmt: skip
VALUES: Final = tuple(value if isinstance(value, Raw) else Raw(msgspec.json.encode(value)) for value in _VALUES)
"""What stands where something else belongs, some of it as no encoder writes it."""

BYTES: Final = (
    b"\n", b"\r", b"\r\n", b"\n\n", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\x00", b"\xff", b"\xc3",
    b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"null", b"0", b"-", b"1e999", b"\\ud800", b"\\u12", b"data: ", b"data:",
    b"event: error\n", b"event: x\n", b"id: 1\n", b": c\n\n", b"data: [DONE]\n\n", b"retry: 0\n", b"[" * 3_000,
    b'{"a":' * 2_000, b"x" * 5_000, b'"error":{"message":"m","code":1}', b"<html>", b'"type":"error"',
)  # fmt: skip
"""What gets between the bytes of an exchange."""

_EMPTY_LINE: Final = re.compile(rb"(?=\n\n)")
_NAMES: Final = ("", "x", "type", "Type", "__class__", "error", "\u0130", "a.b", "a\nb", "$", "x" * 200, "segue", "0")


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of an exchange, or all of it: `wrap(data)` is what goes over the wire."""

    data: bytes
    wrap: Callable[[bytes], bytes] = bytes


Exchange = Sequence[Piece]


def body(document: Any) -> Exchange:
    """An exchange of one document: JSON as it stands, or what is to be written as JSON."""
    return [Piece(document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode())]


def events(stream: bytes) -> Exchange:
    """A stream of server-sent events, which ends with an empty line."""
    pieces = []
    for event in stream.split(b"\n\n")[:-1]:
        head, mark, data = event.partition(b"data: ")
        pieces.append(Piece(data, _between(head + mark, b"\n\n")))
    return pieces or [Piece(stream)]  # with other line ends: damaged as bytes


def lines(stream: bytes) -> Exchange:
    """A stream with one document a line."""
    return [Piece(line, _between(b"", b"\n")) for line in stream.splitlines()]


def _between(before: bytes, after: bytes) -> Callable[[bytes], bytes]:
    return lambda data: before + data + after


class Breaker:
    """Breaks exchanges; knows all words that occur in them, so that one can stand where another belongs.

    Args:
        exchanges: of one kind, in all their forms.
    """

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._exchanges = [list(exchange) for exchange in exchanges]
        self._wholes = [b"".join(piece.wrap(piece.data) for piece in exchange) for exchange in exchanges]
        names: dict[str, None] = dict.fromkeys(_NAMES)
        words: dict[str, None] = {}
        values: list[Any] = list(VALUES)
        for exchange in exchanges:
            for piece in exchange:
                for name, value in _inside(_decoded(piece.data)):
                    if isinstance(name, str):
                        names[name] = None
                    if isinstance(value, str):
                        words[value] = None
                    elif isinstance(value, dict | list):
                        values.append(Raw(msgspec.json.encode(value)))
        self._names, self._words = list(names), [*words, ""]
        self._values = values

    def broken(self, dice: random.Random) -> bytes:
        """One exchange with a few mistakes, sometimes with none."""
        kind = dice.random()
        if kind < 0.01:
            return dice.randbytes(dice.randrange(200))
        if kind < 0.2:
            return self._bytes(dice.choice(self._wholes), dice)
        pieces = list(dice.choice(self._exchanges))
        if len(pieces) > 1 and kind < 0.5:
            self._order(pieces, dice)
        if kind > 0.35:
            place = dice.randrange(len(pieces))
            piece = pieces[place]
            pieces[place] = Piece(self._document(piece.data, dice), piece.wrap)
        whole = b"".join([piece.wrap(piece.data) for piece in pieces])
        return self._bytes(whole, dice) if kind > 0.93 else whole

    def _order(self, pieces: list[Piece], dice: random.Random) -> None:
        """Events that are missing, come twice, too early, or from another stream."""
        for _ in range(dice.randrange(1, 4)):
            place, other = dice.randrange(len(pieces)), dice.randrange(len(pieces))
            match dice.randrange(6):
                case 0:
                    del pieces[place]
                case 1:
                    pieces.insert(other, pieces[place])
                case 2:
                    pieces[place], pieces[other] = pieces[other], pieces[place]
                case 3:
                    pieces.insert(place, dice.choice(dice.choice(self._exchanges)))
                case 4:
                    del pieces[place + 1 :]
                case _:
                    stranger = dice.choice(self._exchanges)
                    pieces[place:] = stranger[dice.randrange(len(stranger)) :]
            if not pieces:
                pieces.append(dice.choice(dice.choice(self._exchanges)))

    def _bytes(self, data: bytes, dice: random.Random) -> bytes:
        return damaged(data, dice, dice.randrange(1, 4), BYTES, self._wholes)

    def _document(self, data: bytes, dice: random.Random) -> bytes:
        """A document that is right but for one to three things; bytes that are none become damaged bytes."""
        tree = _decoded(data)
        if tree is None:
            return self._bytes(data, dice)
        root = [tree]
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            parent: Any = root
            place: Any = 0
            while dice.random() < 0.8 and (child := parent[place]):
                if type(child) is dict:
                    parent, place = child, dice.choice(list(child))
                elif type(child) is list:
                    parent, place = child, dice.randrange(len(child))
                else:
                    break
            self._change(parent, place, dice)
            if not root:
                return b""
        return msgspec.json.encode(root)[1:-1]

    def _change(self, parent: Any, place: Any, dice: random.Random) -> None:
        value = parent[place]
        match dice.randrange(10):
            case 0:
                del parent[place]
            case 1:
                parent[place] = dice.choice(VALUES)
            case 2:
                parent[place] = dice.choice(self._words) if isinstance(value, str) else dice.choice(self._values)
            case 3:
                parent[place] = dice.choice(self._values)
            case 4 if type(value) is dict and value:
                name = dice.choice(list(value))
                twice = {name: dice.choice((value[name], dice.choice(self._values)))}
                parent[place] = Raw(msgspec.json.encode(value)[:-1] + b"," + msgspec.json.encode(twice)[1:])
            case 5 if type(parent) is dict:
                del parent[place]
                parent[dice.choice(self._names)] = value
            case 6 if type(value) is list:
                value += value[: dice.randrange(3)] if dice.random() < 0.5 else [dice.choice(self._values)]
                dice.shuffle(value)
            case 6 if type(value) is dict:
                value[dice.choice(self._names)] = dice.choice(self._values)
            case 7:
                deep = dice.choice((1, 1, 2, 50, 1_500)) if dice.random() < 0.2 else 1
                opening, closing = dice.choice(((b"[", b"]"), (b'{"a":', b"}")))
                parent[place] = Raw(opening * deep + msgspec.json.encode(value) + closing * deep)
            case 8 if isinstance(value, str):
                parent[place] = dice.choice((value * 40, value[1:], value + "\x00", value.upper(), f" {value}", SECRET))
            case 9 if isinstance(value, int):
                parent[place] = dice.choice((-value, value * 2**40, value + 0.5, str(value), value + 1))
            case _:
                parent[place] = dice.choice(VALUES)


def damaged(data: bytes, dice: random.Random, times: int, pieces: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """Bytes with mistakes.

    Args:
        data: what is right.
        dice: where the mistakes are, and which.
        times: how many there are.
        pieces: what may get between the bytes.
        others: what else is right; its end may come instead of the rest.
    """
    text = bytearray(data)
    for _ in range(times):
        where = dice.randrange(len(text) + 1)
        match dice.randrange(8):
            case 0 | 1:
                text[where : where + 1] = dice.randbytes(1)
            case 2:
                text[where:where] = dice.choice(pieces)
            case 3:
                del text[where : where + dice.randrange(1, 30)]
            case 4:
                text[where:where] = text[where : where + dice.randrange(60)]
            case 5:
                other = dice.choice(others)
                text[where:] = other[dice.randrange(len(other) + 1) :]
            case 6:
                del text[where:]
            case _:
                other_place = dice.randrange(len(text) + 1)
                text[where : where + 12] = text[other_place : other_place + 12]
    return bytes(text)


def cut_up(data: bytes, dice: random.Random) -> list[bytes]:
    """The same bytes as a network may deliver them."""
    if dice.random() < 0.4 or not data:
        return [data]
    if dice.random() < 0.3:  # event by event, as most do
        places = [found.start() + 2 for found in _EMPTY_LINE.finditer(data)]
    else:
        places = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randrange(1, 6)))
    return [data[start:end] for start, end in pairwise([0, *places, len(data)]) if start < end]


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _inside(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every name and value of a document."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        yield name, inner
        yield from _inside(inner)
