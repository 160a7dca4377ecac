"""A journal: sealed blocks in two halves that take turns."""

import pytest

from bus.errors import DiskFull
from bus.log.journal import Journal
from tests.fixtures.sim_disk import SimDisk

PATH = "flush.journal"
HALF = 256
HEAD = 16


@pytest.fixture
def disk():
    return SimDisk()


def begun(disk, generation=1):
    journal = Journal(disk, PATH, HALF)
    journal.begin(generation)
    journal.allocate()
    return journal


def found(disk, generation_min=1):
    return Journal(disk, PATH, HALF).read(generation_min)


def overwrite(disk, position, data):
    content = bytearray(disk.read(PATH, 0, disk.size(PATH)))
    content[position : position + len(data)] = data
    disk.write(PATH, content)


def test_an_absent_journal_says_nothing(disk):
    assert found(disk) == ([], 0)


def test_blocks_are_read_in_the_order_of_writing(disk):
    journal = begun(disk)
    assert journal.append(b"first")
    assert journal.append(b"second")
    assert found(disk) == ([b"first", b"second"], 1)


def test_generations_take_the_halves_in_turn(disk):
    journal = begun(disk, 1)
    journal.append(b"odd")
    journal.begin(2)
    journal.append(b"even")
    assert disk.read(PATH, HEAD, 4) == b"even"
    assert disk.read(PATH, HALF + HEAD, 3) == b"odd"


def test_both_halves_count_until_a_checkpoint_holds_the_older(disk):
    journal = begun(disk, 1)
    journal.append(b"older")
    journal.begin(2)
    journal.append(b"newer")
    assert found(disk, 1) == ([b"older", b"newer"], 2)
    assert found(disk, 2) == ([b"newer"], 2)


def test_a_full_half_refuses_a_block_and_keeps_what_it_has(disk):
    journal = begun(disk)
    assert journal.append(b"x" * (HALF - HEAD))
    assert not journal.append(b"y")
    assert found(disk) == ([b"x" * (HALF - HEAD)], 1)


def test_a_block_never_passes_into_the_other_half(disk):
    journal = begun(disk, 2)
    assert not journal.append(b"x" * (HALF - HEAD + 1))


def test_a_disk_without_room_for_the_file_is_told_as_full(disk):
    disk.room = 2 * HALF - 1
    with pytest.raises(DiskFull):
        begun(disk)
    assert disk.list("") == []


@pytest.mark.parametrize("size", [0, 1, HALF, 2 * HALF])
def test_whatever_there_is_of_the_file_the_rest_is_allocated(disk, size):
    disk.write(PATH, bytes(size))
    disk.room = 2 * HALF - size
    journal = begun(disk)
    assert (disk.size(PATH), disk.room) == (2 * HALF, 0)
    for generation in (2, 3):
        assert journal.append(b"x" * (HALF - HEAD))
        journal.begin(generation)


def test_a_short_file_stays_as_it_is_where_the_rest_has_no_room(disk):
    begun(disk).append(b"odd")
    block = disk.read(PATH, HALF, HEAD + 3)
    disk.write(PATH, bytes(HALF) + block)
    disk.room = 0
    with pytest.raises(DiskFull):
        begun(disk)
    assert found(disk) == ([b"odd"], 1)


def test_a_half_is_short_before_it_is_full(disk):
    journal = begun(disk)
    assert not journal.is_short
    journal.append(b"x" * (HALF * 3 // 4))
    assert journal.is_short
    journal.begin(2)
    assert not journal.is_short


def test_a_closed_journal_takes_no_blocks(disk):
    journal = begun(disk)
    journal.close()
    assert not journal.append(b"x")


def test_a_torn_block_ends_its_half(disk):
    journal = begun(disk)
    for payload in (b"first", b"second", b"third"):
        journal.append(payload)
    overwrite(disk, HALF + HEAD + 5 + HEAD, b"S")
    assert found(disk) == ([b"first"], 1)


def test_what_an_older_generation_left_in_the_half_does_not_follow(disk):
    journal = begun(disk, 1)
    journal.append(b"same size")
    journal.append(b"old")
    journal.begin(3)
    journal.append(b"SAME SIZE")
    assert found(disk) == ([b"SAME SIZE"], 3)


def test_a_next_life_goes_on_behind_what_it_found(disk):
    begun(disk).append(b"before")
    journal = Journal(disk, PATH, HALF)
    journal.read(1)
    journal.resume(1, is_clean=False)
    journal.allocate()
    journal.append(b"after")
    assert found(disk) == ([b"before", b"after"], 1)


def test_blocks_behind_a_torn_one_never_come_back(disk):
    journal = begun(disk)
    for payload in (b"first", b"torn", b"third"):
        journal.append(payload)
    overwrite(disk, HALF + HEAD + 5 + HEAD, b"T")
    journal = Journal(disk, PATH, HALF)
    journal.read(1)
    journal.resume(1, is_clean=False)
    journal.allocate()
    journal.append(b"anew")
    assert found(disk) == ([b"first", b"anew"], 1)


def test_new_blocks_wait_for_the_next_commit(disk):
    journal = begun(disk)
    assert not journal.is_dirty
    journal.append(b"x")
    assert journal.is_dirty


def test_a_block_in_the_half_that_is_not_its_generation_s_does_not_count(disk):
    begun(disk, 1).append(b"odd")
    block = disk.read(PATH, HALF, HEAD + 3)
    overwrite(disk, 0, block)
    overwrite(disk, HALF, bytes(len(block)))
    assert found(disk) == ([], 0)
