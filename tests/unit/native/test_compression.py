"""The four codecs: round trips, foreign framings, damage and bounds."""

import contextlib
import gzip
import random
import tracemalloc

import cramjam
import lz4.frame
import pytest
import zstandard

from bus.errors import CorruptBatch, UnsupportedCompressionType
from bus.native.compression import GZIP, LZ4, NAMES, SNAPPY, ZSTD, compress, decompress

CODECS = [GZIP, SNAPPY, LZ4, ZSTD]
BIG = 1 << 30
TEXT = b"the same words again and again, " * 5000
NOISE = random.Random(1).randbytes(100_000)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "data", [b"", b"x", TEXT, NOISE, TEXT * 20], ids=["empty", "one", "text", "noise", "long"]
)
def test_what_was_packed_is_unpacked(codec, data):
    assert decompress(codec, compress(codec, data), BIG) == data
    assert decompress(codec, memoryview(compress(codec, memoryview(data))), len(data)) == data


@pytest.mark.parametrize("codec", [0, 5, -1, 7])
def test_an_unknown_codec_is_named(codec):
    with pytest.raises(UnsupportedCompressionType, match=str(codec)):
        compress(codec, b"")
    with pytest.raises(UnsupportedCompressionType, match=str(codec)):
        decompress(codec, b"", 1)


def test_names_are_kafkas():
    assert NAMES == {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


@pytest.mark.parametrize("codec", CODECS)
def test_one_byte_more_than_the_limit_is_refused(codec):
    packed = compress(codec, TEXT)
    assert decompress(codec, packed, len(TEXT)) == TEXT
    with pytest.raises(CorruptBatch, match="more than the 159999 bytes allowed"):
        decompress(codec, packed, len(TEXT) - 1)


@pytest.mark.parametrize("codec", CODECS)
def test_a_bomb_costs_no_more_memory_than_the_limit_and_a_piece(codec):
    packed = compress(codec, bytes(200 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(CorruptBatch):
            decompress(codec, packed, 100_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(packed) * 2 + (4 << 20)


@pytest.mark.parametrize("codec", CODECS)
def test_a_packed_text_cut_anywhere_is_corrupt(codec):
    packed = compress(codec, NOISE[:300] + TEXT[:300])
    for size in range(len(packed)):
        if codec == SNAPPY and size == 16:
            continue  # xerial's header alone is a well-formed list of no blocks
        with pytest.raises(CorruptBatch):
            decompress(codec, packed[:size], BIG)


@pytest.mark.parametrize("codec", CODECS)
def test_bytes_behind_the_end_are_corrupt(codec):
    with pytest.raises(CorruptBatch):
        decompress(codec, compress(codec, TEXT) + b"more", BIG)


@pytest.mark.parametrize("codec", CODECS)
def test_garbage_is_corrupt_or_at_least_bounded(codec):
    source = random.Random(2)
    packed = compress(codec, TEXT[:2000] + NOISE[:2000])
    for _ in range(500):
        damaged = bytearray(packed)
        for _ in range(source.randrange(1, 5)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        for data in (bytes(damaged), source.randbytes(source.randrange(60))):
            with contextlib.suppress(CorruptBatch):
                assert len(decompress(codec, data, 10_000)) <= 10_000


def test_snappy_is_written_as_java_does_and_read_raw_too():
    packed = compress(SNAPPY, TEXT)
    assert packed.startswith(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01")
    assert decompress(SNAPPY, bytes(cramjam.snappy.compress_raw(TEXT)), BIG) == TEXT


def test_files_of_several_gzip_members_or_zstd_frames_are_read_to_the_end():
    assert decompress(GZIP, gzip.compress(b"one") + gzip.compress(b"two"), 6) == b"onetwo"
    frames = zstandard.compress(b"one") + zstandard.compress(b"two")
    assert decompress(ZSTD, frames, 6) == b"onetwo"


def test_zstd_from_a_stream_without_its_size_and_with_a_checksum_is_read():
    packer = zstandard.ZstdCompressor(level=19, write_checksum=True).compressobj()
    packed = packer.compress(TEXT) + packer.flush()
    assert decompress(ZSTD, packed, BIG) == TEXT
    with pytest.raises(CorruptBatch):
        decompress(ZSTD, packed[:-1] + bytes([packed[-1] ^ 1]), BIG)


def test_an_lz4_frame_of_linked_blocks_with_checksums_is_read():
    packed = lz4.frame.compress(
        TEXT, block_linked=True, content_checksum=True, block_checksum=True, store_size=False
    )
    assert decompress(LZ4, packed, BIG) == TEXT


def test_lz4_is_written_in_independent_blocks_for_java_reads_no_others():
    flags = compress(LZ4, TEXT)[4]
    assert flags & 0x20
