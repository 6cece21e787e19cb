"""A provider's whole answer: the same as a stream of one chunk."""

from segue.core.failure import Kind
from segue.families.llm.formats.gemini.assembler import Assembler, Malformed
from segue.families.llm.ir.answer import Answer, Ended, Stop
from segue.families.llm.ir.blocks import Thinking
from segue.families.llm.ir.collect import Collector
from segue.families.llm.ir.format import BadAnswer

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_answer(body: bytes) -> Answer:
    """A whole answer.

    Raises:
        BadAnswer: it is none, or the filter refused the prompt (which `read_error` tells apart).
    """
    assembler, collector = Assembler(), Collector()
    try:
        events = assembler.take(body.removeprefix(_BYTE_ORDER_MARK))
    except Malformed as problem:
        raise BadAnswer(str(problem)) from None
    for event in events:
        collector.feed(event)
    failure = collector.failure
    if failure is not None:
        blocked = failure.kind is Kind.CONTENT_FILTER
        raise BadAnswer(
            "field 'promptFeedback': the prompt was blocked" if blocked else "field 'error' instead of an answer"
        )
    collector.feed(Ended())  # what is open is whole
    collector.feed(Ended())  # what is open is whole
    answer = collector.answer
    if not assembler.stopped:
        if not answer.content:
            raise BadAnswer("field 'candidates' is missing")
        answer.stop = Stop.TOOLS if assembler.called else Stop.END  # some servers leave the reason out
    if answer.stop is Stop.MALFORMED and all(isinstance(block, Thinking) for block in answer.content):
        raise BadAnswer("field 'candidates[0].finishReason': a call of a tool that cannot be read, and nothing else")
    return answer
