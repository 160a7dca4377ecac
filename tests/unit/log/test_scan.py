"""Scanning a segment's file: every batch is checked, and the end is where they stop."""

import pytest

from bus.errors import CorruptBatch
from bus.log.scan import FileScan, claimed_size, scan_file, walk_to_end
from bus.model.limits import BATCH_OVERHEAD, SCAN_CHUNK_BYTES
from bus.native import batch as native
from tests.fixtures import batches
from tests.fixtures.sim_disk import SimDisk

PATH = "a.log"


def log_of(*epochs, base=0, size=10):
    """Batches of two records, one for each epoch."""
    found = []
    for number, epoch in enumerate(epochs):
        data = bytearray(batches.batch([b"v" * size] * 2, max_timestamp=1000 + number))
        native.stamp(data, 0, base + 2 * number, epoch)
        found.append(bytes(data))
    return found


def scanned(data, **options):
    disk = SimDisk()
    disk.write(PATH, data)
    return scan_file(disk, PATH, FileScan(0, 0, -1), len(data), **options)


def test_a_scan_ends_behind_the_last_good_batch():
    data = b"".join(log_of(0, 0, 0))
    state = scanned(data)
    assert (state.position, state.end_offset, state.reason) == (len(data), 6, None)


def test_zeroes_are_the_end_of_the_log_and_no_damage():
    data = b"".join(log_of(0, 0))
    state = scanned(data + bytes(500))
    assert (state.position, state.reason) == (len(data), None)


@pytest.mark.parametrize("behind", [b"", bytes(500), bytes(300) + b"x" + bytes(7)])
def test_a_scan_tells_how_far_the_zeroes_behind_the_end_were_seen(behind):
    data = b"".join(log_of(0, 0)) + behind
    blank = len(behind) - len(behind.lstrip(b"\0"))
    assert scanned(data).zero_end == len(data) - len(behind) + blank


def test_a_flipped_bit_ends_the_scan_with_a_reason():
    first, second, third = log_of(0, 0, 0)
    bad = second[:-1] + bytes([second[-1] ^ 1])
    state = scanned(first + bad + third)
    assert (state.position, state.end_offset) == (len(first), 2)
    assert state.reason


def test_a_torn_batch_ends_the_scan():
    first, second = log_of(0, 0)
    state = scanned(first + second[:-5])
    assert state.position == len(first)
    assert state.reason


def test_a_gap_in_the_offsets_ends_the_scan():
    first, _, third = log_of(0, 0, 0)
    state = scanned(first + third)
    assert (state.position, state.end_offset) == (len(first), 2)
    assert state.reason


def test_an_epoch_that_falls_ends_the_scan():
    batches_ = log_of(3, 3, 2)
    state = scanned(b"".join(batches_))
    assert (state.end_offset, state.leader_epoch) == (4, 3)
    assert state.reason


def test_the_latest_timestamp_is_found_with_the_last_offset_of_its_batch():
    state = scanned(b"".join(log_of(0, 0, 0)))
    assert (state.max_timestamp, state.max_timestamp_offset) == (1002, 5)


def test_headers_are_told_of_all_good_batches():
    told = []
    scanned(b"".join(log_of(0, 0, 1)), on_headers=told.extend)
    assert [header[0] for header in told] == [0, 2, 4]


def test_a_batch_that_is_cut_by_the_end_of_a_chunk_is_read_whole():
    size = SCAN_CHUNK_BYTES // 5
    data = b"".join(log_of(0, 0, 0, size=size))
    assert len(data) > SCAN_CHUNK_BYTES
    assert scanned(data).position == len(data)


def test_a_claim_of_a_size_is_read_from_the_length_field():
    data = batches.batch([b"v" * 50])
    assert claimed_size(b"xx" + data, 2) == len(data)


def test_a_header_that_is_not_all_there_claims_a_header_s_size():
    assert claimed_size(bytes(5)) == BATCH_OVERHEAD


def walked(data, below=1 << 60):
    disk = SimDisk()
    disk.write(PATH, data)
    return walk_to_end(disk, PATH, 0, len(data), below)


def test_a_walk_ends_behind_the_last_whole_batch():
    data = b"".join(log_of(0, 0))
    assert walked(data + bytes(100)) == (len(data), 4)


def test_a_walk_takes_only_batches_that_end_below_an_offset():
    first, second = log_of(0, 0)
    assert walked(first + second, below=3) == (len(first), 2)


def test_a_walk_refuses_what_is_no_batch():
    with pytest.raises(CorruptBatch):
        walked(b"no batch at all, and yet long enough for one: " * 4)
