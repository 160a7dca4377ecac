"""The pool repeats itself for the same seed, and its checksum does not see batch boundaries."""

from perf.pool import Pool, checksum


def test_two_pools_hold_the_same_values() -> None:
    first, second = (Pool(call_records=10, calls=3) for _ in range(2))
    assert [first.call(index) for index in range(4)] == [second.call(index) for index in range(4)]


def test_the_checksum_is_that_of_the_values_however_they_are_cut() -> None:
    pool = Pool(call_records=10, calls=3)
    values = [value for index in range(5) for value in pool.call(index)]
    crc = 0
    for at in range(0, len(values), 7):
        crc = checksum(values[at : at + 7], crc)
    assert crc == pool.checksum(5)
