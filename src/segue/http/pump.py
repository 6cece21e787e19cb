"""The one loop that carries a stream from its provider to its reader."""

from collections.abc import Callable

from segue.core.failure import Failure
from segue.core.outcome import Ending, Stream
from segue.http.exchange import Exchange, Headers

EVENT_STREAM: Headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


async def pump(exchange: Exchange, stream: Stream, headers: Headers, broken: Callable[[Failure], bytes]) -> None:
    """Send a stream that has reached its commit point; whatever happens, it is settled afterwards.

    Args:
        exchange: where it goes.
        stream: what is read.
        headers: of the answer.
        broken: the event, in the caller's own protocol, that tells of a failure after the first content. The body is
            then ended properly: a cut connection could be taken for a network's, and be asked again.
    """
    try:
        await exchange.start(200, headers)
        while piece := await stream.read():
            await exchange.write(piece)
    finally:
        stream.cancel()  # changes nothing once it has ended
    end = stream.end
    if end is not None and end.ending is Ending.FAILED and end.failure is not None:
        await exchange.write(broken(end.failure))
    await exchange.finish()
