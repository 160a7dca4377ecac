"""Recovery records, as bytes and back."""

from dataclasses import replace
from uuid import UUID

import pytest

from bus.errors import CorruptLog
from bus.model.ids import PartitionId
from bus.model.limits import RECOVERIES_KEPT_MAX
from bus.model.recoveries import (
    Cause,
    RecoveryRecord,
    recoveries_from_bytes,
    recoveries_to_bytes,
)

PID = PartitionId(UUID(int=7), 3)
RECORD = RecoveryRecord(5, 2, Cause.OPERATOR, (1,), (3,), (), 90, -1, "admin at 10.0.0.1", 1234)


def test_what_is_written_is_read():
    found = {PID: (RECORD,)}
    assert recoveries_from_bytes("k", recoveries_to_bytes(found)) == found


def test_the_newest_of_a_partition_are_kept():
    records = tuple(replace(RECORD, leader_epoch=n) for n in range(10))
    kept = recoveries_from_bytes("k", recoveries_to_bytes({PID: records}))[PID]
    assert kept == records[-RECOVERIES_KEPT_MAX:]


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b'{"x": []}',
        b'{"00000000-0000-0000-0000-000000000007/-1": []}',
        recoveries_to_bytes({PID: (RECORD,)}).replace(b"operator", b"somebody"),
        recoveries_to_bytes({PID: (RECORD,)}).replace(b'"leader": 2', b'"leader": "2"'),
        recoveries_to_bytes({PID: (RECORD,)}).replace(b'"end_offset": 90', b'"end_offset": -7'),
    ],
)
def test_anything_else_is_refused_by_the_name_of_its_key(data):
    with pytest.raises(CorruptLog, match="of k cannot be read"):
        recoveries_from_bytes("k", data)
