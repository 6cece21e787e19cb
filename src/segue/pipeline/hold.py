"""When a stream reaches its commit point: at its first content, or later where the caller or the policy asks for it.

What was shown to the caller cannot be taken back, so after the commit point a cut is an error that the caller sees.
Holding the beginning back buys time: a cut, a stall or a broken event before the commit point is repaired by failover
and never seen. It costs latency, so it is off unless asked for, and bounded in bytes in any case.
"""

import asyncio
from typing import Final

from segue.core.call import Hold
from segue.core.failure import Failure
from segue.core.ports import StreamReader, TransportError
from segue.pipeline.stream import ENDED_UNTOLD, OpenedStream, cut_off

MOST_HELD: Final = 1024 * 1024
"""Bytes that are held back at most; past them a stream commits, whatever was asked for."""


async def hold_back(hold: Hold, stream: OpenedStream, reader: StreamReader, held: bytearray) -> Failure | None:
    """Read on from the first content to the commit point; the stream is whole by then, or open.

    Args:
        hold: how long to keep back.
        stream: where to read; its limits hold as they do after the commit point.
        reader: makes of it what the caller will see.
        held: what is kept back; grows.

    Returns:
        Why there will be no commit point; `None` when it has come.
    """
    now = asyncio.get_running_loop().time
    until = now() + hold.seconds
    try:
        while not reader.finished and len(held) <= MOST_HELD:
            patience = None
            if not hold.whole:
                left = until - now()
                if left > 0:
                    patience = left
                elif reader.tokens >= hold.tokens:
                    break
            chunk = await stream.next_chunk(patience)
            if chunk is None:
                until = now()  # a timer may be early by a hair
                continue
            held += reader.feed(chunk) if chunk else reader.end()
            if reader.failure is not None:
                return reader.failure
            if not chunk and not reader.finished:
                return ENDED_UNTOLD
    except TransportError as error:
        return cut_off(error)
    reader.counting = False  # nobody asks any more
    return None
