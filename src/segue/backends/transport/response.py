"""One HTTP answer: its body whole and bounded, or chunk by chunk as it comes."""

import aiohttp

from segue.backends.transport.failures import classify_body, too_large
from segue.core.failure import Kind
from segue.core.ports import TransportError

# They describe the bytes on the wire; the body that we hand out is decoded.
_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_ERRORS = (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError)


class AiohttpResponse:
    """`segue.core.ports.WireResponse` over aiohttp's response.

    Attributes:
        status: the HTTP status.
        headers: lower case, the values of a repeated header joined with ", ". When the body was compressed, the
            headers that describe the compressed bytes are left out.
    """

    __slots__ = ("_answer", "headers", "status")

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.status = answer.status
        self.headers = _plain(answer)

    async def read_whole(self, limit: int) -> bytes:
        """The whole body, decoded.

        Raises:
            TransportError: it is larger than `limit` bytes, cut, or cannot be decompressed; the connection is closed.
        """
        content = self._answer.content
        length = self._answer.content_length
        if length is not None and length > limit and "content-encoding" not in self._answer.headers:
            self.close()
            raise TransportError(too_large(limit))
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := await content.readany():
                size += len(piece)
                if size > limit:
                    self.close()
                    raise TransportError(too_large(limit))
                pieces.append(piece)
        except _ERRORS as error:
            self.close()
            raise TransportError(classify_body(error, Kind.CONNECTION_LOST)) from None
        except BaseException:
            self.close()
            raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def read_chunk(self) -> bytes:
        """The next bytes of the body as they come, decoded; `b""` at its proper end.

        Raises:
            TransportError: the body is cut or cannot be decompressed; the connection is closed.
        """
        try:
            return await self._answer.content.readany()
        except _ERRORS as error:
            self.close()
            raise TransportError(classify_body(error, Kind.STREAM_CUT)) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection up unless the body was read to its end; safe to call twice, and never waits."""
        self._answer.close()


def _plain(answer: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        lower = name.lower()
        headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    if "content-encoding" in headers:
        for name in _OF_THE_WIRE:
            headers.pop(name, None)
    return headers
