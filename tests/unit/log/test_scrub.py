"""A piece of a closed segment, checked batch by batch."""

import errno
import os

import pytest

from bus.log.scrub import Piece, Place
from bus.model.limits import SCAN_CHUNK_BYTES


@pytest.fixture
def closed(life):
    """A life whose first segment is closed, and that segment."""
    life.fill(60)
    life.flush()
    return life, life.log.segments[0]


def walk(life, segment, size):
    """All pieces of a segment: where each ended, and what damage was found."""
    place, ends, damages = Place(0, segment.base_offset), [], []
    while place.position < segment.size:
        checked = Piece(life.disk, segment, place, size).check()
        assert checked.place.position > place.position, "each piece gets on"
        place = checked.place
        ends.append(place.offset)
        damages += [checked.damage] if checked.damage else []
    return ends, damages


@pytest.mark.parametrize("size", [1, 100, 1000, SCAN_CHUNK_BYTES])
def test_a_sound_segment_is_walked_to_its_end_whatever_the_pieces(closed, size):
    life, segment = closed
    ends, damages = walk(life, segment, size)
    assert ends[-1] == segment.end_offset
    assert damages == []


@pytest.mark.parametrize("size", [1, 1000, SCAN_CHUNK_BYTES])
def test_a_flipped_bit_is_found_and_what_lies_behind_it_is_sound(closed, size):
    life, segment = closed
    batch = segment.size // (segment.end_offset - segment.base_offset)
    life.disk._find(segment.path).data[5 * batch + 90] ^= 1
    _, damages = walk(life, segment, size)
    assert [(d.start_offset, d.end_offset, d.position, d.resume) for d in damages] == [
        (5, 6, 5 * batch, 6 * batch)
    ]


def test_zeroes_up_to_the_end_are_damage(closed):
    life, segment = closed
    batch = segment.size // (segment.end_offset - segment.base_offset)
    data = life.disk._find(segment.path).data
    data[4 * batch : segment.size] = bytes(segment.size - 4 * batch)
    _, damages = walk(life, segment, 1000)
    assert [(d.start_offset, d.end_offset) for d in damages] == [(4, segment.end_offset)]


def test_what_the_disk_cannot_read_is_told_and_is_no_damage(closed):
    life, segment = closed
    life.disk.bad_reads.add(segment.path)
    checked = Piece(life.disk, segment, Place(0, segment.base_offset), 1000).check()
    assert (checked.unreadable, checked.damage) == (os.strerror(errno.EIO), None)
    assert checked.place.position == segment.size
