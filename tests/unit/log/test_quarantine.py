"""A damaged log is set aside, so that its leader fills it again (S6, R29)."""

import pytest

from bus.errors import StorageError
from bus.log.epochs import NO_START
from bus.model.limits import LEADER_EPOCH_MAX
from tests.unit.log.conftest import DIRECTORY, PARTITION
from tests.unit.log.test_following import answer, follow
from tests.unit.log.test_standing import judged
from tests.unit.log.test_truncation import cut_off


def damaged(life, number=1):
    """A life whose log has a damaged segment below the durable end; what stands below it."""
    life.store.begin_life(7)
    stored = life.fill(100)
    life.flush()
    segment = life.log.segments[number]
    base, below = segment.base_offset, sum(s.size for s in life.log.segments[:number])
    life.store.close(clean=False)
    life.damage(f"{base:020d}.log", 70, b"damage")
    for suffix in ("index", "timeindex"):
        if f"{base:020d}.{suffix}" in life.names():
            life.disk.unlink(f"{DIRECTORY}/{base:020d}.{suffix}")
    life.disk.sync_dir(DIRECTORY)
    after = life.next_life(clean=False)
    assert after.log.read_only is not None
    return after, base, stored[:below]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_quarantined_log_goes_on_below_the_damage(life, number):
    life, base, below = damaged(life, number)
    content = {name: life.disk.read(f"{DIRECTORY}/{name}", 0, 1 << 20) for name in life.names()}
    moved = life.store.quarantine(life.log)
    assert life.log.read_only is None
    assert (life.log.end_offset, life.read()) == (base, below)
    for path in moved:
        name = path.rpartition("/")[2]
        assert life.disk.read(path, 0, 1 << 20) == content[name[:20] + ".log"]
    assert follow(life, answer(base, 20)).refused is None
    life.flush()
    after = life.next_life(clean=False)
    assert after.report.damaged == []
    assert after.read() == below + answer(base, 20)


def test_a_quarantined_replica_is_suspect_until_it_has_all_again(life):
    life, base, _ = damaged(life)
    life.store.quarantine(life.log)
    life = life.next_life(clean=False)
    assert "had durable records up to 100" in judged(life).reason
    follow(life, answer(base, 99 - base))
    life.flush()
    life = life.next_life()
    assert not judged(life).is_intact
    follow(life, answer(99, 1))
    life.flush()
    assert judged(life.next_life(clean=False)).is_intact


def test_a_quarantined_replica_that_was_accepted_is_no_more_suspect(life):
    life, _, _ = damaged(life)
    life.store.quarantine(life.log)
    life.store.begin_life(8)
    assert judged(life.next_life(clean=False)).is_intact


def test_a_second_quarantine_takes_no_name_of_the_first(life):
    first, _, _ = damaged(life)
    moved = first.store.quarantine(first.log)
    first.fill(100 - first.log.end_offset)
    second, _, _ = damaged(first)
    again = second.store.quarantine(second.log)
    assert again
    assert not set(moved) & set(again)
    assert {path.rpartition("/")[2] for path in moved + again} <= set(second.names())


def test_a_log_whose_files_are_lost_is_quarantined_to_an_empty_one(life):
    life.fill(5)
    life.flush()
    life.store.checkpoint_now()
    life.store.close(clean=False)
    for name in life.names():
        life.disk.unlink(f"{DIRECTORY}/{name}")
    life.disk.remove_dir(DIRECTORY)
    after = life.next_life(clean=False)
    assert after.log.read_only is not None
    assert after.store.quarantine(after.log) == []
    assert (after.log.start_offset, after.log.end_offset) == (0, 0)
    assert not judged(after.next_life(clean=False)).is_intact


def test_a_segment_that_is_missing_takes_those_behind_it_aside(life):
    life.fill(100)
    life.flush()
    gone = life.bases()[1]
    life.store.close(clean=False)
    life.disk.unlink(f"{DIRECTORY}/{gone:020d}.log")
    after = life.next_life(clean=False)
    after.store.quarantine(after.log)
    assert (after.bases(), after.log.end_offset) == ([0], gone)


def test_no_more_is_set_aside_than_may_be(life, monkeypatch):
    monkeypatch.setattr("bus.log.quarantine.QUARANTINED_FILES_MAX", 1)
    life, _, _ = damaged(life)
    before = life.names()
    with pytest.raises(StorageError, match="not more than 1 are kept"):
        life.store.quarantine(life.log)
    assert life.names() == before
    assert life.log.read_only is not None


def test_quarantine_does_not_help_where_no_epoch_can_follow(life):
    life.store.persist_epochs([(PARTITION, LEADER_EPOCH_MAX, NO_START)])
    after = life.next_life(clean=False)
    with pytest.raises(StorageError, match="none can follow"):
        after.store.quarantine(after.log)


def test_a_power_failure_on_the_way_leaves_damage_or_the_log_below_it(life):
    life, base, below = damaged(life)
    for after in cut_off(life, lambda life: life.store.quarantine(life.log)):
        assert not judged(after).is_intact
        if after.log.read_only is not None:
            after.store.quarantine(after.log)
        assert (after.log.end_offset, after.read()) == (base, below)
        bad = [name for name in after.names() if name.endswith(".bad")]
        assert f"{base:020d}-1.bad" in bad
