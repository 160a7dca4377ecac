"""Giving up damaged records: what is kept, what is lost, and that the log takes writes again."""

import pytest

from bus.errors import CorruptMessage
from bus.log.layout import LOST, lost_ranges
from tests.unit.log.conftest import DIRECTORY, Life

BASE = f"{0:020d}.log"


def damaged(life, position, data, name=BASE):
    """The life after a stop during which bytes were overwritten, and indexes with them lost."""
    life.flush()
    life.store.checkpoint_now()
    for each in life.names():
        if each.endswith("index"):
            life.disk.unlink(f"{DIRECTORY}/{each}")
    life.damage(name, position, data)
    return Life(life.disk, life.clock, **life.wanted)


def repaired(life):
    """(sentences, the life after)."""
    sentences = life.store.accept_losses()
    life.store.close(clean=False)
    life.work_left()
    return sentences, Life(life.disk, life.clock, **life.wanted)


def lost(life):
    return [name for name in life.names() if name.endswith(LOST)]


def test_a_sound_log_has_nothing_to_give_up(life):
    life.fill(3)
    life.flush()
    assert life.store.accept_losses() == []


def test_a_damaged_batch_is_given_up_and_both_sides_stay(life):
    batches = [life.append([b"%d" % n * 50]) for n in range(5)]
    start = len(batches[0]) + len(batches[1])
    hurt = damaged(life, start + 70, b"XXX")
    assert hurt.log.read_only is not None
    with pytest.raises(CorruptMessage):
        hurt.read(2)
    sentences, life = repaired(hurt)
    assert "records 2 to 2 are given up" in sentences[0]
    assert life.log.read_only is None
    assert life.read(0, below=2) == batches[0] + batches[1]
    assert life.read(3) == batches[3] + batches[4]
    assert life.read(2) == batches[3] + batches[4], "a reader goes on behind the loss"
    kept = life.disk.read(f"{DIRECTORY}/{lost(life)[0]}", 0, 1000)
    assert len(kept) == len(batches[2])
    assert b"XXX" in kept


def test_the_log_goes_on_and_the_loss_stays_accepted(life):
    for _ in range(5):
        life.append()
    sentences, life = repaired(damaged(life, 100, b"XXX"))
    assert len(sentences) == 1
    stored = life.commit()
    for clean in (True, False, True):
        life = life.next_life(clean)
        assert life.log.read_only is None
        assert life.read(5) == stored
        assert lost_ranges(life.names()) == [(1, 2)]


def test_several_damages_in_one_file(life):
    batches = [life.append([b"%d" % n * 50]) for n in range(7)]
    size = len(batches[0])
    hurt = damaged(life, size + 70, b"X" + bytes(3 * size - 1) + b"X")
    sentences, life = repaired(hurt)
    assert sum("given up" in sentence for sentence in sentences) >= 1
    assert life.log.read_only is None
    assert life.read(0, below=1) == batches[0]
    assert life.read(5) == batches[5] + batches[6]
    assert life.log.end_offset == 7


def test_a_missing_end_is_given_up_and_its_offsets_are_not_used_again(life):
    batches = [life.append([b"%d" % n * 50]) for n in range(5)]
    size = len(batches[0])
    hurt = damaged(life, 3 * size, bytes(2 * size))
    assert hurt.log.end_offset == 5
    _, life = repaired(hurt)
    assert life.log.read_only is None
    assert life.log.end_offset == 5
    assert life.read(0, below=3) == b"".join(batches[:3])
    stored = life.commit()
    assert life.read(3) == stored


def test_a_missing_file_in_the_middle_is_given_up(life):
    while len(life.bases()) < 4:
        life.append([b"v" * 200])
    life.flush()
    life.store.checkpoint_now()
    bases = life.bases()
    life.disk.unlink(f"{DIRECTORY}/{bases[1]:020d}.log")
    sentences, life = repaired(Life(life.disk, life.clock))
    assert f"records {bases[1]} to {bases[2] - 1} are given up" in sentences[0]
    assert life.log.read_only is None
    assert life.read(bases[2]) == life.read(bases[1])


def test_a_missing_first_file_moves_the_start(life):
    while len(life.bases()) < 3:
        life.append([b"v" * 200])
    life.flush()
    life.store.checkpoint_now()
    bases = life.bases()
    life.disk.unlink(f"{DIRECTORY}/{bases[0]:020d}.log")
    _, life = repaired(Life(life.disk, life.clock))
    assert life.log.read_only is None
    assert life.log.start_offset == bases[1]
    assert life.next_life().log.start_offset == bases[1]


def test_a_log_whose_files_are_all_gone_goes_on_where_it_ended(life):
    life.fill(5)
    life.flush()
    life.store.checkpoint_now()
    for name in life.names():
        life.disk.unlink(f"{DIRECTORY}/{name}")
    _, life = repaired(Life(life.disk, life.clock))
    assert life.log.read_only is None
    assert (life.log.start_offset, life.log.end_offset) == (5, 5)
    stored = life.commit()
    assert life.read() == stored


def test_a_crash_during_the_repair_leaves_a_log_that_can_be_repaired(life):
    batches = [life.append([b"%d" % n * 50]) for n in range(6)]
    size = len(batches[0])
    hurt = damaged(life, 2 * size + 70, b"XXX")
    original = hurt.disk.read(f"{DIRECTORY}/{BASE}", 0, 6 * size)
    hurt.store.accept_losses()
    hurt.disk.write(f"{DIRECTORY}/{BASE}", original)  # all but the last step was done
    hurt.store.close(clean=False)
    again = Life(hurt.disk, hurt.clock)
    if again.log.read_only is not None:
        _, again = repaired(again)
    assert again.log.read_only is None
    assert again.read(0, below=2) == batches[0] + batches[1]
    assert again.read(3) == b"".join(batches[3:])
