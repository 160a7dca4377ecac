"""A partition after any end of the life before: nothing scanned, cut, or kept and not written."""

import errno

import pytest

from bus.errors import CorruptMessage, StorageError
from bus.log.layout import offset_file
from bus.model.limits import LEADER_EPOCH_MAX
from bus.native.segment import first_nonzero
from tests.fixtures.sim_disk import SimDisk
from tests.unit.log.conftest import DIRECTORY, PARTITION, Life

ACTIVE = f"{0:020d}.log"


def test_after_a_clean_stop_nothing_is_scanned(life):
    stored = life.fill(100)
    after = life.next_life()
    assert after.report.is_clean
    assert after.report.scanned_bytes == 0
    assert after.read() == stored
    assert after.log.flushed_offset == 100


def test_after_a_crash_only_what_may_be_torn_is_scanned(life):
    stored = life.fill(100)
    life.flush()
    life.append()
    life.flush()  # with it the journal knows of the commit before
    size = life.log.segments[-1].size
    after = life.next_life(clean=False)
    assert not after.report.is_clean
    assert after.report.scanned_bytes == size
    assert after.read(below=100) == stored


def test_after_a_crash_of_the_process_everything_written_is_there(make_real_life):
    life = make_real_life()
    stored = life.fill(100)
    after = make_real_life.follow(life, clean=False)
    assert after.read() == stored
    assert after.report.cut_bytes == 0


def test_what_was_told_to_be_flushed_survives_a_power_failure(life):
    stored = life.fill(60)
    life.flush()
    life.fill(30)
    for seed in range(20):
        after = life.power_failure(seed)
        assert after.log.end_offset >= 60
        assert after.read()[: len(stored)] == stored
        assert after.report.damaged == []


def test_what_a_failed_sync_has_left_is_written_again(life):
    stored = life.fill(30)
    life.disk.sync_error = errno.EIO
    life.flush()
    assert life.failures, "the disk has failed, and the pages count as clean (S4)"
    life.store.close(clean=False)
    after = Life(SimDisk(life.disk.root), life.clock, **life.wanted)
    assert after.log.flushed_offset == 30
    for seed in range(10):
        last = after.power_failure(seed)
        assert last.read() == stored
        assert last.report.damaged == []


def test_zeroes_at_the_end_of_a_record_may_be_a_hole(make_life):
    life = make_life(segment_bytes=40_000)
    stored = life.append([b"v" + bytes(10_000)])
    life.flush()
    assert life.disk.data_end(f"{DIRECTORY}/{ACTIVE}") < len(stored)
    for clean in (True, False):
        life = life.next_life(clean)
        assert life.report.damaged == []
        assert life.read() == stored


def torn(life, batches_kept=1):
    """A crash with a bad second batch above the durable end; what was good before it."""
    kept = life.fill(batches_kept)
    position = life.log.segments[-1].size
    life.fill(3)
    life.store.close(clean=False)
    life.damage(ACTIVE, position + 70, b"torn")
    return kept


def test_a_torn_tail_is_cut_at_the_first_bad_batch(life):
    kept = torn(life)
    after = life.next_life(clean=False)
    assert (after.log.end_offset, after.read()) == (1, kept)
    assert after.log.read_only is None


def test_the_cut_bytes_are_kept_aside_and_counted(life):
    kept = torn(life)
    content = life.disk.read(f"{DIRECTORY}/{ACTIVE}", len(kept), 1 << 20).rstrip(b"\0")
    after = life.next_life(clean=False)
    cut = offset_file(DIRECTORY, 1, ".cut")
    assert after.disk.read(cut, 0, 1 << 20) == content
    assert after.report.cut_bytes == len(content)
    assert "cut at offset 1" in after.report.cut[0]


def test_nothing_is_left_behind_the_cut(life):
    kept = torn(life)
    after = life.next_life(clean=False)
    left = after.disk.read(f"{DIRECTORY}/{ACTIVE}", len(kept), 1 << 20)
    assert first_nonzero(left, 0) == len(left)


def test_appends_go_on_at_the_cut(life):
    kept = torn(life)
    after = life.next_life(clean=False)
    stored = after.append()
    assert after.read() == kept + stored


def test_an_epoch_that_was_promised_outlives_the_records_below_its_start(life):
    life.store.persist_epochs([(PARTITION, 0, 0)])
    life.fill(3)
    position = life.log.segments[-1].size
    life.append()
    life.store.persist_epochs([(PARTITION, 7, 4)])
    life.store.close(clean=False)
    life.damage(ACTIVE, position + 70, b"torn")
    after = life.next_life(clean=False)
    assert after.log.epochs.entries == [(0, 0), (7, 3)]


def test_epochs_found_in_the_log_come_before_one_that_is_promised(life):
    """A replica took records of epochs 2 and 3, and was then elected in epoch 5."""
    life.store.persist_epochs([(PARTITION, 1, 0)])
    life.fill(2, epoch=1)
    life.flush()
    life.store.checkpoint_now()
    life.store.note_epoch = lambda *_: None
    life.fill(2, epoch=2)
    life.fill(3, epoch=3)
    life.store.persist_epochs([(PARTITION, 5, 7)])
    after = life.next_life(clean=False)
    assert after.log.epochs.entries == [(1, 0), (2, 2), (3, 4), (5, 7)]
    assert after.log.epochs.end_offset_for(2, 7) == (2, 4)


def test_an_epoch_that_came_with_a_record_is_known_even_if_its_segment_is_not_scanned(life):
    life.store.persist_epochs([(PARTITION, 1, 0)])
    life.fill(2, epoch=1)
    life.store.checkpoint_now()
    life.fill(100, epoch=2)
    life.flush()
    life.commit(epoch=3)
    life.commit(epoch=3)
    after = life.next_life(clean=False)
    assert after.report.scanned_bytes < after.log.size_bytes
    assert after.log.epochs.entries == [(1, 0), (2, 2), (3, 102)]


LAST = LEADER_EPOCH_MAX


def test_an_epoch_that_none_can_follow_makes_a_log_read_only(life):
    stored = life.fill(3)
    life.store.persist_epochs([(PARTITION, LAST, 3)])
    after = life.next_life(clean=False)
    assert after.report.damaged == [after.log.read_only]
    assert f"leader epoch {LAST}, and none can follow" in after.log.read_only
    assert after.read() == stored
    with pytest.raises(StorageError, match="can be read but not written"):
        after.append(epoch=LAST)
    after.store.accept_losses()
    assert after.next_life().read() == stored


def test_an_epoch_that_none_can_follow_is_refused_of_a_partition_without_files(life):
    life.store.persist_epochs([(PARTITION, LAST, 0)])
    after = life.next_life(clean=False)
    assert "none can follow" in after.log.read_only


def test_a_record_of_an_epoch_that_none_can_follow_is_kept_and_not_followed(life):
    kept = life.fill(2) + life.append(epoch=LAST)
    after = life.next_life(clean=False)
    assert "none can follow" in after.log.read_only
    assert after.read() == kept


def test_only_the_last_cut_is_kept(life):
    torn(life)
    after = life.next_life(clean=False)
    position = after.log.segments[-1].size
    after.fill(2)
    after.store.close(clean=False)
    after.damage(ACTIVE, position + 70 + 170, b"torn")
    third = after.next_life(clean=False)
    assert [name for name in third.names() if name.endswith(".cut")] == [f"{2:020d}.cut"]


def test_segments_behind_a_cut_are_kept_whole(life):
    life.fill(1)
    position = life.log.segments[-1].size
    life.fill(60)
    second = life.bases()[1]
    content = life.disk.read(offset_file(DIRECTORY, second, ".log"), 0, life.log.segments[1].size)
    life.store.close(clean=False)
    life.damage(ACTIVE, position + 70, b"torn")
    after = life.next_life(clean=False)
    assert after.bases() == [0]
    assert after.disk.read(offset_file(DIRECTORY, second, ".cut"), 0, len(content)) == content


@pytest.fixture
def damaged(life):
    """The second of ten batches is bad, and all ten had been told to be durable."""
    life.append()
    position = life.log.segments[-1].size
    life.fill(9)
    life.flush()
    life.store.checkpoint_now()
    life.store.close(clean=False)
    life.damage(ACTIVE, position + 70, b"rot")
    return life.next_life(clean=False)


def test_damage_below_the_durable_end_is_never_cut(damaged):
    assert damaged.log.end_offset == 10
    assert [name for name in damaged.names() if name.endswith(".cut")] == []
    assert damaged.report.cut_bytes == 0


def test_a_damaged_log_serves_both_sides_and_not_the_middle(damaged):
    assert len(damaged.read(offset=0, below=1)) > 0
    assert len(damaged.read(offset=2)) > 0
    with pytest.raises(CorruptMessage, match="from offset 1 to 2"):
        damaged.log.read(1, 1000, 10)


def test_a_damaged_log_takes_no_record_and_says_what_to_do(damaged):
    with pytest.raises(StorageError, match="busd segment verify"):
        damaged.append()
    assert len(damaged.report.damaged) == 1


def test_missing_records_below_the_durable_end_are_damage(life):
    life.fill(100)
    life.flush()
    life.store.checkpoint_now()
    second, third = life.bases()[1:3]
    life.store.close(clean=False)
    life.disk.unlink(offset_file(DIRECTORY, second, ".log"))
    after = life.next_life(clean=False)
    assert f"at offset {second} batches are missing" in after.log.read_only
    with pytest.raises(CorruptMessage, match=f"from offset {second} to {third}"):
        after.log.read(second, 1000, 100)
    assert after.log.end_offset == 100


def test_a_partition_whose_files_are_all_gone_is_damaged_and_not_empty(life):
    life.fill(3)
    life.flush()
    life.store.checkpoint_now()
    life.store.close(clean=False)
    for name in life.names():
        life.disk.unlink(f"{DIRECTORY}/{name}")
    after = life.next_life(clean=False)
    assert after.log.end_offset == 3
    assert after.log.read_only is not None


def test_without_any_record_good_batches_behind_a_bad_one_make_it_damage(life):
    life.append()
    position = life.log.segments[-1].size
    life.fill(9)
    life.store.close(clean=False)
    life.damage(ACTIVE, position + 70, b"rot")
    for name in ("checkpoint", "flush.journal"):
        if name in life.disk.list(""):
            life.disk.unlink(name)
    after = life.next_life(clean=False)
    assert after.log.read_only is not None
    assert after.log.end_offset == 10


def test_a_gap_whose_loss_was_accepted_is_no_damage(life):
    life.fill(100)
    life.flush()
    life.store.checkpoint_now()
    second, third = life.bases()[1:3]
    life.store.close(clean=False)
    old = offset_file(DIRECTORY, second, ".log")
    life.disk.rename(old, f"{DIRECTORY}/{second:020d}-{third:020d}.lost")
    after = life.next_life(clean=False)
    assert after.log.read_only is None
    assert after.log.end_offset == 100
    assert after.read(offset=second) == after.read(offset=third)


@pytest.mark.parametrize("suffix", [".index", ".timeindex", ".snapshot"])
def test_what_is_derived_is_made_anew_when_it_is_missing(life, suffix):
    stored = life.fill(100, producer=(9, 0, -1))
    life.append(producer=(9, 0, 0))
    life.store.close()
    life.work_left()
    for name in life.names():
        if name.endswith(suffix):
            life.disk.unlink(f"{DIRECTORY}/{name}")
    after = life.next_life(clean=False)
    assert after.read(below=100) == stored
    assert after.log.producers.get(9).last_sequence == 0
    assert after.log.read_only is None


def test_a_start_offset_survives_and_leftovers_below_it_are_removed(life):
    life.fill(100)
    life.flush()
    second = life.bases()[1]
    name = f"{0:020d}.log"
    content = life.disk.read(f"{DIRECTORY}/{name}", 0, 1 << 20)
    life.log.delete_prefix(second)
    life.store.housekeeping(life.clock.now)
    life.work()
    life.store.close(clean=False)
    life.disk.write(f"{DIRECTORY}/{name}", content)  # the crash brought it back
    after = life.next_life(clean=False)
    assert after.log.start_offset == second
    assert name not in after.names()


def test_the_high_watermark_comes_from_the_checkpoint(life):
    life.fill(10)
    life.flush()
    life.log.high_watermark = 7
    life.store.checkpoint_now()
    assert life.next_life(clean=False).log.high_watermark == 7


def test_a_log_is_found_under_the_name_of_its_partition(life):
    life.append()
    assert life.next_life().store.get(PARTITION) is not None
