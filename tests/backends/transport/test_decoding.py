"""Compressed bytes in, plain ones out, a piece at a time."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.backends.transport.direct_decoding import PIECE, Decoder, DecodingError


def unpacked(coding: str, pieces: list[bytes]) -> bytes:
    decoder, out = Decoder(coding), b""
    for piece in pieces:
        decoder.feed(piece)
        while part := decoder.piece():
            assert len(part) <= PIECE
            out += part
    decoder.end()
    return out


def raw(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text) + packer.flush()


PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress, "raw": raw}
TEXTS = st.binary(max_size=2000) | st.builds(
    lambda text, times: text * times, st.binary(max_size=20), st.integers(0, 9000)
)


@given(TEXTS, st.sampled_from(sorted(PACKERS)), st.lists(st.integers(0, 3000), max_size=6))
def test_what_was_packed_comes_out_again_however_it_was_cut_up(text, packer, cuts):
    packed = PACKERS[packer](text)
    cuts = sorted(cut % (len(packed) + 1) for cut in cuts)
    pieces = [packed[start:end] for start, end in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
    assert unpacked("gzip" if packer == "gzip" else "deflate", pieces) == text


@pytest.mark.parametrize("packer", PACKERS)
def test_a_body_that_stops_anywhere_before_its_end_is_refused(packer):
    packed = PACKERS[packer](bytes(range(256)) * 3)
    for length in range(1, len(packed)):
        with pytest.raises(DecodingError):
            unpacked("gzip" if packer == "gzip" else "deflate", [packed[:length]])


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["gzip", "deflate"]))
def test_rubbish_is_refused_or_unpacked_and_nothing_else(rubbish, coding):
    try:
        unpacked(coding, [rubbish])
    except DecodingError:
        return
    assert coding == "deflate" or rubbish.startswith(b"\x1f\x8b")


def test_nothing_at_all_unpacks_to_nothing():
    assert unpacked("gzip", [b""]) == b""


def test_rubbish_after_the_end_is_refused():
    for coding, packed in (("deflate", zlib.compress(b"hello")), ("gzip", gzip.compress(b"hello"))):
        with pytest.raises(DecodingError):
            unpacked(coding, [packed + b"rubbish"])


def test_nothing_is_held_back_when_a_piece_is_full():
    """Zlib keeps some bytes for itself when its output is full, even after it has taken all of its input."""
    text = bytes(PIECE - 100) + bytes(range(51)) + b"a" * 200
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
    for length in range(1, len(packed) + 1):
        decoder, out = Decoder("gzip"), b""
        decoder.feed(packed[:length])
        while part := decoder.piece():
            out += part
        assert out == zlib.decompressobj(31).decompress(packed[:length])


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", ""])
def test_a_coding_that_was_never_offered_is_refused(coding):
    with pytest.raises(DecodingError):
        Decoder(coding)


def test_a_bomb_is_refused_beyond_its_first_megabyte():
    decoder = Decoder("gzip")
    decoder.feed(gzip.compress(bytes(50_000_000)))
    for _ in range(16):
        assert decoder.piece() == bytes(PIECE)
    with pytest.raises(DecodingError):
        [decoder.piece() for _ in range(150)]
