"""Every vendor of embeddings encodes the same vector in ways of its own; what it is, is decided in one place."""

import random


def unit_vector(seed: int, content: str, size: int) -> list[float]:
    """A vector of length 1 with `size` numbers, the same for the same text and seed."""
    chance = random.Random(f"{seed}|{content}")
    values = [chance.uniform(-1, 1) for _ in range(size)]
    length = sum(value * value for value in values) ** 0.5
    return [round(value / length, 8) for value in values]


def in_form(vector: list[float], form: str) -> list[float] | list[int]:
    """A vector as `float`, `int8`, `uint8`, `binary` or `ubinary`, as Cohere describes them.

    Bytes are the numbers times 127; the binary forms have one bit for each sign, eight to a byte, the first one the
    highest, and `binary` takes 128 from every byte (https://docs.cohere.com/docs/embeddings).
    """
    if form == "float":
        return vector
    shift = 128 if form == "uint8" else 0
    if form in {"int8", "uint8"}:
        return [max(-128, min(127, round(value * 127))) + shift for value in vector]
    bits = [value > 0 for value in vector]
    packed = [sum(bit << (7 - place) for place, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8)]
    return packed if form == "ubinary" else [value - 128 for value in packed]
