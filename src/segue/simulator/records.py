"""A test of a gateway has to know what reached the vendor, and a record must never leak the key that reached it.

The ledger keeps the newest requests. Secrets are reduced to their last four characters before anything is kept.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import msgspec

from segue.simulator.exchange import UNDECODABLE, Exchange, decode

Outcome: TypeAlias = Literal["open", "answered", "aborted", "client_hung_up", "stopped"]

RECORD_LIMIT: Final = 10_000
BODY_KEPT: Final = 256 * 1024
SHORTEST_SHOWN: Final = 8
SECRET_HEADERS: Final = frozenset(
    {
        *("authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "x-amz-security-token"),
        "cookie",
    }
)
# What is sent to a token server is a credential as a whole.
SECRET_PATHS: Final = frozenset({"/token"})
SECRET_PARAMETERS: Final = frozenset({"appid", "key", "api_key"})


def reduced(secret: str) -> str:
    """A secret as it may be shown: its last four characters, or none of a secret shorter than eight."""
    # A scheme such as `Bearer` in front of the secret must not make it look longer than it is.
    secret = secret.rpartition(" ")[2]
    return "..." + secret[-4:] if len(secret) >= SHORTEST_SHOWN else "..."


@dataclass(slots=True)
class Record:
    """One request that the simulator saw and what became of it.

    Attributes:
        number: Counts from 1 since the simulator started.
        time: When it arrived, in Unix seconds.
        account: The account in the path, or `default`.
        method: The HTTP method.
        path: The vendor's own path, without the account.
        query: The query parameters, secrets reduced.
        headers: Names in lower case, secrets reduced.
        raw_body: The body as it came; empty when it was longer than 256 KiB, or for a token server.
        faults: The kinds of fault that were applied, in order.
        outcome: `open` while in progress, then `answered`, `aborted` (by a fault), `client_hung_up`, or `stopped`
            (the simulator was closed meanwhile).
        status: The HTTP status that was sent, or None when none was.
        chunks: How many content events of a stream were sent.
        bytes_sent: How many bytes of the body were sent.
    """

    number: int
    time: float
    account: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw_body: bytes = b""
    faults: list[str] = field(default_factory=list)
    outcome: Outcome = "open"
    status: int | None = None
    chunks: int = 0
    bytes_sent: int = 0

    @property
    def body(self) -> object:
        """The decoded JSON body; text when it was not JSON, None when there was none."""
        document = decode(self.raw_body)
        if document is not UNDECODABLE:
            return document
        return self.raw_body.decode("utf-8", "replace") or None

    @property
    def fault(self) -> str | None:
        """The kind of the last fault that was applied, or None."""
        return self.faults[-1] if self.faults else None

    def as_json(self) -> dict[str, object]:
        """The record as the admin interface shows it."""
        is_json = decode(self.raw_body) is not UNDECODABLE
        shown: dict[str, object] = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name != "raw_body"
        }
        # JSON is passed through as it came: encoding a deeply nested document again could exhaust the stack.
        shown["body"] = msgspec.Raw(self.raw_body) if is_json else self.body
        return shown


class Ledger:
    """The newest 10,000 records, oldest first."""

    def __init__(self, *, keep: bool = True) -> None:
        """Without `keep` nothing is recorded."""
        self._keep = keep
        self._records: deque[Record] = deque(maxlen=RECORD_LIMIT)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def open(self, exchange: Exchange) -> Record:
        """Start the record of a request that has just been read."""
        if not self._keep:
            return Record(exchange.number, exchange.started, exchange.account, "", "", {}, {}, b"")
        record = Record(
            number=exchange.number,
            time=exchange.started,
            account=exchange.account,
            method=exchange.method,
            path=exchange.path,
            query={n: reduced(v) if n.lower() in SECRET_PARAMETERS else v for n, v in exchange.query.items()},
            headers={n: reduced(v) if n in SECRET_HEADERS else v for n, v in exchange.headers.items()},
            raw_body=exchange.body if self._may_keep(exchange) else b"",
        )
        self._records.append(record)
        return record

    @staticmethod
    def _may_keep(exchange: Exchange) -> bool:
        return len(exchange.body) <= BODY_KEPT and exchange.path not in SECRET_PATHS

    def seen(self, account: str | None = None, limit: int | None = None) -> list[Record]:
        """The records of one account (None: of all), oldest first; with `limit`, only the newest so many."""
        chosen = [record for record in self._records if account in (None, record.account)]
        return chosen if limit is None else chosen[max(0, len(chosen) - limit) :]

    def clear(self, account: str | None = None) -> int:
        """Forget the records of one account (None: of all); returns how many."""
        kept = [] if account is None else [record for record in self._records if record.account != account]
        removed = len(self._records) - len(kept)
        self._records = deque(kept, maxlen=RECORD_LIMIT)
        return removed
