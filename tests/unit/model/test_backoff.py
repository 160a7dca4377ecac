"""Pauses that double."""

from bus.model.backoff import doubled


def test_each_pause_is_twice_the_one_before_up_to_the_longest():
    assert [doubled(50, times, 400) for times in range(5)] == [50, 100, 200, 400, 400]


def test_however_many_there_were_it_stays_the_longest():
    assert doubled(0.1, 10**9, 2.0) == 2.0
