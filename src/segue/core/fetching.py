"""What must be fetched before a request can be written: a codec says what, the executor fetches it.

Callers name an image by its address, and some vendors take it as bytes only. A codec does no I/O, so it cannot fetch
them. It raises `MustFetch`; the executor fetches, writes down in `Call.fetched` what came of it, and asks the codec
once more. A call that needs nothing of this pays nothing for it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

if TYPE_CHECKING:
    from segue.core.call import Call


PUBLIC_ADDRESS: Final = "public_address"
"""What a host lacks (`Failure.needs`) that has no address, or none that may be connected to."""


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """One thing to be fetched.

    Attributes:
        url: where it lies; may hold a signature, so nobody logs or shows it.
        limit: bytes that it may have.
        accept: media types that are of use, as the header of that name has them.
    """

    url: str
    limit: int
    accept: str = "*/*"

    def __repr__(self) -> str:
        return f"Wanted(limit={self.limit})"


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """What was fetched. `type`: the media type that its server told, lower case, without parameters; "" for none."""

    data: bytes
    type: str = ""

    def __repr__(self) -> str:
        return f"Fetched({len(self.data)} bytes)"


class Unfetched(msgspec.Struct, frozen=True, gc=False):
    """What could not be fetched.

    Attributes:
        why: for the caller; tells nothing of what lies at an address.
        beyond: where its size is the reason, the bytes that it could have had; somebody else may take more.
    """

    why: str
    beyond: int = 0


Found = Fetched | Unfetched


def must_fetch(found: Found | None, limit: int) -> bool:
    """Whether something must be looked for, after `found` came of looking for it before, if anything did.

    Args:
        found: what came of it.
        limit: bytes that it may have this time.
    """
    return found is None or (isinstance(found, Unfetched) and 0 < found.beyond < limit)


def in_words(size: int) -> str:
    """A size in bytes for people: `3.75 MiB`."""
    mebibytes = size / (1024 * 1024)
    return f"{mebibytes:.4g} MiB" if mebibytes >= 1 else f"{size} bytes"


class MustFetch(Exception):
    """A request cannot be written before `wanted` has been looked for; raised by `Codec.encode`."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        super().__init__(f"{len(wanted)} to be fetched")
        self.wanted = tuple(wanted)


class Fetcher(Protocol):
    """Fetches for codecs."""

    async def fetch(self, call: "Call", wanted: Sequence[Wanted], within: float) -> None:
        """Look for each of them, unless it was looked for in this call, and note in `call.fetched` what came of it.

        Args:
            call: for whom.
            wanted: what.
            within: seconds that it may take at most.
        """
        ...
