"""What an answer took whose provider did not say, or did not come to say it.

A stream that is cut, or that its reader leaves, ends before its usage is told, and the vendor bills it all the same.
No cost at all would make such calls look free; so what is missing is estimated, and the charge is marked as estimated
wherever it is told. Input: the estimate that routing made of the request. Output: what was counted of the content that
came (a quarter of a token for each of its bytes, one token at least for each event), which is all that is known: a
vendor may have written more than it could send.
"""

from msgspec.structs import replace

from segue.core.outcome import Usage


def estimated(told: Usage | None, input_tokens: int, output_tokens: int) -> Usage | None:
    """A usage with what is missing filled in, marked as estimated.

    Args:
        told: what the provider said before the end; perhaps only the input, or the output so far.
        input_tokens: our estimate of the request; 0 where there is none.
        output_tokens: what was counted of the answer.

    Returns:
        `None` where the size of the input is not known at all.
    """
    inputs = input_tokens if told is None or told.input_tokens is None else told.input_tokens
    if not inputs:
        return None
    if told is None:
        return Usage(inputs, output_tokens, estimated=True)
    outputs = max(told.output_tokens or 0, output_tokens)
    return replace(told, input_tokens=inputs, output_tokens=outputs, estimated=True)
