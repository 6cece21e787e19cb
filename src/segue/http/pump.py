"""The one loop that carries a stream from its provider to its reader.

To wake a task for each chunk costs more than to send it. So while the client keeps up, the loop only begins and ends a
stream: what comes from the provider is written in the moment in which it comes. When the client does not keep up, the
loop waits for it, and the provider is not read meanwhile.
"""

import asyncio
from collections.abc import Callable

from segue.core.failure import Failure, Kind
from segue.core.outcome import Ending, Stream
from segue.http.exchange import Exchange, Headers
from segue.pipeline.stream import OpenedStream

EVENT_STREAM: Headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]

_STOPPED = Failure(Kind.STREAM_CUT, "Segue is stopping")


async def pump(
    exchange: Exchange,
    stream: Stream,
    headers: Headers,
    broken: Callable[[Failure], bytes],
    frame: Callable[[bytes], bytes] | None = None,
) -> None:
    """Send a stream that has reached its commit point; whatever happens, it is settled afterwards.

    Args:
        exchange: where it goes.
        stream: what is read.
        headers: of the answer.
        broken: the event, in the caller's own protocol, that tells of a failure after the first content. The body is
            then ended properly: a cut connection could be taken for a network's, and be asked again.
        frame: puts the stream's bytes into another framing, where the client's differs from that of its format.
    """
    begun = False
    try:
        await exchange.start(200, headers)
        del headers  # a stream may be long
        begun = True
        # What is framed anew comes to surfaces that are not hot, so nobody can be pushed to there anyway.
        push = exchange.pusher() if frame is None and isinstance(stream, OpenedStream) else None
        while piece := await stream.read():
            await exchange.write(piece if frame is None else frame(piece))
            if push is not None and isinstance(stream, OpenedStream):
                await stream.pour(push)
    except asyncio.CancelledError:
        stream.cancel()
        if begun:
            # Segue stops and could wait no longer; a caller that went away is sent nothing by the server.
            await exchange.write(broken(_STOPPED))
            await exchange.finish()
        raise
    finally:
        stream.cancel()  # changes nothing once it has ended
    end = stream.end
    if end is not None and end.ending is Ending.FAILED and end.failure is not None:
        await exchange.write(broken(end.failure))
    await exchange.finish()
