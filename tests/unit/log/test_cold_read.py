"""Reads from the disk give the bytes that reads from memory give."""

import pytest

from bus.errors import CorruptMessage
from bus.log.cold_read import LOOKAHEAD_BYTES, ColdRead
from tests.unit.log.conftest import DIRECTORY


@pytest.fixture
def filled(make_real_life):
    """One active segment on a real disk with batches of many sizes, all resident."""
    life = make_real_life(segment_bytes=1 << 20)
    for number in range(60):
        life.append([b"v" * (number * 37 % 900)] * (number % 5 + 1))
    life.flush()
    life.log.high_watermark = life.log.end_offset
    return life


@pytest.mark.parametrize("size_max", [1, 700, 5000, 1 << 20])
def test_a_cold_read_equals_a_resident_one(filled, size_max):
    log = filled.log
    for offset in range(log.end_offset):
        resident = log.read(offset, size_max, log.end_offset)
        assert isinstance(resident, memoryview)
        cold = ColdRead(log.segments[-1], offset, size_max, log.end_offset).load()
        assert cold == resident
        resident.release()


@pytest.mark.parametrize("below", [1, 17, 100])
def test_a_cold_read_ends_where_a_resident_one_ends(filled, below):
    cold = ColdRead(filled.log.segments[-1], 0, 1 << 20, below).load()
    assert bytes(cold) == bytes(filled.log.read(0, 1 << 20, below))


def test_closed_segments_are_read_after_a_start(make_real_life):
    life = make_real_life()
    stored = life.fill(200)
    assert make_real_life.follow(life).read() == stored


def test_closed_segments_that_leave_the_cache_stay_readable(make_real_life):
    life = make_real_life(cache_closed_segments=False)
    stored = life.fill(200)
    life.flush()
    assert len(life.bases()) > 3
    assert all(segment.region is None for segment in life.log.segments[:-1])
    assert life.read() == stored


def test_what_left_the_cache_is_there_after_a_start(make_real_life):
    life = make_real_life(cache_closed_segments=False)
    stored = life.fill(200)
    assert make_real_life.follow(life).read() == stored


def test_a_batch_larger_than_the_lookahead_is_read_whole(make_life):
    life = make_life(segment_bytes=1 << 20)
    stored = life.append([b"v" * 3 * LOOKAHEAD_BYTES])
    life.append()
    assert ColdRead(life.log.segments[-1], 0, 1, 2).load() == stored


def test_appends_that_come_later_are_not_seen(life):
    stored = life.append()
    plan = ColdRead(life.log.segments[-1], 0, 1 << 20, 1 << 40)
    life.append()
    assert plan.load() == stored


def test_an_error_of_the_disk_is_an_error_and_no_data(life):
    life.fill(100)
    life.disk.bad_reads.add(f"{DIRECTORY}/{0:020d}.log")
    with pytest.raises(OSError, match="Input/output error"):
        ColdRead(life.log.segments[0], 0, 1000, 100).load()


def test_damage_that_is_met_is_told_with_its_offset(life):
    life.fill(100)
    life.flush()
    life.damage(f"{0:020d}.log", 0, b"\xff" * 3000)
    with pytest.raises(CorruptMessage, match="offset 3"):
        life.log.read(3, 100, 100).load()


@pytest.mark.parametrize("size", [61, 1000])
def test_zeroes_where_a_batch_should_stand_are_damage_and_not_the_end(life, size):
    life.fill(20)
    life.stop()
    life.damage(f"{0:020d}.log", 0, bytes(size))
    after = life.next_life()
    with pytest.raises(CorruptMessage, match="offset 0"):
        after.read(0)


def test_a_changed_base_offset_is_damage_and_not_another_record(life):
    life.fill(20)
    life.stop()
    life.damage(f"{0:020d}.log", 7, b"\1")
    after = life.next_life()
    with pytest.raises(CorruptMessage, match="offset 0"):
        after.read(0)


@pytest.mark.parametrize("damaged", [b"\xff" * 900, bytes(900)])
def test_all_records_behind_damage_are_served(life, damaged):
    stored = life.fill(20)
    size = len(stored) // 20
    life.stop()
    life.damage(f"{0:020d}.log", 0, damaged)
    after = life.next_life()
    first = -(-len(damaged) // size)  # the first that is whole
    for offset in reversed(range(first, 20)):
        assert after.read(offset) == stored[offset * size :]


def test_a_header_that_claims_more_than_there_is_hides_nothing(make_real_life):
    life = make_real_life(segment_bytes=1 << 20)
    life.append([b"a", b"b"])
    second = life.append([b"c", b"d"])
    life.commit()
    path = life.log.segments[-1].path
    life.disk.open(path, 1 << 20).write(25, b"\x80", b"")  # offsets up to 32,769
    with pytest.raises(CorruptMessage, match="claims to end above"):
        life.log.read(0, 1 << 20, life.log.end_offset).load()
    found = life.log.read(2, 1 << 20, life.log.end_offset)
    assert bytes(found if isinstance(found, memoryview) else found.load()).startswith(second)
