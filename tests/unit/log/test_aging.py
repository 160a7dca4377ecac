"""Time that jumps: nothing grows old by a leap of the wall clock alone."""

import pytest

from bus.log.aging import Aging
from bus.model.limits import JUMP_BELIEVED_MS
from tests.fixtures.clocks import FakeClock

DAY = 24 * 3600 * 1000
YEAR = 365 * DAY


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def aging(clock):
    return Aging(clock)


def test_it_follows_a_clock_that_goes_on(aging, clock):
    for _ in range(10):
        clock.advance(DAY)
        assert aging.now_ms() == clock.wall


def test_a_leap_forward_counts_for_nothing_at_first(aging, clock):
    before = aging.now_ms()
    clock.wall += 10 * YEAR
    assert aging.now_ms() == before
    clock.advance(1000)
    assert aging.now_ms() == before + 1000


def test_a_leap_that_lasts_is_believed(aging, clock):
    clock.wall += 10 * YEAR
    aging.now_ms()
    clock.advance(JUMP_BELIEVED_MS)
    assert aging.now_ms() == clock.wall


def test_a_leap_that_is_taken_back_never_counted(aging, clock):
    clock.wall += 10 * YEAR
    aging.now_ms()
    clock.advance(JUMP_BELIEVED_MS - 1)
    clock.wall -= 10 * YEAR
    assert aging.now_ms() == clock.wall
    clock.wall += YEAR
    assert aging.now_ms() == clock.wall - YEAR


def test_a_step_back_is_followed_at_once(aging, clock):
    clock.wall -= YEAR
    assert aging.now_ms() == clock.wall


def test_each_night_s_sleep_is_believed_a_day_later(aging, clock):
    night, day = DAY // 3, DAY * 2 // 3
    for _ in range(10):
        clock.wall += night  # the monotonic clock stands still in it
        for _ in range(24):
            clock.advance(day // 24)
            aging.now_ms()
    assert clock.wall - aging.now_ms() <= 3 * night
