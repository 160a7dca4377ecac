"""A follower appends what its leader's Fetch answer holds."""

import errno

import pytest

from bus.errors import DiskFull, StorageError
from bus.log.epochs import NO_START
from bus.model.replication_errors import BadFetch
from tests.fixtures import batches
from tests.unit.log.conftest import DIRECTORY, PARTITION

EPOCH_MAX = 9


def answer(first, count, epoch=0, size=100, **fields):
    """Batches of one record each, as a leader sends them."""
    return b"".join(
        batches.batch([b"v" * size], base_offset=first + n, leader_epoch=epoch, **fields)
        for n in range(count)
    )


def follow(life, data, epoch_max=EPOCH_MAX):
    return life.log.append_fetched(data, epoch_max)


def test_an_answer_is_appended_as_it_is(life):
    data = answer(0, 3)
    found = follow(life, data)
    assert found == (0, 3, len(data), 3, 3, None)
    assert life.read() == data


def test_answers_follow_each_other_over_segments(life):
    data = b""
    for _ in range(20):
        piece = answer(life.log.end_offset, 7)
        assert follow(life, piece).refused is None
        data += piece
    assert len(life.bases()) > 3
    assert life.read() == data
    assert life.next_life(clean=False).read() == data


def test_one_answer_may_fill_several_segments(life):
    data = answer(0, 100)
    assert follow(life, data).end_offset == 100
    sizes = [segment.size for segment in life.log.segments]
    assert len(sizes) > 3
    assert all(size <= life.settings.segment_bytes for size in sizes)
    assert life.read() == data


def test_segments_are_rolled_where_a_leader_s_are(make_life):
    leader, follower = make_life(), make_life()
    leader.fill(100)
    follow(follower, leader.read())
    assert follower.bases() == leader.bases()
    for one, other in zip(leader.log.segments, follower.log.segments, strict=True):
        for index, same in zip(one.indexes(), other.indexes(), strict=True):
            assert index.to_bytes() == same.to_bytes()


def test_a_batch_larger_than_a_segment_gets_one_of_its_own(life):
    data = answer(0, 1) + answer(1, 1, size=9000) + answer(2, 1)
    assert follow(life, data).refused is None
    assert life.bases() == [0, 1, 2]
    assert life.read() == data
    after = life.next_life(clean=False)
    assert after.read() == data
    after.log.truncate(2)
    assert follow(after, answer(2, 1)).refused is None


def test_a_batch_that_is_cut_off_is_left_for_the_next_fetch(life):
    data = answer(0, 3)
    found = follow(life, data[:-1])
    assert (found.end_offset, found.refused) == (2, None)
    assert follow(life, answer(2, 1)).end_offset == 3
    assert life.read() == data


def test_an_answer_without_one_whole_batch_is_refused(life):
    found = follow(life, answer(0, 1)[:80])
    assert isinstance(found.refused, BadFetch)
    assert "not all there" in str(found.refused)
    assert life.log.end_offset == 0


def test_an_empty_answer_is_fine(life):
    assert follow(life, b"") == (0, 0, 0, 0, 0, None)


def test_what_stands_before_a_bad_batch_is_appended(life):
    good, bad = answer(0, 2), bytearray(answer(2, 1))
    bad[-1] ^= 1
    found = follow(life, good + bad + answer(3, 5))
    assert found[:5] == (0, 2, len(good), 2, 2)
    assert "cannot follow offset 2: its checksum does not match" in str(found.refused)
    assert life.read() == good


@pytest.mark.parametrize("first", [0, 1, 3])
def test_an_answer_to_another_question_is_refused(life, first):
    follow(life, answer(0, 2))
    assert follow(life, answer(first, 1)).refused is not None
    assert life.log.end_offset == 2


def test_an_epoch_below_the_last_batch_s_is_refused(life):
    follow(life, answer(0, 1, epoch=3))
    assert "leader epoch" in str(follow(life, answer(1, 1, epoch=2)).refused)


def test_an_epoch_above_the_leader_s_is_refused(life):
    assert "leader epoch 5" in str(follow(life, answer(0, 1, epoch=5), 4).refused)
    assert life.log.max_epoch_seen == -1


def test_epochs_are_learned_from_the_batches(life):
    follow(life, answer(0, 2, epoch=1) + answer(2, 1, epoch=4) + answer(3, 9, epoch=5))
    assert life.log.epochs.entries == [(1, 0), (4, 2), (5, 3)]
    assert (life.log.last_epoch, life.log.max_epoch_seen) == (5, 5)
    life.flush()
    assert life.power_failure().log.epochs.entries == [(1, 0), (4, 2), (5, 3)]


def test_the_last_epoch_is_that_of_the_last_batch_and_not_of_a_promise(life):
    follow(life, answer(0, 2, epoch=1))
    life.store.persist_epochs([(PARTITION, 5, 2)])
    assert life.log.last_epoch == 1
    life.store.persist_epochs([(PARTITION, 6, NO_START)])
    assert (life.log.last_epoch, life.log.max_epoch_seen) == (1, 6)


def test_an_empty_log_has_no_last_epoch(life):
    assert life.log.last_epoch == -1


@pytest.mark.parametrize("checkpoint", [True, False])
def test_records_of_an_older_epoch_come_where_this_replica_led_and_wrote_nothing(life, checkpoint):
    """It was elected in 5 and wrote nothing; 7 was elected, and sends records of epoch 4."""
    follow(life, answer(0, 2, epoch=4))
    life.store.persist_epochs([(PARTITION, 5, 2)])
    if checkpoint:
        life.store.checkpoint_now()
    life.store.persist_epochs([(PARTITION, 7, NO_START)])
    assert follow(life, answer(2, 2, epoch=4) + answer(4, 1, epoch=7)).refused is None
    life.flush()
    for after in (life, life.power_failure(), life.next_life(clean=False)):
        assert after.log.epochs.entries == [(4, 0), (7, 4)]
        assert after.log.epochs.end_offset_for(5, 5) == (4, 4)


def test_producers_are_what_the_leader_s_are(make_life):
    leader, follower = make_life(), make_life()
    for sequence in range(20):
        leader.append([b"a"], producer=(sequence % 3, 0, sequence // 3))
        leader.append([b"b"])
    follow(follower, leader.read())
    assert len(follower.log.producers) == 3
    for number in range(3):
        ours, theirs = follower.log.producers.get(number), leader.log.producers.get(number)
        assert ours.batches == theirs.batches


def test_times_are_found_in_what_was_fetched(life):
    data = b"".join(
        batches.batch([b"v"], base_offset=n, leader_epoch=0, max_timestamp=n, base_timestamp=n)
        for n in range(100)
    )
    follow(life, data)
    assert life.log.offset_for_timestamp(42) == (42, 42)


def test_it_is_durable_with_the_next_commit(life):
    data = answer(0, 60)
    follow(life, data)
    life.flush()
    assert life.log.flushed_offset == 60
    for seed in range(5):
        assert life.power_failure(seed).read() == data


def test_a_full_disk_keeps_what_was_appended_before(life):
    life.disk.room = 9000
    with pytest.raises(DiskFull):
        follow(life, answer(0, 100))
    life.disk.room = None
    end = life.log.end_offset
    assert 0 < end < 100
    assert follow(life, answer(end, 100 - end)).end_offset == 100
    assert life.read() == answer(0, 100)


def test_a_write_that_fails_does_not_count(life):
    follow(life, answer(0, 2))
    life.disk.write_error = errno.EIO
    with pytest.raises(OSError, match="Input"):
        follow(life, answer(2, 5))
    assert life.log.end_offset == 2
    assert follow(life, answer(2, 1)).refused is None
    assert life.next_life(clean=False).read() == answer(0, 3)


def test_a_damaged_log_takes_nothing(life):
    life.log.read_only = "It is damaged."
    with pytest.raises(StorageError):
        follow(life, answer(0, 1))


def test_a_log_that_begins_within_a_batch_takes_that_batch(life):
    """The leader's records up to 4 were deleted, and offset 5 is in the middle of a batch."""
    life.log.restart_at(5)
    data = batches.batch([b"v"] * 8, base_offset=2, leader_epoch=1)
    found = follow(life, data)
    assert (found.base_offset, found.end_offset, found.refused) == (2, 10, None)
    assert (life.log.start_offset, life.log.end_offset) == (5, 10)
    life.flush()
    after = life.power_failure()
    assert after.report.damaged == []
    assert after.read(5) == data


def test_a_bad_batch_moves_no_start(life):
    life.log.restart_at(5)
    data = bytearray(batches.batch([b"v"] * 8, base_offset=2, leader_epoch=1))
    data[-1] ^= 1
    assert follow(life, data).refused is not None
    assert (life.log.start_offset, life.log.end_offset) == (5, 5)


def test_an_answer_is_read_over_many_runs(life, monkeypatch):
    monkeypatch.setattr("bus.log.following.FETCHED_RUN_BATCHES_MAX", 3)
    data = answer(0, 50)
    assert follow(life, data) == (0, 50, len(data), 50, 50, None)
    assert life.read() == data


def test_a_hole_is_refused_unless_it_is_known_to_be_the_leader_s(life):
    follow(life, answer(0, 2, epoch=3))
    data = answer(9, 4, epoch=5)
    assert follow(life, data).refused is not None
    found = life.log.append_fetched(data, EPOCH_MAX, may_fill=True)
    assert (found.end_offset, found.records, found.refused) == (13, 4, None)
    for after in (life, life.next_life(clean=False)):
        assert after.log.epochs.entries == [(3, 0), (5, 9)]
        assert after.read(9) == data
        assert after.report.damaged == []


def test_an_empty_log_may_begin_with_a_hole(life):
    data = answer(9, 4, epoch=5)
    assert life.log.append_fetched(data, EPOCH_MAX, may_fill=True).end_offset == 13
    assert life.log.epochs.entries == [(5, 0)]


def test_a_hole_before_a_bad_batch_is_not_filled(life):
    data = bytearray(answer(9, 1))
    data[-1] ^= 1
    assert life.log.append_fetched(data, EPOCH_MAX, may_fill=True).refused is not None
    assert life.log.end_offset == 0


def test_a_hole_of_all_offsets_is_not_filled(life):
    data = answer(2**62, 1)
    assert life.log.append_fetched(data, EPOCH_MAX, may_fill=True).refused is not None
    assert life.log.end_offset == 0


def test_a_hole_of_very_many_offsets_is_filled(life):
    data = answer(2**33, 1)
    assert life.log.append_fetched(data, EPOCH_MAX, may_fill=True).end_offset == 2**33 + 1
    after = life.next_life(clean=False)
    assert (after.read(2**33), after.report.damaged) == (data, [])


def test_a_loss_that_a_leader_s_operator_accepted_holds_no_follower_up(make_life):
    leader, follower = make_life(), make_life()
    leader.fill(100)
    leader.flush()
    gone = leader.bases()[1]
    leader.store.close(clean=False)
    leader.disk.unlink(f"{DIRECTORY}/{gone:020d}.log")
    leader = leader.next_life(clean=False)
    leader.store.accept_losses()
    leader = leader.next_life(clean=False)
    while follower.log.end_offset < leader.log.end_offset:
        piece = leader.log.read(follower.log.end_offset, 2000, 100)
        piece = piece if isinstance(piece, memoryview) else piece.load()
        assert follower.log.append_fetched(piece, EPOCH_MAX, may_fill=True).refused is None
    after = follower.next_life(clean=False)
    assert (after.log.end_offset, after.report.damaged) == (100, [])


def test_a_first_batch_that_the_next_does_not_follow_moves_no_start(life):
    """No checksum covers a base offset: 5 has become 4 on the way."""
    life.log.restart_at(5)
    data = batches.batch([b"v"] * 3, base_offset=4, leader_epoch=1) + answer(8, 1, epoch=1)
    assert follow(life, data).refused is not None
    assert (life.log.start_offset, life.log.end_offset) == (5, 5)
