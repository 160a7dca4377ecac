"""Group commit: what goes into one, what it tells, and what a failure ends."""

import errno

import pytest

from bus.log.group_commit import ENTRY, parse_entries
from bus.model.ids import PartitionId
from bus.model.limits import CHECKPOINT_INTERVAL_MS
from tests.fixtures.sim_disk import SimDisk
from tests.unit.log.conftest import PARTITION, Life


class CountingDisk(SimDisk):
    """Remembers what each commit was asked to sync."""

    def __init__(self, root=None):
        super().__init__(root)
        self.asked = []

    def commit(self, regions, done):
        self.asked.append([region.path.rpartition("/")[2] for region in regions])
        super().commit(regions, done)


@pytest.fixture
def life():
    life = Life(CountingDisk())
    life.disk.asked.clear()
    return life


def test_flushed_is_told_when_the_commit_is_done_and_not_before(life):
    life.append()
    life.store.flush(life.log)
    assert (life.log.flushed_offset, life.flushed) == (0, [])
    life.work()
    assert (life.log.flushed_offset, life.flushed) == (1, [1])


def test_what_is_dirtied_under_way_goes_with_the_next(life):
    for _ in range(3):
        life.append()
        life.store.flush(life.log)
    assert len(life.disk.asked) == 1
    life.work()
    assert len(life.disk.asked) == 2
    assert life.flushed == [1, 3]


def test_all_dirty_partitions_share_a_commit(life):
    others = [life.store.create(PARTITION._replace(partition=n), life.settings) for n in (4, 5)]
    life.append()
    life.store.flush(life.log)
    first = life.log
    for life.log in others:
        life.append()
        life.store.flush(life.log)
    life.work()
    assert len(life.disk.asked) == 2
    assert [log.flushed_offset for log in (first, *others)] == [1, 1, 1]


def test_a_log_without_news_is_not_committed(life):
    life.append()
    life.flush()
    life.flush()
    assert len(life.disk.asked) == 1


def test_a_flushed_end_is_in_the_journal_of_the_next_commit(life):
    life.append()
    life.flush()
    life.append()
    life.flush()
    assert [name for name in life.disk.asked[1] if "journal" in name] == ["flush.journal"]


def test_a_rolled_segment_is_committed_without_being_asked_for(life):
    life.fill(40)
    assert len(life.bases()) == 2
    life.work()
    assert life.log.flushed_offset == life.bases()[1]


def test_the_flushed_offset_never_passes_into_a_segment_before_the_one_before_is_durable(life):
    life.append()
    life.store.flush(life.log)  # a commit of the first segment is under way
    life.fill(70)
    life.store.flush(life.log)
    assert len(life.bases()) >= 2
    while life.disk.wait(0):
        for segment in life.log.segments:
            if segment.base_offset < life.log.flushed_offset:
                end = min(segment.end_offset, life.log.flushed_offset)
                synced = life.disk._find(segment.path).synced
                size = segment.size if end == segment.end_offset else segment.floor(end)
                assert synced[:size] == life.disk.read(segment.path, 0, size)
    assert life.log.flushed_offset == 71


def test_a_failed_sync_is_told_once_and_nothing_is_flushed(life):
    life.append()
    life.disk.sync_error = errno.EIO
    life.flush()
    assert [failure.errno for failure in life.failures] == [errno.EIO]
    assert (life.log.flushed_offset, life.flushed) == (0, [])


def test_a_failed_sync_is_never_tried_again(life):
    life.append()
    life.disk.sync_error = errno.EIO
    life.flush()
    life.disk.failed = None  # the kernel would call the next one a success
    life.append()
    life.flush()
    life.store.housekeeping(life.clock.now + 10_000)
    life.work()
    assert len(life.disk.asked) == 1
    assert (life.log.flushed_offset, len(life.failures)) == (0, 1)


def test_after_a_failed_sync_no_stop_is_clean(life):
    life.append()
    life.disk.sync_error = errno.EIO
    life.flush()
    life.store.close(clean=True)
    assert "clean_shutdown" not in life.disk.list("")


def test_a_partition_that_is_deleted_meanwhile_is_told_nothing(life):
    life.append()
    life.store.flush(life.log)
    life.store.delete(PARTITION)
    life.work_left()
    assert life.flushed == []


def test_the_last_entry_of_a_partition_counts():
    other = PartitionId(PARTITION.topic_id, 9)
    entries = [(PARTITION, 5), (other, 7), (PARTITION, 6)]
    packed = [ENTRY.pack(p.topic_id.bytes, p.partition, end) for p, end in entries]
    assert parse_entries([packed[0] + packed[1], packed[2]]) == {PARTITION: 6, other: 7}


def test_commits_are_counted_with_their_time(life):
    life.append()
    life.store.flush(life.log)
    life.clock.advance(12)
    life.work()
    assert life.store.commits == (1, 12)


def test_a_flush_journal_that_cannot_be_written_fails_the_disk(life):
    life.commit()
    life.append()
    life.store.flush(life.log)
    life.disk.write_error = errno.EIO
    life.work()
    assert [failure.errno for failure in life.failures] == [errno.EIO]


HALF = 16 * (16 + ENTRY.size)  # of a flush journal with room for so many commits


@pytest.fixture
def short_life(monkeypatch):
    monkeypatch.setattr("bus.log.store.FLUSH_JOURNAL_BYTES", HALF)
    return Life(CountingDisk())


def flips_a_bit(life):
    """After kill -9: the last batch, which is flushed, is damaged; the next life."""
    size = sum(segment.size for segment in life.log.segments)
    life.store.close(clean=False)
    life.work_left()
    life.disk.room = life.disk.failed = None
    life.damage(life.names()[0], size - 1, b"\xff")
    return Life(SimDisk(life.disk.root))


def test_what_a_journal_without_room_cannot_hold_goes_into_its_other_half(short_life):
    for _ in range(40):
        short_life.commit()
        assert "journal" in short_life.disk.asked[-1][-1] or len(short_life.disk.asked) == 1
    assert short_life.failures == []
    assert flips_a_bit(short_life).log.read_only is not None


def test_a_disk_without_room_for_checkpoints_takes_no_writes_before_its_journal_is_full(short_life):
    short_life.commit()
    short_life.disk.room = 0
    while short_life.store.refusal is None:
        assert short_life.log.end_offset < 32, "that is what both halves have room for"
        short_life.commit()
    assert "no room for a checkpoint" in short_life.store.refusal
    assert short_life.failures == []
    short_life.disk.room = None
    short_life.clock.advance(CHECKPOINT_INTERVAL_MS)
    short_life.store.housekeeping(short_life.clock.now)
    short_life.work()
    assert short_life.store.refusal is None


def test_what_neither_journal_nor_checkpoint_can_hold_is_told_to_nobody(short_life):
    short_life.commit()
    short_life.disk.room = 0
    for _ in range(40):
        short_life.commit()
    assert [failure.errno for failure in short_life.failures] == [errno.ENOSPC]
    told = short_life.flushed[-1]
    assert told == len(short_life.flushed) < 40
    after = flips_a_bit(short_life)
    assert after.log.end_offset >= told


def test_what_is_committed_after_the_disk_was_given_up_is_told_to_nobody(life):
    life.append()
    life.store.flush(life.log)
    life.store.fail(OSError(errno.EIO, "lost"))
    life.work()
    assert (life.flushed, len(life.failures)) == ([], 1)
