"""A run of batches from a leader: what is taken, where it ends, and what is told of it."""

import pytest

from bus.native.fetched import check_run, filling
from bus.native.index import OffsetIndex, TimeIndex
from tests.fixtures import batches

ALL = 1 << 20
EPOCH_MAX = 9


def fetched(*sizes, first=0, epoch=1, **fields):
    """Batches of so many records each, back to back from the offset `first` on."""
    data, offset = b"", first
    for count in sizes:
        values = [b"v"] * count
        data += batches.batch(values, base_offset=offset, leader_epoch=epoch, **fields)
        offset += count
    return data


def check(data, end_offset=0, epoch_min=0, position=0, batches_max=ALL):
    return check_run(data, position, end_offset, epoch_min, EPOCH_MAX, batches_max)


def ended(run):
    return run.count, run.position, run.end_offset


def test_batches_that_follow_each_other_are_taken():
    data = fetched(1, 3, 2, first=7)
    run = check(data, 7)
    assert ended(run) == (3, len(data), 13)
    assert (run.records, run.reason, run.is_cut) == (6, None, False)


def test_nothing_is_a_run_of_nothing():
    assert ended(check(b"", 5)) == (0, 0, 5)


def test_a_batch_that_begins_elsewhere_is_refused():
    for end_offset in (6, 8):
        run = check(fetched(1, first=7), end_offset)
        assert ended(run) == (0, 0, end_offset)
        assert "not the one that must follow" in run.reason


def test_a_hole_ends_the_run():
    data = fetched(2)
    run = check(data + fetched(1, first=3))
    assert ended(run) == (1, len(data), 2)
    assert run.reason is not None


def test_an_epoch_that_falls_ends_the_run():
    data = fetched(1, epoch=3)
    run = check(data + fetched(1, first=1, epoch=2))
    assert ended(run) == (1, len(data), 1)
    assert "leader epoch 2" in run.reason


def test_an_epoch_above_the_leader_s_ends_the_run():
    data = fetched(1, epoch=EPOCH_MAX)
    run = check(data + fetched(1, 1, first=1, epoch=EPOCH_MAX + 1))
    assert ended(run) == (1, len(data), 1)
    assert (run.records, "leader epoch 10" in run.reason) == (1, True)


def test_any_flipped_bit_of_a_batch_refuses_it_but_for_its_epoch():
    good = fetched(2)
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 1
        run = check(bytes(bad))
        assert run.count == 0 or position in range(12, 16), position


def test_a_batch_that_is_cut_off_is_left_out_wherever_it_ends():
    first, second = fetched(2), fetched(1, first=2)
    for size in range(1, len(second)):
        run = check(first + second[:size])
        assert (ended(run), run.is_cut, run.reason) == ((1, len(first), 2), True, None)


def test_zeroes_are_no_batch():
    data = fetched(1)
    run = check(data + bytes(100))
    assert (ended(run), run.reason) == ((1, len(data), 1), "it is all zeroes")


def test_a_run_is_as_long_as_it_may_be():
    data = fetched(*[1] * 10)
    run = check(data, batches_max=4)
    assert (run.count, run.reason, run.is_cut) == (4, None, False)
    assert check(data, run.end_offset, position=run.position).count == 6


def test_a_span_says_where_batches_stand():
    data = fetched(1, 2, 3)
    run = check(data)
    size = len(data) // 3
    assert run.span(1, 2) == (len(fetched(1)), len(fetched(1, 2)), 3)
    assert run.span(0, 3) == (0, len(data), 6)
    assert size > 0
    for first, stop in ((1, 1), (0, 4), (-1, 2), (3, 2)):
        with pytest.raises(ValueError, match="batch"):
            run.span(first, stop)


def test_as_many_batches_fit_as_the_room_has_bytes():
    data = fetched(1, 1, 1)
    size = len(data) // 3
    run = check(data)
    fits = [run.fitting(0, room, ALL) for room in (size - 1, size, 3 * size - 1, 3 * size)]
    assert fits == [0, 1, 2, 3]
    assert run.fitting(2, size, ALL) == 3


def test_batches_fit_below_an_offset():
    run = check(fetched(2, 2, 2))
    assert [run.fitting(0, ALL, below) for below in (1, 2, 5, 6)] == [0, 1, 2, 3]


def test_indexes_are_fed_as_by_single_appends():
    data = fetched(1, 2, 3, max_timestamp=50)
    run = check(data)
    found, wanted = (OffsetIndex(0, 0), TimeIndex(0, 0)), (OffsetIndex(0, 0), TimeIndex(0, 0))
    run.feed(0, 3, 1000, *found)
    for number in range(3):
        start, end, end_offset = run.span(number, number + 1)
        wanted[0].on_append(end_offset - 1, 1000 + start, end - start)
        wanted[1].on_append(50, end_offset - 1, end - start)
    for one, other in zip(found, wanted, strict=True):
        assert one.to_bytes() == other.to_bytes()


def test_what_an_index_cannot_hold_is_told():
    run = check(fetched(1, 1, first=1 << 40), 1 << 40)
    with pytest.raises(OverflowError):
        run.feed(0, 2, 0, OffsetIndex(0, 0), TimeIndex(0, 0))


def test_epochs_are_told_where_they_begin():
    data = fetched(1, 1, epoch=1) + fetched(1, first=2, epoch=4) + fetched(1, first=3, epoch=5)
    run = check(data)
    assert run.epochs(0, 4) == [(1, 0), (4, 2), (5, 3)]
    assert run.epochs(1, 3) == [(1, 1), (4, 2)]


def numbered(offset, producer, sequence):
    fields = {"base_offset": offset, "leader_epoch": 1, "producer": (producer, 0, sequence)}
    return batches.batch([b"v"], **fields)


def test_of_each_producer_the_last_batches_tell():
    data = b"".join(numbered(n, n % 2, n // 2) for n in range(20)) + fetched(1, first=20)
    told = check(data).telling(0, 21, 2)
    assert [(header[0], header[7]) for header in told] == [(16, 0), (17, 1), (18, 0), (19, 1)]


def test_batches_without_a_sequence_take_no_other_s_place():
    data = numbered(0, 7, 0) + numbered(1, 7, -1) + numbered(2, 7, -1)
    assert [header[0] for header in check(data).telling(0, 3, 1)] == [0, 1, 2]


def test_a_run_is_the_same_without_the_interpreter_s_lock():
    data = fetched(*[1] * 2000)
    assert len(data) > 32768
    assert ended(check(data)) == (2000, len(data), 2000)


@pytest.mark.parametrize("size", [1, 100, 2**31 - 1, 2**31, 2**32])
def test_a_filling_stands_for_all_of_its_offsets(size):
    made = filling(7, 7 + size, 3, 100)
    run = check_run(made, 0, 7, 3, 3, 100)
    assert (run.position, run.end_offset, run.records) == (len(made), 7 + size, 0)


def test_a_filling_is_neither_empty_nor_endless():
    for base, end in ((5, 5), (6, 5), (-1, 5), (0, 2**40)):
        with pytest.raises(ValueError, match="offsets"):
            filling(base, end, 0, 3)
