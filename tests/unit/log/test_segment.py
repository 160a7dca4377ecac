"""A segment: capacity by need, indexes that are derived, a file cut to the log's end."""

import pytest

from bus.errors import DiskFull
from bus.log.segment import POSITION_MAX, Segment, next_capacity
from bus.model.batch import BatchInfo
from bus.model.limits import SEGMENT_FIRST_BYTES, SEGMENT_STEP_BYTES_MAX
from bus.native import batch as native
from tests.fixtures import batches
from tests.fixtures.sim_disk import SimDisk

LIMIT = 1 << 20
FIRST = SEGMENT_FIRST_BYTES


@pytest.fixture
def disk():
    disk = SimDisk()
    disk.make_dir("p")
    return disk


@pytest.fixture
def segment(disk):
    segment = Segment.create(disk, "p", 100, FIRST, LIMIT)
    segment.index_interval = 200
    segment.start_indexes()
    return segment


def append(segment, size=100, timestamp=1000):
    data = batches.batch([b"v" * size], base_timestamp=timestamp, max_timestamp=timestamp)
    info = BatchInfo(*native.check(data))
    segment.append(data, info, segment.end_offset, 0, LIMIT)


@pytest.mark.parametrize(
    ("capacity", "needed", "room"),
    [
        (FIRST, 1, FIRST),
        (FIRST, FIRST + 1, 2 * FIRST),
        (2 * FIRST, 2 * FIRST + 1, 4 * FIRST),
        (SEGMENT_STEP_BYTES_MAX * 2, SEGMENT_STEP_BYTES_MAX * 2 + 1, SEGMENT_STEP_BYTES_MAX * 3),
    ],
)
def test_capacity_doubles_at_first_and_then_grows_in_steps(capacity, needed, room):
    assert next_capacity(capacity, needed, 1 << 40) == room


def test_capacity_never_exceeds_the_limit():
    assert next_capacity(FIRST, FIRST + 1, FIRST + 10) == FIRST + 10


def test_an_append_moves_size_and_end(segment):
    append(segment)
    assert (segment.base_offset, segment.end_offset) == (100, 101)
    assert segment.size == native.header(segment.region.buffer)[1]


def test_a_disk_that_is_full_leaves_nothing_written(disk, segment):
    append(segment, FIRST - 500)
    before = (segment.size, segment.end_offset, bytes(segment.region.buffer))
    disk.room = 0
    with pytest.raises(DiskFull):
        append(segment, 1000)
    assert (segment.size, segment.end_offset, bytes(segment.region.buffer)) == before


def test_an_append_goes_on_when_there_is_room_again(disk, segment):
    append(segment, FIRST - 500)
    disk.room = 0
    with pytest.raises(DiskFull):
        append(segment, 1000)
    disk.room = None
    append(segment, 1000)
    assert segment.end_offset == 102


def test_a_segment_without_room_for_its_file_does_not_exist(disk):
    disk.room = 0
    with pytest.raises(DiskFull):
        Segment.create(disk, "p", 200, FIRST, LIMIT)
    assert disk.list("p") == []


def test_an_offset_that_an_index_cannot_hold_has_no_room(segment):
    info = BatchInfo(*native.check(batches.batch([b"v"])))
    assert segment.room(info.size, 100 + POSITION_MAX + info.last_offset_delta, LIMIT)
    assert not segment.room(info.size, 101 + POSITION_MAX + info.last_offset_delta, LIMIT)


def test_the_file_is_cut_to_the_end_of_the_log_when_it_is_let_go(disk, segment):
    append(segment)
    segment.release()
    assert disk.size(segment.path) == segment.size


def test_a_segment_that_was_let_go_is_mapped_again_by_an_append(segment):
    append(segment)
    segment.release()
    append(segment)
    assert segment.region is not None
    assert segment.end_offset == 102


@pytest.fixture
def indexed(disk, segment):
    """A released segment of twenty batches whose indexes stand in their files."""
    for number in range(20):
        append(segment, timestamp=1000 + number)
    segment.write_indexes()
    while disk.wait(0):
        pass
    segment.release()
    return segment


def reopened(segment):
    again = Segment(
        segment.disk,
        segment.directory,
        segment.base_offset,
        size=segment.size,
        end_offset=segment.end_offset,
    )
    again.index_interval = segment.index_interval
    return again


def both(segment):
    return [index.to_bytes() for index in segment.indexes()]


def test_indexes_are_loaded_from_their_files(indexed):
    loaded = reopened(indexed).load_indexes()
    assert [index.to_bytes() for index in loaded] == both(indexed)


def test_rebuilt_indexes_are_those_that_were_fed(indexed):
    rebuilt = reopened(indexed).rebuild_indexes()
    assert [index.to_bytes() for index in rebuilt] == both(indexed)


@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
def test_a_missing_index_is_rebuilt(disk, indexed, suffix):
    disk.unlink(indexed.path.replace(".log", suffix))
    again = reopened(indexed)
    assert again.load_indexes() is None
    assert both(again) == both(indexed)


@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
def test_an_index_that_ends_within_an_entry_is_rebuilt(disk, indexed, suffix):
    path = indexed.path.replace(".log", suffix)
    disk.write(path, disk.read(path, 0, disk.size(path) - 1))
    assert both(reopened(indexed)) == both(indexed)


def test_an_index_that_leads_beyond_the_data_is_rebuilt(indexed):
    again = reopened(indexed)
    again.size, again.end_offset = again.size // 2, again.base_offset + 10
    assert again.load_indexes() is None


def test_the_latest_timestamp_is_known_from_the_index(indexed):
    assert reopened(indexed).max_timestamp == 1019
