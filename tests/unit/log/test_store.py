"""A data directory from its opening to its end."""

import contextlib
import errno
from random import Random
from uuid import UUID

import pytest

from bus.adapters.disk.disk import RealDisk
from bus.errors import DirectoryInUse, DiskFull
from bus.log.epochs import NO_START
from bus.model.ids import PartitionId
from bus.model.limits import CHECKPOINT_INTERVAL_MS
from tests.fixtures.sim_disk import PowerCut, SimDisk
from tests.unit.log.conftest import DIRECTORY, PARTITION, Life


def test_a_new_directory_is_clean_and_has_a_checkpoint(life):
    assert life.report.is_clean
    assert "checkpoint" in life.disk.list("")


def test_a_partition_has_no_files_before_its_first_record(life):
    assert "topics" not in life.disk.list("")
    life.append()
    assert life.disk.list("topics") == [str(PARTITION.topic_id)]


def test_a_clean_stop_leaves_its_note_and_the_next_start_takes_it(life):
    life.append()
    life.store.close()
    assert "clean_shutdown" in life.disk.list("")
    after = life.next_life(clean=False)
    assert "clean_shutdown" not in after.disk.list("")


def test_a_note_of_a_clean_stop_does_not_hold_for_the_life_after_the_next(life):
    life.append()
    after = life.next_life()
    after.append()
    third = after.next_life(clean=False)
    assert not third.report.is_clean
    assert third.log.end_offset == 2


def test_a_clean_stop_flushes_what_nobody_asked_to_flush(life):
    stored = life.fill(5)
    life.store.close()
    assert life.power_failure().read() == stored


@pytest.mark.parametrize("room", [0, 100, 600_000, 3_000_000])
def test_a_directory_that_begins_on_a_full_disk_begins_with_its_journals_or_not_at_all(room):
    disk = SimDisk()
    disk.room = room
    try:
        Life(disk)
    except (DiskFull, OSError):
        assert "disk_uuid" not in disk.list("")
        disk.room = None
    life = Life(disk)
    assert life.report.is_clean
    assert life.store.life.has_records
    disk.room = 100_000  # for the log
    stored = life.commit()
    after = life.next_life(clean=False)
    assert after.store.found[PARTITION].held_end == 1
    assert after.read() == stored


@pytest.mark.parametrize("steps", range(8))
@pytest.mark.parametrize("seed", range(3))
def test_a_power_failure_while_a_directory_begins_leaves_one_that_begins(steps, seed):
    disk = SimDisk()
    disk.steps = steps
    with contextlib.suppress(PowerCut):
        Life(disk)
    life = Life(disk.crash(Random(seed)))
    stored = life.commit()
    after = life.next_life(clean=False)
    assert after.store.found[PARTITION].held_end == 1
    assert after.read() == stored


@pytest.mark.parametrize("name", ["flush.journal", "epoch.journal"])
def test_a_journal_that_is_missing_is_made_anew_before_anything_else(life, name):
    stored = life.commit()
    life.store.close()
    life.work_left()
    life.disk.unlink(name)
    life.disk.room = 0
    with pytest.raises(DiskFull):
        life.next_life(clean=False)
    life.disk.room = None
    after = life.next_life(clean=False)
    assert (after.report.is_clean, after.read()) == (True, stored)
    assert name in life.disk.list("")


def test_unknown_names_are_left_alone_and_reported(life):
    life.append()
    life.store.close()
    life.work_left()
    life.disk.make_dir("topics/my-notes")
    life.disk.make_dir(f"topics/{PARTITION.topic_id}/backup")
    strange = ["topics/my-notes", f"topics/{PARTITION.topic_id}/backup", f"{DIRECTORY}/README"]
    life.disk.write(strange[-1], b"hello")
    life.disk.write("mine", b"too")
    after = life.next_life(clean=False)
    assert sorted(after.report.unknown) == sorted(strange)
    assert after.disk.read(strange[-1], 0, 10) == b"hello"
    assert after.disk.read("mine", 0, 10) == b"too"
    assert after.disk.list("topics/my-notes") == []


def test_unknown_files_survive_the_removal_of_their_partition(life):
    life.append()
    life.disk.write(f"{DIRECTORY}/README", b"hello")
    life.store.delete(PARTITION)
    assert life.disk.list(f"{DIRECTORY}.deleted") == ["README"]


def test_a_removal_that_a_crash_broke_off_is_finished(life):
    life.append()
    life.store.close()
    life.work_left()
    life.disk.rename(DIRECTORY, DIRECTORY + ".deleted")
    after = life.next_life(clean=False)
    assert str(PARTITION.topic_id) not in after.disk.list("topics")


def test_a_deleted_partition_does_not_come_back(life):
    life.append()
    life.flush()
    life.store.delete(PARTITION)
    after = life.next_life(clean=False)
    assert (after.report.partitions, after.log.end_offset) == (0, 0)


def test_epochs_are_durable_when_they_are_promised(life):
    life.append()
    life.flush()
    life.store.persist_epochs([(PARTITION, 7, 1)])
    for seed in range(10):
        assert life.power_failure(seed).log.epochs.latest == 7


def test_the_epoch_of_an_empty_partition_survives(life):
    life.store.persist_epochs([(PARTITION, 7, 0)])
    assert life.power_failure().log.epochs.latest == 7
    assert life.next_life().log.epochs.latest == 7


def test_the_epoch_of_an_empty_partition_survives_a_checkpoint_and_several_lives(life):
    life.store.persist_epochs([(PARTITION, 7, 0)])
    life.store.checkpoint_now()
    for clean in (False, True, True, False, False):
        life = life.next_life(clean)
        assert life.log.epochs.entries == [(7, 0)]


def test_an_epoch_that_a_follower_learned_of_is_promised_without_an_entry(life):
    life.commit(epoch=2)
    life.store.persist_epochs([(PARTITION, 7, NO_START)])
    for seed in range(10):
        after = life.power_failure(seed)
        assert (after.log.max_epoch_seen, after.log.epochs.entries) == (7, [(2, 0)])


def test_a_promise_outlives_checkpoints_and_lives(life):
    life.store.persist_epochs([(PARTITION, 7, NO_START)])
    for clean in (False, True, True, False, False):
        life.store.checkpoint_now()
        life = life.next_life(clean)
        assert life.log.max_epoch_seen == 7


def test_one_sync_is_enough_for_leaders_and_followers_of_many_partitions(life, monkeypatch):
    synced = []
    sync = life.disk.sync
    monkeypatch.setattr(life.disk, "sync", lambda regions: (synced.append(1), sync(regions)))
    others = [PARTITION._replace(partition=number) for number in range(10, 20)]
    mixed = [(p, 5 + n, NO_START if n % 2 else 0) for n, p in enumerate(others)]
    life.store.persist_epochs(mixed)
    assert len(synced) == 1
    after = life.power_failure()
    for number, partition in enumerate(others):
        assert after.store.max_epoch_seen(partition) == 5 + number
        entries = after.store.create(partition, life.settings).epochs.entries
        assert entries == ([] if number % 2 else [(5 + number, 0)])


def test_a_promise_for_a_partition_that_nobody_makes_outlives_checkpoints_and_lives(life):
    other = PARTITION._replace(partition=9)
    life.store.persist_epochs([(other, 7, NO_START)])
    for clean in (False, True, False):
        life.store.note_change()
        life.store.checkpoint_now()
        life = life.next_life(clean)
        assert life.store.max_epoch_seen(other) == 7
        assert life.store.knows(other)


def test_a_promise_goes_with_its_partition(life):
    other = PARTITION._replace(partition=9)
    life.store.persist_epochs([(other, 7, NO_START)])
    life.store.delete(other)
    life.store.housekeeping(life.clock.now)
    assert life.next_life().store.max_epoch_seen(other) == -1


def test_of_a_partition_that_was_never_heard_of_no_epoch_was_seen(life):
    assert life.store.max_epoch_seen(PARTITION._replace(partition=9)) == -1


def test_an_epoch_that_came_with_a_record_was_seen(life):
    life.append(epoch=4)
    assert life.log.max_epoch_seen == 4


def test_truncation_takes_back_no_promise(life):
    life.fill(3, epoch=2)
    life.store.persist_epochs([(PARTITION, 9, 3)])
    life.log.truncate(1)
    assert (life.log.epochs.entries, life.log.max_epoch_seen) == ([(2, 0)], 9)
    assert life.power_failure().log.max_epoch_seen == 9


def test_more_epochs_than_the_journal_holds_are_durable_too(life):
    for epoch in range(10_000):
        life.store.persist_epochs([(PARTITION, epoch, 0)])
    assert life.power_failure().log.epochs.latest == 9999


def test_producers_survive_any_stop(life):
    life.append([b"a", b"b"], producer=(9, 1, 5))
    for clean in (True, False):
        life = life.next_life(clean)
        entry = life.log.producers.get(9)
        assert (entry.epoch, entry.batches[-1][:4]) == (1, (5, 6, 0, 1))


@pytest.mark.parametrize("name", ["checkpoint", "flush.journal", "epoch.journal", "clean_shutdown"])
def test_a_record_of_the_store_that_is_no_good_loses_no_data(life, name):
    stored = life.fill(100)
    life.flush()
    life.store.persist_epochs([(PARTITION, 1, 100)])
    life.store.close()
    life.work_left()
    life.disk.write(name, b"not what it should be, by any means" * 3)
    after = life.next_life(clean=False)
    assert after.read() == stored
    assert after.log.read_only is None


def test_a_checkpoint_that_is_no_good_is_told(life):
    life.append()
    life.store.close(clean=False)
    life.disk.write("checkpoint", b"x" * 200)
    after = life.next_life(clean=False)
    assert "checkpoint cannot be used" in after.report.notes[0]


def test_housekeeping_writes_a_checkpoint_when_it_is_time(life):
    life.fill(5)
    life.flush()
    before = life.disk.read("checkpoint", 0, 1 << 16)
    life.store.housekeeping(life.clock.now + CHECKPOINT_INTERVAL_MS - 1)
    life.work()
    assert life.disk.read("checkpoint", 0, 1 << 16) == before
    life.store.housekeeping(life.clock.now + CHECKPOINT_INTERVAL_MS)
    life.work()
    assert life.disk.read("checkpoint", 0, 1 << 16) != before


def test_an_equal_checkpoint_is_not_written_again(life):
    life.store.checkpoint_now()
    before = life.disk.read("checkpoint", 0, 1 << 16)
    life.store.checkpoint_now()
    assert life.disk.read("checkpoint", 0, 1 << 16) == before


def test_partitions_are_recovered_each_on_its_own(make_real_life):
    life = make_real_life()
    other = PARTITION._replace(topic_id=UUID(int=6))
    first = life.append()
    log, life.log = life.log, life.store.create(other, life.settings)
    second = life.append([b"another"])
    life.log = log
    after = make_real_life.follow(life, clean=False)
    assert after.report.partitions == 2
    assert after.read() == first
    after.log = after.store.get(other)
    assert after.read() == second


def test_a_directory_is_open_once(make_real_life):
    life = make_real_life()
    with pytest.raises(DirectoryInUse):
        RealDisk(life.disk.path)


def test_after_a_power_failure_only_the_checkpoint_and_journals_decide(life):
    """Checkpoints and commits in any mixture: what was flushed is there, and no damage is seen."""
    for _ in range(4):
        life.fill(7)
        life.flush()
        life.store.checkpoint_soon()
        life.store.housekeeping(life.clock.now)
        life.fill(3)
        life.flush()
    for seed in range(20):
        after = life.power_failure(seed)
        assert after.log.end_offset == 40
        assert after.report.damaged == []


def test_an_idle_log_is_committed_and_unmapped_and_wakes_with_the_next_append(make_life):
    life = make_life(flush="os")
    stored = life.fill(3)
    for _ in range(4):
        life.clock.advance(60_000)
        life.store.housekeeping(life.clock.now)
        life.work()
    assert life.log.flushed_offset == 3
    assert life.log.segments[-1].region is None
    assert life.read() == stored
    stored += life.fill(2)
    assert life.read() == stored


def test_a_log_that_is_written_is_not_unmapped(life):
    for _ in range(4):
        life.commit()
        life.clock.advance(60_000)
        life.store.housekeeping(life.clock.now)
        life.work()
    assert life.log.segments[-1].region is not None


def test_closed_segments_forget_indexes_that_nobody_asks_for(life):
    while len(life.bases()) < 3:
        life.append([b"v" * 200])
    life.flush()
    first, second = life.log.segments[:2]
    for _ in range(2):
        life.log.rest()
        life.read(first.base_offset, below=first.end_offset)
    assert first._indexes is not None
    assert second._indexes is None
    assert len(life.read()) == life.log.size_bytes


def test_each_of_very_many_logs_has_its_turn(life, monkeypatch):
    monkeypatch.setattr("bus.log.house.HOUSEKEEPING_LOGS_MAX", 2)
    logs = [life.store.create(PartitionId(UUID(int=9), n), life.settings) for n in range(4)]
    looked_after = []
    for log in logs:
        log.roll_if_due = lambda now_ms, log=log: looked_after.append(log)
    for _ in range(6):
        life.store.housekeeping(life.clock.now)
    assert {log.partition for log in looked_after} == {log.partition for log in logs}


def test_journals_that_changed_places_cost_nothing(make_life):
    life = make_life()
    stored = life.commit()
    flushes, epochs = "flush.journal", "epoch.journal"
    life.store.persist_epochs([(PARTITION, 1, 1)])
    life.store.close(clean=False)
    life.work_left()
    contents = [life.disk.read(path, 0, life.disk.size(path)) for path in (flushes, epochs)]
    life.disk.write(epochs, contents[0])
    life.disk.write(flushes, contents[1])
    after = life.next_life(clean=False)
    assert after.read() == stored


YEARS = 10 * 365 * 24 * 3600 * 1000


def test_a_leap_of_the_wall_clock_drops_nothing_and_forgets_no_producer(make_life):
    life = make_life(retention_ms=1000 * 3600, segment_ms=1000 * 3600)
    now = life.clock.wall
    stored = life.fill(100, base_timestamp=now, max_timestamp=now)
    stored += life.commit(base_timestamp=now, max_timestamp=now, producer=(7, 0, 0))
    bases = life.bases()
    assert len(bases) > 2
    life.clock.wall += YEARS
    for _ in range(5):
        life.clock.advance(1000)
        life.store.housekeeping(life.clock.now)
        life.work()
    assert life.read() == stored
    assert life.bases() == bases
    assert life.log.producers.get(7) is not None


def test_after_the_clock_was_set_back_a_segment_is_rolled_in_its_time(make_life):
    life = make_life(segment_ms=10_000)
    life.commit()
    life.clock.wall -= YEARS
    for _ in range(11):
        life.clock.advance(1000)
        life.store.housekeeping(life.clock.now)
        life.work()
    assert len(life.bases()) == 2


def test_an_error_of_background_work_fails_the_disk_at_the_next_look(life):
    life.disk.failed = OSError(errno.EIO, "lost")
    life.store.housekeeping(life.clock.now)
    assert [failure.errno for failure in life.failures] == [errno.EIO]


def test_a_write_error_fails_the_disk_unless_it_is_only_full(life):
    life.store.on_write_error(OSError(errno.ENOSPC, "full"))
    assert life.store.failed is None
    life.store.on_write_error(OSError(errno.EROFS, "read-only"))
    assert life.store.failed is not None


def test_a_checkpoint_under_way_deletes_nothing_that_was_dropped_after_it_began(life):
    while len(life.bases()) < 2:
        life.append([b"v" * 200])
    life.flush()
    life.store.checkpoint_soon()
    life.store.housekeeping(life.clock.now)
    life.log.delete_prefix(life.bases()[1])
    life.work()
    assert f"{0:020d}.log" in life.names()
    assert life.next_life(clean=False).report.damaged == []
