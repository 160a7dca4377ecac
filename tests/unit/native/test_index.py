"""The two sparse indexes: format, spacing, look-up, truncation."""

import struct

import pytest

from bus.errors import CorruptBatch
from bus.native.index import OffsetIndex, TimeIndex


def offset_entries(*entries: tuple[int, int]) -> bytes:
    return b"".join(struct.pack(">ii", *entry) for entry in entries)


def time_entries(*entries: tuple[int, int]) -> bytes:
    return b"".join(struct.pack(">qi", *entry) for entry in entries)


def test_an_offset_entry_is_added_once_the_interval_has_passed():
    index = OffsetIndex(100, 150)
    for i in range(6):
        index.on_append(100 + i, i * 100, 100)
    assert index.to_bytes() == offset_entries((2, 200), (4, 400))
    assert (index.count, index.last()) == (2, (104, 400))


@pytest.mark.parametrize(
    ("offset", "position"), [(0, 0), (104, 0), (105, 50), (109, 50), (110, 99), (2**40, 99)]
)
def test_the_floor_of_an_offset_is_the_last_entry_at_or_below_it(offset, position):
    index = OffsetIndex(100, data=offset_entries((5, 50), (10, 99)))
    assert index.floor(offset) == position


def test_an_empty_offset_index_sends_everyone_to_the_start():
    index = OffsetIndex(100)
    assert (index.floor(500), index.last(), index.to_bytes()) == (0, None, b"")


def test_truncation_of_an_offset_index_drops_entries_at_or_above():
    index = OffsetIndex(100, data=offset_entries((5, 50), (10, 99), (15, 200)))
    index.truncate(110)
    assert index.to_bytes() == offset_entries((5, 50))
    index.truncate(0)
    assert index.count == 0


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        offset_entries((5, 50))[:-1],
        offset_entries((5, 50), (5, 60)),
        offset_entries((5, 50), (6, 50)),
        offset_entries((-1, 50)),
        offset_entries((5, -50)),
        offset_entries((5, 50), (0, 0)),
    ],
)
def test_a_bad_offset_index_is_refused(data):
    with pytest.raises(CorruptBatch):
        OffsetIndex(0, data=data)


@pytest.mark.parametrize(("offset", "position"), [(2**31, 9), (5, 2**31), (-1, 9)])
def test_what_an_offset_entry_cannot_hold_is_an_error(offset, position):
    index = OffsetIndex(0, 0)
    index.on_append(0, 0, 1)
    with pytest.raises(OverflowError, match="rolled"):
        index.on_append(offset, position, 1)


def test_an_index_grows_past_its_first_allocation_and_reads_itself_back():
    index = OffsetIndex(0, 0)
    for i in range(1000):
        index.on_append(i, i * 10, 10)
    again = OffsetIndex(0, 0, index.to_bytes())
    assert again.count == 999
    assert again.floor(500) == 5000


def test_a_time_entry_holds_the_running_maximum():
    index = TimeIndex(100, 150)
    for i, timestamp in enumerate([50, 90, 70, 70, 80, 95]):
        index.on_append(timestamp, 100 + i, 100)
    assert index.to_bytes() == time_entries((90, 1))
    assert (index.max_timestamp, index.max_timestamp_offset) == (95, 105)
    index.close()
    index.close()
    assert index.to_bytes() == time_entries((90, 1), (95, 5))
    assert index.last() == (95, 105)


@pytest.mark.parametrize(
    ("timestamp", "offset"), [(0, 100), (90, 100), (91, 101), (95, 101), (96, 105)]
)
def test_the_floor_of_a_timestamp_is_the_last_entry_before_it(timestamp, offset):
    index = TimeIndex(100, data=time_entries((90, 1), (95, 5)))
    assert index.floor(timestamp) == offset


def test_truncation_of_a_time_index_goes_back_to_the_last_entry_kept():
    index = TimeIndex(100, data=time_entries((90, 1), (95, 5)))
    index.truncate(105)
    assert (index.last(), index.max_timestamp) == ((90, 101), 90)
    index.on_append(93, 103, 0)
    assert (index.count, index.max_timestamp, index.max_timestamp_offset) == (1, 93, 103)


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 8,
        time_entries((90, 1), (90, 2)),
        time_entries((90, 1), (91, 1)),
        time_entries((90, -1)),
        time_entries((-5, 1)),
        time_entries((90, 1), (0, 0)),
    ],
)
def test_a_bad_time_index_is_refused(data):
    with pytest.raises(CorruptBatch):
        TimeIndex(0, data=data)


def test_batches_without_timestamps_leave_a_time_index_empty():
    index = TimeIndex(0, 0)
    for i in range(5):
        index.on_append(-1, i, 10)
    index.close()
    assert (index.to_bytes(), index.floor(7)) == (b"", 0)
