"""What becomes of a stream where `on_cut` is `continue`, by the name of the fault; of any other what `table` says.

Both providers document that they go on with an answer that was begun (they are Groq's). The healthy one does so with
what the other had given. Without it the one with the fault is asked once more, as the policy's one retry allows, and
breaks again.
"""

from typing import Final

from faults.expected import Continued, Expected, Pair, breaks, goes_on
from faults.outcomes import CUT_EARLY, FINE, IDLE, STREAM
from segue.core.failure import Kind

ERROR: Final = goes_on(3, Kind.SERVER_ERROR, again=6)

CONTINUED: Final[dict[str, Pair]] = {
    "reset after 1,000 bytes of the body": goes_on(None, again=None),
    # The second stall lasts until the stream has had all of its time.
    "stall after 3 words": goes_on(3, again=6, takes=IDLE),
    "cut after 3 words, reset": goes_on(3, again=6),
    "cut after 3 words, closed": goes_on(3, again=6),
    "cut after 3 words, closed, once": Pair(
        Expected(Continued("primary", 3), 2, kind=Kind.STREAM_CUT), goes_on(3).backed
    ),
    "cut after all words, before the finish reason": goes_on(12, again=12),
    "no `[DONE]`, ended before the finish reason": goes_on(12, again=12),
    "no `[DONE]`, ended after 3 words": goes_on(3, again=6),
    "half an event after 3 words": goes_on(3, again=6),
    # What is left of the answer has no fourteenth event that could be half.
    "half a finish event": Pair(Expected(Continued("primary", 12), 2, kind=Kind.STREAM_CUT), goes_on(12).backed),
    # Groq tells the usage in the event before.
    "half a usage event": FINE,
    # What may be gone on with is read and written anew, so nothing passes unread.
    "garbage before content": CUT_EARLY,
    "garbage after 3 words": goes_on(3, again=6),
    "error event after 3 words": ERROR,
    "error event after 3 words, named": ERROR,
    "error event after 3 words, a bare text": ERROR,
    "error event after 3 words, then `[DONE]`": ERROR,
    "error event after 3 words, then a reset": ERROR,
    "error event after 3 words, connection left open": ERROR,
    # Whoever is asked too often is not asked again at once.
    "error event after 3 words, `rate_limit_exceeded`": goes_on(3, Kind.RATE_LIMITED),
    # Nobody else is shown what was refused.
    "error event after 3 words, `content_filter`": breaks(3, Kind.CONTENT_FILTER),
    "gzip, ended in the middle": goes_on(None, again=None),
    # Its time is over for whoever would go on.
    "events without end": breaks(None, takes=STREAM),
}
