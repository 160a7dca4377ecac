"""A log that is cut, or begins anew, because its leader's is another one."""

import errno
from random import Random

import pytest

from bus.errors import StorageError
from bus.log.epochs import NO_START
from tests.fixtures.sim_disk import PowerCut
from tests.unit.log.conftest import DIRECTORY, PARTITION, Life
from tests.unit.log.test_following import answer, follow

STEPS_MAX = 60  # more changes than any of these makes


def cut_off(life, do):
    """What the start after a power failure finds, for each step of `do` at which it may come."""
    for steps in range(STEPS_MAX):
        image = life.disk.crash(Random(0))  # keeps what is durable; so all is, before
        again = Life(image, life.clock, **life.wanted)
        again.disk.steps = steps
        try:
            do(again)
        except PowerCut:
            for seed in range(4):
                yield again.power_failure(seed)
            continue
        yield again.power_failure()
        return
    raise AssertionError("it took more steps than expected")


# --- cutting -------------------------------------------------------------------------------


def test_a_cut_takes_epochs_producers_and_indexes_with_it(life):
    life.store.persist_epochs([(PARTITION, 0, 0)])
    kept = life.fill(30, producer=(7, 0, -1))
    life.append([b"a"], producer=(7, 0, 0), epoch=2)
    life.fill(30, epoch=3)
    life.log.truncate(30)
    assert life.read() == kept
    assert life.log.epochs.entries == [(0, 0)]
    assert life.log.producers.get(7).batches == []
    assert life.log.segments[-1].indexes()[0].last()[0] < 30
    assert life.log.max_epoch_seen == 3


def test_a_cut_within_a_batch_is_made_where_it_begins(life):
    kept = life.fill(3)
    life.append([b"a"] * 5)
    life.log.truncate(6)
    assert (life.log.end_offset, life.read()) == (3, kept)


def test_a_cut_within_the_batch_that_holds_the_start_leaves_an_empty_log(life):
    life.append([b"a"] * 5)
    life.log.delete_prefix(2)
    life.log.truncate(3)
    assert (life.log.start_offset, life.log.end_offset) == (2, 2)
    assert life.next_life(clean=False).log.end_offset == 2


def test_what_is_cut_is_dropped_unless_it_is_to_be_kept(life):
    life.fill(5)
    life.log.truncate(2)
    assert life.log.cut_bytes == 0
    assert not [name for name in life.names() if name.endswith(".cut")]


def test_what_is_cut_is_kept_aside_and_counted(life):
    kept = life.fill(50)
    gone = life.fill(50)
    life.flush()
    life.log.truncate(50, keep=True)
    assert life.read() == kept
    names = [name for name in life.names() if name.endswith(".cut")]
    found = [life.disk.read(f"{DIRECTORY}/{name}", 0, 1 << 20) for name in names]
    assert b"".join(found) == gone
    assert life.log.cut_bytes == len(gone)


def test_only_what_was_cut_last_is_kept(life):
    for _ in range(3):
        life.fill(50)
        life.flush()
        life.log.truncate(0, keep=True)
    assert len([name for name in life.names() if name.endswith(".cut")]) < 5


def test_a_loss_that_was_accepted_above_a_cut_is_forgotten(life):
    life.fill(100)
    life.flush()
    base = life.bases()[1]
    life.stop()
    life.disk.unlink(f"{DIRECTORY}/{base:020d}.log")
    after = life.next_life(clean=False)
    after.store.accept_losses()
    third = after.next_life(clean=False)
    assert [name for name in third.names() if name.endswith(".lost")]
    third.log.truncate(base)
    assert not [name for name in third.names() if name.endswith(".lost")]
    assert follow(third, answer(base, 100)).refused is None
    assert third.next_life(clean=False).log.end_offset == base + 100


def test_a_power_failure_in_the_middle_of_a_cut_leaves_a_log_that_may_be_cut_again(life):
    stored = life.fill(100)
    life.flush()
    for after in cut_off(life, lambda life: life.log.truncate(40, keep=True)):
        assert after.report.damaged == []
        assert after.log.end_offset >= 40
        assert stored.startswith(after.read())
        after.log.truncate(40)
        assert follow(after, answer(40, 10)).refused is None


# --- beginning anew ------------------------------------------------------------------------


def test_a_log_that_begins_anew_is_empty_there(life):
    life.fill(100, epoch=3)
    life.store.persist_epochs([(PARTITION, 8, NO_START)])
    life.append(producer=(7, 0, 0), epoch=3)
    life.log.restart_at(500)
    for after in (life, life.power_failure(), life.next_life(), life.next_life(clean=False)):
        log = after.log
        assert (log.start_offset, log.flushed_offset, log.end_offset) == (500, 500, 500)
        assert (log.epochs.entries, log.max_epoch_seen, log.last_epoch) == ([], 8, -1)
        assert len(log.producers) == 0
        assert after.report.damaged == []
        assert log.high_watermark == 500


def test_a_log_that_begins_anew_goes_on_there(life):
    life.fill(100)
    life.log.restart_at(500)
    data = answer(500, 20, epoch=4)
    assert follow(life, data).refused is None
    life.flush()
    for after in (life.power_failure(), life.next_life(clean=False), life.next_life()):
        assert (after.log.start_offset, after.read()) == (500, data)
        assert after.report.damaged == []


@pytest.mark.parametrize("offset", [0, 20, 50, 100])
def test_a_log_may_begin_anew_below_its_end(life, offset):
    life.fill(100)
    life.flush()
    life.log.delete_prefix(30)
    life.log.restart_at(offset)
    assert life.log.end_offset == offset
    follow(life, answer(offset, 3))
    assert life.next_life(clean=False).read() == answer(offset, 3)


def test_a_log_without_files_may_begin_anew(life):
    life.log.restart_at(7)
    for after in (life.power_failure(), life.next_life(), life.next_life(clean=False)):
        assert (after.log.start_offset, after.log.end_offset) == (7, 7)


def test_a_log_whose_records_are_all_deleted_may_begin_anew(life):
    life.fill(100)
    life.log.delete_prefix(100)
    life.log.restart_at(200)
    assert life.next_life(clean=False).log.end_offset == 200


def test_views_outlive_a_log_that_begins_anew(life):
    stored = life.commit()
    view = life.log.read(0, 1000, 1)
    life.log.restart_at(500)
    follow(life, answer(500, 3))
    assert view == stored


def test_what_was_kept_aside_stays_when_a_log_begins_anew(life):
    life.fill(5)
    life.log.truncate(2, keep=True)
    life.log.restart_at(500)
    assert [name for name in life.names()] == [f"{2:020d}.cut"]


def test_a_power_failure_on_the_way_leaves_the_old_log_or_the_new_one(life):
    stored = life.fill(100)
    life.flush()
    life.store.persist_epochs([(PARTITION, 8, NO_START)])
    seen = set()
    for after in cut_off(life, lambda life: life.log.restart_at(500)):
        assert after.report.damaged == []
        assert after.log.max_epoch_seen == 8
        seen.add(after.log.end_offset)
        if after.log.end_offset == 500:
            assert (after.log.start_offset, after.read()) == (500, b"")
            assert follow(after, answer(500, 5)).refused is None
            after.flush()
            assert after.power_failure().log.end_offset == 505
        else:
            assert after.read() == stored
    assert seen == {100, 500}


def test_a_disk_that_fails_on_the_way_leaves_a_log_that_takes_nothing(life):
    life.fill(10)
    life.flush()
    write, life.disk.write = life.disk.write, None

    def fail(path, data):
        if path == "checkpoint":
            raise OSError(errno.ENOSPC, "full")
        write(path, data)

    life.disk.write = fail
    with pytest.raises(OSError, match="full"):
        life.log.restart_at(500)
    with pytest.raises(StorageError, match="begin anew"):
        follow(life, answer(500, 1))
    life.disk.write = write
    assert life.next_life(clean=False).log.end_offset == 500


def test_a_start_on_a_full_disk_goes_on_without_a_log_that_was_to_begin_anew(life):
    life.fill(10)
    life.flush()
    life.disk.write(f"{DIRECTORY}/{500:020d}.restart", b"")
    life.store.close(clean=False)
    write = life.disk.write

    def refuse(path, data):
        if path == "checkpoint":
            raise OSError(errno.ENOSPC, "full")
        write(path, data)

    life.disk.write = refuse
    after = life.next_life(clean=False)
    with pytest.raises(StorageError, match="begin anew"):
        follow(after, answer(500, 1))
    life.disk.write = write
    assert follow(after.next_life(clean=False), answer(500, 1)).refused is None
