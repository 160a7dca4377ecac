"""What is in memory is read at once, whole batches as a read from the disk would give them."""

import pytest

from bus.log.cold_read import LOOKAHEAD_BYTES, ColdRead
from bus.log.segment import Replacement
from bus.log.warm_read import warm_read


@pytest.fixture
def filled(make_life):
    """Closed segments with batches of many sizes, committed and in memory."""
    life = make_life(segment_bytes=8000)
    for number in range(60):
        life.append([b"v" * (number * 37 % 900)] * (number % 5 + 1))
    life.flush()
    life.log.high_watermark = life.log.end_offset
    life.disk.in_memory = True
    return life


def closed(life):
    return [segment for segment in life.log.segments if segment.region is None]


@pytest.mark.parametrize("size_max", [1, 700, 5000, 1 << 20])
def test_a_closed_segment_gives_what_a_cold_read_gives(filled, size_max):
    below = filled.log.end_offset
    for segment in closed(filled):
        for offset in range(segment.base_offset, segment.end_offset):
            cold = ColdRead(segment, offset, size_max, below).load()
            assert warm_read(segment, offset, size_max, below, below) == cold


def test_what_may_yet_be_cut_is_not_lent(filled):
    segment = closed(filled)[0]
    committed = segment.base_offset
    assert warm_read(segment, committed, 1 << 20, filled.log.end_offset, committed) is None


def test_of_a_closed_segment_only_what_is_committed_is_given(filled):
    segment = closed(filled)[0]
    first = ColdRead(segment, segment.base_offset, 1, filled.log.end_offset).load()
    read = warm_read(segment, segment.base_offset, 1 << 20, filled.log.end_offset, 1)
    assert read == first


def test_a_batch_larger_than_what_was_looked_at_is_read_cold(make_life):
    life = make_life(segment_bytes=1 << 20)
    life.append([b"v" * 3 * LOOKAHEAD_BYTES])
    life.flush()
    segment = life.log.segments[0]
    segment.rest()
    life.disk.in_memory = True
    assert warm_read(segment, 0, 1, 1, 1) is None


def test_a_segment_that_is_being_replaced_is_read_cold(filled):
    segment = closed(filled)[0]
    segment.replacement = Replacement()
    end = filled.log.end_offset
    assert warm_read(segment, segment.base_offset, 1000, end, end) is None


def test_a_segment_without_an_index_in_memory_is_read_cold(filled):
    segment = closed(filled)[0]
    for _ in range(2):
        segment.forget_idle_indexes()
    end = filled.log.end_offset
    assert warm_read(segment, segment.base_offset, 1000, end, end) is None


def test_a_view_outlives_its_file(make_real_life):
    life = make_real_life()
    stored = life.fill(200)
    life.flush()
    life.log.high_watermark = life.log.end_offset
    segment = closed(life)[0]
    view = warm_read(segment, 0, 1000, life.log.end_offset, life.log.end_offset)
    life.disk.unlink(segment.path)
    assert stored.startswith(view)
    assert len(view) > 500
