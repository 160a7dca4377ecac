"""Append and scan of a segment's buffer."""

import pytest

from bus.errors import CorruptBatch
from bus.native import batch, segment
from bus.native.index import OffsetIndex, TimeIndex
from tests.fixtures import batches

FIRST = batches.batch([b"a", b"b"], base_offset=10, leader_epoch=1, max_timestamp=50)
SECOND = batches.batch([b"c"], base_offset=12, leader_epoch=1, max_timestamp=90)
THIRD = batches.batch([b"d"] * 3, base_offset=13, leader_epoch=2, max_timestamp=70)
LOG = FIRST + SECOND + THIRD


def test_an_append_copies_and_stamps_and_leaves_the_source_alone():
    region = bytearray(500)
    end = segment.append(region, 100, FIRST, 77, 5)
    assert end == 100 + len(FIRST)
    assert batch.check(region, 100)[:3] == (77, len(FIRST), 5)
    assert region[:100] == bytes(100)
    assert region[end:] == bytes(500 - end)


def test_an_append_that_does_not_fit_writes_nothing():
    region = bytearray(len(FIRST) + 9)
    with pytest.raises(BufferError):
        segment.append(region, 10, FIRST, 0, 0)
    assert not any(region)


@pytest.mark.parametrize("data", [FIRST[:-1], FIRST + b"x", LOG, b"", bytes(61)])
def test_only_exactly_one_batch_is_appended(data):
    with pytest.raises(CorruptBatch):
        segment.append(bytearray(4096), 0, data, 0, 0)


def test_a_scan_passes_all_good_batches():
    scan = segment.scan(LOG, 0, 10, 0, collect=True)
    assert (scan.position, scan.end_offset, scan.leader_epoch) == (len(LOG), 16, 2)
    assert (scan.max_timestamp, scan.max_timestamp_offset) == (90, 12)
    assert (scan.count, scan.reason) == (3, None)
    assert scan.headers == batch.check_all(LOG)


def test_a_scan_that_is_not_asked_for_headers_gives_none():
    assert segment.scan(LOG, 0, 10, 0).headers == []


def test_a_scan_may_begin_midway_and_end_early():
    scan = segment.scan(LOG, len(FIRST), 12, 1, batches_max=1)
    assert (scan.position, scan.end_offset, scan.count) == (len(FIRST + SECOND), 13, 1)
    assert segment.scan(LOG, 0, 10, 0, batches_max=0).position == 0


@pytest.mark.parametrize("zeroes", [1, 60, 61, 5000])
def test_zeroes_behind_the_last_batch_are_the_end_and_no_damage(zeroes):
    scan = segment.scan(LOG + bytes(zeroes), 0, 10, 0)
    assert (scan.position, scan.reason) == (len(LOG), None)


@pytest.mark.parametrize(
    ("data", "position", "reason"),
    [
        (LOG[:-1], len(FIRST + SECOND), "the data end"),
        (FIRST + THIRD, len(FIRST), "base offset"),
        (FIRST + FIRST, len(FIRST), "base offset"),
        (FIRST + b"\1" * 80, len(FIRST), "format"),
        (FIRST + SECOND[:-1] + b"X", len(FIRST), "checksum"),
        (FIRST + b"\0" * 30 + b"\1", len(FIRST), "the data end"),
        (
            FIRST + batches.batch([b"old"], base_offset=12, leader_epoch=0),
            len(FIRST),
            "leader epoch",
        ),
    ],
)
def test_a_scan_stops_at_the_first_bad_batch_and_says_why(data, position, reason):
    scan = segment.scan(data, 0, 10, 0)
    assert scan.position == position
    assert reason in scan.reason


def test_a_scan_of_a_compacted_log_allows_holes_but_never_steps_back():
    compacted = batches.assemble(
        batches.record(4, b"kept"), 1, base_offset=20, leader_epoch=2, last_offset_delta=9
    )
    scan = segment.scan(LOG + compacted + FIRST, 0, 10, 0, contiguous=False)
    assert (scan.end_offset, scan.count) == (30, 4)
    assert "base offset" in scan.reason


def test_a_scan_over_many_chunks_counts_them_all_and_feeds_the_indexes():
    size, log = 0, bytearray()
    offsets, times = OffsetIndex(0, 1000), TimeIndex(0, 1000)
    for offset in range(5000):
        one = batches.batch([b"v"], base_offset=offset, max_timestamp=offset)
        offsets.on_append(offset, size, len(one))
        times.on_append(offset, offset, len(one))
        size += len(one)
        log += one
    for collect in (False, True):
        scanned_offsets, scanned_times = OffsetIndex(0, 1000), TimeIndex(0, 1000)
        scan = segment.scan(
            log, 0, 0, -1, collect=collect, offset_index=scanned_offsets, time_index=scanned_times
        )
        assert (scan.count, scan.position, len(scan.headers)) == (5000, size, 5000 * collect)
        assert scanned_offsets.to_bytes() == offsets.to_bytes()
        assert scanned_times.to_bytes() == times.to_bytes()


@pytest.mark.parametrize(
    ("offset", "position"),
    [(0, 0), (10, 0), (11, 0), (12, len(FIRST)), (13, len(FIRST + SECOND)), (16, len(LOG))],
)
def test_find_gives_the_batch_that_holds_an_offset_or_the_next(offset, position):
    assert segment.find(LOG, 0, offset) == position


def test_find_takes_zeroes_for_the_end_and_anything_else_for_damage():
    assert segment.find(LOG + bytes(99), 0, 16) == len(LOG) + 99
    with pytest.raises(CorruptBatch, match=f"byte {len(LOG)} "):
        segment.find(LOG + b"x" * 99, 0, 16)


@pytest.mark.parametrize(
    ("size_max", "below", "end", "end_offset"),
    [
        (1, 99, len(FIRST), 12),
        (len(FIRST + SECOND) - 1, 99, len(FIRST), 12),
        (len(FIRST + SECOND), 99, len(FIRST + SECOND), 13),
        (1 << 20, 99, len(LOG), 16),
        (1 << 20, 15, len(FIRST + SECOND), 13),
        (1 << 20, 11, 0, -1),
    ],
)
def test_a_slice_holds_whole_batches_within_size_and_watermark(size_max, below, end, end_offset):
    assert segment.slice_end(LOG + bytes(70), 0, size_max, below) == (end, end_offset)


def test_a_slice_stops_before_damage_and_says_so_when_it_begins_there():
    damaged = FIRST + b"x" * 80
    assert segment.slice_end(damaged, 0, 1 << 20, 99) == (len(FIRST), 12)
    with pytest.raises(CorruptBatch):
        segment.slice_end(damaged, len(FIRST), 1 << 20, 99)


@pytest.mark.parametrize("at", [0, 5, 63, 64, 200, 255])
def test_the_first_byte_that_is_not_zero_is_found(at):
    data = bytearray(256)
    data[at] = 1
    assert segment.first_nonzero(data, 0) == at
    assert segment.first_nonzero(bytes(256), 3) == 256
