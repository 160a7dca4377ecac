"""One partition: append, read, roll, truncate, and what goes."""

import errno
from uuid import UUID

import pytest

from bus.errors import DiskFull, OffsetOutOfRange, RecordListTooLarge, StorageError
from bus.log.cold_read import ColdRead
from bus.model.batch import BatchInfo
from bus.native import batch as native

DAY_MS = 24 * 3600 * 1000


def test_what_is_appended_is_read(life):
    stored = life.append([b"one", b"two"])
    assert life.log.end_offset == 2
    assert life.read() == stored


def test_offsets_and_epoch_are_stamped(life):
    life.append([b"one", b"two"])
    life.append(epoch=4)
    info = BatchInfo(*native.check(life.read(offset=2)))
    assert (info.base_offset, info.leader_epoch) == (2, 4)
    assert life.log.epochs.entries == [(0, 0), (4, 2)]


def test_a_producer_is_remembered_with_its_append(life):
    life.append([b"one", b"two"], producer=(9, 0, 5))
    assert life.log.producers.get(9).batches[-1][:4] == (5, 6, 0, 1)


def test_a_batch_larger_than_a_segment_is_refused(life):
    with pytest.raises(RecordListTooLarge, match=r"segment\.bytes is 4000"):
        life.append([b"v" * 5000])
    assert life.log.end_offset == 0


def test_a_segment_that_the_disk_has_no_room_for_leaves_the_log_as_it_was(life):
    while life.log.segments == [] or life.log.segments[-1].size < 3500:
        life.append([b"v" * 300])
    before = (life.log.end_offset, life.read(), life.bases(), life.names())
    life.disk.room = 0
    with pytest.raises(DiskFull):
        life.append([b"v" * 1000], producer=(9, 0, 0), epoch=8)
    assert (life.log.end_offset, life.read(), life.bases(), life.names()) == before
    assert life.log.producers.get(9) is None
    assert life.log.epochs.latest == 0


def test_appends_go_on_when_there_is_room_again(life):
    life.disk.room = 0
    with pytest.raises(DiskFull):
        life.append()
    life.disk.room = None
    stored = life.append()
    assert life.read() == stored


# --- reading ---------------------------------------------------------------------------------


def test_a_read_begins_with_the_batch_that_holds_the_offset(life):
    life.append([b"a", b"b"])
    second = life.append([b"c", b"d"])
    assert life.read(offset=3) == second


def test_a_read_ends_at_the_limit_that_it_is_given(life):
    first = life.append([b"a", b"b"])
    life.append([b"c", b"d"])
    assert life.read(below=2) == first


def test_the_first_batch_may_exceed_the_size_but_no_second_follows(life):
    first = life.append([b"a" * 500])
    life.append([b"b"])
    assert bytes(life.log.read(0, 10, 2)) == first


def test_a_read_at_the_end_is_empty(life):
    life.append()
    assert bytes(life.log.read(1, 1000, 1)) == b""


@pytest.mark.parametrize("offset", [4, 11])
def test_a_read_outside_of_the_log_names_what_there_is(life, offset):
    life.fill(10)
    life.log.delete_prefix(5)
    with pytest.raises(OffsetOutOfRange, match="5 to 10"):
        life.log.read(offset, 1000, 10)


def test_committed_bytes_are_lent_and_uncommitted_ones_copied(life):
    life.append()
    assert not life.log.segments[-1].region.is_shared
    with life.log.read(0, 1000, 1):
        assert not life.log.segments[-1].region.is_shared
    life.log.high_watermark = 1
    with life.log.read(0, 1000, 1):
        assert life.log.segments[-1].region.is_shared


@pytest.mark.parametrize(("in_memory", "kind"), [(True, memoryview), (False, ColdRead)])
def test_what_is_not_in_memory_is_read_cold(life, in_memory, kind):
    life.fill(100)
    life.flush()
    life.log.high_watermark = life.log.end_offset
    life.disk.in_memory = in_memory
    assert isinstance(life.log.read(0, 1000, 100), kind)


# --- rolling ---------------------------------------------------------------------------------


def test_a_segment_is_rolled_by_size(life):
    life.fill(100)
    assert len(life.log.segments) > 2
    assert all(segment.size <= 4000 for segment in life.log.segments)


def test_segments_follow_each_other_without_a_gap(life):
    life.fill(100)
    ends = [segment.end_offset for segment in life.log.segments]
    assert life.bases() == [0, *ends[:-1]]


def test_a_segment_is_rolled_by_time_and_not_before(make_life):
    life = make_life(segment_ms=1000)
    life.append()
    life.log.roll_if_due(life.clock.wall + 999)
    assert life.bases() == [0]
    life.log.roll_if_due(life.clock.wall + 1000)
    assert life.bases() == [0, 1]


def test_an_empty_segment_is_never_rolled_by_time(make_life):
    life = make_life(segment_ms=1000)
    life.append()
    life.log.roll_if_due(life.clock.wall + 1000)
    life.log.roll_if_due(life.clock.wall + 9000)
    assert life.bases() == [0, 1]


def test_the_files_of_a_rolled_segment_are_all_there(life):
    life.fill(100)
    life.work()
    names = life.names()
    for base in life.bases()[:-1]:
        for suffix in (".log", ".index", ".timeindex"):
            assert f"{base:020d}{suffix}" in names
    assert all(f"{base:020d}.snapshot" in names for base in life.bases()[1:])


# --- what goes -------------------------------------------------------------------------------


def test_retention_by_size_keeps_at_least_what_it_promises(make_life):
    life = make_life(retention_bytes=9000)
    life.fill(200)
    life.log.high_watermark = 200
    life.log.apply_retention(life.clock.wall)
    assert 9000 <= life.log.size_bytes < 9000 + 4000
    assert life.log.start_offset == life.bases()[0] > 0


def test_retention_by_time_drops_closed_segments_only(make_life):
    life = make_life(retention_ms=DAY_MS)
    life.fill(100, max_timestamp=life.clock.wall)
    life.log.high_watermark = 100
    life.log.apply_retention(life.clock.wall + DAY_MS)
    assert life.log.start_offset == 0
    active = life.bases()[-1]
    life.log.apply_retention(life.clock.wall + DAY_MS + 1)
    assert life.log.start_offset == active
    assert life.bases() == [active]


def test_retention_never_passes_the_high_watermark(make_life):
    life = make_life(retention_bytes=0)
    life.fill(100)
    life.log.high_watermark = life.bases()[1]
    life.log.apply_retention(life.clock.wall)
    assert life.log.start_offset == life.log.high_watermark


def test_records_below_a_deleted_prefix_are_gone_and_the_rest_is_not(life):
    life.fill(20)
    rest = life.read(offset=7)
    life.log.delete_prefix(7)
    assert life.log.start_offset == 7
    assert life.read() == rest


@pytest.mark.parametrize("start", [4, 11])
def test_a_prefix_outside_of_the_log_is_refused(life, start):
    life.fill(10)
    life.log.delete_prefix(5)
    with pytest.raises(OffsetOutOfRange, match="cannot begin"):
        life.log.delete_prefix(start)


def test_files_of_a_deleted_prefix_go_after_the_checkpoint_that_says_so(life):
    life.fill(100)
    life.flush()
    life.log.delete_prefix(life.bases()[2])
    assert "00000000000000000000.log" in life.names()
    life.store.housekeeping(life.clock.now)
    assert "00000000000000000000.log" in life.names()
    life.work()
    assert not [name for name in life.names() if name.startswith("00000000000000000000")]


def test_all_records_can_be_deleted_and_offsets_go_on(life):
    life.fill(10)
    life.log.delete_prefix(10)
    assert (life.log.start_offset, life.log.end_offset, life.log.size_bytes) == (10, 10, 0)
    stored = life.append()
    assert life.read() == stored


# --- truncation ------------------------------------------------------------------------------


def test_truncation_takes_records_epochs_and_producers(life):
    kept = life.append([b"a"], producer=(9, 0, 0))
    life.append([b"b"], epoch=1, producer=(9, 0, 1))
    life.append([b"c"], epoch=2, producer=(8, 0, 0))
    life.log.truncate(1)
    assert (life.log.end_offset, life.read()) == (1, kept)
    assert [batch.base_offset for batch in life.log.producers.get(9).batches] == [0]
    assert life.log.producers.get(8) is None
    assert life.log.epochs.latest <= 1


def test_truncation_moves_what_was_flushed_and_committed(life):
    life.fill(10)
    life.flush()
    life.log.high_watermark = 10
    life.log.truncate(4)
    assert (life.log.flushed_offset, life.log.high_watermark) == (4, 4)


def test_truncation_crosses_segments(life):
    stored = life.fill(100)
    life.log.truncate(5)
    assert life.bases() == [0]
    assert life.read() == stored[: len(life.read())]
    assert life.log.end_offset == 5


def test_truncation_is_durable_when_it_returns(life):
    life.fill(100)
    life.flush()
    life.log.truncate(5)
    kept = life.read()
    for seed in range(10):
        after = life.power_failure(seed)
        assert (after.log.end_offset, after.read()) == (5, kept)
        assert after.report.damaged == []


def test_bytes_that_a_reader_holds_are_never_written_over(life):
    life.fill(10)
    life.flush()
    life.log.high_watermark = 10
    with life.log.read(0, 4000, 10) as view:
        held = bytes(view)
        life.log.truncate(4)
        life.append([b"something else" * 9])
        assert view == held
    assert life.bases() == [0, 4]


def test_a_truncation_above_the_end_says_nothing(life):
    stored = life.fill(3)
    life.log.truncate(3)
    life.log.truncate(99)
    assert life.read() == stored


def test_a_log_that_is_read_only_takes_no_record_and_says_why(life):
    life.append()
    life.log.read_only = "The log is damaged."
    with pytest.raises(StorageError, match="damaged"):
        life.append()


def test_a_view_outlives_the_log(life):
    stored = life.commit()
    view = life.log.read(0, 1000, 1)
    life.store.delete(life.log.partition)
    assert view == stored
    view.release()


def test_partitions_of_one_store_do_not_meet(life):
    other = life.store.create(life.log.partition._replace(topic_id=UUID(int=6)), life.settings)
    life.append()
    assert other.end_offset == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_half_a_batch_of_a_failed_write_is_wiped_out(life, number):
    stored = life.append()
    life.disk.write_error = number
    with pytest.raises((DiskFull, OSError)):
        life.append([b"\xff" * 500])
    region = life.log.segments[0].region
    assert bytes(region.buffer[len(stored) :]).strip(b"\0") == b""
    stored += life.append([b"next"])
    assert life.read() == stored
