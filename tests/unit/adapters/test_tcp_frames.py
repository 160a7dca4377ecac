"""Length-prefixed frames: however they are cut, they come out whole, and no length is believed."""

import random

import pytest

from bus.adapters.tcp_frames import GROWTH, PREFIX, SCRATCH_BYTES, FrameReader, prefixed
from bus.errors import FrameError

FRAME_MAX = 1 << 20


def feed(reader: FrameReader, data: bytes, piece: int = SCRATCH_BYTES) -> list[bytes]:
    """The frames that come of `data`, received in pieces."""
    at = 0
    while at < len(data):
        space = reader.space()
        count = min(len(space), piece, len(data) - at)
        space[:count] = data[at : at + count]
        del space
        reader.received(count)
        at += count
    frames = [bytes(frame) for frame in reader.frames]
    reader.frames.clear()
    return frames


def stream(*frames: bytes) -> bytes:
    return b"".join(len(frame).to_bytes(PREFIX, "big") + frame for frame in frames)


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7, 1000, SCRATCH_BYTES])
def test_frames_come_out_as_they_went_in_however_they_are_cut(piece: int) -> None:
    frames = [b"", b"a", b"bc" * 500, b"", b"xyz", bytes(range(256)) * 12]
    reader = FrameReader(FRAME_MAX)
    assert feed(reader, stream(*frames), piece) == frames
    assert reader.is_between_frames


def test_a_frame_longer_than_the_scratch_buffer_comes_whole() -> None:
    frames = [random.Random(1).randbytes(3 * SCRATCH_BYTES), b"next"]
    assert feed(FrameReader(FRAME_MAX), stream(*frames)) == frames


def test_readers_may_share_a_scratch_buffer() -> None:
    scratch = memoryview(bytearray(SCRATCH_BYTES))
    one, other = FrameReader(FRAME_MAX, scratch), FrameReader(FRAME_MAX, scratch)
    feed(one, stream(b"first")[:6])
    assert feed(other, stream(b"other")) == [b"other"]
    assert feed(one, stream(b"first")[6:]) == [b"first"]


@pytest.mark.parametrize("size", [-1, -(2**31), FRAME_MAX + 1, 2**31 - 1])
def test_a_length_that_cannot_be_is_refused(size: int) -> None:
    reader = FrameReader(FRAME_MAX)
    with pytest.raises(FrameError, match=f"{size} bytes"):
        feed(reader, size.to_bytes(PREFIX, "big", signed=True))


def test_memory_follows_what_came_and_not_what_is_claimed() -> None:
    reader = FrameReader(FRAME_MAX)
    feed(reader, FRAME_MAX.to_bytes(PREFIX, "big") + b"x")
    assert 0 < reader.held_bytes <= 1024
    feed(reader, b"x" * 10_000, 100)
    assert reader.held_bytes <= GROWTH * 10_001


def test_what_a_frame_is_missing_is_known_while_it_is_incomplete() -> None:
    reader = FrameReader(FRAME_MAX)
    feed(reader, (1000).to_bytes(PREFIX, "big") + bytes(10))
    assert reader.missing == 990
    feed(reader, bytes(990))
    assert reader.missing == 0


def test_who_believes_a_length_takes_its_memory_at_once() -> None:
    reader = FrameReader(FRAME_MAX, growth=None)
    feed(reader, FRAME_MAX.to_bytes(PREFIX, "big") + b"x")
    assert reader.held_bytes == FRAME_MAX
    assert len(feed(reader, bytes(FRAME_MAX - 1))) == 1
    assert reader.is_between_frames


def test_a_prefixed_frame_has_its_length_first_and_its_records_untouched() -> None:
    records = memoryview(b"records")
    chunks = prefixed([b"head", records, b"tail"])
    assert chunks[1] is records
    assert b"".join(chunks) == b"\0\0\0\x0fheadrecordstail"
