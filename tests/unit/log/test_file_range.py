"""A place in a file holds what a read from there gives, and is told only of what cannot change."""

import pytest

from bus.log.cold_read import ColdRead
from bus.log.file_range import file_range
from bus.log.segment import Damage
from bus.model.batch import BatchInfo
from bus.native.batch import check_all
from bus.native.segment import find, slice_end


@pytest.fixture
def filled(make_real_life):
    """Several segments with batches of some size, all of it committed."""
    life = make_real_life(segment_bytes=1 << 20, index_interval_bytes=4096)
    for number in range(60):
        life.append([b"v" * 9000] * (number % 5 + 3))
    life.flush()
    life.log.high_watermark = life.log.end_offset
    return life


def told(life, offset, size_max=300_000, below=None):
    return file_range(life.log, offset, size_max, below or life.log.end_offset)


def test_it_begins_at_a_batch_not_behind_the_one_asked_for(filled):
    path = filled.disk.path
    for offset in range(0, filled.log.end_offset, 7):
        found = told(filled, offset)
        if found is None:  # the end of a segment
            continue
        assert found.path.startswith(path)
        with open(found.path, "rb") as file:
            file.seek(found.position)
            data = file.read(found.size)
        start = find(data, 0, offset)
        end, _ = slice_end(data, start, 300_000, found.below)
        read = ColdRead(filled.log.segment_of(offset), offset, 300_000, found.below)
        assert data[start:end] == read.load()


def test_of_the_active_segment_the_end_is_known(filled):
    log = filled.log
    base = log.segments[-1].base_offset
    found = told(filled, base + 1, size_max=400_000)
    resident = log.read(base + 1, 400_000, log.end_offset)
    assert found.size == len(resident)
    assert found.end_offset == found.below == BatchInfo(*check_all(resident)[-1]).end_offset


def test_of_a_closed_one_it_is_not(filled):
    assert told(filled, 0).end_offset == -1


def test_a_little_is_not_worth_it(filled):
    assert told(filled, filled.log.end_offset - 1) is None
    assert told(filled, 0, size_max=1) is None


def test_what_is_not_committed_is_not_told_of(filled):
    filled.log.high_watermark -= 1
    assert told(filled, 0) is None
    assert told(filled, 0, below=filled.log.high_watermark) is not None


def test_nor_what_lies_before_the_log_s_start(filled):
    filled.log.delete_prefix(5)
    assert told(filled, 4) is None
    assert told(filled, 5) is not None


def test_a_segment_whose_index_is_on_the_disk_is_left_to_a_read(filled):
    segment = filled.log.segments[0]
    for _ in range(2):
        segment.forget_idle_indexes()
    assert told(filled, 0) is None


def test_a_damaged_segment_is_left_to_a_read(filled):
    segment = filled.log.segments[0]
    segment.damages.append(Damage(0, 10, 0, 100, "torn"))
    assert told(filled, 20) is None
