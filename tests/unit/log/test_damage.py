"""Finding the first good batch behind damage."""

import pytest

from bus.log.damage import find_good
from bus.native import batch as native
from tests.fixtures import batches
from tests.fixtures.sim_disk import SimDisk

PATH = "a.log"


def stored(base):
    data = bytearray(batches.batch([b"value"], max_timestamp=1000))
    native.stamp(data, 0, base, 0)
    return bytes(data)


def found(data, offset=0, position=0):
    disk = SimDisk()
    disk.write(PATH, data)
    return find_good(disk, PATH, position, offset, len(data))


@pytest.mark.parametrize("junk", [b"\0" * 33, b"\x02" * 100, b"junk" * 50])
def test_the_next_good_batch_is_found_behind_any_junk(junk):
    assert found(junk + stored(7)) == (len(junk), 7)


def test_a_batch_at_the_very_place_of_another_is_not_believed():
    wrong, good = stored(7), stored(9)
    assert found(wrong + good, offset=5) == (len(wrong), 9)


def test_a_batch_that_the_one_behind_it_contradicts_is_passed_over():
    assert found(b"junk" + stored(7) + stored(9)) == (4 + len(stored(7)), 9)


def test_a_batch_of_an_offset_that_is_passed_is_a_leftover():
    old, good = stored(3), stored(9)
    assert found(old + good, offset=5) == (len(old), 9)


def test_a_batch_that_only_looks_good_is_passed_over():
    bad = bytearray(stored(5))
    bad[-1] ^= 1
    assert found(bytes(bad) + stored(6)) == (len(bad), 6)


def test_a_batch_that_is_cut_off_is_not_good():
    assert found(stored(5)[:-1]) is None


def test_nothing_is_found_where_there_is_nothing():
    assert found(bytes(1000)) is None
