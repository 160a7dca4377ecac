"""A disk is full below its reserve, and open again only well above it."""

import pytest

from bus.log.room import Reserve, Room

GIB = 1 << 30


def test_the_larger_of_bytes_and_share_counts() -> None:
    reserve = Reserve(GIB, 5)
    assert reserve.of(10 * GIB) == GIB
    assert reserve.of(100 * GIB) == 5 * GIB


def test_the_reserve_is_at_most_a_quarter_of_a_small_disk() -> None:
    assert Reserve(GIB, 5).of(1 << 20) == 1 << 18


@pytest.mark.parametrize(("free", "full"), [(9, True), (10, False)])
def test_a_disk_is_full_below_its_reserve(free: int, full: bool) -> None:
    room = Room(Reserve(10, 0))
    assert room.update(free, 100) is full
    assert room.is_full is full


def test_a_full_disk_stays_full_until_an_eighth_more_is_free() -> None:
    room = Room(Reserve(16, 0))
    room.update(15, 100)
    assert not room.update(17, 100)
    assert room.is_full
    assert room.update(18, 100)
    assert not room.is_full


def test_the_disk_is_asked_again_when_an_eighth_of_the_reserve_was_written() -> None:
    room = Room(Reserve(16, 0))
    room.update(50, 100)
    assert not room.is_due(2)
    assert room.is_due(1)
    room.update(50, 100)
    assert not room.is_due(2)


def test_without_a_reserve_no_disk_is_full() -> None:
    assert not Room(Reserve()).update(0, 100)
