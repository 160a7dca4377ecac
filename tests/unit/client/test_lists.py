"""A long list leaves a few of its values behind, so that the next finds its memory in place."""

import numpy as np
import pytest

from bus.client import lists
from bus.client.lists import ANCHORS_MAX, SMALL, STEP, listed


@pytest.fixture(autouse=True)
def _nothing_is_kept():
    lists._anchors.clear()
    yield
    lists._anchors.clear()


def spans_of(count, size):
    """Of `count` values of `size` bytes, one behind the other in one buffer."""
    ends = np.arange(1, count + 1, dtype=np.int64) * size
    return np.stack([np.zeros(count, np.int64), ends - size, ends], axis=1)


def values(count, size=10):
    return listed(spans_of(count, size), [bytes(count * size)], 0, count)


def test_the_list_holds_the_values():
    data = b"abcdef"
    assert listed(spans_of(3, 2), [data], 1, 3) == [b"cd", b"ef"]


def test_a_few_values_of_a_long_list_stay():
    found = values(5 * STEP)
    assert [any(kept is value for value in found) for kept in lists._anchors] == [True] * 5


def test_the_next_long_list_takes_their_place():
    values(5 * STEP)
    last = values(STEP)
    assert len(lists._anchors) == 1
    assert lists._anchors[0] is last[0]


def test_a_short_list_changes_nothing():
    first = values(STEP)
    values(STEP - 1)
    assert lists._anchors[0] is first[0]


def test_large_values_do_not_stay():
    values(STEP, SMALL + 1)
    assert lists._anchors == []


def test_however_long_the_list_few_stay():
    values(STEP * (ANCHORS_MAX + 10), 1)
    assert len(lists._anchors) == ANCHORS_MAX


def test_nulls_are_none():
    found = listed(np.full((STEP, 3), -1, np.int64), [], 0, STEP)
    assert (found, lists._anchors) == ([None] * STEP, [])
