"""Where a reset aims, for every kind of destination."""

import pytest

from bus.client.admin_resets import Destination, PartitionLag, aim
from bus.errors import BadSetting

START, END = 10, 20


@pytest.mark.parametrize(
    ("destination", "before", "found", "after"),
    [
        (Destination("earliest"), 15, 10, 10),
        (Destination("latest"), 15, 20, 20),
        (Destination(5000), 15, 17, 17),
        (Destination(5000), 15, -1, 20),
        (Destination(offset=12), -1, 10, 12),
        (Destination(offset=0), 15, 10, 10),
        (Destination(offset=99), 15, 10, 20),
        (Destination(shift=3), 15, 10, 18),
        (Destination(shift=-3), 15, 10, 12),
        (Destination(shift=-99), 15, 10, 10),
        (Destination(shift=99), 15, 10, 20),
        (Destination(shift=3), -1, 10, 13),
        (Destination(shift=0), 5, 10, 10),
    ],
)
def test_a_reset_aims_within_the_partition(destination, before, found, after):
    assert aim(destination, before, START, END, found) == after


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"to": "earliest", "offset": 1},
        {"to": "middle"},
        {"to": -1},
        {"offset": -1},
        {"offset": True},
        {"shift": 1.5},
    ],
)
def test_what_is_no_destination_is_refused(given):
    with pytest.raises(BadSetting):
        Destination(**given)


def test_lag_is_what_is_not_committed_yet():
    assert PartitionLag("t", 0, 4, 10, None).lag == 6
    assert PartitionLag("t", 0, 12, 10, None).lag == 0
    assert PartitionLag("t", 0, -1, 10, None).lag is None
    assert PartitionLag("t", 0, 4, -1, None).lag is None
